#include "conformance/engine/conversation.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <memory>
#include <stdexcept>

#include "conformance/engine/connection.hpp"
#include "conformance/engine/observation.hpp"

namespace fcgispec {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int patience = 10;                       // deadlines that a peer may take that makes some progress
constexpr std::size_t num_records_around = 8;      // lines of a trace that a finding shows
constexpr std::size_t single_bytes_size = 1024;    // at each end of a group, Splitting::bytes
// A listening queue that is full for a moment is the system's affair: TCP tries again after one and three seconds.
constexpr int connect_ms_min = 4000;
constexpr int interrupt_check_ms = 500;            // how soon Ctrl-C is noticed
constexpr std::string_view data_last_mod = "0";    // FCGI_DATA_LAST_MOD of what a scenario sends [§6.4]

const std::string* value_of(const Pairs& pairs, std::string_view name) {
    const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == name; });
    return found == pairs.end() ? nullptr : &found->second;
}

void replace_or_add(Pairs& pairs, const std::string& name, const std::string& value) {
    const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == name; });
    if (found != pairs.end()) {
        found->second = value;
    } else {
        pairs.emplace_back(name, value);
    }
}

/// Puts the variables of a plain request where `base` stands, without those that the list itself gives.
PairsPattern with_base(const PairsPattern& pairs, const Pairs& base) {
    PairsPattern result;
    for (const PairPattern& pair : pairs.pairs) {
        if (pair.value || pair.name != "base") {
            result.pairs.push_back(pair);
            continue;
        }
        for (const auto& [name, value] : base) {
            const bool given = std::any_of(pairs.pairs.begin(), pairs.pairs.end(),
                                           [&, &base_name = name](const PairPattern& other) { return other.value && other.name == base_name; });
            if (!given)
                result.pairs.push_back({.name = name, .value = TextPattern{.text = value}, .name_form = usual_form(name.size()), .value_form = usual_form(value.size())});
        }
    }
    return result;
}

Buffer encode_line(const NotationLine& line, const Pairs& params) {
    Buffer result;
    if (const auto* raw = std::get_if<RawBytes>(&line)) {
        append(result, bytes_of(raw->bytes));
        return result;
    }
    RecordPattern record = std::get<RecordPattern>(line);
    if (auto* pairs = std::get_if<PairsPattern>(&record.content)) *pairs = with_base(*pairs, base_params(params));
    [[maybe_unused]] const std::string problem = encode(record, result);
    assert(problem.empty());  // the script parser has tried
    return result;
}

/// Offsets behind each header and each content.
std::vector<std::size_t> header_cuts(Bytes bytes) {
    std::vector<std::size_t> result;
    RecordReader reader;
    while (const auto event = reader.next(bytes))
        if (event->kind == RecordEvent::Kind::header || event->kind == RecordEvent::Kind::end)
            result.push_back(static_cast<std::size_t>(reader.offset()));
    return result;
}

std::vector<std::size_t> byte_cuts(std::size_t size) {
    std::vector<std::size_t> result;
    for (std::size_t offset = 1; offset < size; ++offset)
        if (offset <= single_bytes_size || size - offset <= single_bytes_size) result.push_back(offset);
    return result;
}

/// A peer of the scenario's own, with a socket nobody else uses.
struct OwnPeer {
    Address address;
    FileDescriptor listening;
    std::unique_ptr<Process> process;
    std::string path;  // of the unix socket
    bool signalled = false;

    OwnPeer(const StartPeer& start, const std::vector<std::string>& command) {
        if (command.empty()) throw std::runtime_error("the scenario starts a peer of its own, and it isn't said how (needs spawn; --spawn)");
        address.kind = start.tcp ? Address::Kind::tcp : Address::Kind::unix_socket;
        if (start.tcp) {
            address.host = "127.0.0.1";
        } else {
            address = fresh_unix_address();
            path = address.path;
        }
        listening = listen_on(address);
        address = address_of(listening, address);
        process = std::make_unique<Process>(command, listening, std::map<std::string, std::string>(start.environment.begin(), start.environment.end()));
        listening.reset();  // the peer alone holds it: when it has gone nobody accepts
    }
    OwnPeer(const OwnPeer&) = delete;
    OwnPeer& operator=(const OwnPeer&) = delete;
    ~OwnPeer() {
        if (!path.empty()) unlink(path.c_str());
    }
};

/// Plays a scenario's steps one after the other.
class Player {
public:
    Player(const Scenario& scenario, const PlayOptions& options) : scenario_(scenario), options_(options) {
        log_.ours = scenario.side == Side::application ? Side::web_server : Side::application;
    }

    Played run() {
        play_steps(scenario_.steps);
        if (going_on()) flush();
        if (going_on()) finish_writing();
        read_what_is_there();
        finish();
        return std::move(played_);
    }

private:
    using Outcome = Played::Outcome;

    [[nodiscard]] bool going_on() const { return !over_; }

    void fail(Outcome outcome, const Step* step, const std::string& got) {
        over_ = true;
        played_.outcome = outcome;
        played_.got = got;
        if (step == nullptr) return;
        played_.wanted = print(*step);
        played_.line = step->line;
    }

    void play_steps(const std::vector<Step>& steps) {
        for (const Step& step : steps) {
            if (over_) return;
            play_step(step);
        }
    }

    void play_step(const Step& step) {
        // Lines that follow one another on one connection are one group, written as one.
        const bool says = std::holds_alternative<Send>(step.action) || std::holds_alternative<SendRequest>(step.action);
        if (!says || step.connection != group_connection_) flush();
        if (over_) return;
        if (const auto* send = std::get_if<Send>(&step.action)) {
            gather(step, encode_line(send->line, options_.params));
        } else if (const auto* request = std::get_if<SendRequest>(&step.action)) {
            gather(step, encode_request(*request, options_.params));
        } else if (const auto* cut = std::get_if<Cut>(&step.action)) {
            cuts_.assign(cut->offsets.begin(), cut->offsets.end());
        } else if (const auto* read_size = std::get_if<ReadSize>(&step.action)) {
            if (Connection* to = open(step.connection)) to->set_read_size(read_size->size);
        } else if (const auto* closing = std::get_if<CloseOurs>(&step.action)) {
            close_ours(step, closing->how);
        } else if (std::holds_alternative<Stop>(step.action)) {
            stopped_ = over_ = true;
        } else if (const auto* start = std::get_if<StartPeer>(&step.action)) {
            own_peer_ = std::make_unique<OwnPeer>(*start, options_.command);
        } else if (const auto* signal = std::get_if<SignalPeer>(&step.action)) {
            finish_writing();
            if (own_peer_) own_peer_->process->signal(signal->signal);
            if (own_peer_) own_peer_->signalled = true;
        } else {
            expect(step);
        }
    }

    void gather(const Step& step, const Buffer& bytes) {
        group_connection_ = step.connection;
        append(group_, bytes);
    }

    /// Gives the gathered group to its connection. It is written while we go on.
    void flush() {
        if (group_.empty()) return;
        Connection* to = open(group_connection_);
        if (to != nullptr) {
            std::vector<std::size_t> cuts = std::move(cuts_);
            if (cuts.empty() && options_.splitting == Splitting::header) cuts = header_cuts(group_);
            if (cuts.empty() && options_.splitting == Splitting::bytes) cuts = byte_cuts(group_.size());
            to->say(group_, cuts);
            to->write_some();
        }
        cuts_.clear();
        group_.clear();
    }

    /// The connection of that name, opened if it isn't yet; nothing, and the scenario over, where the peer doesn't take it.
    Connection* open(const std::string& name) {
        const auto found = connections_.find(name);
        if (found != connections_.end()) return &found->second;
        try {
            FileDescriptor socket = connect_to(own_peer_ ? own_peer_->address : options_.address, std::max(options_.deadline_ms, connect_ms_min));
            return &connections_.try_emplace(name, name, std::move(socket), log_).first->second;
        } catch (const NotConnected& error) {
            fail(Outcome::closed, nullptr, std::string("no connection: ") + error.what());
            played_.wanted = "the peer takes a connection";
            return nullptr;
        }
    }

    void close_ours(const Step& step, Closing how) {
        Connection* to = open(step.connection);
        if (to == nullptr || how == Closing::connect) return;
        finish_writing();
        if (over_) return;
        if (how == Closing::half_close) to->half_close();
        if (how == Closing::close) to->close();
        if (how == Closing::reset) to->reset();
    }

    // ---- waiting ----------------------------------------------------------------------------------------------------

    /// Waits until a connection can be read or written, and does that. False when the peer has been silent for a deadline,
    /// or has taken its time `since` then beyond our patience.
    bool pump(Clock::time_point since) {
        if (Clock::now() >= since + patience * milliseconds(options_.deadline_ms)) return false;
        const Clock::time_point deadline = this->deadline(since);
        std::vector<pollfd> polled;
        std::vector<Connection*> their;
        for (auto& [name, one] : connections_) {
            const int events = (one.wants_to_read() ? POLLIN : 0) | (one.wants_to_write() ? POLLOUT : 0);
            if (events == 0) continue;
            polled.push_back({one.fd(), static_cast<short>(events), 0});
            their.push_back(&one);
        }
        if (own_peer_ && !own_peer_->process->exit_status()) polled.push_back({own_peer_->process->end_fd(), POLLIN, 0});
        if (!own_peer_ && options_.peer_end_fd >= 0) polled.push_back({options_.peer_end_fd, POLLIN, 0});
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
        const int wait_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, interrupt_check_ms));
        (void)poll(polled.data(), polled.size(), wait_ms);
        bool progress = false;
        for (std::size_t i = 0; i < their.size(); ++i) {
            if (polled[i].revents == 0) continue;
            if ((polled[i].revents & POLLOUT) != 0) progress = their[i]->write_some() || progress;
            if ((polled[i].revents & ~POLLOUT) != 0) progress = their[i]->read_some() || progress;
            if (their[i]->flooded()) fail(Outcome::flooded, nullptr, "more than 16 MiB on one connection");
        }
        // What it said before its end was read first.
        const bool peer_ended = !own_peer_ && options_.peer_end_fd >= 0 && polled.back().revents != 0;
        if (!over_ && !progress && peer_ended) fail(Outcome::closed, nullptr, "the peer's process ended");
        if (options_.interrupted != nullptr && *options_.interrupted) fail(Outcome::interrupted, nullptr, "interrupted");
        if (progress) progress_at_ = Clock::now();
        return progress || Clock::now() < deadline;
    }

    /// When we give up on a peer that is silent from now on, within the bound for one that isn't.
    [[nodiscard]] Clock::time_point deadline(Clock::time_point since) const {
        const milliseconds silence(options_.deadline_ms);
        return std::min(progress_at_ + silence, since + silence * patience);
    }

    /// Until all that we said is written: what follows depends on it.
    void finish_writing() {
        flush();
        const auto since = progress_at_ = Clock::now();
        const auto writing = [&] {
            return std::any_of(connections_.begin(), connections_.end(), [](const auto& one) { return one.second.wants_to_write(); });
        };
        while (!over_ && writing())
            if (!pump(since)) fail(Outcome::silent, nullptr, "the peer doesn't read what was written");
        if (over_ && played_.wanted.empty()) played_.wanted = "the peer reads what is written";
    }

    /// What lies ready at the end: a second answer must not be overlooked because the first was enough. A peer that goes
    /// on and on is not heard to its end.
    void read_what_is_there() {
        const auto end = Clock::now() + milliseconds(options_.deadline_ms);
        for (auto& [name, one] : connections_)
            while (one.wants_to_read() && !one.flooded() && Clock::now() < end && one.read_some()) {
            }
    }

    // ---- expecting --------------------------------------------------------------------------------------------------

    Match match_step(const Step& step, Cursor& cursor) {
        if (const auto* exit = std::get_if<ExpectExit>(&step.action)) return match_exit(*exit);
        const auto found = connections_.find(step.connection);
        if (found == connections_.end()) return {Match::Kind::contradicted, "nothing was said on this connection"};
        const ConnectionSeen& seen = found->second.seen();
        if (const auto* expected = std::get_if<Expect>(&step.action)) return match(step.connection, *expected, seen, cursor);
        if (const auto* response = std::get_if<ExpectResponse>(&step.action)) return match(step.connection, *response, seen, cursor);
        return match_close(seen);
    }

    Match match_exit(const ExpectExit& expected) {
        if (!own_peer_) return {Match::Kind::contradicted, "the scenario started no peer"};
        const auto status = own_peer_->process->exit_status();
        if (!status) return {Match::Kind::pending, "the process goes on"};
        own_peer_->signalled = true;  // its end was expected
        if (status->by_signal || (expected.status && static_cast<int>(*expected.status) != status->number))
            return {Match::Kind::contradicted, status->print()};
        return {Match::Kind::met, {}};
    }

    void expect(const Step& step) {
        const auto since = progress_at_ = Clock::now();
        while (!over_) {
            if (const auto* either = std::get_if<Either>(&step.action)) {
                if (try_alternatives(step, *either)) return;
            } else {
                const Match match = match_step(step, cursor_);
                if (match.kind == Match::Kind::met) return;
                last_got_ = match.got;
                if (match.kind == Match::Kind::contradicted) return fail(match.by_end ? Outcome::closed : Outcome::contradicted, &step, match.got);
            }
            if (!over_ && !pump(since)) return fail(Outcome::silent, &step, last_got_);
        }
        if (stopped_ || !played_.wanted.empty()) return;
        played_.wanted = print(step);
        played_.line = step.line;
    }

    /// Follows the alternatives side by side. True when one was taken, and played to its end.
    bool try_alternatives(const Step& step, const Either& either) {
        std::string gots;
        bool all_contradicted = true;
        bool all_by_end = true;
        for (const Alternative& alternative : either.alternatives) {
            Cursor cursor = cursor_;
            std::size_t next = 0;
            const Match match = match_leading(alternative, cursor, next);
            if (match.kind == Match::Kind::met) {
                cursor_ = std::move(cursor);
                played_.alternatives.push_back(alternative.name);
                played_.tolerated = played_.tolerated || alternative.tolerated;
                play_steps({alternative.steps.begin() + static_cast<std::ptrdiff_t>(next), alternative.steps.end()});
                flush();
                return true;
            }
            if (match.kind == Match::Kind::pending) all_contradicted = false;
            all_by_end = all_by_end && match.by_end;
            if (gots.find(match.got) == std::string::npos) gots += (gots.empty() ? "" : "; ") + match.got;
        }
        last_got_ = gots;
        if (all_contradicted) fail(all_by_end ? Outcome::closed : Outcome::contradicted, &step, gots);
        return false;
    }

    /// The expectations with which an alternative begins; `next`: the first step behind them.
    Match match_leading(const Alternative& alternative, Cursor& cursor, std::size_t& next) {
        for (; next < alternative.steps.size(); ++next) {
            const auto& action = alternative.steps[next].action;
            const bool expectation = std::holds_alternative<Expect>(action) || std::holds_alternative<ExpectResponse>(action) ||
                                     std::holds_alternative<ExpectClose>(action) || std::holds_alternative<ExpectExit>(action);
            if (!expectation) break;
            Match match = match_step(alternative.steps[next], cursor);
            if (match.kind != Match::Kind::met) return match;
        }
        return {Match::Kind::met, {}};
    }

    // ---- the end ----------------------------------------------------------------------------------------------------

    [[nodiscard]] std::vector<std::string> lines_around(std::size_t line, bool mark) const {
        std::vector<std::string> result;
        const std::size_t end = std::min(line + 1, log_.lines.size());
        for (std::size_t i = end > num_records_around ? end - num_records_around : 0; i < end; ++i)
            result.push_back((mark && i == line ? "! " : "") + log_.lines[i].print());
        return result;
    }

    void finish() {
        for (const auto& [requirement, accused] : log_.accused)
            played_.accusations.push_back({std::string(requirement), accused.accusation.wanted, accused.accusation.got, accused.count, lines_around(accused.line, true)});
        for (const TraceLine& line : log_.lines) played_.trace.push_back(line.print());
        if (log_.num_left_out > 0) played_.trace.push_back("# " + std::to_string(log_.num_left_out) + " more");
        played_.around = lines_around(log_.lines.size(), false);
        for (auto& [name, one] : connections_) played_.seen.emplace(name, one.take_seen());
        if (own_peer_ && !own_peer_->signalled) played_.died = own_peer_->process->exit_status();
    }

    const Scenario& scenario_;
    const PlayOptions& options_;
    ConversationLog log_;
    std::unique_ptr<OwnPeer> own_peer_;
    std::map<std::string, Connection> connections_;
    std::string group_connection_;
    Buffer group_;
    std::vector<std::size_t> cuts_;
    Cursor cursor_;
    Clock::time_point progress_at_ = Clock::now();
    std::string last_got_;
    bool over_ = false;
    bool stopped_ = false;
    Played played_;
};

}  // namespace

std::string_view name_of(Splitting splitting) noexcept {
    return splitting == Splitting::whole ? "whole" : splitting == Splitting::bytes ? "bytes" : "header";
}

Pairs base_params(const Pairs& params) {
    Pairs result{{"GATEWAY_INTERFACE", "CGI/1.1"}, {"SERVER_SOFTWARE", "fcgispec"}, {"SERVER_PROTOCOL", "HTTP/1.1"},
                 {"SERVER_NAME", "localhost"},     {"SERVER_ADDR", "127.0.0.1"},    {"SERVER_PORT", "80"},
                 {"REMOTE_ADDR", "127.0.0.1"},     {"REQUEST_METHOD", "GET"},       {"SCRIPT_NAME", "/fcgispec"},
                 {"QUERY_STRING", ""}};
    for (const auto& [name, value] : params) replace_or_add(result, name, value);
    return result;
}

Buffer encode_request(const SendRequest& request, const Pairs& params) {
    PairsPattern all{.pairs = {PairPattern{.name = "base", .value = std::nullopt}}, .open = false};
    all.pairs.insert(all.pairs.end(), request.pairs.pairs.begin(), request.pairs.pairs.end());
    Pairs base = base_params(params);
    // An Authorizer isn't sent it [§6.3], unless the user wants it.
    if (request.role == Role::authorizer && value_of(params, "SCRIPT_NAME") == nullptr)
        std::erase_if(base, [](const auto& pair) { return pair.first == "SCRIPT_NAME"; });
    const auto given = [&](std::string_view name) {
        return value_of(base, name) != nullptr ||
               std::any_of(request.pairs.pairs.begin(), request.pairs.pairs.end(), [&](const PairPattern& pair) { return pair.name == name; });
    };
    if (!request.std_in.empty() && !given("CONTENT_LENGTH")) base.emplace_back("CONTENT_LENGTH", std::to_string(request.std_in.size()));
    if (request.role == Role::filter && !given("FCGI_DATA_LENGTH")) base.emplace_back("FCGI_DATA_LENGTH", std::to_string(request.data.size()));
    if (request.role == Role::filter && !given("FCGI_DATA_LAST_MOD")) base.emplace_back("FCGI_DATA_LAST_MOD", data_last_mod);
    all = with_base(all, base);

    Buffer result;
    encode_record({.type = RecordType::begin_request, .request_id = request.request_id, .content = encode(BeginRequestBody{.role = request.role, .flags = request.flags})}, result);
    const auto stream = [&](RecordType type, std::string_view value) {
        encode_stream(type, request.request_id, bytes_of(value), result);
        encode_record({.type = type, .request_id = request.request_id}, result);
    };
    stream(RecordType::params, *content_of(RecordPattern{.type = RecordType::params, .content = all, .padding = {}, .content_length = {}}));
    if (request.role != Role::authorizer) stream(RecordType::std_in, request.std_in);
    if (request.role == Role::filter) stream(RecordType::data, request.data);
    return result;
}

Played play(const Scenario& scenario, const PlayOptions& options) { return Player(scenario, options).run(); }

}  // namespace fcgispec

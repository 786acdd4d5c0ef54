#include "conformance/engine/conversation.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>

#include "conformance/engine/checker_rules.hpp"
#include "conformance/engine/connection.hpp"
#include "conformance/engine/observation.hpp"
#include "conformance/engine/web_server_requests.hpp"

namespace fcgispec {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int patience = 10;                       // deadlines that a peer may take that makes some progress
// A listening queue that is full for a moment is the system's affair: TCP tries again after one and three seconds.
constexpr int connect_ms_min = 4000;
constexpr int leave_ms = 500;                      // for a Web server to close what we have closed
constexpr int wait_ms_max = 50;                    // at once: how soon Ctrl-C is noticed, and a standstill of the machine
constexpr unsigned gateway_timeout = 504;          // [RFC 9110 §15.6.5]
constexpr std::size_t small_request_size = 4096;   // of an HTTP request, in bytes, that no Web server calls too large
constexpr std::size_t num_waiting_max = 4096;      // connections that wait since before: somebody may open them without end
constexpr std::size_t num_connections_max = 512;   // that a Web server may open in one scenario: fewer than we may have descriptors

std::string more_than(std::size_t size) { return "more than " + std::to_string(size >> 20) + " MiB"; }

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
        log_.ours = other_side(scenario.side);
        log_.params = options.params;
        log_.variables = variables_asked(scenario.steps);
        if (options.listener == nullptr) return;
        // Whoever waits since before is not about this scenario; who comes later may not be either.
        options.listener->clients().begin_conversation();
        for (std::size_t i = 0; i < num_waiting_max && options.listener->accept(); ++i) continue;
    }

    Played run() {
        play_steps(scenario_.steps);
        if (going_on()) flush();
        if (going_on()) finish_writing();
        read_what_is_there();
        const std::set<std::string> left = connections_to_leave();
        finish();
        if (log_.ours == Side::application) leave(left);
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
        subject_connection_ = step->connection;
        played_.wanted = print(*step, scenario_.side);
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
        const bool says = std::holds_alternative<Send>(step.action) || std::holds_alternative<SendRequest>(step.action) ||
                          std::holds_alternative<SendResponse>(step.action);
        if (!says || step.connection != group_connection_) flush();
        if (over_) return;
        if (is_http(step) && log_.ours == Side::application) {
            play_http_step(step);
        } else if (const auto* send = std::get_if<Send>(&step.action)) {
            say(step, *send);
        } else if (const auto* request = std::get_if<SendRequest>(&step.action)) {
            gather(step.connection, encode_request(*request, options_.params));
        } else if (const auto* response = std::get_if<SendResponse>(&step.action)) {
            say(step, *response);
        } else if (const auto* answer = std::get_if<AnswerValues>(&step.action)) {
            values_ = *answer;
        } else if (const auto* cut = std::get_if<Cut>(&step.action)) {
            cuts_.assign(cut->offsets.begin(), cut->offsets.end());
        } else if (const auto* read_size = std::get_if<ReadSize>(&step.action)) {
            if (Connection* to = open(step.connection)) to->set_read_size(read_size->size);
        } else if (const auto* closing = std::get_if<CloseOurs>(&step.action)) {
            close_ours(step, closing->how);
        } else if (std::holds_alternative<Stop>(step.action)) {
            stopped_ = over_ = true;
        } else if (const auto* start = std::get_if<StartPeer>(&step.action)) {
            log_process(step);
            own_peer_ = std::make_unique<OwnPeer>(*start, options_.command);
        } else if (const auto* signal = std::get_if<SignalPeer>(&step.action)) {
            finish_writing();
            log_process(step);
            if (own_peer_) own_peer_->process->signal(signal->signal);
            if (own_peer_) own_peer_->signalled = true;
        } else {
            expect(step);
        }
    }

    void say(const Step& step, const Send& send) {
        if (log_.ours == Side::web_server) return gather(step.connection, encode_line(send.line, options_.params));
        NotationLine line = send.line;
        auto* record = std::get_if<RecordPattern>(&line);
        const std::uint16_t asked = record != nullptr ? static_cast<std::uint16_t>(record->request_id.value_or(null_request_id)) : null_request_id;
        const auto found = cursor_.bound.find({step.connection, asked});
        if (found == cursor_.bound.end()) return gather(where_to_say(step), encode_line(line, {}));
        record->request_id = found->second.request_id;
        gather(found->second.connection, encode_line(line, {}));
        if (record->type == RecordType::end_request) end_ours(found->second);
    }

    void say(const Step& step, const SendResponse& response) {
        const auto found = cursor_.bound.find({step.connection, response.request_id});
        if (found == cursor_.bound.end()) throw std::runtime_error("line " + std::to_string(step.line) + ": no line before says which request this is");
        gather(found->second.connection, encode_response(response, found->second.request_id, options_.url.path));
        end_ours(found->second);
    }

    /// Of a line that belongs to no request: the connection that its name stands for, or the first one that came.
    std::string where_to_say(const Step& step) {
        if (const std::string* found = connection_of(step.connection, {}, cursor_)) return *found;
        if (connections_.empty()) throw std::runtime_error("line " + std::to_string(step.line) + ": the Web server has opened no connection before this");
        return connections_.begin()->first;
    }

    /// An application closes the connection when the request has ended that came without FCGI_KEEP_CONN [§5.1].
    void end_ours(const Cursor::Bound& where) {
        ended_.insert(where);
        const auto& begin = connections_.at(where.connection).seen().requests.at(where.request_id).at(where.life).begin;
        if (begin && (begin->flags & keep_conn) == 0) to_close_.insert(where.connection);
    }

    void gather(const std::string& connection, Buffer bytes) {
        if (connection != group_connection_) flush();
        group_connection_ = connection;
        if (group_.empty()) {
            group_ = std::move(bytes);  // it may be ten MiB
        } else {
            append(group_, bytes);
        }
    }

    /// Gives the gathered group to its connection. It is written while we go on.
    void flush() {
        if (group_.empty()) return;
        Connection* to = open(group_connection_);
        if (to != nullptr) {
            std::vector<std::size_t> cuts = std::move(cuts_);
            if (cuts.empty()) cuts = cuts_of(group_, options_.splitting);
            to->say(std::move(group_), cuts);
            if (to_close_.erase(group_connection_) > 0) to->half_close_when_written();
            to->write_some();
        }
        cuts_.clear();
        group_.clear();
    }

    /// The connection of that name, opened if it isn't yet; nothing, and the scenario over, where the peer doesn't take it.
    Connection* open(const std::string& name) {
        const auto found = connections_.find(name);
        if (found != connections_.end()) return &found->second;
        if (log_.ours == Side::application) throw std::logic_error("the Web server opens the connections");
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
        Connection* to = open(log_.ours == Side::web_server ? step.connection : where_to_close(step));
        if (to == nullptr || how == Closing::connect) return;
        finish_writing();
        if (over_) return;
        if (how == Closing::half_close) to->half_close();
        if (how == Closing::close) to->close();
        if (how == Closing::reset) to->reset();
    }

    std::string where_to_close(const Step& step) {
        const auto& request_id = std::get<CloseOurs>(step.action).request_id;
        if (!request_id) return where_to_say(step);
        const std::string* found = connection_of(step.connection, request_id, cursor_);
        if (found == nullptr) throw std::runtime_error("line " + std::to_string(step.line) + ": no line before says which request this is");
        return *found;
    }

    // ---- the HTTP side ----------------------------------------------------------------------------------------------

    void play_http_step(const Step& step) {
        if (std::holds_alternative<HttpExpect>(step.action) || std::holds_alternative<ExpectClose>(step.action)) return expect(step);
        HttpExchange* to = open_http(step.connection);
        if (to == nullptr) return;
        if (const auto* request = std::get_if<HttpSend>(&step.action)) {
            log_client(step, to->say(*request, options_.url));
            ++num_http_requests_;
            log_http(step, print(step, scenario_.side));
        } else if (const auto* bytes = std::get_if<HttpSendBytes>(&step.action)) {
            if (!to->awaits_response()) ++num_http_requests_;
            to->say_bytes(bytes->bytes);
            log_client(step, bytes->bytes);
            log_http(step, print(step, scenario_.side));
        } else if (const auto* read_size = std::get_if<ReadSize>(&step.action)) {
            to->set_read_size(read_size->size);
        } else if (const auto* closing = std::get_if<CloseOurs>(&step.action)) {
            finish_writing();
            if (over_) return;
            if (closing->how == Closing::half_close) to->half_close();
            if (closing->how == Closing::close) to->close();
            if (closing->how == Closing::reset) to->reset();
            log_http(step, print(step, scenario_.side));
        }
        to->write_some();
    }

    bool read_http(const std::string& name, HttpExchange& exchange) {
        const bool any = exchange.read_some();
        if (!exchange.last_chunk().empty())
            log_.add(RawPiece{.from = Side::web_server, .connection = name, .http = true, .end = {}, .bytes = std::string(exchange.last_chunk())});
        const PeerEnd end = exchange.seen().end;
        if (any && end != PeerEnd::open) log_.add(RawPiece{.from = Side::web_server, .connection = name, .http = true, .end = end == PeerEnd::fin ? "close" : "reset", .bytes = {}});
        return any;
    }

    void log_client(const Step& step, const std::string& bytes) {
        log_.add(RawPiece{.from = Side::application, .connection = step.connection, .http = true, .end = {}, .bytes = bytes});
    }

    /// `line` as a scenario has it, with the connection's name and the arrow.
    void log_http(const Step& step, const std::string& line) {
        const std::size_t text = step.connection.size() + std::string_view("> ").size();
        const int weight = std::holds_alternative<CloseOurs>(step.action) ? weight::of_the_usual : weight::of_the_rare;
        log_.add({line[step.connection.size()] == '>' ? Side::web_server : Side::application, step.connection, line.substr(text), weight}, !log_.full());
    }

    HttpExchange* open_http(const std::string& name) {
        const auto found = http_.find(name);
        if (found != http_.end()) return &found->second;
        try {
            HttpExchange& opened = http_.try_emplace(name, connect_to(options_.url.address(), std::max(options_.deadline_ms, connect_ms_min))).first->second;
            if (options_.listener != nullptr) options_.listener->clients().add(opened.fd());
            return &opened;
        } catch (const NotConnected& error) {
            fail(Outcome::closed, nullptr, std::string("no HTTP connection: ") + error.what());
            played_.wanted = "the peer takes a connection";
            return nullptr;
        }
    }

    // ---- playing the application ------------------------------------------------------------------------------------

    /// Takes the connections that wait. The first has no name, the next ones are b, c, ... z, then c26, ...
    bool accept_connections() {
        bool any = false;
        while (!over_) {
            FileDescriptor socket = options_.listener->accept();
            if (!socket) break;
            const std::size_t number = connections_.size();
            if (number == num_connections_max) fail(Outcome::flooded, nullptr, "more than " + std::to_string(num_connections_max) + " connections");
            constexpr std::size_t num_letters = 26;
            std::string name = number == 0 ? "" : number < num_letters ? std::string(1, static_cast<char>('a' + number)) : "c" + std::to_string(number);
            connections_.try_emplace(name, name, std::move(socket), log_);
            any = true;
        }
        return any;
    }

    [[nodiscard]] ConnectionsSeen all_seen() const {
        ConnectionsSeen result;
        for (const auto& [name, one] : connections_) result.emplace(name, &one.seen());
        return result;
    }

    /// HTTP requests whose FastCGI requests no line has waited for yet.
    [[nodiscard]] std::size_t num_awaited(const Cursor& cursor) const {
        return num_http_requests_ > cursor.taken.size() ? num_http_requests_ - cursor.taken.size() : 1;
    }

    /// FCGI_GET_VALUES may come at any time; a scenario that is about it says `values silent` and answers itself.
    void answer_values() {
        if (log_.ours != Side::application || values_.silent) return;
        for (auto& [name, one] : connections_) {
            const auto& management = one.seen().management;
            for (std::size_t& num = num_values_answered_[name]; num < management.size(); ++num)
                if (management[num].type == RecordType::get_values) one.say(encode_values_result(management[num].content, values_.values), {});
        }
    }

    /// What the Web server tries again, of its own accord, while nobody waits for it: it is told that nobody is there.
    void refuse_surplus() {
        if (cursor_.taken.size() < num_http_requests_) return;
        for (const NewRequest& one : new_requests(all_seen(), cursor_)) connections_.at(one.where.connection).close();
    }

    /// What the Web server asks for clients of earlier conversations, who have left. As refuse_surplus; on a connection that it
    /// keeps, which it may give to others at the same time, the request is ended.
    void refuse_late() {
        for (const NewRequest& one : new_requests(all_seen(), cursor_, Completeness::params)) {
            const StreamSeen* params = one.request->stream(RecordType::params);
            if (params == nullptr || !params->ended || !options_.listener->clients().has_left(bytes_of(params->bytes))) continue;
            late_.insert(one.where);
            cursor_.taken.insert(one.where);
            ++num_http_requests_;  // the one it belongs to
            Connection& connection = connections_.at(one.where.connection);
            if (!one.request->begin || (one.request->begin->flags & keep_conn) == 0) {
                connection.close();
                continue;
            }
            const auto body = encode(EndRequestBody{.app_status = 0, .protocol_status = ProtocolStatus::request_complete});
            Buffer end;
            encode_record({.type = RecordType::end_request, .request_id = one.where.request_id, .content = body}, end);
            connection.say(end, {});
            ended_.insert(one.where);
        }
    }

    Match match_state(const ExpectState& expected) const {
        PairsPattern open = expected.pairs;
        open.open = true;
        const Buffer& state = options_.listener->last_state();
        if (state.empty()) return {Match::Kind::pending, "no application has been started"};
        if (fits(open, state)) return {Match::Kind::met, {}};
        const std::string record = print(Record{.type = RecordType::params, .content = state});  // "{FCGI_PARAMS, 0, [...]}"
        return {Match::Kind::contradicted, "process " + record.substr(record.find('['), record.rfind(']') + 1 - record.find('['))};
    }

    Match match_of_web_server(const Step& step, Cursor& cursor) {
        if (const auto* state = std::get_if<ExpectState>(&step.action)) return match_state(*state);
        if (const auto* request = std::get_if<ExpectRequest>(&step.action)) return unless_answered(match(step.connection, *request, all_seen(), num_awaited(cursor), cursor, completeness_));
        if (const auto* expected = std::get_if<Expect>(&step.action)) {
            if (expected->record.type == RecordType::begin_request)
                return unless_answered(match_begin(step.connection, expected->record, all_seen(), num_awaited(cursor), cursor));
            return match_of_request(step.connection, *expected, all_seen(), cursor);
        }
        const auto* close = std::get_if<ExpectClose>(&step.action);
        const std::string* where = connection_of(step.connection, close != nullptr ? close->request_id : std::nullopt, cursor);
        if (where == nullptr) return {Match::Kind::contradicted, "no line before says which connection this is"};
        return match_close(connections_.at(*where).seen());
    }

    /// A Web server that has answered all its clients will not ask the application any more.
    Match unless_answered(Match match) const {
        const bool waits = std::any_of(http_.begin(), http_.end(), [](const auto& one) { return one.second.awaits_response(); });
        if (match.kind != Match::Kind::pending || http_.empty() || waits) return match;
        std::string answers;
        for (const auto& [name, one] : http_) answers += (answers.empty() ? "" : "; ") + one.describe();
        return {Match::Kind::contradicted, match.got + "; the Web server answered the HTTP client: " + answers};
    }

    Match match_http(const Step& step) {
        const auto found = http_.find(step.connection);
        if (found == http_.end()) return {Match::Kind::contradicted, "nothing was said on this connection"};
        const HttpExchange& exchange = found->second;
        if (const auto* expected = std::get_if<HttpExpect>(&step.action)) return match(*expected, exchange);
        if (exchange.seen().end != PeerEnd::open) return {Match::Kind::met, {}};
        return {Match::Kind::pending, "the HTTP connection stays open"};
    }

    /// A Web server that doesn't end its input streams is accused of that once, by the checker's words, and served.
    void accuse_of_unended(const std::set<Cursor::Bound>& taken_before) {
        for (const Cursor::Bound& where : cursor_.taken) {
            const RequestSeen& seen = connections_.at(where.connection).seen().requests.at(where.request_id).at(where.life);
            if (taken_before.contains(where) || late_.contains(where) || seen.aborted || input_ended(seen)) continue;
            const bool begun = seen.stream(RecordType::std_in) != nullptr;
            Judgement judgement;
            accuse(judgement, begun ? Rule::input_unended : Rule::input_missing, begun ? "FCGI_STDIN without its empty record" : "no record of FCGI_STDIN");
            for (const Accusation& accusation : judgement.accusations) log_.add(accusation);
        }
    }

    // ---- waiting ----------------------------------------------------------------------------------------------------

    /// The time, without that in which a busy machine kept us waiting beyond what we had asked for: it kept the peer too.
    [[nodiscard]] Clock::time_point now() const { return Clock::now() - lost_time_; }

    /// As poll(); what it took beyond `wait_ms` is lost.
    void wait_for(std::vector<pollfd>& polled, int wait_ms) {
        const Clock::time_point end = Clock::now() + milliseconds(wait_ms);
        (void)poll(polled.data(), polled.size(), wait_ms);
        lost_time_ += std::max(Clock::now() - end, Clock::duration::zero());
    }

    /// Waits until a connection can be read or written, and does that. False when the peer has been silent for a deadline,
    /// or has taken its time `since` then beyond our patience.
    bool pump(Clock::time_point since) {
        if (is_out_of_patience(since)) return false;
        const Clock::time_point deadline = this->deadline(since);
        std::vector<pollfd> polled;
        std::vector<Connection*> their;
        for (auto& [name, one] : connections_) {
            const int events = (one.wants_to_read() ? POLLIN : 0) | (one.wants_to_write() ? POLLOUT : 0);
            if (events == 0) continue;
            polled.push_back({one.fd(), static_cast<short>(events), 0});
            their.push_back(&one);
        }
        std::vector<HttpExchange*> clients;
        std::vector<std::string> client_names;
        for (auto& [name, one] : http_) {
            const int events = (one.wants_to_read() ? POLLIN : 0) | (one.wants_to_write() ? POLLOUT : 0);
            if (events == 0) continue;
            polled.push_back({one.fd(), static_cast<short>(events), 0});
            clients.push_back(&one);
            client_names.push_back(name);
        }
        const auto listening_at = static_cast<std::ptrdiff_t>(polled.size());
        if (options_.listener != nullptr)
            for (const int fd : options_.listener->fds()) polled.push_back({fd, POLLIN, 0});
        const auto listening_end = static_cast<std::ptrdiff_t>(polled.size());
        if (own_peer_ && !own_peer_->process->exit_status()) polled.push_back({own_peer_->process->end_fd(), POLLIN, 0});
        if (!own_peer_ && options_.peer_end_fd >= 0) polled.push_back({options_.peer_end_fd, POLLIN, 0});
        const auto left = std::chrono::ceil<milliseconds>(deadline - now()).count();
        wait_for(polled, static_cast<int>(std::clamp<std::int64_t>(left, 0, wait_ms_max)));
        bool progress = false;
        for (std::size_t i = 0; i < their.size(); ++i) {
            if (polled[i].revents == 0) continue;
            if ((polled[i].revents & POLLOUT) != 0) progress = their[i]->write_some() || progress;
            if ((polled[i].revents & ~POLLOUT) != 0) progress = their[i]->read_some() || progress;
            if (their[i]->flooded()) fail(Outcome::flooded, nullptr, more_than(conversation_size_max));
        }
        for (std::size_t i = 0; i < clients.size(); ++i) {
            const short events = polled[their.size() + i].revents;
            if ((events & POLLOUT) != 0) progress = clients[i]->write_some() || progress;
            if ((events & ~POLLOUT) != 0) progress = read_http(client_names[i], *clients[i]) || progress;
            if (clients[i]->flooded()) fail(Outcome::flooded, nullptr, more_than(http_size_max) + " on one HTTP connection");
        }
        const auto is_ready = [](const pollfd& one) { return one.revents != 0; };
        if (std::any_of(polled.begin() + listening_at, polled.begin() + listening_end, is_ready)) progress = accept_connections() || progress;
        answer_values();
        if (options_.listener != nullptr) refuse_late();
        // What it said before its end was read first.
        const bool peer_ended = !own_peer_ && options_.peer_end_fd >= 0 && polled.back().revents != 0;
        if (!over_ && !progress && peer_ended) fail(Outcome::closed, nullptr, "the peer's process ended");
        if (options_.interrupted != nullptr && *options_.interrupted) fail(Outcome::interrupted, nullptr, "interrupted");
        if (progress) progress_at_ = now();
        return progress || left > 0;  // silent is who has said nothing when we look behind the deadline
    }

    /// With a peer that goes on, but doesn't come to what we wait for.
    [[nodiscard]] bool is_out_of_patience(Clock::time_point since) const { return now() >= since + patience * milliseconds(options_.deadline_ms); }

    /// When we give up on a peer that is silent from now on, within the bound for one that isn't.
    [[nodiscard]] Clock::time_point deadline(Clock::time_point since) const {
        const bool may_be_unended = log_.ours == Side::application && completeness_ == Completeness::input && options_.unended_ms > 0;
        const milliseconds silence(may_be_unended ? options_.unended_ms : options_.deadline_ms);
        return std::min(progress_at_ + silence, since + silence * patience);
    }

    /// Until all that we said is written: what follows depends on it.
    void finish_writing() {
        flush();
        const auto since = progress_at_ = now();
        const auto writing = [&] {
            const auto wants_to_write = [](const auto& one) { return one.second.wants_to_write(); };
            return std::any_of(connections_.begin(), connections_.end(), wants_to_write) || std::any_of(http_.begin(), http_.end(), wants_to_write);
        };
        while (!over_ && writing())
            if (!pump(since)) fail(Outcome::silent, nullptr, "the peer doesn't read what was written");
        if (over_ && played_.wanted.empty()) played_.wanted = "the peer reads what is written";
    }

    /// What lies ready at the end: a second answer must not be overlooked because the first was enough. A peer that goes
    /// on and on is not heard to its end.
    void read_what_is_there() {
        const auto end = now() + milliseconds(options_.deadline_ms);
        for (auto& [name, one] : connections_)
            while (one.wants_to_read() && !one.flooded() && now() < end && one.read_some()) {
            }
    }

    // ---- expecting --------------------------------------------------------------------------------------------------

    Match match_step(const Step& step, Cursor& cursor) {
        if (const auto* exit = std::get_if<ExpectExit>(&step.action)) return match_exit(*exit);
        if (log_.ours == Side::application) return is_http(step) ? match_http(step) : match_of_web_server(step, cursor);
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
        const auto since = progress_at_ = now();
        const std::set<Cursor::Bound> taken = cursor_.taken;
        completeness_ = Completeness::input;
        while (!over_) {
            if (try_step(step)) break;
            if (is_http(step) && log_.ours == Side::application) refuse_surplus();
            if (!is_http(step) && refused_as_too_large() != 0) return fail(Outcome::contradicted, &step, last_got_);
            if (over_ || pump(since)) continue;
            if (log_.ours == Side::web_server || completeness_ == Completeness::params) return give_up(step, since);
            // With what has come of a Web server's requests, then: one may never end its input.
            completeness_ = Completeness::params;
        }
        if (log_.ours == Side::application && completeness_ == Completeness::params) accuse_of_unended(taken);
        if (!over_ || stopped_ || !played_.wanted.empty()) return;
        played_.wanted = print(step, scenario_.side);
        played_.line = step.line;
    }

    void give_up(const Step& step, Clock::time_point since) {
        fail(Outcome::silent, &step, last_got_);
        played_.waited_ms = options_.deadline_ms * (is_out_of_patience(since) ? patience : 1);
    }

    /// True when the step is met, or it has been decided that it won't be.
    bool try_step(const Step& step) {
        if (const auto* either = std::get_if<Either>(&step.action)) return try_alternatives(step, *either);
        const Match match = match_step(step, cursor_);
        last_got_ = match.got;
        if (match.kind == Match::Kind::met) log_met(step);
        if (match.kind == Match::Kind::contradicted) fail(match.by_end ? Outcome::closed : Outcome::contradicted, &step, match.got);
        return match.kind != Match::Kind::pending;
    }

    /// What is done with the peer's process belongs into the trace: it may decide, as FCGI_WEB_SERVER_ADDRS does.
    void log_process(const Step& step) {
        log_.add_comment(print(step, scenario_.side));
    }

    /// The answer to the HTTP client belongs into the trace; records are there already.
    void log_met(const Step& step) {
        if (log_.ours != Side::application || !std::holds_alternative<HttpExpect>(step.action)) return;
        log_http(step, step.connection + "< " + http_.at(step.connection).describe());
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
                if (alternative.kind == Alternative::Kind::tolerated) take_tolerated(alternative, either);
                play_steps({alternative.steps.begin() + static_cast<std::ptrdiff_t>(next), alternative.steps.end()});
                flush();
                if (alternative.kind == Alternative::Kind::unjudged) played_.unjudged = stopped_ = over_ = true;
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

    void take_tolerated(const Alternative& alternative, const Either& either) {
        played_.tolerated = Tolerated{.taken = print(alternative, scenario_.side), .better = {}};
        std::string& better = played_.tolerated->better;
        for (const Alternative& one : either.alternatives)
            if (one.kind == Alternative::Kind::fine) better += (better.empty() ? "" : " or ") + print(one, scenario_.side);
    }

    /// The expectations with which an alternative begins; `next`: the first step behind them.
    Match match_leading(const Alternative& alternative, Cursor& cursor, std::size_t& next) {
        for (; next < alternative.steps.size(); ++next) {
            if (!is_expectation(alternative.steps[next])) break;
            Match match = match_step(alternative.steps[next], cursor);
            if (match.kind != Match::Kind::met) return match;
        }
        return {Match::Kind::met, {}};
    }

    // ---- the end ----------------------------------------------------------------------------------------------------

    /// Connections whose end the Web server will notice: with a request that hasn't ended, or all.
    [[nodiscard]] std::set<std::string> connections_to_leave() const {
        std::set<std::string> result;
        for (const auto& [name, one] : connections_)
            for (const auto& [id, lives] : one.seen().requests)
                if (options_.notices_close || !ended_.contains({name, id, lives.size() - 1})) result.insert(name);
        return result;
    }

    /// As an application that goes: a Web server that has seen the end of a connection, and has closed its own, will not give
    /// the next request to it.
    void leave(const std::set<std::string>& names) {
        http_.clear();
        for (auto& [name, one] : connections_) {
            one.half_close();
            if (!names.contains(name)) one.close();
        }
        const auto end = now() + milliseconds(leave_ms);
        while (true) {
            std::vector<pollfd> polled;
            for (const auto& [name, one] : connections_)
                if (one.wants_to_read()) polled.push_back({one.fd(), POLLIN, 0});
            const auto left = std::chrono::ceil<milliseconds>(end - now()).count();
            if (polled.empty() || left <= 0) return;
            wait_for(polled, static_cast<int>(left));
            // The scenario is over: what is still said is forgotten, and changes nothing.
            for (auto& [name, one] : connections_) one.discard_some();
        }
    }

    /// What the HTTP client has said on that connection, as far as the evidence goes.
    [[nodiscard]] std::size_t said_by_client_size(const std::string& connection) const {
        std::size_t result = 0;
        for (const RawPiece& piece : log_.raw.pieces)
            if (piece.http && piece.from == Side::application && piece.connection == connection) result += piece.bytes.size();
        return log_.raw.cut ? evidence_size_max : result;
    }

    /// Played::refused_as_too_large.
    [[nodiscard]] unsigned refused_as_too_large() const {
        for (const auto& [name, exchange] : http_) {
            const HttpSeen& seen = exchange.seen();
            if (!seen.complete || (seen.status != 413 && seen.status != 414 && seen.status != 431)) continue;
            if (said_by_client_size(name) > small_request_size && !ours_say_status(seen.status)) return seen.status;
        }
        return 0;
    }

    [[nodiscard]] bool ours_say_status(unsigned status) const {
        const std::string field = "Status: " + std::to_string(status);
        return std::any_of(log_.raw.pieces.begin(), log_.raw.pieces.end(), [&](const RawPiece& piece) {
            return piece.from == Side::application && !piece.http && piece.bytes.find(field) != std::string::npos;
        });
    }

    /// What decided is the last that happened where it was awaited: other connections end later, and mean nothing. What a Web server
    /// does shows beside its HTTP connections.
    [[nodiscard]] std::size_t last_line_of_subject() const {
        if (!subject_connection_ || scenario_.side != Side::application) return log_.lines.size();
        const auto last = std::find_if(log_.lines.rbegin(), log_.lines.rend(), [&](const TraceLine& line) { return line.connection == *subject_connection_; });
        return last == log_.lines.rend() ? log_.lines.size() : static_cast<std::size_t>(log_.lines.rend() - last) - 1;
    }

    void finish() {
        for (const auto& [requirement, accused] : log_.accused)
            played_.accusations.push_back({std::string(requirement), accused.accusation.wanted, accused.accusation.got, accused.count, log_.around(accused.line, true)});
        played_.refused_as_too_large = refused_as_too_large();
        played_.given_up = !ours_say_status(gateway_timeout) && std::any_of(http_.begin(), http_.end(), [](const auto& one) { return one.second.seen().status == gateway_timeout; });
        for (const TraceLine& line : log_.lines) played_.trace.push_back(line.print());
        if (log_.num_left_out > 0) played_.trace.push_back("# " + std::to_string(log_.num_left_out) + " more");
        played_.raw = std::make_shared<const Evidence>(std::move(log_.raw));
        played_.around = log_.around(last_line_of_subject(), false);
        for (auto& [name, one] : connections_) played_.seen.emplace(name, one.take_seen());
        if (own_peer_ && !own_peer_->signalled) played_.died = own_peer_->process->exit_status();
        played_.http_answered = std::any_of(http_.begin(), http_.end(), [](const auto& one) { return one.second.seen().status != 0; });
    }

    const Scenario& scenario_;
    const PlayOptions& options_;
    ConversationLog log_;
    std::unique_ptr<OwnPeer> own_peer_;
    std::map<std::string, Connection> connections_;
    std::map<std::string, HttpExchange> http_;
    std::size_t num_http_requests_ = 0;
    AnswerValues values_{.values = {{"FCGI_MAX_CONNS", "64"}, {"FCGI_MAX_REQS", "64"}, {"FCGI_MPXS_CONNS", "0"}}};
    std::map<std::string, std::size_t> num_values_answered_;  // management records looked at, by connection
    std::set<Cursor::Bound> ended_;                           // by us
    std::set<Cursor::Bound> late_;                            // of clients of earlier conversations
    std::set<std::string> to_close_;                          // once the group is written
    std::string group_connection_;
    std::optional<std::string> subject_connection_;  // of the expectation that wasn't met
    Buffer group_;
    std::vector<std::size_t> cuts_;
    Cursor cursor_;
    Clock::duration lost_time_{};  // what the machine has kept from us
    Clock::time_point progress_at_ = now();
    std::string last_got_;
    Completeness completeness_ = Completeness::input;  // of what the expectation at hand takes for a whole request
    bool over_ = false;
    bool stopped_ = false;
    Played played_;
};

}  // namespace

Played play(const Scenario& scenario, const PlayOptions& options) {
    assert(!scenario.unread);
    return Player(scenario, options).run();
}

}  // namespace fcgispec

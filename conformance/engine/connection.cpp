#include "conformance/engine/connection.hpp"

#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <span>
#include <system_error>
#include <utility>

#include "codec/notation.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t trace_text_size_max = 4096;   // of a record's content in a trace
constexpr std::size_t num_trace_lines_max = 1000;
constexpr std::size_t trace_size_max = 256U << 10;  // of all lines together: a run keeps a trace of each case that fails
constexpr std::size_t num_lines_around = 6;         // of a trace, that a finding shows
constexpr std::chrono::milliseconds cut_patience{20};  // with a peer that doesn't take the piece before a cut, once a group

constexpr std::size_t aligning_padding_size_max = 7;  // [§3.3] recommends multiples of eight

/// What isn't as usual says most of why something is wrong, and to which request a record belongs; then what is said at all; that
/// a stream ends, least.
/// `active`: its request was, when it was said.
/// `by_peer`: the variables of a request are ours to choose, and say little; those of a Web server are what it is asked for.
int weight_of(const Record& record, const Judgement& judgement, bool active, bool by_peer) {
    const bool late = !active && record.type != RecordType::begin_request;
    const bool odd = judgement.meaningless || late || record.version != version_1 || record.reserved != 0 || record.request_id == null_request_id ||
                     record.padding.size() > (record.content.empty() ? 0 : aligning_padding_size_max);
    if (odd) return 3;
    switch (record.type) {
        case RecordType::std_in:
        case RecordType::std_out:
        case RecordType::data:
            return record.content.empty() ? 0 : 2;
        case RecordType::params:
            return record.content.empty() ? 0 : by_peer ? 3 : 1;
        case RecordType::end_request: {
            const auto body = decode_end_request(record.content);
            return body && body->protocol_status == ProtocolStatus::request_complete && body->app_status == 0 ? 1 : 3;
        }
        default:
            return 3;  // with FCGI_BEGIN_REQUEST: what belongs to which request
    }
}
constexpr int weight_of_end = 1;  // of a connection
constexpr int weight_of_request = 3;
constexpr int weight_of_subject = 4;  // what a finding is about

/// Our requests that are whole and plain are one line each, as a scenario has them, and other variables of a plain request a word. Of a
/// Web server's variables there are those that the scenario asks for.
Excerpt told(std::span<const TraceLine> lines, const ConversationLog& log) {
    constexpr std::size_t num_request_lines_max = 16;
    constexpr int weight_of_odd_params = 3;
    Excerpt result;
    for (std::size_t i = 0; i < lines.size(); i += result.back().num_records) {
        const TraceLine& first = lines[i];
        ExcerptLine& one = result.emplace_back(first.print(), first.weight);
        if (!first.said) continue;
        const auto print_as = [&](std::string text) {
            TraceLine line = first;
            line.text = std::move(text);
            one.text = line.print();
        };
        const bool are_params = first.text.starts_with("{FCGI_PARAMS, ");
        if (are_params && first.from != log.ours) print_as(with_others_left_out(first.text, log.variables));
        if (first.from != log.ours) continue;
        if (are_params) print_as(with_base_named(first.text, log.params));
        // Told by their bytes: not whole pairs, or not in the usual form.
        if (are_params && one.weight > 0 && first.text.find(", \"") < first.text.find(", [")) one.weight = weight_of_odd_params;
        if (!first.text.starts_with("{FCGI_BEGIN_REQUEST, ")) continue;
        std::vector<std::string> records;
        for (std::size_t j = i; j < lines.size() && records.size() < num_request_lines_max && lines[j].from == log.ours && lines[j].connection == first.connection && lines[j].said; ++j)
            records.push_back(lines[j].text);
        if (auto whole = whole_request(records, log.params)) {
            print_as(print(Step{.connection = {}, .action = std::move(whole->request)}, Side::application).substr(std::string_view("> ").size()));
            one.weight = weight_of_request;
            one.num_records = whole->num_records;
        }
    }
    // What goes over another connection than what it is about tells less; a Web server's HTTP is beside each of its connections.
    if (log.ours == Side::web_server)
        for (std::size_t i = 0, line = 0; i < result.size(); line += result[i++].num_records)
            if (lines[line].connection != lines.back().connection) result[i].weight -= 1;
    return result;
}

}  // namespace

std::string TraceLine::print() const { return !said ? "# " + text : connection + (from == Side::web_server ? "> " : "< ") + text; }

bool ConversationLog::full() const noexcept { return lines.size() >= num_trace_lines_max || size >= trace_size_max; }

bool ConversationLog::keeps(Side from, const Judgement& judgement) const {
    const auto is_first = [&](const Accusation& accusation) { return !accused.contains(accusation.requirement); };
    return !full() || (from != ours && std::any_of(judgement.accusations.begin(), judgement.accusations.end(), is_first));
}

void ConversationLog::add(TraceLine line, bool keep) {
    if (!keep) {
        ++num_left_out;
        return;
    }
    size += line.text.size();
    lines.push_back(std::move(line));
}

void ConversationLog::add_comment(std::string text) {
    constexpr int weight = 3;  // as of what is said rarely
    add({.from = ours, .connection = {}, .text = std::move(text), .weight = weight, .said = false}, !full());
}

void ConversationLog::add(const Accusation& accusation) {
    AccusedLine& entry = accused[accusation.requirement];
    if (entry.count++ > 0) return;
    entry.accusation = accusation;
    entry.line = lines.size() - 1;
}

Excerpt ConversationLog::around(std::size_t line, bool mark) const {
    Excerpt all = told(std::span(lines).first(std::min(line + 1, lines.size())), *this);
    if (all.empty()) return all;
    all.back().weight = weight_of_subject;
    if (mark && line < lines.size()) all.back().text.insert(0, offending_mark);
    return most_telling(std::move(all), num_lines_around);
}

void ConversationLog::add(RawPiece piece) {
    constexpr std::size_t own_size = 64;  // about what a piece takes beside its bytes
    if (raw.cut) return;
    const std::size_t room = evidence_size_max - std::min(evidence_size_max, raw_size + own_size);
    raw.cut = piece.bytes.size() > room || room == 0;
    if (room == 0) return;
    if (raw.cut) piece.bytes.resize(room);
    raw_size += piece.bytes.size() + own_size;
    const bool goes_on = !raw.pieces.empty() && raw.pieces.back().from == piece.from && raw.pieces.back().connection == piece.connection &&
                         raw.pieces.back().http == piece.http && raw.pieces.back().end.empty() && piece.end.empty();
    if (goes_on) {
        raw.pieces.back().bytes += piece.bytes;
    } else {
        raw.pieces.push_back(std::move(piece));
    }
}

Connection::Connection(std::string name, FileDescriptor socket, ConversationLog& log)
    : name_(std::move(name)), socket_(std::move(socket)), log_(log) {}

void Connection::say(Buffer bytes, const std::vector<std::size_t>& cuts) {
    if (!is_open()) return log_unsent(bytes.size());
    peer_takes_pieces_ = true;
    std::size_t begin = 0;
    for (const std::size_t cut : cuts) {
        if (cut <= begin || cut >= bytes.size()) continue;
        const Bytes piece = Bytes(bytes).subspan(begin, cut - begin);
        writes_.emplace_back(piece.begin(), piece.end());
        begin = cut;
    }
    const Bytes rest = Bytes(bytes).subspan(begin);
    if (begin > 0 && !rest.empty()) writes_.emplace_back(rest.begin(), rest.end());
    if (begin == 0 && !rest.empty()) writes_.push_back(std::move(bytes));  // it may be ten MiB
}

bool Connection::write_some() {
    bool any = false;
    while (wants_to_write()) {
        if (std::exchange(cut_pending_, false)) let_piece_be_taken();
        Buffer& first = writes_.front();
        const ssize_t size = ::send(fd(), first.data() + written_, first.size() - written_, MSG_NOSIGNAL);
        if (size < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return any;
            // The peer has closed: what it said before is still to be read, and the end with it.
            std::size_t unsent_size = 0;
            for (const Buffer& each : writes_) unsent_size += each.size();
            log_unsent(unsent_size - written_);
            writes_.clear();
            written_ = 0;
            return true;
        }
        any = true;
        log_ours(Bytes(first).subspan(written_, static_cast<std::size_t>(size)));
        written_ += static_cast<std::size_t>(size);
        if (written_ < first.size()) continue;
        writes_.pop_front();
        written_ = 0;
        cut_pending_ = !writes_.empty();
    }
    if (any && writes_.empty() && std::exchange(half_close_pending_, false)) half_close();
    return any;
}

void Connection::let_piece_be_taken() {
    const auto end = std::chrono::steady_clock::now() + cut_patience;
    while (peer_takes_pieces_ && untaken_size(fd()) > 0) {
        sched_yield();
        peer_takes_pieces_ = std::chrono::steady_clock::now() < end;
    }
}

void Connection::log_unsent(std::size_t size) {
    log_.add_comment(std::to_string(size) + " bytes more could not be sent: the connection had ended");
}

void Connection::log_ours(Bytes written) {
    log_.add(RawPiece{.from = log_.ours, .connection = name_, .end = {}, .bytes = std::string(text_of(written))});
    ours_.read(written, [&](const Record& record) { judge(log_.ours, record); });
}

void Connection::log_theirs(Bytes chunk) {
    const Side theirs = other_side(log_.ours);
    log_.add(RawPiece{.from = theirs, .connection = name_, .end = {}, .bytes = std::string(text_of(chunk))});
    theirs_.read(chunk, [&](const Record& record) {
        if (judge(theirs, record).meaningless) return;
        const std::size_t before = seen_.size;
        seen_.add(record);
        log_.kept_size += seen_.size - before;
    });
}

Judgement Connection::judge(Side from, const Record& record) {
    const bool active = checker_.is_active(record.request_id);
    Judgement judgement = checker_.see_record(from, record);
    const auto style = record.content.size() > trace_text_size_max ? PrintStyle::brief : PrintStyle::exact;
    judge(from, judgement, log_.keeps(from, judgement) ? print(record, style) : std::string{}, weight_of(record, judgement, active, from != log_.ours));
    return judgement;
}

void Connection::judge(Side from, const Judgement& judgement, std::string text, int weight) {
    log_.add(TraceLine{from, name_, std::move(text), weight}, log_.keeps(from, judgement));
    if (from == log_.ours) return;  // what we say wrong we say on purpose
    for (const Accusation& accusation : judgement.accusations) log_.add(accusation);
}

void Connection::end(PeerEnd how) {
    seen_.end = how;
    const Side theirs = other_side(log_.ours);
    log_.add(RawPiece{.from = theirs, .connection = name_, .end = how == PeerEnd::fin ? "close" : "reset", .bytes = {}});
    // A reset may throw away what was sent before it: only after a FIN is it known what the peer did not say.
    const Judgement judgement = how == PeerEnd::fin ? checker_.see_end(theirs, theirs_.missing()) : Judgement{};
    judge(theirs, judgement, how == PeerEnd::fin ? "close" : "reset", weight_of_end);
}

bool Connection::read_some() {
    if (!wants_to_read()) return false;
    std::array<std::uint8_t, 65536> chunk;  // NOLINT: filled by recv
    const ssize_t size = ::recv(fd(), chunk.data(), std::min(read_size_, chunk.size()), 0);
    if (size < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return false;
        if (errno != ECONNRESET && errno != EPIPE && errno != ETIMEDOUT) throw std::system_error(errno, std::generic_category(), "recv");
        end(PeerEnd::reset);
        return true;
    }
    if (size == 0) {
        end(PeerEnd::fin);
        // As a Web server does: some applications wait for it before they serve the next connection.
        if (writes_.empty()) socket_.reset();
        return true;
    }
    log_.received_size += static_cast<std::size_t>(size);
    log_theirs(Bytes(chunk).first(static_cast<std::size_t>(size)));
    return true;
}

void Connection::discard_some() {
    if (!wants_to_read()) return;
    std::array<std::uint8_t, 65536> chunk;  // NOLINT: filled by recv
    const ssize_t size = ::recv(fd(), chunk.data(), chunk.size(), 0);
    if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))) return;
    seen_.end = size == 0 ? PeerEnd::fin : PeerEnd::reset;
    socket_.reset();
}

bool Connection::flooded() const noexcept { return log_.received_size > conversation_size_max || log_.kept_size > conversation_size_max; }

void Connection::end_ours(const std::string& how) {
    log_.add(RawPiece{.from = log_.ours, .connection = name_, .end = how, .bytes = {}});
    judge(log_.ours, checker_.see_end(log_.ours, ours_.missing()), how, weight_of_end);
}

void Connection::half_close() {
    if (!is_open()) return;
    ::shutdown(fd(), SHUT_WR);
    end_ours("half-close");
}

void Connection::close() {
    if (!is_open()) return;
    end_ours("close");
    const std::shared_lock no_process_starts(process_start());
    socket_.reset();
}

void Connection::reset() {
    if (!is_open()) return;
    reset_on_close(fd());
    end_ours("reset");
    const std::shared_lock no_process_starts(process_start());
    socket_.reset();
}

}  // namespace fcgispec

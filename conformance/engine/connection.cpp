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
constexpr std::size_t told_unsent_size_max = 65536;  // more is told by its size
constexpr std::chrono::milliseconds cut_patience{20};  // with a peer that doesn't take the piece before a cut, once a group

}  // namespace

Connection::Connection(std::string name, FileDescriptor socket, ConversationLog& log)
    : name_(std::move(name)), socket_(std::move(socket)), log_(log) {}

void Connection::say(Buffer bytes, const std::vector<std::size_t>& cuts) {
    if (!is_open()) return log_unsent(bytes);
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
            Buffer unsent(first.begin() + static_cast<std::ptrdiff_t>(written_), first.end());
            for (std::size_t i = 1; i < writes_.size(); ++i) append(unsent, writes_[i]);
            log_unsent(unsent);
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

void Connection::log_unsent(Bytes bytes) {
    log_.add_comment("not sent, for the connection had ended: " + (ours_.missing() > 0 || bytes.size() > told_unsent_size_max ? std::to_string(bytes.size()) + " bytes" : log_.told(bytes)));
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
    const Circumstances circumstances{.active = checker_.is_active(record.request_id), .aborted = checker_.is_aborted(record.request_id), .by_peer = from != log_.ours};
    Judgement judgement = checker_.see_record(from, record);
    const auto style = record.content.size() > trace_text_size_max ? PrintStyle::brief : PrintStyle::exact;
    judge(from, judgement, log_.keeps(from, judgement) ? print(record, style) : std::string{}, weight_of(record, judgement, circumstances));
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
    const int weight = checker_.num_active() > 0 ? weight::of_the_rare : weight::of_the_usual;
    const Judgement judgement = how == PeerEnd::fin ? checker_.see_end(theirs, theirs_.missing()) : Judgement{};
    judge(theirs, judgement, how == PeerEnd::fin ? "close" : "reset", weight);
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
    judge(log_.ours, checker_.see_end(log_.ours, ours_.missing()), how, weight::of_the_usual);
}

void Connection::half_close() {
    if (!is_open() || seen_.end == PeerEnd::reset) return;
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

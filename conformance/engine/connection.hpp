// One transport connection of a conversation: writes what it is given in the cuts it is given, reads what comes, and
// keeps both as records, seen by the checker.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "codec/record_reader.hpp"
#include "conformance/engine/checker.hpp"
#include "conformance/engine/conversation_log.hpp"
#include "conformance/engine/observation.hpp"
#include "conformance/engine/transport.hpp"

namespace fcgispec {

/// What is received in one conversation, on all its connections, before it is a flood; so much is kept at most.
inline constexpr std::size_t conversation_size_max = std::size_t{12} << 20;  // answers of 10 MiB fit

/// Puts the records of one direction together; at most one record's bytes are held.
class RecordAssembler {
public:
    /// Calls `sink(const Record&)` for each record that `chunk` completes. The record's views end with the call.
    template <class Sink>
    void read(Bytes chunk, Sink&& sink) {
        while (const auto event = reader_.next(chunk)) {
            if (event->kind == RecordEvent::Kind::header) {
                content_.clear();
                padding_.clear();
            } else if (event->kind == RecordEvent::Kind::content) {
                append(content_, event->bytes);
            } else if (event->kind == RecordEvent::Kind::padding) {
                append(padding_, event->bytes);
            } else {
                const RecordHeader& header = event->header;
                sink(Record{header.version, header.type, header.request_id, header.reserved, content_, padding_});
            }
        }
    }
    [[nodiscard]] std::size_t missing() const noexcept { return reader_.missing(); }

private:
    RecordReader reader_;
    Buffer content_;
    Buffer padding_;
};

class Connection {
public:
    Connection(std::string name, FileDescriptor socket, ConversationLog& log);

    /// Appends to what is to be written; each of `cuts`, ascending offsets into `bytes`, ends a write.
    void say(Buffer bytes, const std::vector<std::size_t>& cuts);
    /// Writes what the system takes. Returns whether anything was written.
    bool write_some();
    /// Reads what is there, once. Returns whether anything came, the end included.
    bool read_some();
    /// Reads what is there, once, and forgets it; the end is noticed.
    void discard_some();

    void half_close();
    /// Once all that was said is written.
    void half_close_when_written() noexcept { half_close_pending_ = true; }
    void close();
    void reset();
    void set_read_size(std::size_t size) noexcept { read_size_ = size; }

    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(socket_); }
    [[nodiscard]] bool wants_to_write() const noexcept { return is_open() && !writes_.empty(); }
    [[nodiscard]] bool wants_to_read() const noexcept { return is_open() && seen_.end == PeerEnd::open; }
    [[nodiscard]] const ConnectionSeen& seen() const noexcept { return seen_; }
    /// All that was seen, for good: call it last.
    [[nodiscard]] ConnectionSeen take_seen() noexcept { return std::move(seen_); }
    /// More came than conversation_size_max, or what is kept of it takes more, on all connections of the conversation.
    [[nodiscard]] bool flooded() const noexcept;

private:
    /// So that the pieces arrive as pieces; a peer that doesn't read now gets them together.
    void let_piece_be_taken();
    /// What the peer doesn't get, because it has ended the connection, doesn't show in the records.
    void log_unsent(Bytes bytes);
    void log_ours(Bytes written);
    void log_theirs(Bytes chunk);
    Judgement judge(Side from, const Record& record);
    void judge(Side from, const Judgement& judgement, std::string text, int weight);
    void end(PeerEnd how);
    void end_ours(const std::string& how);

    std::string name_;
    FileDescriptor socket_;
    ConversationLog& log_;
    LifecycleChecker checker_;
    RecordAssembler ours_;
    RecordAssembler theirs_;
    std::deque<Buffer> writes_;  // each a write of its own
    std::size_t written_ = 0;    // of the first
    bool half_close_pending_ = false;
    bool cut_pending_ = false;   // the write before ended in a cut: let the peer take it first
    bool peer_takes_pieces_ = true;  // of this group: else we don't wait for it again
    ConnectionSeen seen_;
    std::size_t read_size_ = 65536;
};

}  // namespace fcgispec

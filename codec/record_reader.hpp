// Reads records from bytes that arrive in any chunks [§3.3]. Keeps eight bytes of state for the header, copies no
// content, allocates nothing; however the bytes are cut, the same events come, save that content and padding come in
// as many pieces as they arrived in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "codec/record.hpp"

namespace fcgispec {

/// What the reader came upon. `bytes` are a view into the chunk it was given.
struct RecordEvent {
    enum class Kind : std::uint8_t {
        header,   ///< a record begins: `header` is complete, `bytes` is empty
        content,  ///< the next piece of its content, at least one byte
        padding,  ///< the next piece of its padding, at least one byte
        end,      ///< the record is complete, `bytes` is empty
    };
    Kind kind{};
    std::uint64_t offset = 0;  ///< of the event's first byte (`end`: of the byte after the record), from the first byte
    RecordHeader header;       ///< of the record that the event belongs to
    Bytes bytes;
};

class RecordReader {
public:
    /// Takes the next event from `in` and moves `in` past what it used; nothing when `in` is used up. Call it again
    /// until then, after that with the next chunk. There is no failure.
    [[nodiscard]] std::optional<RecordEvent> next(Bytes& in) noexcept;

    /// Whether the bytes so far end between two records (so that a connection may be closed here).
    [[nodiscard]] bool between_records() const noexcept;
    /// How many bytes the record that has begun still lacks at least; 0 between two records.
    [[nodiscard]] std::size_t missing() const noexcept;
    /// Number of bytes read so far.
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

private:
    std::array<std::uint8_t, header_size> header_bytes_{};
    std::size_t num_header_bytes_ = 0;  // header_size: the header is complete and a record is open
    RecordHeader header_;
    std::size_t content_left_ = 0;
    std::size_t padding_left_ = 0;
    std::uint64_t offset_ = 0;
};

}  // namespace fcgispec

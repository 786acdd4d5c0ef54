// What the fuzz targets share. A target is one function that is given bytes and stops the program where the property
// that its file opens with doesn't hold.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "codec/name_value_pair.hpp"
#include "codec/record.hpp"
#include "codec/record_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fcgispec::fuzz {

/// Stops the program where `holds` is false; `property` says what it was.
inline void require(bool holds, const char* property) {
    if (holds) return;
    std::fprintf(stderr, "broken property: %s\n", property);
    std::abort();
}

/// Everything that a reader (RecordReader, PairReader) finds, as bytes to compare; pieces of one content are joined.
template <typename Reader>
class Trace {
public:
    void feed(Bytes chunk) {
        while (const auto event = reader_.next(chunk)) note(*event);
    }
    [[nodiscard]] bool operator==(const Trace& other) const {
        return bytes_ == other.bytes_ && reader_.offset() == other.reader_.offset() &&
               reader_.missing() == other.reader_.missing();
    }

private:
    template <typename Event>
    void note(const Event& event) {
        const auto kind = static_cast<std::uint8_t>(event.kind);
        const bool follows = !event.bytes.empty() && kind == last_kind_ && event.offset == last_end_;
        if (!follows) {
            std::array<std::uint8_t, 1 + sizeof event.offset> head{kind};
            std::memcpy(head.data() + 1, &event.offset, sizeof event.offset);
            append(bytes_, head);
            note_head(event);
        }
        append(bytes_, event.bytes);
        last_kind_ = kind;
        last_end_ = event.offset + event.bytes.size();
    }
    void note_head(const RecordEvent& event) { encode_header(event.header, bytes_); }
    void note_head(const PairEvent& event) {
        bytes_.push_back(static_cast<std::uint8_t>(event.name_form));
        bytes_.push_back(static_cast<std::uint8_t>(event.value_form));
        encode_pair_length(event.name_length, LengthForm::four_bytes, bytes_);
        encode_pair_length(event.value_length, LengthForm::four_bytes, bytes_);
    }

    Reader reader_;
    Buffer bytes_;
    std::uint8_t last_kind_ = 0xff;
    std::uint64_t last_end_ = 0;
};

/// The trace of `in` cut into chunks of 1 to `chunk_size_max` bytes, each at the very end of a heap block, so that a
/// sanitizer stops at an over-read. Where it is cut follows from the bytes themselves: an ordinary stream is an
/// ordinary seed.
template <typename Reader>
Trace<Reader> trace_of_chunks(Bytes in, std::size_t chunk_size_max) {
    Trace<Reader> trace;
    const std::unique_ptr<std::uint8_t[]> block(new std::uint8_t[chunk_size_max]);
    std::uint32_t hash = 2166136261U;  // FNV-1a
    for (const std::uint8_t byte : in) hash = (hash ^ byte) * 16777619U;
    while (!in.empty()) {
        hash = hash * 1664525U + 1013904223U;
        const std::size_t size = std::min(in.size(), 1 + (hash >> 16) % chunk_size_max);
        std::uint8_t* chunk = block.get() + chunk_size_max - size;
        std::copy_n(in.begin(), size, chunk);
        trace.feed({chunk, size});
        in = in.subspan(size);
    }
    return trace;
}

template <typename Reader>
Trace<Reader> trace_of_whole(Bytes in) {
    Trace<Reader> trace;
    trace.feed(in);
    return trace;
}

}  // namespace fcgispec::fuzz

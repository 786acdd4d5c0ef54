// What the tests of the codec share: bytes in heap blocks of exactly their size, so that a sanitizer stops at an
// over-read of one byte, and event logs that do not depend on how the bytes were cut.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "codec/name_value_pair.hpp"
#include "codec/record.hpp"
#include "codec/record_reader.hpp"

namespace fcgispec::test {

/// A copy of bytes in a heap block of exactly their size.
class ExactBytes {
public:
    explicit ExactBytes(Bytes bytes) : block_(new std::uint8_t[bytes.size()]), size_(bytes.size()) {
        std::copy(bytes.begin(), bytes.end(), block_.get());
    }
    [[nodiscard]] Bytes view() const noexcept { return {block_.get(), size_}; }

private:
    std::unique_ptr<std::uint8_t[]> block_;
    std::size_t size_;
};

inline std::string hex(Bytes bytes) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string result;
    result.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) result += {digits[byte >> 4], digits[byte & 0xf]};
    return result;
}

/// The bytes of pairs of hexadecimal digits; blanks between them are left out.
inline Buffer unhex(std::string_view text) {
    Buffer result;
    while (!text.empty()) {
        if (text[0] == ' ') {
            text.remove_prefix(1);
            continue;
        }
        std::uint8_t byte = 0;
        const char* end = text.data() + std::min<std::size_t>(text.size(), 2);
        if (text.size() < 2 || std::from_chars(text.data(), end, byte, 16).ptr != end)
            throw std::invalid_argument("not hexadecimal: " + std::string(text.substr(0, 8)));
        result.push_back(byte);
        text.remove_prefix(2);
    }
    return result;
}

/// Some bytes that differ from their neighbours, so that a wrong offset shows.
inline Buffer patterned(std::size_t size) {
    Buffer result(size);
    for (std::size_t i = 0; i < size; ++i) result[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    return result;
}

inline Buffer operator+(Buffer left, const Buffer& right) {
    append(left, right);
    return left;
}

/// One line per event, pieces of one content (or name, ...) joined where they follow each other without a gap.
class EventLog {
public:
    void add(const RecordEvent& event) {
        const RecordHeader& header = event.header;
        switch (event.kind) {
            case RecordEvent::Kind::header:
                return whole(event.offset, "header version=" + std::to_string(header.version) +
                                               " type=" + std::to_string(static_cast<unsigned>(header.type)) +
                                               " request_id=" + std::to_string(header.request_id) +
                                               " content_length=" + std::to_string(header.content_length) +
                                               " padding_length=" + std::to_string(header.padding_length) +
                                               " reserved=" + std::to_string(header.reserved));
            case RecordEvent::Kind::content:
                return piece(event.offset, "content ", event.bytes);
            case RecordEvent::Kind::padding:
                return piece(event.offset, "padding ", event.bytes);
            case RecordEvent::Kind::end:
                return whole(event.offset, "end");
        }
    }
    void add(const PairEvent& event) {
        const auto form = [](LengthForm of) { return of == LengthForm::one_byte ? "1" : "4"; };
        switch (event.kind) {
            case PairEvent::Kind::lengths:
                return whole(event.offset, "lengths name_length=" + std::to_string(event.name_length) +
                                               " name_form=" + form(event.name_form) +
                                               " value_length=" + std::to_string(event.value_length) +
                                               " value_form=" + form(event.value_form));
            case PairEvent::Kind::name:
                return piece(event.offset, "name ", event.bytes);
            case PairEvent::Kind::value:
                return piece(event.offset, "value ", event.bytes);
            case PairEvent::Kind::end:
                return whole(event.offset, "end");
        }
    }
    void finish(std::uint64_t offset, std::size_t missing) { whole(offset, "missing " + std::to_string(missing)); }
    [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }

private:
    void whole(std::uint64_t offset, const std::string& text) {
        lines_.push_back(std::to_string(offset) + " " + text);
        piece_end_ = 0;
    }
    void piece(std::uint64_t offset, std::string_view kind, Bytes bytes) {
        const bool follows = piece_end_ == offset && offset > 0 && kind == piece_kind_;
        if (!follows) lines_.push_back(std::to_string(offset) + " " + std::string(kind));
        lines_.back() += hex(bytes);
        piece_end_ = offset + bytes.size();
        piece_kind_ = kind;
    }

    std::vector<std::string> lines_;
    std::uint64_t piece_end_ = 0;
    std::string_view piece_kind_;
};

/// The log of what a reader (RecordReader, PairReader) finds in the chunks, each copied to a block of its own size.
template <typename Reader>
std::vector<std::string> log_of(const std::vector<Bytes>& chunks) {
    Reader reader;
    EventLog log;
    for (const Bytes chunk : chunks) {
        const ExactBytes block(chunk);
        Bytes in = block.view();
        while (const auto event = reader.next(in)) log.add(*event);
    }
    log.finish(reader.offset(), reader.missing());
    return log.lines();
}

/// The bytes a chunk each.
inline std::vector<Bytes> each_byte(Bytes bytes) {
    std::vector<Bytes> chunks;
    for (std::size_t i = 0; i < bytes.size(); ++i) chunks.push_back(bytes.subspan(i, 1));
    return chunks;
}

/// The sizes of [§3.3] and [§3.4] at whose edges implementations fail.
inline constexpr std::array<std::size_t, 12> edge_sizes{0, 1, 7, 8, 126, 127, 128, 129, 255, 256, 16383, 65535};

}  // namespace fcgispec::test

#include "codec/record.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace fcgispec {
namespace {

// The table of [§A], indexed by type - 1.
constexpr std::array<TypeProperties, type_max> type_table{{
    {"FCGI_BEGIN_REQUEST", true, false, false},
    {"FCGI_ABORT_REQUEST", true, false, false},
    {"FCGI_END_REQUEST", false, false, false},
    {"FCGI_PARAMS", true, false, true},
    {"FCGI_STDIN", true, false, true},
    {"FCGI_STDOUT", false, false, true},
    {"FCGI_STDERR", false, false, true},
    {"FCGI_DATA", true, false, true},
    {"FCGI_GET_VALUES", true, true, false},
    {"FCGI_GET_VALUES_RESULT", false, true, false},
    {"FCGI_UNKNOWN_TYPE", false, true, false},
}};

constexpr std::uint8_t high_byte(std::uint16_t number) {
    return static_cast<std::uint8_t>(number >> 8);
}
constexpr std::uint8_t low_byte(std::uint16_t number) {
    return static_cast<std::uint8_t>(number & 0xff);
}

}  // namespace

const TypeProperties* properties_of(RecordType type) noexcept {
    const auto number = static_cast<std::uint8_t>(type);
    return number >= 1 && number <= type_max ? &type_table[number - 1U] : nullptr;
}

std::optional<RecordType> type_named(std::string_view name) noexcept {
    const auto found = std::find_if(type_table.begin(), type_table.end(),
                                    [&](const TypeProperties& properties) { return properties.name == name; });
    if (found == type_table.end()) return std::nullopt;
    return static_cast<RecordType>(found - type_table.begin() + 1);
}

RecordHeader decode_header(std::span<const std::uint8_t, header_size> in) noexcept {
    return {.version = in[0],
            .type = static_cast<RecordType>(in[1]),
            .request_id = static_cast<std::uint16_t>(in[2] << 8 | in[3]),
            .content_length = static_cast<std::uint16_t>(in[4] << 8 | in[5]),
            .padding_length = in[6],
            .reserved = in[7]};
}

void encode_header(const RecordHeader& header, Buffer& out) {
    const std::array<std::uint8_t, header_size> bytes{header.version,
                                                      static_cast<std::uint8_t>(header.type),
                                                      high_byte(header.request_id),
                                                      low_byte(header.request_id),
                                                      high_byte(header.content_length),
                                                      low_byte(header.content_length),
                                                      header.padding_length,
                                                      header.reserved};
    append(out, bytes);
}

DecodedRecord decode_record(Bytes in) noexcept {
    if (in.size() < header_size) return {.missing = header_size - in.size()};
    const RecordHeader header = decode_header(in.first<header_size>());
    if (in.size() < header.record_size()) return {.missing = header.record_size() - in.size()};
    return {.record = Record{.version = header.version,
                             .type = header.type,
                             .request_id = header.request_id,
                             .reserved = header.reserved,
                             .content = in.subspan(header_size, header.content_length),
                             .padding = in.subspan(header_size + header.content_length, header.padding_length)},
            .consumed = header.record_size()};
}

void encode_record(const Record& record, Buffer& out) {
    assert(record.content.size() <= content_size_max);
    assert(record.padding.size() <= padding_size_max);
    encode_header({.version = record.version,
                   .type = record.type,
                   .request_id = record.request_id,
                   .content_length = static_cast<std::uint16_t>(record.content.size()),
                   .padding_length = static_cast<std::uint8_t>(record.padding.size()),
                   .reserved = record.reserved},
                  out);
    append(out, record.content);
    append(out, record.padding);
}

void encode_stream(RecordType type, std::uint16_t request_id, Bytes content, Buffer& out) {
    while (!content.empty()) {
        const Bytes piece = content.first(std::min(content.size(), content_size_max));
        encode_record({.type = type, .request_id = request_id, .content = piece, .padding = {}}, out);
        content = content.subspan(piece.size());
    }
}

}  // namespace fcgispec

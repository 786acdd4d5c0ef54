// Records, their eight-byte header, and the table of their types [§3.3, §8, §A]. Bytes <-> values: nothing here does
// input or output, keeps state, or judges; a value holds what the wire holds, legal or not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace fcgispec {

/// Bytes that somebody else owns.
using Bytes = std::span<const std::uint8_t>;
/// Bytes of one's own.
using Buffer = std::vector<std::uint8_t>;

/// The bytes of `text`, which must outlive the result.
[[nodiscard]] inline Bytes bytes_of(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
/// The characters of `bytes`, which must outlive the result.
[[nodiscard]] inline std::string_view text_of(Bytes bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline void append(Buffer& out, Bytes bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

inline constexpr std::size_t header_size = 8;           // FCGI_HEADER_LEN [§8]
inline constexpr std::size_t content_size_max = 65535;  // contentLengthB1, contentLengthB0 [§3.3]
inline constexpr std::size_t padding_size_max = 255;    // paddingLength [§3.3]
inline constexpr std::uint8_t version_1 = 1;            // FCGI_VERSION_1 [§8]
inline constexpr std::uint16_t null_request_id = 0;     // FCGI_NULL_REQUEST_ID [§8]

/// [§8]. `std_in` and its like are spelled so because the bare names are C macros. Any other value may come from the
/// wire: an enumerator's absence is no error here.
enum class RecordType : std::uint8_t {
    begin_request = 1,
    abort_request = 2,
    end_request = 3,
    params = 4,
    std_in = 5,
    std_out = 6,
    std_err = 7,
    data = 8,
    get_values = 9,
    get_values_result = 10,
    unknown_type = 11,
};
inline constexpr std::uint8_t type_max = 11;  // FCGI_MAXTYPE [§8]

/// What the table of [§A] says of a record type.
struct TypeProperties {
    std::string_view name;  ///< as in [§8]: "FCGI_BEGIN_REQUEST"
    bool to_application;    ///< only the Web server sends it; else only the application does
    bool management;        ///< carries the null request id; else a nonzero one
    bool stream;            ///< part of a stream; else discrete
};
/// The properties of `type`, or nothing where the specification defines no such type.
[[nodiscard]] const TypeProperties* properties_of(RecordType type) noexcept;
/// The type of that name ("FCGI_STDIN"), or nothing.
[[nodiscard]] std::optional<RecordType> type_named(std::string_view name) noexcept;

/// The fixed part of a record [§3.3]: what the wire holds, legal or not.
struct RecordHeader {
    std::uint8_t version = version_1;
    RecordType type{};
    std::uint16_t request_id = null_request_id;
    std::uint16_t content_length = 0;  // in bytes
    std::uint8_t padding_length = 0;   // in bytes
    std::uint8_t reserved = 0;

    bool operator==(const RecordHeader&) const = default;
    /// Size in bytes of the whole record: header, content and padding.
    [[nodiscard]] std::size_t record_size() const noexcept { return header_size + content_length + padding_length; }
};
/// Reads the first `header_size` bytes of `in`, which must be there. Every eight bytes are a header.
[[nodiscard]] RecordHeader decode_header(std::span<const std::uint8_t, header_size> in) noexcept;
/// Appends the eight bytes of `header` to `out`.
void encode_header(const RecordHeader& header, Buffer& out);

/// One record [§3.3]. `content` and `padding` are views into the input; values are what the wire holds, legal or not.
struct Record {
    std::uint8_t version = version_1;
    RecordType type{};
    std::uint16_t request_id = null_request_id;
    std::uint8_t reserved = 0;
    Bytes content = {};  // at most content_size_max
    Bytes padding = {};  // at most padding_size_max
};
/// A record and the bytes it used, or how many bytes are missing at least.
struct DecodedRecord {
    std::optional<Record> record = std::nullopt;
    std::size_t consumed = 0;
    std::size_t missing = 0;
};
/// Takes the first record of `in`. There is no failure: every 8-byte header frames itself [§3.3].
[[nodiscard]] DecodedRecord decode_record(Bytes in) noexcept;
/// Appends `record` to `out`. Longer content or padding than a record can hold is a misuse (assertion).
void encode_record(const Record& record, Buffer& out);
/// Appends the stream value `content` as records of at most `content_size_max` bytes, none of them empty [§3.3].
void encode_stream(RecordType type, std::uint16_t request_id, Bytes content, Buffer& out);

}  // namespace fcgispec

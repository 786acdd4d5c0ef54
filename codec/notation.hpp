// The notation of [§3.3] and [§B], {FCGI_STDIN, 1, "abc"}: its values, its parser and its printer. For every byte
// string, legal or not, parsing what was printed gives the same bytes: what no record can say is written `raw` in hex.
// Scripts are made of it, and of more: what belongs to a script alone is read elsewhere, with the same scanner.
//
//   line      = record | "raw" { hex-byte | text }
//   record    = "{" type "," number [ "," content ] { "," field "=" value } "}"
//   type      = name of [§8] | number
//   content   = text | "{" number { "," number } [ "," "reserved" "=" text ] "}" | "[" { pair } [ "..." ] "]" | "*"
//   pair      = [ "long" ] text-or-name "=" [ "long" ] ( text | number ) | word
//   field     = "version" | "length" | "padding" | "reserved"
//   text      = factor { "+" factor }
//   factor    = string [ "*" number ] | "random" "(" number ")"
//   string    = '"' ... '"' with \r \n \t \" \\ \ooo (octal), and \(N) or \(N*16), a number or a product of two
//               in decimal digits; "..." at either end leaves that end open
//   number    = decimal | "0x" hex | a name of [§8] where one fits | "*" (any) | a table name
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "codec/name_value_pair.hpp"
#include "codec/record.hpp"

namespace fcgispec {

/// A number, or any number (`*`).
using NumberPattern = std::optional<std::uint32_t>;

/// A byte string, whose ends may be open: "...one", "hel...". Nothing but "..." is any string (`*`).
struct TextPattern {
    std::string text;
    bool open_start = false;
    bool open_end = false;
    bool operator==(const TextPattern&) const = default;
    [[nodiscard]] bool exact() const noexcept { return !open_start && !open_end; }
};

/// NAME="value", or a lone word, which only a script gives a meaning.
struct PairPattern {
    std::string name;
    std::optional<TextPattern> value;  ///< nothing: a lone word
    LengthForm name_form{};
    LengthForm value_form{};
    bool operator==(const PairPattern&) const = default;
};
/// [A="1" B="2" ...]; open: further pairs may be there.
struct PairsPattern {
    std::vector<PairPattern> pairs;
    bool open = false;
    bool operator==(const PairsPattern&) const = default;
};
/// {FCGI_RESPONDER, FCGI_KEEP_CONN}: the fields of a fixed body that have a meaning, and its reserved bytes where they
/// are told: {0, FCGI_REQUEST_COMPLETE, reserved="abc"}.
struct BodyPattern {
    std::vector<NumberPattern> fields;
    std::optional<std::string> reserved;  ///< all of them; nothing: zeros. An expectation doesn't compare them
    bool operator==(const BodyPattern&) const = default;
};

/// A record as it is written, for sending where everything in it is exact, for expecting in any case.
struct RecordPattern {
    RecordType type{};
    NumberPattern request_id = null_request_id;
    std::variant<TextPattern, BodyPattern, PairsPattern> content;
    std::uint8_t version = version_1;
    std::uint8_t reserved = 0;
    std::string padding;                          // at most padding_size_max bytes
    std::optional<std::uint16_t> content_length;  ///< said in the header instead of the true one
    bool operator==(const RecordPattern&) const = default;
};
/// Bytes that no record notation says.
struct RawBytes {
    std::string bytes;
    bool operator==(const RawBytes&) const = default;
};
using NotationLine = std::variant<RecordPattern, RawBytes>;

/// Text that can't be read: what was expected, and where (offset in bytes into the text).
struct NotationError : std::runtime_error {
    NotationError(std::size_t offset_in, const std::string& what) : std::runtime_error(what), offset(offset_in) {}
    std::size_t offset;
};

/// What table names and random(N) stand for.
struct NotationContext {
    std::map<std::string, std::uint32_t, std::less<>> numbers;
    std::uint64_t seed = 1;
    /// `*` and random(N) write much in few characters: so many bytes at most in all that one scanner reads.
    std::size_t written_size_max = std::size_t{256} << 20;
    /// Of each of them at most so many bytes are made: who only wants to know whether a text can be read needs no more
    /// than one too many for a record. What counts for written_size_max is what they say.
    std::size_t made_size_max = SIZE_MAX;
};

/// The `size` bytes that random(size) stands for with this seed.
[[nodiscard]] std::string random_bytes(std::size_t size, std::uint64_t seed);

/// Reads notation from a text, token by token. Lines end at '\n' save within brackets; '#' begins a comment. Every
/// reading member throws NotationError. The text must outlive the scanner.
class NotationScanner {
public:
    explicit NotationScanner(std::string_view text, const NotationContext& context = {});

    [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
    [[nodiscard]] bool abridged() const noexcept { return abridged_; }  ///< made_size_max cut something short
    [[nodiscard]] bool at_end();                                        ///< nothing is left but blanks and comments
    [[nodiscard]] bool at_line_end();                 ///< nothing is left on this line but blanks and a comment
    void next_line();                                 ///< past the end of this line, which must be reached
    std::string_view rest_of_line();                  ///< what is left of this line, comments included, blanks trimmed
    [[nodiscard]] bool sees(std::string_view token);  ///< whether `token`, a sign or a whole word, is next
    bool accept(std::string_view token);              ///< takes it if it is next
    void expect(std::string_view token);
    std::string_view word(std::string_view what);   ///< letters, digits, `_ - . / $`; `what` for the error message
    std::string_view token(std::string_view what);  ///< anything up to the next blank
    std::uint32_t number(std::uint32_t max);        ///< decimal, hexadecimal or a table name
    NumberPattern number_or_any(std::uint32_t max);
    std::string bytes();  ///< a text whose ends are not open
    TextPattern text();
    PairsPattern pairs();
    RecordPattern record();
    RawBytes raw();                                       ///< what follows `raw`
    NotationLine line();                                  ///< a record or `raw ...`
    [[noreturn]] void fail(const std::string& expected);  ///< here

private:
    void skip_blank();
    std::size_t size_to_make(std::uint64_t written_size);
    TextPattern factor();
    TextPattern string();
    char escape();
    PairPattern pair();
    void content(RecordPattern& record);
    void field(RecordPattern& record);
    BodyPattern body(RecordType type);
    NumberPattern body_field(RecordType type, std::size_t index);

    std::string_view text_;
    NotationContext context_;
    std::size_t offset_ = 0;
    std::size_t unwritten_size_;  // what is left of written_size_max
    int depth_ = 0;               // of brackets
    bool abridged_ = false;
};

/// Line and column of an offset, both from 1, and the line itself.
struct TextPosition {
    std::size_t line;
    std::size_t column;
    std::string_view text;
};
[[nodiscard]] TextPosition position_of(std::string_view text, std::size_t offset) noexcept;

/// Appends the bytes of `record`. A stream value longer than a record holds is cut into full ones. Nothing is appended
/// and the reason is returned where it can't be: `*`, an open end, a lone word, a body of the wrong shape; else "".
[[nodiscard]] std::string encode(const RecordPattern& record, Buffer& out);

/// The content of `record` where it is exact; nothing otherwise.
[[nodiscard]] std::optional<std::string> content_of(const RecordPattern& record);

struct ParsedNotation {
    Buffer bytes;
    std::optional<NotationError> error;  ///< `bytes` holds what came before it
};
/// The bytes that a text of records and raw lines stands for.
[[nodiscard]] ParsedNotation parse_notation(std::string_view text, const NotationContext& context = {});

/// How much of long contents is printed.
enum class PrintStyle : std::uint8_t {
    exact,  ///< all
    brief,  ///< the first bytes and "...": for people, not to be parsed
};
/// One record, without a newline.
[[nodiscard]] std::string print(const Record& record, PrintStyle style = PrintStyle::exact);
/// As it would be written, without a newline.
[[nodiscard]] std::string print(const RecordPattern& record, PrintStyle style = PrintStyle::exact);
[[nodiscard]] std::string print(const PairsPattern& pairs, PrintStyle style = PrintStyle::exact);
/// A string in quotes, with open ends and long runs of a byte shortened by `*`.
[[nodiscard]] std::string print(const TextPattern& text, PrintStyle style = PrintStyle::exact);
/// All records of `bytes`, a line each; the rest, which is no whole record, as `raw` lines.
[[nodiscard]] std::string print_notation(Bytes bytes);
/// `raw` and the bytes in hex, without a newline.
[[nodiscard]] std::string print_raw(Bytes bytes, PrintStyle style = PrintStyle::exact);

/// "FCGI_STDIN", or the number where the specification defines no such type.
[[nodiscard]] std::string print(RecordType type);

}  // namespace fcgispec

// The scanner and parser of the notation.
#include <algorithm>
#include <array>
#include <charconv>

#include "codec/body.hpp"
#include "codec/notation.hpp"

namespace fcgispec {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool begins_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '$';
}
bool continues_word(char c) {
    return begins_word(c) || c == '-' || c == '.' || c == '/';
}

int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::string random_bytes(std::size_t size, std::uint64_t seed) {
    // SplitMix64: small, fast, the same everywhere. Any prefix of a longer one is a shorter one.
    constexpr std::size_t step = sizeof(std::uint64_t);
    std::string bytes;
    bytes.reserve(size + step);
    while (bytes.size() < size) {
        seed += 0x9e3779b97f4a7c15U;
        std::uint64_t mixed = seed;
        mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
        mixed ^= mixed >> 31;
        std::array<char, step> little_endian{};
        for (std::size_t i = 0; i < step; ++i) little_endian[i] = static_cast<char>(mixed >> 8 * i & 0xffU);
        bytes.append(little_endian.data(), step);
    }
    bytes.resize(size);
    return bytes;
}

TextPosition position_of(std::string_view text, std::size_t offset) noexcept {
    offset = std::min(offset, text.size());
    const auto line =
        static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
    const std::size_t before = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    const std::size_t end = std::min(text.find('\n', offset), text.size());
    return {line + 1, offset - begin + 1, text.substr(begin, end - begin)};
}

NotationScanner::NotationScanner(std::string_view text, const NotationContext& context)
    : text_(text), context_(context), unwritten_size_(context.written_size_max) {}

void NotationScanner::fail(const std::string& expected) {
    throw NotationError(offset_, expected);
}

void NotationScanner::skip_blank() {
    while (offset_ < text_.size()) {
        const char c = text_[offset_];
        if (c == '#') {
            offset_ = std::min(text_.find('\n', offset_), text_.size());
        } else if (c == ' ' || c == '\t' || c == '\r' || (c == '\n' && depth_ > 0)) {
            ++offset_;
        } else {
            return;
        }
    }
}

bool NotationScanner::at_line_end() {
    skip_blank();
    return offset_ == text_.size() || text_[offset_] == '\n';
}

bool NotationScanner::at_end() {
    while (at_line_end()) {
        if (offset_ == text_.size()) return true;
        ++offset_;
    }
    return false;
}

void NotationScanner::next_line() {
    if (!at_line_end()) fail("expected the end of the line");
    if (offset_ < text_.size()) ++offset_;
}

std::string_view NotationScanner::rest_of_line() {
    while (offset_ < text_.size() && (text_[offset_] == ' ' || text_[offset_] == '\t')) ++offset_;
    const std::size_t end = std::min(text_.find('\n', offset_), text_.size());
    std::string_view rest = text_.substr(offset_, end - offset_);
    offset_ = end;
    while (!rest.empty() && (rest.back() == ' ' || rest.back() == '\t' || rest.back() == '\r')) rest.remove_suffix(1);
    return rest;
}

bool NotationScanner::sees(std::string_view token) {
    skip_blank();
    if (!text_.substr(offset_).starts_with(token)) return false;
    const std::size_t after = offset_ + token.size();
    return !begins_word(token.back()) || after == text_.size() || !continues_word(text_[after]);
}

bool NotationScanner::accept(std::string_view token) {
    if (!sees(token)) return false;
    offset_ += token.size();
    return true;
}

void NotationScanner::expect(std::string_view token) {
    if (!accept(token)) fail("expected '" + std::string(token) + "'");
}

std::string_view NotationScanner::word(std::string_view what) {
    skip_blank();
    std::size_t end = offset_;
    while (end < text_.size() && (end == offset_ ? begins_word(text_[end]) : continues_word(text_[end]))) ++end;
    if (end == offset_) fail("expected " + std::string(what));
    const std::string_view found = text_.substr(offset_, end - offset_);
    offset_ = end;
    return found;
}

std::string_view NotationScanner::token(std::string_view what) {
    if (at_line_end()) fail("expected " + std::string(what));
    const std::string_view found = text_.substr(offset_, text_.substr(offset_).find_first_of(" \t\r\n"));
    offset_ += found.size();
    return found;
}

std::uint32_t NotationScanner::number(std::uint32_t max) {
    skip_blank();
    const std::size_t begin = offset_;
    std::uint64_t value = 0;
    if (offset_ < text_.size() && is_digit(text_[offset_])) {
        const bool hex = text_.substr(offset_).starts_with("0x");
        if (hex) offset_ += 2;
        const char* first = text_.data() + offset_;
        const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value, hex ? 16 : 10);
        if (error != std::errc{}) value = std::uint64_t{max} + 1;
        if (end == first) fail("expected hexadecimal digits");
        offset_ += static_cast<std::size_t>(end - first);
    } else {
        const std::string_view name = word("a number");
        const auto found = context_.numbers.find(name);
        if (found == context_.numbers.end()) {
            offset_ = begin;
            fail("expected a number or the name of a table");
        }
        value = found->second;
    }
    if (value > max) {
        offset_ = begin;
        fail("expected a number of at most " + std::to_string(max));
    }
    return static_cast<std::uint32_t>(value);
}

NumberPattern NotationScanner::number_or_any(std::uint32_t max) {
    if (accept("*")) return std::nullopt;
    return number(max);
}

char NotationScanner::escape() {
    // Behind the backslash.
    const char c = offset_ < text_.size() ? text_[offset_] : '\n';
    ++offset_;
    switch (c) {
        case 'r':
            return '\r';
        case 'n':
            return '\n';
        case 't':
            return '\t';
        case '"':
            return '"';
        case '\\':
            return '\\';
        default:
            break;
    }
    --offset_;
    int value = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        const char digit = offset_ + i < text_.size() ? text_[offset_ + i] : '\n';
        if (digit < '0' || digit > '7') fail("expected r n t \" \\ (N) or three octal digits after \\");
        value = value * 8 + (digit - '0');
    }
    if (value > 255) fail("expected an octal value of at most 377");
    offset_ += 3;
    return static_cast<char>(value);
}

TextPattern NotationScanner::string() {
    expect("\"");
    TextPattern result;
    if (text_.substr(offset_).starts_with("...")) {
        result.open_start = true;
        offset_ += 3;
    }
    while (true) {
        if (offset_ == text_.size() || text_[offset_] == '\n') fail("expected '\"' at the end of the string");
        if (text_.substr(offset_).starts_with("...\"")) {
            result.open_end = true;
            offset_ += 4;
            return result;
        }
        const char c = text_[offset_++];
        if (c == '"') return result;
        if (c != '\\') {
            result.text.push_back(c);
        } else if (offset_ < text_.size() && text_[offset_] == '(') {
            ++offset_;
            std::uint64_t value = number(UINT32_MAX);
            if (accept("*")) value *= number(UINT32_MAX);
            result.text += std::to_string(value);
            expect(")");
        } else {
            result.text.push_back(escape());
        }
    }
}

std::size_t NotationScanner::size_to_make(std::uint64_t written_size) {
    if (written_size > unwritten_size_)
        fail("expected '*' and random() to write at most " + std::to_string(context_.written_size_max) +
             " bytes in all");
    const auto size = static_cast<std::size_t>(written_size);
    unwritten_size_ -= size;
    abridged_ = abridged_ || size > context_.made_size_max;
    return std::min(size, context_.made_size_max);
}

TextPattern NotationScanner::factor() {
    if (accept("random(")) {
        const std::size_t size = size_to_make(number(UINT32_MAX));
        expect(")");
        return {.text = random_bytes(size, context_.seed)};
    }
    if (!sees("\"")) fail("expected a string or random(N)");
    TextPattern result = string();
    if (!accept("*")) return result;
    if (!result.exact()) fail("expected no '*' after a string with an open end");
    const std::uint32_t times = number(UINT32_MAX);
    const std::size_t size = size_to_make(result.text.size() * std::uint64_t{times});
    std::string repeated;
    repeated.reserve(size);
    while (repeated.size() < size)
        repeated.append(repeated.empty() ? result.text : repeated, 0, size - repeated.size());
    result.text = std::move(repeated);
    return result;
}

TextPattern NotationScanner::text() {
    if (accept("*")) return {.text = {}, .open_start = true, .open_end = true};
    TextPattern result = factor();
    while (accept("+")) {
        if (result.open_end) fail("expected no '+' after an open end");
        const TextPattern next = factor();
        // "..." alone, which begins like an open start, is an open end behind a '+'.
        const bool dots_alone = next.open_start && next.text.empty();
        if (next.open_start && !dots_alone) fail("expected no '...' within a text");
        result.text += next.text;
        result.open_end = next.open_end || dots_alone;
    }
    // Nothing but "..." is any string, whichever end it was written at.
    if (result.text.empty() && !result.exact()) result.open_start = result.open_end = true;
    return result;
}

std::string NotationScanner::bytes() {
    skip_blank();
    const std::size_t begin = offset_;
    TextPattern result = text();
    if (!result.exact()) {
        offset_ = begin;
        fail("expected a text without '...' or '*'");
    }
    return std::move(result.text);
}

PairPattern NotationScanner::pair() {
    PairPattern result;
    const bool long_name = accept("long");
    if (sees("\"") || sees("random(")) {
        result.name = bytes();
    } else {
        result.name = word("a name, '...' or ']'");
    }
    if (!accept("=")) {
        if (long_name) fail("expected '='");
        return result;
    }
    const bool long_value = accept("long");
    if (sees("\"") || sees("random(") || sees("*")) {
        result.value = text();
    } else {
        result.value = TextPattern{.text = std::to_string(number(UINT32_MAX))};
    }
    result.name_form = long_name ? LengthForm::four_bytes : usual_form(result.name.size());
    result.value_form = long_value ? LengthForm::four_bytes : usual_form(result.value->text.size());
    return result;
}

PairsPattern NotationScanner::pairs() {
    expect("[");
    ++depth_;
    PairsPattern result;
    while (!sees("]")) {
        if (accept("...")) {
            result.open = true;
            if (!sees("]")) fail("expected ']' after '...'");
        } else {
            result.pairs.push_back(pair());
        }
    }
    --depth_;
    expect("]");
    return result;
}

NumberPattern NotationScanner::body_field(RecordType type, std::size_t index) {
    if (accept("*")) return std::nullopt;
    skip_blank();
    const std::size_t begin = offset_;
    if (offset_ < text_.size() && begins_word(text_[offset_]) && !is_digit(text_[offset_])) {
        const std::string_view name = word("a number or a name");
        if (type == RecordType::begin_request && index == 0) {
            if (const auto role = role_named(name)) return static_cast<std::uint32_t>(*role);
        } else if (type == RecordType::begin_request && name == "FCGI_KEEP_CONN") {
            return keep_conn;
        } else if (type == RecordType::end_request && index == 1) {
            if (const auto status = protocol_status_named(name)) return static_cast<std::uint32_t>(*status);
        } else if (type == RecordType::unknown_type) {
            if (const auto named = type_named(name)) return static_cast<std::uint32_t>(*named);
        }
        offset_ = begin;
    }
    const bool first = index == 0;
    const std::uint32_t max = type == RecordType::begin_request ? (first ? 65535U : 255U)
                              : type == RecordType::end_request ? (first ? UINT32_MAX : 255U)
                                                                : 255U;
    return number(max);
}

BodyPattern NotationScanner::body(RecordType type) {
    const std::size_t num_fields = type == RecordType::unknown_type ? 1U : 2U;
    if (type != RecordType::begin_request && type != RecordType::end_request && type != RecordType::unknown_type)
        fail(
            "expected a string: only FCGI_BEGIN_REQUEST, FCGI_END_REQUEST and FCGI_UNKNOWN_TYPE have a body in braces");
    expect("{");
    BodyPattern result;
    for (std::size_t i = 0; i < num_fields; ++i) {
        if (i > 0) expect(",");
        result.fields.push_back(body_field(type, i));
    }
    if (accept(",")) {
        expect("reserved");
        expect("=");
        result.reserved = bytes();
        const std::size_t size = reserved_size_of(type);
        if (result.reserved->size() != size)
            fail("expected " + std::to_string(size) + " reserved bytes: this body has no more and no fewer");
    }
    expect("}");
    return result;
}

void NotationScanner::field(RecordPattern& record) {
    skip_blank();
    const std::size_t begin = offset_;
    const std::string_view name = word("version=, length=, padding= or reserved=");
    expect("=");
    if (name == "version") {
        record.version = static_cast<std::uint8_t>(number(255));
    } else if (name == "length") {
        record.content_length = static_cast<std::uint16_t>(number(content_size_max));
    } else if (name == "reserved") {
        record.reserved = static_cast<std::uint8_t>(number(255));
    } else if (name == "padding") {
        record.padding = sees("\"") || sees("random(") ? bytes() : std::string(number(padding_size_max), '\0');
        if (record.padding.size() > padding_size_max) fail("expected padding of at most 255 bytes");
    } else {
        offset_ = begin;
        fail("expected version=, length=, padding= or reserved=");
    }
}

void NotationScanner::content(RecordPattern& record) {
    if (sees("{")) {
        record.content = body(record.type);
    } else if (sees("[")) {
        record.content = pairs();
    } else {
        record.content = text();
    }
}

RecordPattern NotationScanner::record() {
    expect("{");
    ++depth_;
    RecordPattern result;
    skip_blank();
    if (offset_ < text_.size() && is_digit(text_[offset_])) {
        result.type = static_cast<RecordType>(number(255));
    } else {
        const std::size_t begin = offset_;
        const std::string_view name = word("a record type");
        if (const auto type = type_named(name)) {
            result.type = *type;
        } else {
            offset_ = begin;
            if (!context_.numbers.contains(name))
                fail("expected a record type of the specification, FCGI_..., or its number");
            result.type = static_cast<RecordType>(number(255));
        }
    }
    expect(",");
    result.request_id = number_or_any(65535);
    bool first = true;
    while (accept(",")) {
        if (first && (sees("{") || sees("[") || sees("\"") || sees("*") || sees("random("))) {
            content(result);
        } else {
            field(result);
        }
        first = false;
    }
    --depth_;
    expect("}");
    return result;
}

RawBytes NotationScanner::raw() {
    RawBytes result;
    while (!at_line_end()) {
        if (sees("\"") || sees("random(")) {
            result.bytes += bytes();
            continue;
        }
        const int high = hex_value(text_[offset_]);
        const int low = offset_ + 1 < text_.size() ? hex_value(text_[offset_ + 1]) : -1;
        if (high < 0 || low < 0) fail("expected two hexadecimal digits, a string or random(N)");
        result.bytes.push_back(static_cast<char>(high * 16 + low));
        offset_ += 2;
    }
    return result;
}

NotationLine NotationScanner::line() {
    if (accept("raw")) return raw();
    if (!sees("{")) fail("expected a record, {FCGI_..., or raw");
    return record();
}

ParsedNotation parse_notation(std::string_view text, const NotationContext& context) {
    ParsedNotation result;
    NotationScanner scanner(text, context);
    try {
        while (!scanner.at_end()) {
            const std::size_t begin = scanner.offset();
            const NotationLine line = scanner.line();
            if (const auto* raw = std::get_if<RawBytes>(&line)) {
                append(result.bytes, bytes_of(raw->bytes));
            } else if (const std::string problem = encode(std::get<RecordPattern>(line), result.bytes);
                       !problem.empty()) {
                throw NotationError(begin, problem);
            }
            scanner.next_line();
        }
    } catch (const NotationError& error) {
        result.error = error;
    }
    return result;
}

}  // namespace fcgispec

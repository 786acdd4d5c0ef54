// The printer of the notation, and its way to bytes.
#include <algorithm>
#include <array>

#include "codec/body.hpp"
#include "codec/notation.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t run_size_min = 24;         // shorter runs of a byte are written out
constexpr std::size_t brief_text_size_max = 64;  // of a text in PrintStyle::brief
constexpr std::size_t raw_line_size_max = 32;    // bytes in a `raw` line

/// The characters between the quotes. Three dots at either end would read as an open end: the first one is escaped
/// where the text has them, or where it is but dots that run into those of an open end.
std::string escaped(std::string_view text, bool open_end = false) {
    const bool dots_alone = open_end && text.find_first_not_of('.') == std::string_view::npos;
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\r') {
            result += "\\r";
        } else if (c == '\n') {
            result += "\\n";
        } else if (c == '\t') {
            result += "\\t";
        } else if (c == '"' || c == '\\') {
            result += {'\\', c};
        } else if (byte < 0x20 || byte >= 0x7f || text.substr(i).starts_with("...") || (i == 0 && dots_alone)) {
            const auto octal_digit = [&](unsigned shift) { return static_cast<char>('0' + (byte >> shift & 7U)); };
            result += {'\\', octal_digit(6), octal_digit(3), octal_digit(0)};
        } else {
            result.push_back(c);
        }
    }
    return result;
}

/// Length of the run of one byte that begins at `from`.
std::size_t run_size(std::string_view text, std::size_t from) {
    const std::size_t end = text.find_first_not_of(text[from], from);
    return (end == std::string_view::npos ? text.size() : end) - from;
}

/// The text as factors joined by " + ", long runs of a byte written "x"*N; nothing where that is surely longer than
/// `size_max`, so that a brief print of a huge text doesn't write it all.
std::optional<std::string> factors(const TextPattern& text, std::size_t size_max) {
    std::vector<std::string> parts;
    const std::string_view all = text.text;
    std::size_t begin = 0;
    const auto flush = [&](std::size_t end) {
        const bool open_end = text.open_end && end == all.size();
        if (end > begin) parts.push_back('"' + escaped(all.substr(begin, end - begin), open_end) + '"');
    };
    for (std::size_t i = 0; i < all.size();) {
        if (i - begin > size_max || parts.size() > size_max) return std::nullopt;
        const std::size_t size = run_size(all, i);
        if (size >= run_size_min) {
            flush(i);
            parts.push_back('"' + escaped(all.substr(i, 1)) + "\"*" + std::to_string(size));
            begin = i + size;
        }
        i += size;
    }
    flush(all.size());
    // An open end belongs to a string, and a repeated one has none.
    const auto plain = [](const std::string& part) { return part.back() == '"'; };
    if (parts.empty() || (text.open_start && !plain(parts.front()))) parts.insert(parts.begin(), "\"\"");
    if (text.open_start) parts.front().insert(1, "...");
    if (text.open_end && !plain(parts.back())) parts.emplace_back("\"\"");
    if (text.open_end) parts.back().insert(parts.back().size() - 1, "...");
    std::string result;
    for (const std::string& part : parts) result += (result.empty() ? "" : " + ") + part;
    return result;
}

bool is_plain_name(std::string_view name) {
    const auto is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
    };
    return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && name != "long" && name != "random" &&
           std::all_of(name.begin(), name.end(), is_plain);
}

std::string print(const PairPattern& pair, PrintStyle style) {
    std::string result;
    if (pair.value && pair.name_form != usual_form(pair.name.size())) result += "long ";
    result += is_plain_name(pair.name) ? pair.name : print(TextPattern{.text = pair.name}, style);
    if (!pair.value) return result;
    result += '=';
    if (pair.value_form != usual_form(pair.value->text.size())) result += "long ";
    return result + print(*pair.value, style);
}

std::string print_number(NumberPattern number) {
    return number ? std::to_string(*number) : "*";
}

std::string print_named(NumberPattern number, std::string_view name) {
    return number && !name.empty() ? std::string(name) : print_number(number);
}

std::string print_body(RecordType type, const BodyPattern& body, PrintStyle style) {
    std::string result = "{";
    for (std::size_t i = 0; i < body.fields.size(); ++i) {
        const NumberPattern field = body.fields[i];
        std::string_view name;
        if (field && type == RecordType::begin_request && i == 0 && *field <= 65535)
            name = name_of(static_cast<Role>(*field));
        if (field && type == RecordType::begin_request && i == 1 && *field == keep_conn) name = "FCGI_KEEP_CONN";
        if (field && type == RecordType::end_request && i == 1 && *field <= 255)
            name = name_of(static_cast<ProtocolStatus>(*field));
        if (field && type == RecordType::unknown_type && *field <= 255) {
            const TypeProperties* properties = properties_of(static_cast<RecordType>(*field));
            if (properties != nullptr) name = properties->name;
        }
        result += (i > 0 ? ", " : "") + print_named(field, name);
    }
    if (body.reserved) result += ", reserved=" + print(TextPattern{.text = *body.reserved}, style);
    return result + "}";
}

/// Reserved bytes that tell nothing, zeros, are left out.
std::optional<std::string> telling(Bytes reserved) {
    const bool zeros = std::all_of(reserved.begin(), reserved.end(), [](std::uint8_t byte) { return byte == 0; });
    return zeros ? std::nullopt : std::optional(std::string(text_of(reserved)));
}

/// The body as numbers, where it is one.
std::optional<BodyPattern> body_of(RecordType type, Bytes content) {
    if (type == RecordType::begin_request) {
        if (const auto body = decode_begin_request(content))
            return BodyPattern{{static_cast<std::uint32_t>(body->role), body->flags}, telling(body->reserved)};
    } else if (type == RecordType::end_request) {
        if (const auto body = decode_end_request(content))
            return BodyPattern{{body->app_status, static_cast<std::uint32_t>(body->protocol_status)},
                               telling(body->reserved)};
    } else if (type == RecordType::unknown_type) {
        if (const auto body = decode_unknown_type(content))
            return BodyPattern{{static_cast<std::uint32_t>(body->type)}, telling(body->reserved)};
    }
    return std::nullopt;
}

/// The pairs of a content that is nothing but whole pairs, at least one.
std::optional<PairsPattern> pairs_of(RecordType type, Bytes content) {
    if (type != RecordType::params && type != RecordType::get_values && type != RecordType::get_values_result)
        return std::nullopt;
    PairsPattern result;
    while (!content.empty()) {
        const DecodedPair decoded = decode_pair(content);
        if (!decoded.pair) return std::nullopt;
        result.pairs.push_back({.name = std::string(text_of(decoded.pair->name)),
                                .value = TextPattern{.text = std::string(text_of(decoded.pair->value))},
                                .name_form = decoded.pair->name_form,
                                .value_form = decoded.pair->value_form});
        content = content.subspan(decoded.consumed);
    }
    if (result.pairs.empty()) return std::nullopt;
    return result;
}

/// The record as a pattern, in the most telling form that gives the same bytes again.
RecordPattern pattern_of(const Record& record) {
    RecordPattern result{.type = record.type,
                         .request_id = record.request_id,
                         .content = {},
                         .version = record.version,
                         .reserved = record.reserved,
                         .padding = std::string(text_of(record.padding)),
                         .content_length = std::nullopt};
    if (auto body = body_of(record.type, record.content)) {
        result.content = std::move(*body);
    } else if (auto pairs = pairs_of(record.type, record.content)) {
        result.content = std::move(*pairs);
    } else {
        result.content = TextPattern{.text = std::string(text_of(record.content))};
    }
    return result;
}

std::optional<std::string> content_of_body(RecordType type, const BodyPattern& body) {
    for (const NumberPattern field : body.fields)
        if (!field) return std::nullopt;
    std::array<std::uint8_t, body_size> bytes{};
    if (type == RecordType::begin_request && body.fields.size() == 2) {
        bytes = encode(BeginRequestBody{.role = static_cast<Role>(*body.fields[0]),
                                        .flags = static_cast<std::uint8_t>(*body.fields[1])});
    } else if (type == RecordType::end_request && body.fields.size() == 2) {
        bytes = encode(EndRequestBody{.app_status = *body.fields[0],
                                      .protocol_status = static_cast<ProtocolStatus>(*body.fields[1])});
    } else if (type == RecordType::unknown_type && body.fields.size() == 1) {
        bytes = encode(UnknownTypeBody{.type = static_cast<RecordType>(*body.fields[0])});
    } else {
        return std::nullopt;
    }
    std::string content(text_of(bytes));
    if (!body.reserved) return content;
    if (body.reserved->size() != reserved_size_of(type)) return std::nullopt;
    return content.replace(content.size() - body.reserved->size(), body.reserved->size(), *body.reserved);
}

std::optional<std::string> content_of_pairs(const PairsPattern& pairs) {
    if (pairs.open) return std::nullopt;
    Buffer bytes;
    for (const PairPattern& pair : pairs.pairs) {
        if (!pair.value || !pair.value->exact()) return std::nullopt;
        encode_pair({.name = bytes_of(pair.name),
                     .value = bytes_of(pair.value->text),
                     .name_form = pair.name_form,
                     .value_form = pair.value_form},
                    bytes);
    }
    return std::string(text_of(bytes));
}

}  // namespace

std::optional<std::string> content_of(const RecordPattern& record) {
    if (const auto* text = std::get_if<TextPattern>(&record.content))
        return text->exact() ? std::optional(text->text) : std::nullopt;
    if (const auto* body = std::get_if<BodyPattern>(&record.content)) return content_of_body(record.type, *body);
    return content_of_pairs(std::get<PairsPattern>(record.content));
}

std::string encode(const RecordPattern& record, Buffer& out) {
    // A text is taken where it stands: it may have many MiB.
    const auto* text = std::get_if<TextPattern>(&record.content);
    const std::optional<std::string> made = text == nullptr ? content_of(record) : std::nullopt;
    const bool is_open = text != nullptr ? !text->exact() : !made.has_value();
    if (is_open || !record.request_id)
        return "this record has parts left open (* or ... or a lone word): it can be expected, not sent";
    const auto request_id = static_cast<std::uint16_t>(*record.request_id);
    const Bytes content = bytes_of(text != nullptr ? text->text : *made);
    if (content.size() > content_size_max) {
        const TypeProperties* properties = properties_of(record.type);
        if (properties == nullptr || !properties->stream || record.content_length || !record.padding.empty() ||
            record.version != version_1 || record.reserved != 0)
            return "a content of more than 65535 bytes is cut into records only on a plain stream";
        out.reserve(out.size() + content.size() + (content.size() / content_size_max + 1) * header_size);
        encode_stream(record.type, request_id, content, out);
        return {};
    }
    encode_header({.version = record.version,
                   .type = record.type,
                   .request_id = request_id,
                   .content_length = record.content_length.value_or(static_cast<std::uint16_t>(content.size())),
                   .padding_length = static_cast<std::uint8_t>(record.padding.size()),
                   .reserved = record.reserved},
                  out);
    append(out, content);
    append(out, bytes_of(record.padding));
    return {};
}

std::string print(RecordType type) {
    const TypeProperties* properties = properties_of(type);
    return properties != nullptr ? std::string(properties->name) : std::to_string(static_cast<unsigned>(type));
}

std::string print(const TextPattern& text, PrintStyle style) {
    if (text.text.empty() && text.open_start && text.open_end) return "*";
    const std::size_t size_max = style == PrintStyle::exact ? std::string::npos : brief_text_size_max + 2;
    const std::optional<std::string> all = factors(text, size_max);
    if (all && all->size() <= size_max) return *all;
    const std::string head = escaped(std::string_view(text.text).substr(0, brief_text_size_max));
    return (text.open_start ? "\"..." : "\"") + head + "...\" (" + std::to_string(text.text.size()) + " bytes)";
}

std::string print(const PairsPattern& pairs, PrintStyle style) {
    std::string result = "[";
    for (const PairPattern& pair : pairs.pairs) result += (result.size() > 1 ? " " : "") + print(pair, style);
    if (pairs.open) result += result.size() > 1 ? " ..." : "...";
    return result + "]";
}

std::string print(const RecordPattern& record, PrintStyle style) {
    std::string result = "{" + print(record.type) + ", " + print_number(record.request_id);
    if (const auto* body = std::get_if<BodyPattern>(&record.content)) {
        result += ", " + print_body(record.type, *body, style);
    } else if (const auto* pairs = std::get_if<PairsPattern>(&record.content)) {
        result += ", " + print(*pairs, style);
    } else {
        const auto& text = std::get<TextPattern>(record.content);
        // [§5.4] writes {FCGI_ABORT_REQUEST, R}.
        if (record.type != RecordType::abort_request || text != TextPattern{}) result += ", " + print(text, style);
    }
    if (record.version != version_1) result += ", version=" + std::to_string(record.version);
    if (record.content_length) result += ", length=" + std::to_string(*record.content_length);
    if (record.reserved != 0) result += ", reserved=" + std::to_string(record.reserved);
    if (!record.padding.empty()) {
        const bool zeros = record.padding.find_first_not_of('\0') == std::string::npos;
        result += ", padding=" +
                  (zeros ? std::to_string(record.padding.size()) : print(TextPattern{.text = record.padding}, style));
    }
    return result + "}";
}

std::string print(const Record& record, PrintStyle style) {
    return print(pattern_of(record), style);
}

std::string print_raw(Bytes bytes, PrintStyle style) {
    static constexpr std::string_view digits = "0123456789abcdef";
    const bool brief = style == PrintStyle::brief && bytes.size() > raw_line_size_max;
    std::string result = "raw";
    for (const std::uint8_t byte : brief ? bytes.first(raw_line_size_max) : bytes)
        result += {' ', digits[byte >> 4], digits[byte & 0xf]};
    if (brief) result += " ... (" + std::to_string(bytes.size()) + " bytes)";
    return result;
}

std::string print_notation(Bytes bytes) {
    std::string result;
    while (true) {
        const DecodedRecord decoded = decode_record(bytes);
        if (!decoded.record) break;
        result += print(*decoded.record) + "\n";
        bytes = bytes.subspan(decoded.consumed);
    }
    while (!bytes.empty()) {
        const Bytes line = bytes.first(std::min(bytes.size(), raw_line_size_max));
        result += print_raw(line) + "\n";
        bytes = bytes.subspan(line.size());
    }
    return result;
}

}  // namespace fcgispec

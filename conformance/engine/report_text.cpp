#include "conformance/engine/report_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <utility>

namespace fcgispec {
namespace {

/// The character at the start of a text. Nothing well-formed there: size 0.
struct Character {
    std::size_t size = 0;  // in bytes
    char32_t code = 0;
};

unsigned byte_at(std::string_view text, std::size_t index) {
    return index < text.size() ? static_cast<unsigned char>(text[index]) : 0U;
}

/// Well-formed UTF-8 only: no overlong forms, no surrogates, nothing above U+10FFFF.
Character first_character(std::string_view text) {
    const unsigned lead = byte_at(text, 0);
    if (text.empty()) return {};
    if (lead < 0x80) return {1, lead};
    const std::size_t size = lead >= 0xc2 && lead <= 0xdf   ? 2
                             : lead >= 0xe0 && lead <= 0xef ? 3
                             : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                            : 0;
    if (size == 0 || text.size() < size) return {};
    char32_t code = lead & (0xffU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte_at(text, i) & 0xc0U) != 0x80) return {};
        code = (code << 6) | (byte_at(text, i) & 0x3fU);
    }
    const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (overlong || surrogate || code > 0x10ffff) return {};
    return {size, code};
}

/// Control characters, and those that can't be seen or turn the direction of writing.
bool is_harmful(char32_t code) {
    constexpr std::array<std::pair<char32_t, char32_t>, 14> ranges{{{0x00, 0x1f},
                                                                    {0x7f, 0x9f},
                                                                    {0xad, 0xad},
                                                                    {0x61c, 0x61c},
                                                                    {0x180e, 0x180e},
                                                                    {0x200b, 0x200f},
                                                                    {0x2028, 0x202e},
                                                                    {0x2060, 0x206f},
                                                                    {0xd800, 0xdfff},
                                                                    {0xe000, 0xf8ff},
                                                                    {0xfeff, 0xfeff},
                                                                    {0xfff0, 0xfffb},
                                                                    {0xfffe, 0xffff},
                                                                    {0xe0000, 0x10ffff}}};
    return std::any_of(ranges.begin(), ranges.end(),
                       [code](const auto& range) { return code >= range.first && code <= range.second; });
}

/// As the notation writes it in a string.
std::string escaped(std::string_view bytes) {
    if (bytes == "\r") return "\\r";
    if (bytes == "\n") return "\\n";
    if (bytes == "\t") return "\\t";
    std::string result;
    for (const char c : bytes) {
        std::array<char, 5> octal{};
        std::snprintf(octal.data(), octal.size(), "\\%03o", static_cast<unsigned>(static_cast<unsigned char>(c)));
        result += octal.data();
    }
    return result;
}

template <typename IsEscaped>
std::string escaped_where(std::string_view text, IsEscaped is_escaped) {
    std::string result;
    for (std::size_t i = 0; i < text.size();) {
        const Character character = first_character(text.substr(i));
        const std::string_view bytes = text.substr(i, std::max<std::size_t>(character.size, 1));
        if (character.size == 0 || is_escaped(character.code))
            result += escaped(bytes);
        else
            result += bytes;
        i += bytes.size();
    }
    return result;
}

bool continues_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80;
}

/// Of valid UTF-8, at most `num_max` characters.
std::string_view first_characters(std::string_view text, std::size_t num_max) {
    std::size_t num = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (!continues_character(text[i]) && ++num > num_max) return text.substr(0, i);
    return text;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
    return escaped_where(text, [](char32_t) { return false; });
}

std::string printable(std::string_view text) {
    return escaped_where(text, is_harmful);
}

std::string markup(std::string_view text) {
    std::string result;
    for (const char c : printable(text)) {
        if (c == '&')
            result += "&amp;";
        else if (c == '<')
            result += "&lt;";
        else if (c == '>')
            result += "&gt;";
        else if (c == '"')
            result += "&quot;";
        else if (c == '\'')
            result += "&#39;";
        else
            result += c;
    }
    return result;
}

std::size_t num_characters(std::string_view text) noexcept {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return !continues_character(c); }));
}

std::string shortened(std::string_view text, std::size_t num_max) {
    const std::string whole = printable(text);
    const std::string_view start = first_characters(whole, num_max);
    return std::string(start) + (start.size() < whole.size() ? " ..." : "");
}

std::string shortened_within(std::string_view text, std::size_t num_max) {
    constexpr std::string_view mark = " ... ";
    const std::string whole = printable(text);
    const std::size_t num = num_characters(whole);
    if (num <= num_max) return whole;
    const std::size_t num_kept = num_max - mark.size();
    const std::size_t num_end = num_kept / 3;
    const std::size_t end = first_characters(whole, num - num_end).size();
    return std::string(first_characters(whole, num_kept - num_end)).append(mark).append(whole, end);
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width, std::size_t num_lines_max) {
    std::vector<std::string> lines;
    for (std::size_t i = text.find_first_not_of(' '); i < text.size(); i = text.find_first_not_of(' ', i)) {
        const std::size_t end = std::min(text.find(' ', i), text.size());
        const std::string_view word = first_characters(text.substr(i, end - i), std::max<std::size_t>(width, 1));
        const bool broken = i > 0 && text[i - 1] != ' ';
        if (!broken && !lines.empty() && num_characters(lines.back()) + 1 + num_characters(word) <= width)
            lines.back().append(" ").append(word);
        else
            lines.emplace_back(word);
        i += word.size();
    }
    if (lines.size() > num_lines_max) {
        lines.resize(num_lines_max);
        lines.back() += " ...";
    }
    return lines;
}

std::string labelled(std::string_view label, std::string_view text, std::size_t indent, std::size_t width,
                     std::size_t num_lines_max) {
    std::string result;
    for (const std::string& line : wrapped(text, width > indent ? width - indent : 1, num_lines_max)) {
        std::string start(result.empty() ? label : "");
        // A label that fills the space keeps a blank before the text.
        start.append(num_characters(start) < indent ? indent - num_characters(start) : 1, ' ');
        result += start + line + '\n';
    }
    return result;
}

std::string counted(std::size_t count, std::string_view noun) {
    return std::to_string(count) + ' ' + std::string(noun) + (count == 1 ? "" : "s");
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
    std::string result;
    for (std::size_t i = 0; i < parts.size(); ++i) result.append(i > 0 ? separator : "").append(parts[i]);
    return result;
}

}  // namespace fcgispec

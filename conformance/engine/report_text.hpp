// Text for reports. What a peer sent may be any bytes, and meant to harm who reads the report: these make it harmless
// for a terminal, for JSON and for HTML and XML.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fcgispec {

/// `text` as valid UTF-8: each byte that isn't part of a character becomes the notation's octal escape, "\377".
[[nodiscard]] std::string valid_utf8(std::string_view text);

/// `text` on one line and harmless to look at: as valid_utf8, and control characters, line ends and what turns the
/// direction of writing or can't be seen are escaped as well.
[[nodiscard]] std::string printable(std::string_view text);

/// For the text and the quoted attributes of HTML and XML: printable, and & < > " ' as entities.
[[nodiscard]] std::string markup(std::string_view text);

/// Number of characters of valid UTF-8.
[[nodiscard]] std::size_t num_characters(std::string_view text) noexcept;

/// printable(text), cut behind `num_max` characters, which is marked by " ...".
[[nodiscard]] std::string shortened(std::string_view text, std::size_t num_max);

/// printable(text), its middle left out where it has more than `num_max` characters, at least 30, which is marked by " ... ": two
/// thirds of what stays are its beginning.
[[nodiscard]] std::string shortened_within(std::string_view text, std::size_t num_max);

/// The words of `text` in lines of at most `width` characters; a longer word is broken. No text: no lines. Where there are more
/// than `num_lines_max`, which isn't 0, the last one kept ends in " ...", beyond `width`.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, std::size_t width, std::size_t num_lines_max = SIZE_MAX);

/// `label` padded to `indent` characters, and `text` beside it in wrapped lines up to column `width`, each ended by a
/// newline. No text: nothing.
[[nodiscard]] std::string labelled(std::string_view label, std::string_view text, std::size_t indent, std::size_t width,
                                   std::size_t num_lines_max = SIZE_MAX);

/// "1 case", "2 cases".
[[nodiscard]] std::string counted(std::size_t count, std::string_view noun);

/// `parts` with `separator` between them.
[[nodiscard]] std::string joined(const std::vector<std::string>& parts, std::string_view separator = ", ");

}  // namespace fcgispec

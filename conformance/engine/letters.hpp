// Words of HTTP and CGI whose letters may be large or small: names of header fields, transfer codings
// [RFC 9110 §5.1, CGI §6.3].
#pragma once

#include <algorithm>
#include <string_view>

namespace fcgispec {

/// Whether the two are the same but for the case of their letters, those of ASCII.
[[nodiscard]] inline bool same_letters(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace fcgispec

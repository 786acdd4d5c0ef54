#include "conformance/engine/selection.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <string_view>

namespace fcgispec {

bool picks(const std::string& pattern, const Scenario& scenario) {
    const bool is_shell_pattern = pattern.find('*') != std::string::npos || pattern.find('?') != std::string::npos;
    const std::size_t side_size = scenario.name.find('/') + 1;
    for (const char* const begin : {scenario.name.c_str(), scenario.name.c_str() + side_size}) {
        const std::string_view name = begin;
        if (name == pattern || (is_shell_pattern && fnmatch(pattern.c_str(), begin, 0) == 0)) return true;
        if (name.starts_with(pattern) && (pattern.ends_with('/') || begin[pattern.size()] == '/' || begin[pattern.size()] == '[')) return true;
    }
    return std::find(scenario.proves.begin(), scenario.proves.end(), pattern) != scenario.proves.end();
}

std::string shell_quoted(const std::string& text) {
    static constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%";
    if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

}  // namespace fcgispec

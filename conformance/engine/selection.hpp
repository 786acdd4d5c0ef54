// Which scenarios the words of a command pick, and how a command that picks them is written.
#pragma once

#include <string>

#include "conformance/engine/script.hpp"

namespace fcgispec {

/// Whether `pattern` picks a scenario: a name or the beginning of one up to a '/' or '[', a shell pattern with `*` or `?` over
/// the whole name, either with or without the side that it begins with; or the id of a requirement that it proves.
[[nodiscard]] bool picks(const std::string& pattern, const Scenario& scenario);

/// `text` as one word for a POSIX shell.
[[nodiscard]] std::string shell_quoted(const std::string& text);

}  // namespace fcgispec

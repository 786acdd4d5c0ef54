// Texts in files, read and written whole. Both throw std::runtime_error that names the path and the reason.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace fcgispec {

[[nodiscard]] std::string read_text(const std::filesystem::path& path);

/// Writes `text` to `path` whole or not at all: what was there stays until all of it is on the disk. "-" is standard
/// output. A link, a pipe or a device is written through, not replaced.
void write_report(const std::filesystem::path& path, std::string_view text);

}  // namespace fcgispec

// The file behind /filter/, made in memory: what a Filter gets as FCGI_DATA [§6.4].
#pragma once

#include <cstdint>
#include <memory>

#include "codec/record.hpp"

namespace fcgispec {

/// When it was modified last, in seconds since 1970: the day of the specification.
inline constexpr std::int64_t filter_file_last_mod = 830736000;  // 29 April 1996

/// Numbered lines of text, some KiB.
[[nodiscard]] std::shared_ptr<const Buffer> filter_file();

}  // namespace fcgispec

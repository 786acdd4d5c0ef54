// What is kept of a conversation to show it: its bytes, as they went over the wire, so that somebody else can judge, and what
// the lines of a finding say beside its records.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/engine/script.hpp"

namespace fcgispec {

/// Bytes that one side wrote, as they went, or the end of its writing.
struct RawPiece {
    Side from{};
    std::string connection;
    bool http = false;  ///< of an HTTP connection: `from` is Side::web_server where the Web server said it, else the HTTP client
    std::string end;    ///< "close", "half-close", "reset"; "" for bytes
    std::string bytes;
};
/// All of a conversation, from its beginning on, up to evidence_size_max bytes.
struct Evidence {
    std::vector<RawPiece> pieces;
    bool cut = false;  ///< there was more
};
inline constexpr std::size_t evidence_size_max = 256U << 10;

/// Stands among a finding's records for those between that aren't shown.
[[nodiscard]] inline std::string left_out(std::size_t num_records) {
    return "# " + std::to_string(num_records) + (num_records == 1 ? " record" : " records") + " left out";
}
[[nodiscard]] inline bool is_left_out(std::string_view line) { return line.starts_with("# ") && line.ends_with(" left out"); }

}  // namespace fcgispec

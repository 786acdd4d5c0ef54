// The bytes of a conversation, as they went over the wire: so that somebody else can judge.
#pragma once

#include <cstddef>
#include <string>
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

}  // namespace fcgispec

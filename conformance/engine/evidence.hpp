// What is kept of a conversation to show it: its bytes, as they went over the wire, so that somebody else can judge, and the
// lines that a finding shows.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
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

/// How much a line tells of why something is wrong.
namespace weight {
inline constexpr int of_stream_end = 0;
inline constexpr int of_the_usual = 1;  // also how a connection ends
inline constexpr int of_content = 2;
inline constexpr int of_the_rare = 3;
inline constexpr int of_subject = 4;  // what a finding is about
}  // namespace weight

/// A line that is shown with a finding.
struct ExcerptLine {
    ExcerptLine(std::string line, int how_much = 0) : text(std::move(line)), weight(how_much) {}  // NOLINT: a text is a line
    ExcerptLine(const char* line) : text(line) {}                                                  // NOLINT: as above

    std::string text;              ///< notation, the offending one behind "! "; or a comment, "# ..."
    int weight = 0;                ///< of namespace weight
    std::size_t num_records = 1;   ///< for which it stands
    std::size_t num_left_out = 0;  ///< records before it, behind the line before, that aren't shown
};
/// The few lines around what a finding is about, in their order.
using Excerpt = std::vector<ExcerptLine>;

inline constexpr std::string_view offending_mark = "! ";
/// The `num_max` lines of `all` that tell most, of those that tell as much the last ones.
[[nodiscard]] Excerpt most_telling(Excerpt all, std::size_t num_max);
/// Its lines, with a comment where records are left out.
[[nodiscard]] std::vector<std::string> texts_of(const Excerpt& excerpt);

}  // namespace fcgispec

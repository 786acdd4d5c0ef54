// The known deviations of a peer: a text file, a requirement a line, or a requirement in one scenario.
//
//   R-5.5-2: the library reads one request at a time
//   R-6.1-4 in application/6.1-roles/stderr-is-interleaved: reported to its author
//   R-3.4-2 in application/3.4-pairs/length-forms[N=128]: only this case of the table
//
// A scenario without its [N=..] means all cases of its table. A line of a scenario goes before one of the requirement
// alone. '#' at the start of a line begins a comment; blank lines mean nothing; without a reason a line is an error.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/engine/results.hpp"

namespace fcgispec {

struct BaselineLine {
    std::string requirement;
    std::string scenario;  ///< "" for all
    std::string reason;
    std::size_t number = 0;  ///< of the line in its file, from 1; 0 where it is in none
    /// Wherever they stand.
    bool operator==(const BaselineLine& other) const { return requirement == other.requirement && scenario == other.scenario && reason == other.reason; }
};
/// As it would be written, without a newline.
[[nodiscard]] std::string print(const BaselineLine& line);

class Baseline {
public:
    Baseline() = default;
    /// Both throw std::runtime_error, file:line: what was expected. Not checked: whether requirement and scenario
    /// exist; lines that name none go stale.
    [[nodiscard]] static Baseline load(const std::filesystem::path& path);
    [[nodiscard]] static Baseline parse(std::string_view text, const std::string& file);

    [[nodiscard]] const std::vector<BaselineLine>& lines() const noexcept { return lines_; }
    /// Whether a line is of the requirement in that scenario.
    [[nodiscard]] bool covers(const std::string& requirement, const std::string& scenario) const;

    /// Marks the findings whose scenarios are all covered as known. One that is covered in some of its scenarios
    /// becomes two: a known one of these, and one of the rest, whose records say so in a comment. Adds the stale lines:
    /// those whose deviation did not occur although it could have. A line of a scenario is judged where that was played
    /// to its end, a line of a requirement only by a whole run in which nothing that proves it was inconclusive.
    void apply(Report& report) const;

private:
    std::vector<BaselineLine> lines_;
};

/// A baseline that knows every finding of `report`, tolerated ones too, sorted; what was wanted and got stands as the
/// reason, to be edited. Lines of `old`, which was applied to the report, are kept as they are, save the stale ones; a
/// known finding that they don't cover keeps its reason, in a line of its requirement.
[[nodiscard]] std::string write_baseline(const Report& report, const Baseline& old = {});

}  // namespace fcgispec

// What a run amounts to, for every form of report: the certificate by profile, the conclusion in words, and what
// belongs together. Nothing here is kept in results.json: it follows from that and the register.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/engine/requirements.hpp"
#include "conformance/engine/results.hpp"

namespace fcgispec {

enum class Standing : std::uint8_t { conforms, deviates, not_tested };
[[nodiscard]] std::string_view name_of(Standing standing) noexcept;

/// One line of the certificate. A case counts for the profile of each requirement that it proves.
struct ProfileStanding {
    std::string profile;
    Standing standing = Standing::not_tested;
    std::size_t num_conclusive = 0;  ///< cases
    std::size_t num_inconclusive = 0;
    std::size_t num_skipped = 0;
    std::vector<std::string> broken = {};     ///< requirements of findings that no baseline knows
    std::vector<std::string> known = {};      ///< of known deviations
    std::vector<std::string> tolerated = {};  ///< of tolerated findings
    std::vector<std::string> untested = {};   ///< musts and shoulds whose cases were all skipped
    /// "conforms", "conforms: in the 1 case played; 63 cases skipped, all of R-5.5-2 among them", "deviates: R-5.5-2, R-5.5-3", "not tested: 6 cases skipped".
    [[nodiscard]] std::string print() const;
};
inline constexpr std::string_view how_cases_count = "A case counts in each profile of which it proves a requirement.";
/// All profiles(). One that has a fail or crash deviates, known or not. One conforms only where every case that was not
/// skipped came to its end. What the register doesn't know stands in a last line of its own.
[[nodiscard]] std::vector<ProfileStanding> certificate_of(const Report& report, const Register& requirements);

/// "conforms", "does not conform: 2 requirements broken", "inconclusive: the peer could not be reached: ...".
[[nodiscard]] std::string conclusion_of(const Report& report);

/// "no case was played", "no case came to its end"; "" where one did, and where the peer was not reached, which says more.
[[nodiscard]] std::string why_nothing_is_tested(const Report& report);

/// "389 cases: 371 pass, 2 tolerated, 9 fail, 1 crash, 0 inconclusive, 6 skipped".
[[nodiscard]] std::string counts_of(const Report& report);

/// The verdicts in the order in which reports count them.
[[nodiscard]] const std::array<Verdict, 6>& counted_verdicts() noexcept;

/// The findings, gravest first, that a baseline knows, or that none does.
[[nodiscard]] std::vector<const Finding*> findings_of(const Report& report, bool known);

/// What is accused although no case failed of it: seen by the checker while scenarios about other things passed.
[[nodiscard]] std::vector<const Finding*> findings_without_case(const Report& report);

/// Each reason for skipping, printable, with the number of its cases; the most frequent first.
[[nodiscard]] std::vector<std::pair<std::string, std::size_t>> counted_by_reason(const Report& report, Verdict verdict);

/// "12 times in 3 cases, here in NAME"; "in 3 cases, here in NAME" where it was once in each.
[[nodiscard]] std::string frequency_of(const Finding& finding);

/// What is said once of all findings: the notation in which their records are shown, and which requirements are of one sentence of
/// the specification. A line each.
[[nodiscard]] std::vector<std::string> legend_of(const std::vector<Finding>& findings, const Register& requirements);

/// The scenario's folder and its name there: "application/5.5-end-request", "refused[N=1]".
[[nodiscard]] std::pair<std::string, std::string> folder_and_name(const Result& result);

/// The requirement's statement, "" where the register doesn't know it.
[[nodiscard]] std::string statement_of(const Register& requirements, std::string_view id);

}  // namespace fcgispec

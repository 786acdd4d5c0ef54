// What a run found out, as plain values: the only source of every report. results.json is its exact image
// (reports/results.schema.json); JUnit, TAP, Markdown, HTML and the terminal derive from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/engine/evidence.hpp"
#include "conformance/engine/script.hpp"

namespace fcgispec {

/// In the order of gravity; of several for one thing the gravest counts.
enum class Verdict : std::uint8_t {
    pass,
    skipped,       ///< doesn't apply to this peer, the reason says why
    tolerated,     ///< a recommendation not followed, or a poor but allowed alternative
    inconclusive,  ///< we could not tell: machine, set-up, our own failure
    fail,          ///< contradicts a must
    crash,         ///< the peer died, hung or stopped answering
};
/// "pass", "tolerated", ...
[[nodiscard]] std::string_view name_of(Verdict verdict) noexcept;
/// fail or crash.
[[nodiscard]] bool is_violation(Verdict verdict) noexcept;
/// The case was played to its end: neither skipped nor inconclusive.
[[nodiscard]] bool is_conclusive(Verdict verdict) noexcept;

/// One case as it was played.
struct Result {
    std::string scenario;  ///< Scenario::name
    std::string title;
    std::vector<std::string> requirements;  ///< that it proves
    Verdict verdict = Verdict::pass;
    std::string alternative;  ///< taken; several joined by ", "
    std::string splitting;    ///< "whole", "bytes", "header"
    std::string reason;       ///< why it isn't a pass; empty for one
    std::string again;        ///< the command that shows it again
    std::vector<std::string> trace;  ///< what was said, in notation, a line each; kept where it isn't a pass
    double duration_ms = 0;
};

/// What the peer is accused of: all that broke one requirement, from scenarios and checker.
struct Finding {
    std::string requirement;
    Verdict verdict = Verdict::fail;  ///< fail, crash, tolerated
    std::size_t count = 0;            ///< how often it was seen
    std::string wanted;
    std::string got;
    std::string scenario;              ///< the plainest of the gravest cases: what is shown is of it
    std::string again;                 ///< the command that shows it again
    Excerpt records;                   ///< the few lines around it
    std::vector<std::string> scenarios;  ///< all in which it was seen, each once
    std::shared_ptr<const Evidence> evidence;  ///< the bytes of that conversation, where there was one
    std::optional<std::string> known;    ///< the reason the baseline gives: a known deviation
};

/// What the probe found: claimed by the peer (FCGI_GET_VALUES), observed by us, "" where there is nothing to say.
struct Capability {
    std::string name;
    std::string claimed;
    std::string observed;
};

struct Report {
    std::string version;   ///< of this tool
    Side side = Side::application;
    std::string address;   ///< of the peer, or its command line
    std::string name;      ///< what the user calls it, or the address
    std::vector<Capability> capabilities;
    double duration_ms = 0;
    std::uint64_t seed = 0;
    bool interrupted = false;  ///< Ctrl-C: the results are those so far
    std::vector<Finding> findings;  ///< gravest first
    std::vector<Result> results;    ///< in the order of their names
    std::vector<std::string> stale;  ///< baseline lines whose deviation did not occur
    std::string unreachable;  ///< why the peer could not be reached at all; else empty
    bool unanswered = false;  ///< not even a plain request was answered, and nothing else was played
    bool gone = false;        ///< the peer, within the run, and did not come back
    std::size_t num_unplayed = 0;  ///< cases, where the run was interrupted
    bool partial = false;     ///< --select or --skip left out scenarios: what isn't here may show there
};

/// Number of results of each verdict.
[[nodiscard]] std::array<std::size_t, 6> summary_of(const Report& report) noexcept;

/// What a fail or crash was accused of, an unknown finding before a known one; nothing for other verdicts.
[[nodiscard]] const Finding* finding_of(const Report& report, const Result& result) noexcept;
/// Whether the evidence of `finding`, which may be null, is what this case has shown.
[[nodiscard]] bool is_shown_by(const Finding* finding, const Result& result) noexcept;

/// 0 conforms (findings that count are all known), 1 violations, 3 inconclusive, not reachable, or not one case was
/// played to its end: nothing conforms by not being tested.
[[nodiscard]] int exit_code_of(const Report& report) noexcept;

}  // namespace fcgispec

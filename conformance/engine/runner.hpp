// Runs scenarios against a peer and makes the report: skips what doesn't apply, tells a failing peer from a dead one,
// brings accusations together by requirement.
#pragma once

#include <string>
#include <vector>

#include "conformance/engine/requirements.hpp"
#include "conformance/engine/results.hpp"
#include "conformance/engine/run_options.hpp"

namespace fcgispec {

/// Plays all `scenarios`, which are for options.side. A Web server is asked one thing at a time, whatever num_jobs. A peer that
/// can't be reached is told in the report. Throws std::system_error where the machine fails before the first scenario, or the
/// peer can't be started.
[[nodiscard]] Report run_scenarios(const RunOptions& options, const std::vector<Scenario>& scenarios, const Register& requirements);

/// Whether `pattern` picks a scenario: a name or the beginning of one up to a '/' or '[', a shell pattern with `*` or `?` over
/// the whole name, either with or without the side that it begins with; or the id of a requirement that it proves.
[[nodiscard]] bool picks(const std::string& pattern, const Scenario& scenario);

/// `text` as one word for a POSIX shell.
[[nodiscard]] std::string shell_quoted(const std::string& text);

}  // namespace fcgispec

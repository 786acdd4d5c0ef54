// Runs scenarios against a peer and makes the report: skips what doesn't apply, plays the rest with several threads.
#pragma once

#include <vector>

#include "conformance/engine/requirements.hpp"
#include "conformance/engine/results.hpp"
#include "conformance/engine/run_options.hpp"

namespace fcgispec {

/// Plays all `scenarios`, which are for options.side. A Web server is asked one thing at a time, whatever num_jobs. A peer that
/// can't be reached is told in the report. Throws std::system_error where the machine fails before the first scenario, or the
/// peer can't be started.
[[nodiscard]] Report run_scenarios(const RunOptions& options, const std::vector<Scenario>& scenarios, const Register& requirements);

}  // namespace fcgispec

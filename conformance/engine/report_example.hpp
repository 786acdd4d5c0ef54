// A made-up report for the tests and the golden files: every verdict, every kind of finding, and a peer that means
// harm.
#pragma once

#include "conformance/engine/requirements.hpp"
#include "conformance/engine/results.hpp"

namespace fcgispec::test {

/// Six requirements of the application, of four profiles.
[[nodiscard]] Register example_register();

[[nodiscard]] Report example_report();

/// Three passed cases and no finding.
[[nodiscard]] Report conforming_report();

}  // namespace fcgispec::test

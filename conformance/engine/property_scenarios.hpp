// Scenarios made in C++, because their text would repeat itself: many requests, many connections, and records of
// several requests in an order. They are values like those read from files, and are named, played and reported like
// them.
#pragma once

#include <vector>

#include "conformance/engine/script.hpp"

namespace fcgispec {

/// Those for a peer of that side.
[[nodiscard]] std::vector<Scenario> property_scenarios(Side side);
/// A response to a Web server divided in every way, many requests in a row and at once.
[[nodiscard]] std::vector<Scenario> web_server_property_scenarios();

}  // namespace fcgispec

// Scenarios made in C++, because their text would repeat itself: many requests, many connections, and records of
// several requests in an order. They are values like those read from files, and are named, played and reported like
// them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "conformance/engine/script.hpp"

namespace fcgispec {

/// Those for a peer of that side.
[[nodiscard]] std::vector<Scenario> property_scenarios(Side side);
/// A response to a Web server divided in every way, many requests in a row and at once.
[[nodiscard]] std::vector<Scenario> web_server_property_scenarios();

/// The case, as it stands behind a scenario's name: "[N=100]". Names with a number are older than their cases, and stand.
[[nodiscard]] inline std::string case_of(std::size_t number) { return "[N=" + std::to_string(number) + "]"; }
/// Of requests, one after the other: where the small case fails, it isn't for the number.
constexpr std::array<std::uint16_t, 2> numbers_in_a_row = {4, 100};

}  // namespace fcgispec

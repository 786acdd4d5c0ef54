// What a peer can do, found out before it is certified: what it claims (FCGI_GET_VALUES), what we observe, what of the
// contract it offers. Nothing here accuses.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "conformance/engine/conversation.hpp"
#include "conformance/engine/results.hpp"

namespace fcgispec {

struct Probe {
    std::vector<Capability> shown;     ///< for the head of the report
    std::set<std::string> offered;     ///< of known_capabilities()
    std::size_t num_connections = 1;   ///< served at once, counted up to num_connections_max
    bool notices_close = true;         ///< a Web server closes an idle connection once we have closed it
    double round_trip_ms = 0;          ///< of a plain request on a connection of its own
    Played plain;                      ///< a plain request: what follows makes no sense unless it was answered
};
inline constexpr std::size_t num_connections_max = 8;

/// Asks the application at options.address, or the Web server at options.url. With options.command scenarios may start
/// peers of their own.
[[nodiscard]] Probe probe_peer(Side under_test, const PlayOptions& options);

/// A plain request on a fresh connection [§6.2]: the scenario by which health is told.
[[nodiscard]] const Scenario& plain_request(Side under_test = Side::application);

/// Why a peer without that capability is not tested with a scenario.
[[nodiscard]] std::string why_skipped(const std::string& capability);

}  // namespace fcgispec

// What a run is to be: of which peer, reached or started how, with which patience.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "conformance/engine/baseline.hpp"
#include "conformance/engine/http_exchange.hpp"
#include "conformance/engine/listener.hpp"
#include "conformance/engine/results.hpp"
#include "conformance/engine/said.hpp"
#include "conformance/engine/transport.hpp"

namespace fcgispec {

struct RunOptions {
    Side side = Side::application;     ///< under test
    std::optional<Address> address;    ///< of an application that runs; nothing: we start `command`
    std::optional<Address> listen;     ///< where a Web server finds us
    Listener::Kind listener_kind = Listener::Kind::ours;
    std::optional<HttpUrl> url;        ///< what a Web server that runs forwards to us; nothing: we start `command`
    std::string stop;                  ///< shell command that stops that Web server, once all is played; "": nobody does
    std::vector<std::string> command;  ///< [§2.2]; also for the scenarios that start a peer of their own
    std::string name;                  ///< of the peer in the report; "": its address or command
    Pairs params;                      ///< the user's --param
    std::vector<Splitting> splittings{Splitting::whole};
    std::size_t num_repeats = 1;  ///< of each case; the gravest verdict counts
    std::size_t num_jobs = 1;     ///< at most so many cases at once, and no more than the peer has connections for
    std::uint64_t seed = 1;
    int deadline_ms = 0;  ///< of silence; 0: a hundred measured round trips, at least deadline_ms_min, at most deadline_ms_max
    int come_back_ms = 20000;  ///< for a peer that isn't ours, and has died: its manager may start it again, once for each connection that waits
    std::string again;  ///< the command that runs this again, without --select: "fcgispec app unix:/..."
    const Baseline* baseline = nullptr;  ///< the user's: of a finding that it covers in part the rest is shown
    const std::atomic<bool>* interrupted = nullptr;
    std::function<void(std::size_t done, std::size_t all, const Result& last)> progress;  ///< called by one thread at a time
};

inline constexpr int deadline_ms_min = 300;
inline constexpr int deadline_ms_max = 5000;

}  // namespace fcgispec

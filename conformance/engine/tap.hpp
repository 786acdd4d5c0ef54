// Stands between a Web server and an application that work with each other: passes all bytes on, checks both sides while
// they work, records what was said.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>

#include "conformance/engine/listener.hpp"
#include "conformance/engine/script.hpp"

namespace fcgispec {

/// What one side of one connection is accused of, as it happens.
struct TapAccusation {
    Side side{};
    std::string connection;  ///< its name in the recording: c1, c2, ...
    std::string requirement;
    std::string wanted;
    std::string got;
    std::string record;  ///< in notation, long contents shortened
};

struct TapOptions {
    Address application;
    std::function<void(const TapAccusation&)> accuse;
    /// A line of the recording: "c1> {FCGI_BEGIN_REQUEST, 1, ...}", "c1< close".
    std::function<void(const std::string&)> record;
    /// What isn't about the protocol: the application can't be reached.
    std::function<void(const std::string&)> tell;
    const std::atomic<bool>* interrupted = nullptr;
    int connect_ms = 5000;  ///< for the application to take a connection; others wait meanwhile
};

struct TapSummary {
    std::size_t num_connections = 0;
    std::size_t num_records = 0;
};

/// Serves `listener` until interrupted. What one side sends is passed on as it comes, before it is looked at; either side may
/// end, half-close or vanish: the other is told the same way. At most 256 KiB wait in each direction of a connection. Throws
/// std::system_error where the machine fails.
TapSummary tap(Listener& listener, const TapOptions& options);

}  // namespace fcgispec

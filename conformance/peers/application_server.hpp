// The process around the reference application: its listening socket, its transport connections, its end. What is said
// on a connection is the reference connection's matter.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/engine/transport.hpp"
#include "conformance/peers/reference_connection.hpp"

namespace fcgispec {

struct ApplicationServerOptions {
    std::optional<Address> listen;               ///< nothing: the listening socket on descriptor 0 [§2.2]
    ConnectionLimits limits;                     ///< of each connection, and how many of those
    std::chrono::milliseconds linger_max{2000};  ///< how long a connection that we have ended waits for the other end
    std::function<void(const Address&)> on_listening = {};  ///< told once connections are accepted, if `listen` is set
};

/// Serves until SIGTERM or the contract's `exit`, then returns the exit status, zero [§7]. While it runs it has SIGTERM
/// for itself. Throws std::runtime_error (std::system_error) where the machine fails it: descriptor 0 is no listening
/// socket, the address is taken, FCGI_WEB_SERVER_ADDRS can't be read.
[[nodiscard]] int run_reference_application(const ApplicationServerOptions& options);

/// The addresses in the value of FCGI_WEB_SERVER_ADDRS [§3.2], most significant byte first. Throws std::runtime_error
/// that says what is wrong and where.
[[nodiscard]] std::vector<std::uint32_t> parse_web_server_addrs(std::string_view value);

}  // namespace fcgispec

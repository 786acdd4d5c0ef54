// The process around the reference Web server: its listening socket for HTTP, its HTTP clients, its transport
// connections to the application, its end. What is said on a connection to the application is the Web server
// connection's matter, what answer a client gets the served request's.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "conformance/engine/transport.hpp"
#include "conformance/peers/served_request.hpp"

namespace fcgispec {

struct WebServerOptions {
    Address connect = {};                   ///< where the application listens
    std::vector<std::string> command = {};  ///< or what starts it [§2]
    std::optional<Address> http;            ///< TCP; port 0: any free one; nothing: the listening socket on descriptor 0
    std::chrono::milliseconds application_silence_max{2000};  ///< then a request is aborted, the client told 504
    std::chrono::milliseconds client_silence_max{60'000};     ///< then a client that sends or takes nothing is left
    std::chrono::milliseconds linger_max{2000};  ///< how long a connection that we have ended waits for the other end
    std::size_t num_clients_max = 512;           ///< the next one waits in the listening socket's queue
    std::size_t num_connections_max = 256;       ///< to the application, fewer where it asks for that [§4.1]
    std::size_t held_size_max = std::size_t{512} * 1024 * 1024;  ///< bodies of all clients together, in bytes
    HttpLimits http_limits;
    ResponseLimits response_limits;
    std::function<void(const Address&)> on_listening = {};  ///< told once HTTP clients are accepted, if `http` is set
    Log log = {};                                           ///< nothing: a line each to the standard error
};

/// Serves until SIGTERM, then returns the exit status, zero. While it runs it has SIGTERM for itself. Throws
/// std::runtime_error (std::system_error) where the machine fails it, such as an address that is taken.
[[nodiscard]] int run_reference_web_server(const WebServerOptions& options);

}  // namespace fcgispec

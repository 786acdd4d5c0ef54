// How an application that a Web server has started itself [§2] hands its listening socket, and the state in which it was
// started, to the fcgispec that certifies this Web server.
#pragma once

#include <optional>

#include "codec/record.hpp"
#include "conformance/engine/transport.hpp"

namespace fcgispec {

/// What a process finds when it begins, as name-value pairs [§3.4] that scenarios compare:
///   descriptor-0            "listening", "connected", "closed" or "other" [§2.2]
///   descriptor-1, -2        "closed" or "open" [§2.2]
///   other-descriptors       how many are open besides these three, "0", "1", ... [§2.2]
///   arguments               how many, "1", ... [§2.1]
///   FCGI_WEB_SERVER_ADDRS   "absent", "addresses" or "malformed" [§2.3, §3.2]
/// `num_arguments`: without those that only say what this process is to do.
[[nodiscard]] Buffer initial_state(int num_arguments);

/// Hands descriptor 0 and `state` over to whoever listens on `address`. Throws as connect_to. The connection that is returned
/// stays open as long as this process serves.
[[nodiscard]] FileDescriptor hand_over(const Address& address, const Buffer& state);

/// Says to whom it was handed over that this process was asked to exit by SIGTERM [§7]: the last thing that it does.
void say_asked_to_exit(const FileDescriptor& connection) noexcept;

/// Whether the process at the other end of a connection that was taken over has ended. `asked_to_exit`: it had said so.
struct StartedState {
    bool ended = false;
    bool asked_to_exit = false;
};
[[nodiscard]] StartedState state_of_started(const FileDescriptor& connection) noexcept;

struct HandedOver {
    FileDescriptor listening;  ///< not blocking
    Buffer state;
};
/// Takes what hand_over() gave, from its connection. Nothing where the other side is no such process.
[[nodiscard]] std::optional<HandedOver> take_over(const FileDescriptor& connection);

/// Whether `text` is a list of IPv4 addresses in decimal notation, parted by commas [§3.2].
[[nodiscard]] bool is_address_list(std::string_view text);

}  // namespace fcgispec

// Where a Web server under test finds us: the sockets on which we, as the application, take its connections [§2.2].
#pragma once

#include <string>
#include <vector>

#include "conformance/engine/clients.hpp"
#include "conformance/engine/handover.hpp"
#include "conformance/engine/transport.hpp"

namespace fcgispec {

class Listener {
public:
    /// A Web server connects to `address`.
    enum class Kind : std::uint8_t {
        ours,         ///< where we listen ourselves
        handed_over,  ///< where applications that the Web server starts come to hand their listening sockets over
    };
    /// Listens on `address`; any user may connect. Throws as listen_on.
    explicit Listener(const Address& address, Kind kind = Kind::ours);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();

    /// With the port, where 0 was asked.
    [[nodiscard]] const Address& address() const noexcept { return address_; }
    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    /// All that accept() may be called for, for poll().
    [[nodiscard]] std::vector<int> fds() const;
    /// A connection of the Web server that waits, not blocking, closed on exec; nothing where none does. Takes what
    /// applications hand over on its way. Throws std::system_error where the machine fails.
    [[nodiscard]] FileDescriptor accept();
    /// The state in which the last application was started, as initial_state() says it; "" where none has come.
    [[nodiscard]] const Buffer& last_state() const noexcept { return last_state_; }
    /// One of them was asked to exit by SIGTERM [§7].
    [[nodiscard]] bool asked_to_exit() const noexcept { return asked_to_exit_; }
    /// Waits until those that have come so far have ended, at most `wait_ms`. Whether they have.
    [[nodiscard]] bool wait_for_end_of_started(int wait_ms);
    /// Those for whom the Web server asks us.
    [[nodiscard]] Clients& clients() noexcept { return clients_; }

private:
    /// An application that the Web server has started.
    struct Started {
        FileDescriptor connection;  // ends with it
        FileDescriptor listening;
    };
    FileDescriptor accept_from(const FileDescriptor& socket) const;
    void meet_started();
    void forget_ended();

    FileDescriptor socket_;
    Address address_;
    Kind kind_;
    std::vector<Started> started_;
    Buffer last_state_;
    bool asked_to_exit_ = false;
    Clients clients_;
};

}  // namespace fcgispec

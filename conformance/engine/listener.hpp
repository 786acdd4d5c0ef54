// Where a Web server under test finds us: the sockets on which we, as the application, take its connections [§2.2].
#pragma once

#include <vector>

#include "conformance/engine/transport.hpp"

namespace fcgispec {

class Listener {
public:
    /// Listens on `address`; any user may connect. Throws as listen_on.
    explicit Listener(const Address& address);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();

    /// With the port, where 0 was asked.
    [[nodiscard]] const Address& address() const noexcept { return address_; }
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    /// A connection that waits, not blocking, closed on exec; nothing where none does. Throws std::system_error where the
    /// machine fails.
    [[nodiscard]] FileDescriptor accept();

private:
    FileDescriptor socket_;
    Address address_;
};

}  // namespace fcgispec

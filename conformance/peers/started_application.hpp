// An application that the reference Web server has started itself, in the state that [§2] asks of it.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "conformance/engine/process.hpp"
#include "conformance/engine/transport.hpp"

namespace fcgispec {

class StartedApplication {
public:
    /// Listens on a Unix socket of its own, and starts `command` with that socket as descriptor 0 [§2.2]. Throws
    /// std::system_error where one of them can't be done.
    explicit StartedApplication(std::vector<std::string> command);
    StartedApplication(const StartedApplication&) = delete;
    StartedApplication& operator=(const StartedApplication&) = delete;
    ~StartedApplication();

    /// Where it listens.
    [[nodiscard]] const Address& address() const noexcept { return address_; }

private:
    void start_on_a_connection(const std::vector<std::string>& command);

    Address address_;
    FileDescriptor connection_;     // of a mutant
    std::list<Process> processes_;  // one, but of a mutant; ended with us [§7]
};

}  // namespace fcgispec

// The application under test, as the runner holds it: attached at an address, or started by us and started again.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "conformance/engine/process.hpp"
#include "conformance/engine/runner.hpp"

namespace fcgispec {

class Peer {
public:
    /// Starts it where it is ours to start. Throws std::system_error.
    explicit Peer(const RunOptions& options);
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer();

    [[nodiscard]] const Address& address() const noexcept { return address_; }
    /// How the process that we started ended, if it has.
    [[nodiscard]] std::optional<ExitStatus> exit_status() noexcept;
    /// Readable once that process has ended; -1 where we started none.
    [[nodiscard]] int end_fd() const noexcept { return process_ ? process_->end_fd() : -1; }
    /// Starts it anew where it is ours to start. Throws std::system_error.
    void restart();
    [[nodiscard]] bool is_ours() const noexcept { return !options_.address.has_value(); }

private:
    const RunOptions& options_;
    Address address_;
    FileDescriptor listening_;  // kept: connections wait in it while the peer is started again
    std::unique_ptr<Process> process_;
};

}  // namespace fcgispec

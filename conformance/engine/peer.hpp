// The peer under test, as the runner holds it: attached at an address, or started by us and started again.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "conformance/engine/conversation.hpp"
#include "conformance/engine/process.hpp"
#include "conformance/engine/run_options.hpp"

namespace fcgispec {

class Peer {
public:
    /// Starts it where it is ours to start; for a Web server, listens where it will find us. Throws std::system_error.
    explicit Peer(const RunOptions& options);
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer();

    /// How scenarios reach it.
    [[nodiscard]] PlayOptions play_options() const;
    /// How the process that we started ended, if it has.
    [[nodiscard]] std::optional<ExitStatus> exit_status() noexcept;
    /// Likewise, waits at most `deadline_ms`; not at all where we started none.
    [[nodiscard]] std::optional<ExitStatus> wait_for_exit(int deadline_ms) noexcept;
    /// Readable once that process has ended; -1 where we started none.
    [[nodiscard]] int end_fd() const noexcept { return process_ ? process_->end_fd() : -1; }
    /// What the probe has found out of it, for play_options().
    void set_notices_close(bool notices) noexcept { notices_close_ = notices; }
    /// Starts it anew where it is ours to start. Throws std::system_error.
    void restart();
    /// Stops a Web server that starts its application itself, where we can, and says whether it has asked that to exit [§7]:
    /// "yes", "no: ..." or, not known, "". It is the last that is asked of a peer.
    [[nodiscard]] std::string asks_to_exit();
    [[nodiscard]] bool is_ours() const noexcept { return options_.side == Side::application ? !options_.address : !options_.url; }

private:
    void remove_socket() const noexcept;
    bool stop_web_server();

    const RunOptions& options_;
    std::unique_ptr<Listener> ours_;  // a Web server finds us there
    Address address_;                 // of the peer: an application's, or a Web server's for HTTP
    FileDescriptor listening_;  // kept: connections wait in it while the peer is started again
    std::unique_ptr<Process> process_;
    bool notices_close_ = true;
};

}  // namespace fcgispec

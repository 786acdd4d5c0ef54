// A peer that we start ourselves, in the state that [§2] asks of a Web server: a listening socket on descriptor 0,
// standard output and standard error closed, an environment.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "conformance/engine/transport.hpp"

namespace fcgispec {

/// How a process ended.
struct ExitStatus {
    bool by_signal = false;
    int number = 0;  ///< exit status or signal
    [[nodiscard]] std::string print() const;
};

class Process {
public:
    /// Starts `command` (not through a shell; looked up on PATH) with `listening` as descriptor 0 [§2.2] and
    /// `environment` added to ours [§2.3]. The process leads a group of its own, and gets `death_signal` when the thread ends
    /// that started it, however that ends (it alone, not its group; a set-user-id program doesn't). Throws std::system_error where it can't be started: the command doesn't exist, no
    /// process can be made.
    Process(const std::vector<std::string>& command, const FileDescriptor& listening,
            const std::map<std::string, std::string>& environment, int death_signal = SIGTERM);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    /// SIGTERM [§7], after `grace_ms` SIGKILL, to the whole group.
    ~Process();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// Readable once it has ended, for poll().
    [[nodiscard]] int end_fd() const noexcept { return pidfd_.get(); }
    void signal(int number) noexcept;
    /// How it ended, if it has. Doesn't wait.
    [[nodiscard]] std::optional<ExitStatus> exit_status() noexcept;
    /// Likewise, waits at most `deadline_ms`.
    [[nodiscard]] std::optional<ExitStatus> wait_for_exit(int deadline_ms) noexcept;

private:
    static constexpr int grace_ms = 2000;
    pid_t pid_ = -1;
    FileDescriptor pidfd_;
    std::optional<ExitStatus> status_;
};

}  // namespace fcgispec

// What the processes around both reference peers have in common: how they begin [§2.2] and how they are ended [§7].
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "conformance/engine/transport.hpp"

namespace fcgispec {

/// Takes SIGTERM for as long as it lives, as something to poll for.
class TerminationSignal {
public:
    TerminationSignal() {
        sigset_t sigterm;
        sigemptyset(&sigterm);
        sigaddset(&sigterm, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &sigterm, &old_mask_);
        struct sigaction action {};
        action.sa_handler = SIG_DFL;  // whoever started us may have had it ignored
        sigaction(SIGTERM, &action, &old_action_);
        descriptor_ = FileDescriptor(signalfd(-1, &sigterm, SFD_CLOEXEC | SFD_NONBLOCK));
        if (!descriptor_) throw std::system_error(errno, std::generic_category(), "signalfd");
    }
    TerminationSignal(const TerminationSignal&) = delete;
    TerminationSignal& operator=(const TerminationSignal&) = delete;
    ~TerminationSignal() {
        sigaction(SIGTERM, &old_action_, nullptr);
        pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
    }
    [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }
    /// Whether it came; the next call tells of the next.
    [[nodiscard]] bool take() noexcept {
        signalfd_siginfo info{};
        return read(descriptor_.get(), &info, sizeof info) == sizeof info;
    }

private:
    FileDescriptor descriptor_;
    sigset_t old_mask_{};
    struct sigaction old_action_ {};
};

/// [§2.2] Descriptors 1 and 2 may be closed at the start. A connection must not become one of them, lest something that
/// is printed goes to who is at its other end.
inline void occupy_standard_descriptors() {
    while (true) {
        const int fd = open("/dev/null", O_RDWR);
        if (fd < 0) throw std::system_error(errno, std::generic_category(), "/dev/null");
        if (fd <= STDERR_FILENO) continue;
        close(fd);
        return;
    }
}

}  // namespace fcgispec

#include "conformance/engine/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>

namespace fcgispec {
namespace {

/// Between fork and exec only what is safe there; reports errno to `report` where exec fails.
[[noreturn]] void become(const std::vector<char*>& arguments, const std::vector<char*>& environment, int listening, int report, int death_signal) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, death_signal);
    // FCGI_LISTENSOCK_FILENO is descriptor 0; STDOUT_FILENO and STDERR_FILENO are closed [§2.2].
    if (dup2(listening, STDIN_FILENO) >= 0) {
        const int flags = fcntl(STDIN_FILENO, F_GETFL);
        fcntl(STDIN_FILENO, F_SETFL, flags & ~O_NONBLOCK);
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        // Descriptor 0 is the only one that is left open [§2.2]: not what we were ourselves started with either.
        close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        std::signal(SIGPIPE, SIG_DFL);
        std::signal(SIGXFSZ, SIG_DFL);
        std::signal(SIGINT, SIG_IGN);  // Ctrl-C is ours to handle; we end the peer ourselves
        execvpe(arguments[0], arguments.data(), environment.data());
    }
    const int error = errno;
    [[maybe_unused]] const auto written = write(report, &error, sizeof error);
    _exit(127);
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

/// Ours with the added ones in place of those of the same name.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& added) {
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        if (!added.contains(text.substr(0, text.find('=')))) result.push_back(text);
    }
    for (const auto& [name, value] : added) result.push_back(name + "=" + value);
    return result;
}

/// Waits for one that has ended, or is about to. A signal that comes meanwhile (Ctrl-C) must not leave it unreaped.
void reap(pid_t pid) noexcept {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
}

}  // namespace

std::string ExitStatus::print() const {
    if (!by_signal) return "exit status " + std::to_string(number);
    const char* name = sigabbrev_np(number);
    return "signal " + std::to_string(number) + (name != nullptr ? std::string(" (SIG") + name + ")" : "");
}

Process::Process(const std::vector<std::string>& command, const FileDescriptor& listening,
                 const std::map<std::string, std::string>& environment, int death_signal) {
    std::vector<std::string> arguments = command;
    std::vector<std::string> variables = environment_with(environment);
    const std::vector<char*> argument_pointers = pointers_to(arguments);
    const std::vector<char*> variable_pointers = pointers_to(variables);
    std::array<int, 2> pipe_ends{};
    if (pipe2(pipe_ends.data(), O_CLOEXEC) < 0) throw std::system_error(errno, std::generic_category(), "pipe");
    const FileDescriptor report_end(pipe_ends[0]);
    FileDescriptor child_end(pipe_ends[1]);
    // Descriptors 1 and 2 get closed in the child: what it still needs must not be one of them.
    FileDescriptor listening_copy(fcntl(listening.get(), F_DUPFD_CLOEXEC, 3));
    FileDescriptor report_copy(fcntl(child_end.get(), F_DUPFD_CLOEXEC, 3));
    if (!listening_copy || !report_copy) throw std::system_error(errno, std::generic_category(), "fcntl");
    const std::unique_lock starting(process_start());  // until its program is executed, or can't be
    pid_ = fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) become(argument_pointers, variable_pointers, listening_copy.get(), report_copy.get(), death_signal);
    setpgid(pid_, pid_);
    child_end.reset();
    report_copy.reset();
    int error = 0;
    ssize_t size = 0;
    do size = read(report_end.get(), &error, sizeof error);
    while (size < 0 && errno == EINTR);
    if (size == sizeof error) {
        reap(pid_);
        throw std::system_error(error, std::generic_category(), command[0]);
    }
    pidfd_ = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    if (!pidfd_) {
        error = errno;
        kill(-pid_, SIGKILL);
        reap(pid_);
        throw std::system_error(error, std::generic_category(), "pidfd_open");
    }
}

Process::~Process() {
    if (!exit_status()) {
        kill(-pid_, SIGTERM);
        (void)wait_for_exit(grace_ms);
    }
    // Until it is reaped its id, and so its group's, isn't given to another: this reaches only what it started.
    kill(-pid_, SIGKILL);
    reap(pid_);
}

void Process::signal(int number) noexcept {
    if (!exit_status()) kill(pid_, number);
}

std::optional<ExitStatus> Process::exit_status() noexcept { return wait_for_exit(0); }

std::optional<ExitStatus> Process::wait_for_exit(int deadline_ms) noexcept {
    if (status_) return status_;
    pollfd ended{pidfd_.get(), POLLIN, 0};
    int ready = 0;
    do ready = poll(&ended, 1, deadline_ms);
    while (ready < 0 && errno == EINTR);  // waits anew: a signal or two don't matter
    if (ready <= 0) return std::nullopt;
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != pid_) return std::nullopt;
    status_ = ExitStatus{info.si_code != CLD_EXITED, info.si_status};
    return status_;
}

}  // namespace fcgispec

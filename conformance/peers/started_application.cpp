#include "conformance/peers/started_application.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <system_error>

#include "conformance/peers/mutants.hpp"

namespace fcgispec {
namespace {

constexpr int start_wait_ms = 100;  // of a mutant
constexpr int death_signal = SIGKILL;  // no SIGTERM: a Web server that crashes has asked nobody to exit [§7]

/// [§2.3] We bind nothing: whoever reaches its Unix socket may be served.
std::map<std::string, std::string> environment() {
    if (is_mutant(Mutant::lists_ports_among_addresses)) return {{"FCGI_WEB_SERVER_ADDRS", "127.0.0.1:80"}};
    return {};
}

}  // namespace

StartedApplication::StartedApplication(std::vector<std::string> command) : address_(fresh_unix_address()) {
    // [§2.2] Process leaves it descriptor 0 alone.
    if (is_mutant(Mutant::leaves_standard_output_open))
        command.insert(command.begin(), {"/bin/sh", "-c", "exec \"$@\" >/dev/null 2>&1", "sh"});
    const FileDescriptor listening = listen_on(address_);
    processes_.emplace_back(command, listening, environment(), death_signal);
    if (is_mutant(Mutant::starts_others_with_a_connection)) start_on_a_connection(command);
}

StartedApplication::~StartedApplication() {
    processes_.clear();
    unlink(address_.path.c_str());
}

/// The last that is started, and before anybody is served.
void StartedApplication::start_on_a_connection(const std::vector<std::string>& command) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    connection_ = FileDescriptor(ends[0]);
    const FileDescriptor other(ends[1]);
    (void)processes_.back().wait_for_exit(start_wait_ms);
    processes_.emplace_back(command, other, environment(), death_signal);
    (void)processes_.back().wait_for_exit(start_wait_ms);
}

}  // namespace fcgispec

#include "conformance/peers/application_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <list>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "conformance/peers/contract.hpp"
#include "conformance/peers/mutants.hpp"
#include "conformance/peers/peer_process.hpp"

namespace fcgispec {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int listening_fileno = 0;                // FCGI_LISTENSOCK_FILENO [§8]
constexpr std::size_t read_size_max = 64 * 1024;   // in bytes, from one connection at a time
constexpr std::size_t num_other_descriptors = 32;  // beside those of connections

[[noreturn]] void throw_errno(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

bool is_tcp_socket(int fd) {
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    return getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0 && own.ss_family != AF_UNIX;
}

/// [§2.2] The socket that the Web server has left open. The specification's own way to know it: it has no peer.
FileDescriptor inherited_listening_socket() {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (getpeername(listening_fileno, reinterpret_cast<sockaddr*>(&peer), &size) == 0)
        throw std::runtime_error("descriptor 0 is a connected socket, not a listening one: started as CGI?");
    if (errno != ENOTCONN) throw_errno("descriptor 0 is no listening socket (start with one [§2.2], or say --listen)");
    if (is_mutant(Mutant::exits_on_tcp_socket) && is_tcp_socket(listening_fileno)) _exit(0);
    FileDescriptor own(fcntl(listening_fileno, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!own) throw_errno("descriptor 0");
    return own;
}

/// The peer's IPv4 address, if the connection has one: TCP/IP, over IPv6 too where that only carries IPv4.
std::optional<std::uint32_t> peer_ipv4_address(int fd) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return std::nullopt;
    if (peer.ss_family == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, &peer, sizeof address);
        return ntohl(address.sin_addr.s_addr);
    }
    if (peer.ss_family != AF_INET6) return std::nullopt;
    sockaddr_in6 address{};
    std::memcpy(&address, &peer, sizeof address);
    if (!IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) return std::nullopt;
    std::uint32_t mapped = 0;
    std::memcpy(&mapped, &address.sin6_addr.s6_addr[12], sizeof mapped);
    return ntohl(mapped);
}

/// FCGI_WEB_SERVER_ADDRS, if it is bound [§3.2]. An error in it goes to syslog [§7], and further up.
std::optional<std::vector<std::uint32_t>> web_server_addrs() {
    const char* value = std::getenv("FCGI_WEB_SERVER_ADDRS");
    if (value == nullptr) return std::nullopt;
    try {
        return parse_web_server_addrs(value);
    } catch (const std::runtime_error& error) {
        syslog(LOG_ERR | LOG_USER, "%s", error.what());
        throw;
    }
}

/// A transport connection and what is said on it.
struct ServedConnection {
    FileDescriptor socket;
    ReferenceConnection connection;
    /// Set once we have ended our side: until then at most we wait for the Web server to end its own.
    std::optional<Clock::time_point> lingers_until = std::nullopt;
};

class Server {
public:
    explicit Server(const ApplicationServerOptions& options);
    int run();

private:
    [[nodiscard]] bool may_accept() const noexcept;
    [[nodiscard]] static int exit_status() noexcept;
    [[nodiscard]] std::vector<pollfd> polled() const;
    void wait(std::vector<pollfd>& ready) const;
    void accept_one();
    [[nodiscard]] bool serve(ServedConnection& served, short events);
    [[nodiscard]] bool read_some(ServedConnection& served);
    [[nodiscard]] static bool write_some(ServedConnection& served);

    TerminationSignal termination_;
    ConnectionLimits limits_;
    std::chrono::milliseconds linger_max_;
    std::optional<std::vector<std::uint32_t>> web_server_addrs_;
    FileDescriptor listening_;
    std::list<ServedConnection> connections_;
    bool out_of_descriptors_ = false;  // until a connection closes
    bool exits_ = false;
    bool terminated_ = false;  // SIGTERM came
    std::array<std::uint8_t, read_size_max> read_buffer_{};
};

Server::Server(const ApplicationServerOptions& options)
    : limits_(options.limits), linger_max_(options.linger_max), web_server_addrs_(web_server_addrs()) {
    listening_ = options.listen ? listen_on(*options.listen) : inherited_listening_socket();
    set_nonblocking(listening_.get());
    rlimit descriptors{};
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur > num_other_descriptors)
        limits_.num_connections_max =
            std::min<std::size_t>(limits_.num_connections_max, descriptors.rlim_cur - num_other_descriptors);
    if (options.listen && options.on_listening) options.on_listening(address_of(listening_, *options.listen));
}

int Server::run() {
    while (!exits_) {
        std::vector<pollfd> ready = polled();
        wait(ready);
        if (termination_.take() && !is_mutant(Mutant::ignores_sigterm)) terminated_ = true;
        if (terminated_ && !(is_mutant(Mutant::waits_for_connections_at_sigterm) && !connections_.empty()))
            return exit_status();  // [§7] Requests that are active are left as they are.
        auto entry = ready.begin() + 2;
        for (auto served = connections_.begin(); served != connections_.end(); ++entry) {
            const auto current = served++;
            if (serve(*current, entry->revents)) continue;
            exits_ |= current->connection.exits();
            connections_.erase(current);
            out_of_descriptors_ = false;
        }
        // Last, so that what has just been closed leaves room.
        if (ready[1].revents != 0) accept_one();
    }
    return exit_status();
}

/// [§7] On purpose.
int Server::exit_status() noexcept {
    return is_mutant(Mutant::exits_with_status_1) ? 1 : 0;
}

/// Connections beyond our maximum are left to wait in the listening socket's queue.
bool Server::may_accept() const noexcept {
    return connections_.size() < limits_.num_connections_max && !out_of_descriptors_;
}

/// SIGTERM, the listening socket, then the connections in their order.
std::vector<pollfd> Server::polled() const {
    std::vector<pollfd> result;
    result.reserve(connections_.size() + 2);
    result.push_back({.fd = termination_.descriptor(), .events = POLLIN, .revents = 0});
    const auto alone = std::find_if(connections_.begin(), connections_.end(), [](const ServedConnection& served) {
        return served.connection.is_served_alone();  // by a mutant only
    });
    const bool all = alone == connections_.end();
    result.push_back({.fd = all && may_accept() ? listening_.get() : -1, .events = POLLIN, .revents = 0});
    for (const ServedConnection& served : connections_) {
        short events = 0;
        if (!all && &served != &*alone) {
            result.push_back({.fd = -1, .events = 0, .revents = 0});
            continue;
        }
        if (served.lingers_until || served.connection.wants_input()) events |= POLLIN;
        if (!served.connection.output().empty()) events |= POLLOUT;
        result.push_back({.fd = served.socket.get(), .events = events, .revents = 0});
    }
    return result;
}

/// Waits for one of `ready`, or until the first connection has lingered long enough.
void Server::wait(std::vector<pollfd>& ready) const {
    std::optional<Clock::time_point> first;
    for (const ServedConnection& served : connections_)
        if (served.lingers_until) first = std::min(first.value_or(*served.lingers_until), *served.lingers_until);
    int timeout_ms = -1;
    if (first) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*first - Clock::now());
        timeout_ms = std::max(0, static_cast<int>(left.count()));
    }
    if (poll(ready.data(), ready.size(), timeout_ms) >= 0) return;
    if (errno != EINTR) throw_errno("poll");
    for (pollfd& entry : ready) entry.revents = 0;
}

void Server::accept_one() {
    FileDescriptor socket(accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
        const bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK || errno == EOPNOTSUPP ||
            (exhausted && connections_.empty()))
            throw_errno("accept");
        // A connection that has gone again before it was accepted is no error of ours.
        out_of_descriptors_ = exhausted;
        return;
    }
    // [§3.2] Closed at once where its address is not in the list, or it doesn't come over TCP/IP.
    if (web_server_addrs_) {
        const auto address = peer_ipv4_address(socket.get());
        const bool listed = address && std::find(web_server_addrs_->begin(), web_server_addrs_->end(), *address) !=
                                           web_server_addrs_->end();
        if (!changed_admission(listed, address, *web_server_addrs_)) return;
    }
    connections_.push_back({std::move(socket), ReferenceConnection(mutated(answer_by_contract), limits_)});
}

/// Reads, writes and closes as far as that can be done now. False: the connection is over.
bool Server::serve(ServedConnection& served, short events) {
    if (served.lingers_until) {
        if (Clock::now() >= *served.lingers_until) return false;
        return events == 0 || read_some(served);
    }
    if (events == 0) return true;
    // A reset or a hang-up shows in reading or in writing, whichever is still to be done.
    if (served.connection.wants_input() && !read_some(served)) return false;
    if (!write_some(served)) return false;
    if (!served.connection.output().empty()) return true;
    exits_ |= served.connection.exits();
    if (!served.connection.finished()) return true;
    // A close with input unread would be a reset, and could take our last records from the Web server. So our side ends
    // first, and what still comes is read and dropped until the other side ends too, for some time at most.
    if (shutdown(served.socket.get(), SHUT_WR) != 0) return false;
    served.lingers_until = Clock::now() + linger_max_;
    return true;
}

/// False: the connection is broken, or was only waiting for its end.
bool Server::read_some(ServedConnection& served) {
    const ssize_t size = recv(served.socket.get(), read_buffer_.data(), read_buffer_.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return true;
    if (size <= 0 && !served.lingers_until) served.connection.die_of_end(size < 0);
    if (size < 0) return false;
    if (is_mutant(Mutant::hangs_at_a_half_close) && size == 0 && !served.connection.output().empty()) hang();
    if (served.lingers_until) return size > 0;
    if (size == 0)
        served.connection.receive_end();
    else
        served.connection.receive(Bytes(read_buffer_).first(static_cast<std::size_t>(size)));
    return true;
}

/// False: the connection is broken. (No SIGPIPE: that a Web server leaves is no reason to die.)
bool Server::write_some(ServedConnection& served) {
    const Bytes output = served.connection.output();
    if (output.empty()) return true;
    const ssize_t size = send(served.socket.get(), output.data(), output.size(), MSG_NOSIGNAL);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return true;
    if (size < 0) {
        served.connection.die_of_end(true);
        return false;
    }
    served.connection.consumed(static_cast<std::size_t>(size));
    return true;
}

}  // namespace

std::vector<std::uint32_t> parse_web_server_addrs(std::string_view value) {
    std::vector<std::uint32_t> result;
    const char* at = value.data();
    const char* const end = at + value.size();
    const auto fail = [&](const std::string& expected) {
        throw std::runtime_error("FCGI_WEB_SERVER_ADDRS=" + std::string(value) + ": expected " + expected +
                                 " at column " + std::to_string(at - value.data() + 1));
    };
    const auto expect = [&](char sign, const char* name) {
        if (at == end || *at != sign) fail(name);
        ++at;
    };
    do {
        if (!result.empty()) expect(',', "a comma");
        std::uint32_t address = 0;
        for (int index = 0; index < 4; ++index) {
            if (index > 0) expect('.', "a decimal point");
            unsigned number = 0;
            const auto [next, error] = std::from_chars(at, end, number);
            if (error != std::errc{} || number > 255) fail("a number from 0 to 255");
            at = next;
            address = address << 8 | number;
        }
        result.push_back(address);
    } while (at != end);
    return result;
}

int run_reference_application(const ApplicationServerOptions& options) {
    occupy_standard_descriptors();
    return Server(options).run();
}

}  // namespace fcgispec

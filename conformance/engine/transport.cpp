#include "conformance/engine/transport.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace fcgispec {
namespace {

constexpr int backlog = SOMAXCONN;

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un result{};
    result.sun_family = AF_UNIX;
    std::memcpy(result.sun_path, path.data(), path.size());  // Address::parse has checked the size
    return result;
}

using ResolvedAddress = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

ResolvedAddress resolve(const Address& address, bool passive) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
    addrinfo* found = nullptr;
    const int error = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
    if (error != 0) throw std::runtime_error(address.print() + ": " + gai_strerror(error));
    return {found, &freeaddrinfo};
}

/// Whether the peer, or its absence, is the reason why connect() failed.
bool is_peers(int error) {
    return error == ECONNREFUSED || error == ENOENT || error == ETIMEDOUT || error == ECONNRESET || error == EAGAIN ||
           error == EINPROGRESS || error == EHOSTUNREACH || error == ENETUNREACH || error == EACCES || error == EPROTOTYPE || error == ENOTDIR;
}

bool connect_socket(int fd, const sockaddr* address, socklen_t size, int deadline_ms) {
    // A blocking connect bounded by the sending timeout: the one way that also waits for a unix socket's full backlog.
    const timeval timeout{deadline_ms / 1000, deadline_ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    int result = 0;
    do result = ::connect(fd, address, size);
    while (result < 0 && errno == EINTR);
    return result == 0;
}

/// Whether the path is a socket that a process which is gone has left there: it refuses connections, as a file does that
/// is no socket at all. Not blocking: a listener whose backlog is full lives.
bool is_left_behind(const sockaddr_un& where) {
    struct stat status {};
    if (::lstat(where.sun_path, &status) < 0 || !S_ISSOCK(status.st_mode)) return false;
    FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe) fail("socket");
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) < 0 && errno == ECONNREFUSED;
}

}  // namespace

Address Address::parse(std::string_view text) {
    const std::string given(text);
    Address result;
    if (text.starts_with("unix:")) {
        result.path = text.substr(5);
        if (result.path.empty()) throw std::invalid_argument("'" + given + "': expected a path after unix:");
        if (result.path.size() >= sizeof(sockaddr_un::sun_path))
            throw std::invalid_argument("'" + given + "': a unix socket's path has at most 107 bytes");
        return result;
    }
    if (!text.starts_with("tcp:"))
        throw std::invalid_argument("'" + given + "': expected unix:/path, tcp:host:port or tcp:[IPv6]:port");
    result.kind = Kind::tcp;
    text.remove_prefix(4);
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) throw std::invalid_argument("'" + given + "': expected tcp:host:port");
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        throw std::invalid_argument("'" + given + "': an IPv6 address stands in brackets, tcp:[::1]:9000");
    }
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), result.port);
    if (host.empty() || port.empty() || error != std::errc{} || end != port.data() + port.size())
        throw std::invalid_argument("'" + given + "': expected tcp:host:port with a port of 0 to 65535");
    result.host = host;
    return result;
}

std::string Address::print() const {
    if (kind == Kind::unix_socket) return "unix:" + path;
    const bool brackets = host.find(':') != std::string::npos;
    return "tcp:" + (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::shared_mutex& process_start() noexcept {
    static std::shared_mutex mutex;
    return mutex;
}

void FileDescriptor::reset() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void set_nonblocking(int fd) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) fail("fcntl");
}

FileDescriptor connect_to(const Address& address, int deadline_ms) {
    if (address.kind == Address::Kind::unix_socket) {
        FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!fd) fail("socket");
        const sockaddr_un where = unix_address(address.path);
        if (!connect_socket(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where, deadline_ms)) {
            if (is_peers(errno)) throw NotConnected(errno, std::generic_category(), address.print());
            fail(address.print());
        }
        set_nonblocking(fd.get());
        return fd;
    }
    const ResolvedAddress found = resolve(address, false);
    for (const addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
        FileDescriptor fd(::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!fd && errno == EAFNOSUPPORT && one->ai_next != nullptr) continue;  // a name has IPv6 addresses on machines without it too
        if (!fd) fail("socket");
        if (connect_socket(fd.get(), one->ai_addr, one->ai_addrlen, deadline_ms)) {
            const int yes = 1;
            setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            set_nonblocking(fd.get());
            return fd;
        }
        if (one->ai_next == nullptr && is_peers(errno)) throw NotConnected(errno, std::generic_category(), address.print());
    }
    fail(address.print());
}

FileDescriptor listen_on(const Address& address) {
    const std::string what = "can't listen on " + address.print();
    if (address.kind == Address::Kind::unix_socket) {
        FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!fd) fail("socket");
        const sockaddr_un where = unix_address(address.path);
        const auto* place = reinterpret_cast<const sockaddr*>(&where);
        if (::bind(fd.get(), place, sizeof where) < 0) {
            if (errno != EADDRINUSE) fail(what);
            if (!is_left_behind(where)) {
                errno = EADDRINUSE;
                fail(what);
            }
            ::unlink(address.path.c_str());
            if (::bind(fd.get(), place, sizeof where) < 0) fail(what);
        }
        if (::listen(fd.get(), backlog) < 0) fail(what);
        return fd;
    }
    const ResolvedAddress found = resolve(address, true);
    FileDescriptor fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) fail("socket");
    const int yes = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(fd.get(), found->ai_addr, found->ai_addrlen) < 0 || ::listen(fd.get(), backlog) < 0) fail(what);
    return fd;
}

Address address_of(const FileDescriptor& listening, const Address& asked) {
    Address result = asked;
    if (asked.kind == Address::Kind::unix_socket) return result;
    sockaddr_storage where{};
    socklen_t size = sizeof where;
    if (getsockname(listening.get(), reinterpret_cast<sockaddr*>(&where), &size) < 0) fail("getsockname");
    result.port = ntohs(where.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(where).sin6_port
                                                    : reinterpret_cast<sockaddr_in&>(where).sin_port);
    return result;
}

Address fresh_unix_address() {
    static std::atomic<unsigned> number{0};
    std::filesystem::path path;
    std::error_code error;
    // One that was killed leaves its sockets behind, and its process id is used again some day.
    do {
        path = std::filesystem::temp_directory_path() / ("fcgispec-" + std::to_string(getpid()) + "-" + std::to_string(number++));
    } while (std::filesystem::exists(std::filesystem::symlink_status(path, error)));
    return Address::parse("unix:" + path.string());
}

int untaken_size(int fd) noexcept {
    int size = 0;
    return ioctl(fd, SIOCOUTQ, &size) == 0 ? size : 0;
}

void reset_on_close(int fd) noexcept {
    const linger at_once{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace fcgispec

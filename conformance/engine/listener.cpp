#include "conformance/engine/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace fcgispec {
namespace {

/// Whoever holds the other end has gone.
bool has_ended(const FileDescriptor& connection) {
    char byte = 0;
    const ssize_t size = ::recv(connection.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return size == 0 || (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

}  // namespace

Listener::Listener(const Address& address, Kind kind) : socket_(listen_on(address)), address_(address_of(socket_, address)), kind_(kind) {
    set_nonblocking(socket_.get());
    // Web servers run as another user than whoever certifies them.
    if (address_.kind == Address::Kind::unix_socket && ::chmod(address_.path.c_str(), 0666) < 0)
        throw std::system_error(errno, std::generic_category(), address_.print());
}

Listener::~Listener() {
    if (address_.kind == Address::Kind::unix_socket) ::unlink(address_.path.c_str());
}

std::vector<int> Listener::fds() const {
    std::vector<int> result{socket_.get()};
    for (const Started& one : started_) result.push_back(one.listening.get());
    return result;
}

FileDescriptor Listener::accept_from(const FileDescriptor& socket) const {
    FileDescriptor result(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (result) {
        const int yes = 1;
        setsockopt(result.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);  // of a unix socket this is refused, and needless
        return result;
    }
    const bool nobody = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNABORTED || errno == EINVAL;
    if (!nobody) throw std::system_error(errno, std::generic_category(), "accept on " + address_.print());
    return result;
}

void Listener::meet_started() {
    std::erase_if(started_, [](const Started& one) { return has_ended(one.connection); });
    while (FileDescriptor connection = accept_from(socket_)) {
        auto taken = take_over(connection);
        if (!taken) continue;  // a stranger
        last_state_ = std::move(taken->state);
        started_.push_back({std::move(connection), std::move(taken->listening)});
    }
}

FileDescriptor Listener::accept() {
    if (kind_ == Kind::ours) return accept_from(socket_);
    meet_started();
    for (const Started& one : started_)
        if (FileDescriptor connection = accept_from(one.listening)) return connection;
    return {};
}

}  // namespace fcgispec

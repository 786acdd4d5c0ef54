#include "conformance/engine/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace fcgispec {

Listener::Listener(const Address& address) : socket_(listen_on(address)), address_(address_of(socket_, address)) {
    set_nonblocking(socket_.get());
    // Web servers run as another user than whoever certifies them.
    if (address_.kind == Address::Kind::unix_socket && ::chmod(address_.path.c_str(), 0666) < 0)
        throw std::system_error(errno, std::generic_category(), address_.print());
}

Listener::~Listener() {
    if (address_.kind == Address::Kind::unix_socket) ::unlink(address_.path.c_str());
}

FileDescriptor Listener::accept() {
    FileDescriptor result(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!result) {
        const bool nobody = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNABORTED;
        if (!nobody) throw std::system_error(errno, std::generic_category(), "accept on " + address_.print());
        return result;
    }
    const int yes = 1;
    if (address_.kind == Address::Kind::tcp) setsockopt(result.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return result;
}

}  // namespace fcgispec

#include "conformance/engine/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace fcgispec {

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
    for (const Started& one : started_) result.insert(result.end(), {one.listening.get(), one.connection.get()});
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

void Listener::forget_ended() {
    std::erase_if(started_, [&](const Started& one) {
        const StartedState state = state_of_started(one.connection);
        asked_to_exit_ = asked_to_exit_ || state.asked_to_exit;
        return state.ended;
    });
}

bool Listener::wait_for_end_of_started(int wait_ms) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
    while (true) {
        forget_ended();
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
        if (started_.empty() || left <= 0) return started_.empty();
        pollfd first{started_.front().connection.get(), POLLIN, 0};
        (void)poll(&first, 1, static_cast<int>(left));
    }
}

void Listener::meet_started() {
    forget_ended();
    while (FileDescriptor connection = accept_from(socket_)) {
        auto taken = take_over(connection);
        if (!taken) continue;  // a stranger
        last_state_ = std::move(taken->state);
        started_.push_back({std::move(connection), std::move(taken->listening)});
    }
}

FileDescriptor Listener::accept() {
    if (kind_ == Kind::ours) return accept_from(socket_);
    std::vector<pollfd> polled;
    for (const int fd : fds()) polled.push_back({fd, POLLIN, 0});
    const int num_ready = poll(polled.data(), polled.size(), 0);
    if (num_ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
    if (num_ready <= 0) return {};  // it is asked often, and seldom is anybody there
    const auto is_ready = [&](const FileDescriptor& socket) {
        return std::any_of(polled.begin(), polled.end(), [&](const pollfd& one) { return one.fd == socket.get() && one.revents != 0; });
    };
    const bool comes_or_goes = is_ready(socket_) || std::any_of(started_.begin(), started_.end(), [&](const Started& one) { return is_ready(one.connection); });
    if (comes_or_goes) meet_started();
    for (const Started& one : started_) {
        if (!comes_or_goes && !is_ready(one.listening)) continue;
        if (FileDescriptor connection = accept_from(one.listening)) return connection;
    }
    return {};
}

}  // namespace fcgispec

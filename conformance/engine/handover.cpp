#include "conformance/engine/handover.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "codec/name_value_pair.hpp"

namespace fcgispec {
namespace {

constexpr int connect_ms = 5000;
constexpr int take_ms = 5000;  // between the connection and what it hands over
constexpr std::size_t state_size_max = 4096;

std::string_view state_of_descriptor_0() {
    if (fcntl(STDIN_FILENO, F_GETFD) < 0) return "closed";
    int listens = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0) return "other";
    return listens != 0 ? "listening" : "connected";
}

std::string_view state_of(int fd) { return fcntl(fd, F_GETFD) < 0 ? "closed" : "open"; }

std::size_t num_other_descriptors() {
    std::size_t result = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        const int fd = std::atoi(entry.path().filename().c_str());
        std::error_code error;
        // The folder that is being read is open as well.
        const bool is_folder_read = std::filesystem::read_symlink(entry.path(), error).string().starts_with("/proc/");
        if (fd > STDERR_FILENO && !is_folder_read) ++result;
    }
    return result;
}

std::string_view state_of_addresses() {
    const char* addresses = std::getenv("FCGI_WEB_SERVER_ADDRS");
    if (addresses == nullptr) return "absent";
    return is_address_list(addresses) ? "addresses" : "malformed";
}

}  // namespace

bool is_address_list(std::string_view text) {
    while (true) {
        const std::size_t comma = std::min(text.find(','), text.size());
        in_addr address{};
        if (inet_pton(AF_INET, std::string(text.substr(0, comma)).c_str(), &address) != 1) return false;
        if (comma == text.size()) return true;
        text.remove_prefix(comma + 1);
    }
}

Buffer initial_state(int num_arguments) {
    Buffer result;
    const auto add = [&](std::string_view name, std::string_view value) { encode_pair({.name = bytes_of(name), .value = bytes_of(value)}, result); };
    add("descriptor-0", state_of_descriptor_0());
    add("descriptor-1", state_of(STDOUT_FILENO));
    add("descriptor-2", state_of(STDERR_FILENO));
    add("other-descriptors", std::to_string(num_other_descriptors()));
    add("arguments", std::to_string(num_arguments));
    add("FCGI_WEB_SERVER_ADDRS", state_of_addresses());
    return result;
}

FileDescriptor hand_over(const Address& address, const Buffer& state) {
    FileDescriptor connection = connect_to(address, connect_ms);
    iovec data{const_cast<std::uint8_t*>(state.data()), state.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int listening = STDIN_FILENO;
    std::memcpy(CMSG_DATA(header), &listening, sizeof listening);
    if (sendmsg(connection.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(state.size())) throw std::system_error(errno, std::generic_category(), address.print());
    return connection;
}

void say_asked_to_exit(const FileDescriptor& connection) noexcept { (void)::send(connection.get(), "T", 1, MSG_NOSIGNAL | MSG_DONTWAIT); }

StartedState state_of_started(const FileDescriptor& connection) noexcept {
    StartedState result;
    char byte = 0;
    ssize_t size = 0;
    while ((size = ::recv(connection.get(), &byte, 1, MSG_DONTWAIT)) > 0) result.asked_to_exit = true;
    result.ended = size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
    return result;
}

std::optional<HandedOver> take_over(const FileDescriptor& connection) {
    pollfd polled{connection.get(), POLLIN, 0};
    if (poll(&polled, 1, take_ms) <= 0) return std::nullopt;
    HandedOver result;
    result.state.resize(state_size_max);
    iovec data{result.state.data(), result.state.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = recvmsg(connection.get(), &message, MSG_CMSG_CLOEXEC);
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (size <= 0 || header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return std::nullopt;
    int listening = -1;
    std::memcpy(&listening, CMSG_DATA(header), sizeof listening);
    result.listening = FileDescriptor(listening);
    result.state.resize(static_cast<std::size_t>(size));
    set_nonblocking(listening);
    return result;
}

}  // namespace fcgispec

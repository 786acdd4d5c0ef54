// Addresses and sockets: what [§2.2] calls the reliable transport. Nothing here knows records.
#pragma once

#include <cstdint>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace fcgispec {

/// unix:/path, tcp:host:port or tcp:[IPv6]:port.
struct Address {
    enum class Kind : std::uint8_t { unix_socket, tcp };
    Kind kind = Kind::unix_socket;
    std::string path;  ///< unix_socket: at most 107 bytes
    std::string host;  ///< tcp: name or number, without brackets
    std::uint16_t port = 0;

    /// Throws std::invalid_argument saying what is wrong and what was expected.
    [[nodiscard]] static Address parse(std::string_view text);
    /// As parse reads it.
    [[nodiscard]] std::string print() const;
};

/// Owns a file descriptor.
class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
    FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~FileDescriptor() { reset(); }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    void reset() noexcept;

private:
    int fd_ = -1;
};

/// Held while a process is being started. Until its program is executed it has copies of all our sockets: one that another
/// thread closes meanwhile isn't closed for its other end. So who closes a connection for the peer to notice shares it.
[[nodiscard]] std::shared_mutex& process_start() noexcept;

/// The peer did not take the connection: it isn't there, refuses, or did not accept in time. Not our machine's failure.
struct NotConnected : std::system_error {
    using std::system_error::system_error;
};

/// A connected socket, not blocking, closed on exec, TCP without delay. Waits at most `deadline_ms`. Throws NotConnected
/// where the peer is the reason, std::system_error where the machine is (no descriptor, no memory), std::runtime_error
/// where the host has no address.
[[nodiscard]] FileDescriptor connect_to(const Address& address, int deadline_ms);

/// A listening socket, closed on exec. A unix socket's path is replaced if nothing listens there; port 0 takes any free
/// one. Throws std::system_error that names the address.
[[nodiscard]] FileDescriptor listen_on(const Address& address);
/// The address that a listening socket got: with the port, where 0 was asked.
[[nodiscard]] Address address_of(const FileDescriptor& listening, const Address& asked);

/// An address for a listening unix socket of ours that nobody else uses, in the folder for temporary files.
[[nodiscard]] Address fresh_unix_address();

/// Throws std::system_error.
void set_nonblocking(int fd);

/// How many written bytes the other side's system or process hasn't taken yet; 0 where that can't be known.
[[nodiscard]] int untaken_size(int fd) noexcept;

/// Makes close() send a reset instead of a FIN (TCP); a unix socket has none, its close is all there is.
void reset_on_close(int fd) noexcept;

}  // namespace fcgispec

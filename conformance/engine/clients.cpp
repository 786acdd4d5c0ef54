#include "conformance/engine/clients.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <array>

#include "codec/name_value_pair.hpp"

namespace fcgispec {

void Clients::add(int fd) {
    sockaddr_storage where{};
    socklen_t size = sizeof where;
    auto* address = reinterpret_cast<sockaddr*>(&where);
    if (getsockname(fd, address, &size) < 0) return;
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    if (getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) return;
    last_conversations_[std::string(host.data()) + " " + port.data()] = conversation_;
}

bool Clients::has_left(Bytes params) const {
    std::string address;
    std::string port;
    for (DecodedPair decoded = decode_pair(params); decoded.pair; decoded = decode_pair(params)) {
        const std::string_view name = text_of(decoded.pair->name);
        if (name == "REMOTE_ADDR") address = text_of(decoded.pair->value);
        if (name == "REMOTE_PORT") port = text_of(decoded.pair->value);
        params = params.subspan(decoded.consumed);
    }
    const auto found = last_conversations_.find(address + " " + port);
    return found != last_conversations_.end() && found->second != conversation_;
}

}  // namespace fcgispec

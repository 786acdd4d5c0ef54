#include "conformance/engine/peer.hpp"

#include <unistd.h>

namespace fcgispec {

Peer::Peer(const RunOptions& options) : options_(options), address_(options.address ? *options.address : fresh_unix_address()) {
    if (is_ours()) restart();
}

Peer::~Peer() {
    process_.reset();
    if (is_ours()) unlink(address_.path.c_str());
}

std::optional<ExitStatus> Peer::exit_status() noexcept { return process_ ? process_->exit_status() : std::nullopt; }

void Peer::restart() {
    process_.reset();
    // A new socket: what waited in the old one's queue must not reach the new process.
    listening_.reset();
    unlink(address_.path.c_str());
    listening_ = listen_on(address_);
    process_ = std::make_unique<Process>(options_.command, listening_, std::map<std::string, std::string>{});
}

}  // namespace fcgispec

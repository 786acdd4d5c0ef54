#include "conformance/engine/peer.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace fcgispec {
namespace {

constexpr int exit_ms = 5000;  // for a Web server that was told to go, and then for what it has started

Address address_of_peer(const RunOptions& options) {
    if (options.side == Side::web_server) return options.url ? options.url->address() : Address::parse("tcp:127.0.0.1:0");
    return options.address ? *options.address : fresh_unix_address();
}

}  // namespace

Peer::Peer(const RunOptions& options) : options_(options), address_(address_of_peer(options)) {
    if (options.side == Side::web_server) ours_ = std::make_unique<Listener>(options.listen.value(), options.listener_kind);
    if (!is_ours()) return;
    try {
        restart();
    } catch (...) {
        remove_socket();
        throw;
    }
}

Peer::~Peer() {
    process_.reset();
    if (is_ours()) remove_socket();
}

void Peer::remove_socket() const noexcept {
    if (address_.kind == Address::Kind::unix_socket) unlink(address_.path.c_str());
}

PlayOptions Peer::play_options() const {
    PlayOptions result{.address = address_, .listener = ours_.get(), .params = options_.params, .command = options_.command,
                       .deadline_ms = options_.deadline_ms, .interrupted = options_.interrupted, .peer_end_fd = end_fd()};
    result.notices_close = notices_close_;
    if (options_.side == Side::web_server)
        result.url = options_.url ? *options_.url : HttpUrl{.host = address_.host, .port = address_.port, .path = {}};
    return result;
}

std::optional<ExitStatus> Peer::exit_status() noexcept { return wait_for_exit(0); }

std::optional<ExitStatus> Peer::wait_for_exit(int deadline_ms) noexcept { return process_ ? process_->wait_for_exit(deadline_ms) : std::nullopt; }

/// Whether it was told to go.
bool Peer::stop_web_server() {
    if (process_) {
        process_->signal(SIGTERM);  // it alone: what it has started is its own to end
        return process_->wait_for_exit(exit_ms).has_value();
    }
    return !options_.stop.empty() && std::system(options_.stop.c_str()) == 0;
}

std::string Peer::asks_to_exit() {
    const bool stopped = stop_web_server();
    const bool ended = ours_->wait_for_end_of_started(stopped ? exit_ms : 0);
    if (ours_->asked_to_exit()) return "yes";
    if (!stopped) return options_.stop.empty() ? "" : "not seen: --stop failed";
    return ended ? "no: it ends without" : "no: it goes on";
}

void Peer::restart() {
    process_.reset();
    // A new socket: what waited in the old one's queue must not reach the new process.
    listening_.reset();
    remove_socket();
    listening_ = listen_on(address_);
    address_ = address_of(listening_, address_);
    process_ = std::make_unique<Process>(options_.command, listening_, std::map<std::string, std::string>{});
}

}  // namespace fcgispec

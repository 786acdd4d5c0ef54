// `fcgispec handover`: what a Web server starts that starts its applications itself [§2]. It hands its listening socket to the
// `fcgispec server` that certifies this Web server, then to the next one that comes, until it is told to go
// or nobody comes any more.
#include <poll.h>

#include <csignal>
#include <cstdio>
#include <memory>

#include "conformance/command/command.hpp"
#include "conformance/engine/handover.hpp"

namespace fcgispec {
namespace {

constexpr int num_own_arguments = 2;  // "handover" and ADDRESS: without them there is nothing but the program's name
constexpr int interrupt_check_ms = 200;
constexpr int look_again_ms = 20;
constexpr int wait_first_ms = 60000;  // for the first `fcgispec server`, from the start of the Web server on
constexpr int wait_next_ms = 10000;   // for another one behind it

/// A Web server may have no ear for it; somebody who tries it in a shell has.
void tell_waiting(const Address& address) {
    std::fprintf(stderr, "fcgispec handover: nobody listens at %s yet; waiting %d s for fcgispec server --handed-over %s "
                 "(a Web server starts this command, with its listening socket as descriptor 0)\n", address.print().c_str(), wait_first_ms / 1000, address.print().c_str());
}

/// When somebody listens there: a Web server may start its applications before it is certified. Nothing when told to go, or when
/// nobody comes: whoever started us may have died without a word.
std::optional<FileDescriptor> meet(const Address& address, const Buffer& state, int wait_ms) {
    for (int waited_ms = 0; !interrupted && waited_ms < wait_ms; waited_ms += look_again_ms) {
        try {
            return hand_over(address, state);
        } catch (const NotConnected&) {
            if (waited_ms == 0 && wait_ms == wait_first_ms) tell_waiting(address);
            (void)poll(nullptr, 0, look_again_ms);
        }
    }
    return std::nullopt;
}

int serve(const std::string& where, int num_arguments) {
    const Buffer state = initial_state(num_arguments - num_own_arguments);
    const Address address = parse_address(where);
    int wait_ms = wait_first_ms;
    while (const auto connection = meet(address, state, wait_ms)) {
        wait_ms = wait_next_ms;
        pollfd polled{connection->get(), POLLIN, 0};
        while (!interrupted && poll(&polled, 1, interrupt_check_ms) <= 0) continue;
        if (interrupted_by == SIGTERM) say_asked_to_exit(*connection);
    }
    if (!interrupted) std::fprintf(stderr, "fcgispec handover: nobody listens at %s any more: fcgispec server --handed-over does\n", where.c_str());
    return exit_conforms;
}

}  // namespace

void add_handover_command(CLI::App& cli, Run& run, int num_arguments) {
    auto address = std::make_shared<std::string>();
    CLI::App* app = cli.add_subcommand("handover", "Be the application that a Web server starts, for fcgispec server --handed-over");
    app->add_option("ADDRESS", *address, "Where fcgispec server listens: unix:/path")->required();
    app->callback([address, num_arguments, &run] { run = [address, num_arguments] { return serve(*address, num_arguments); }; });
}

}  // namespace fcgispec

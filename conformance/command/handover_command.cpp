// `fcgispec handover`: what a Web server starts that starts its applications itself [§2]. It hands its listening socket to the
// `fcgispec server` that certifies this Web server, and stays until it is told to go, or that one has gone.
#include <poll.h>

#include <memory>

#include "conformance/command/command.hpp"
#include "conformance/engine/handover.hpp"

namespace fcgispec {
namespace {

constexpr int num_own_arguments = 2;  // "handover" and ADDRESS: without them there is nothing but the program's name
constexpr int interrupt_check_ms = 200;

int serve(const std::string& address, int num_arguments) {
    const FileDescriptor connection = hand_over(parse_address(address), initial_state(num_arguments - num_own_arguments));
    pollfd polled{connection.get(), POLLIN, 0};
    while (!interrupted && poll(&polled, 1, interrupt_check_ms) <= 0) continue;
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

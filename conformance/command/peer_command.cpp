// `fcgispec peer`: our reference peers.
#include <cstdio>
#include <memory>

#include "conformance/command/command.hpp"
#include "conformance/peers/application_server.hpp"

namespace fcgispec {

void add_peer_command(CLI::App& cli, Run& run) {
    CLI::App* peer = cli.add_subcommand("peer", "Our reference peers");
    peer->require_subcommand(1);
    CLI::App* application = peer->add_subcommand("application", "Serve the contract, multiplexed, in all roles");
    auto listen = std::make_shared<std::string>();
    application->add_option("--listen", *listen, "unix:/path or tcp:host:port; without it the listening socket on descriptor 0");
    application->callback([listen, &run] {
        run = [listen] {
            ApplicationServerOptions options;
            if (!listen->empty()) {
                try {
                    options.listen = Address::parse(*listen);
                } catch (const std::invalid_argument& error) {
                    throw UsageError(error.what());
                }
                options.on_listening = [](const Address& address) {
                    std::printf("listening on %s\n", address.print().c_str());
                    std::fflush(stdout);
                };
            }
            return run_reference_application(options);
        };
    });
}

}  // namespace fcgispec

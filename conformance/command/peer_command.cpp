// `fcgispec peer`: our reference peers.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "conformance/command/command.hpp"
#include "conformance/peers/application_server.hpp"
#include "conformance/peers/mutants.hpp"

namespace fcgispec {

namespace {

int list_mutants(Side side) {
    for (const MutantText& mutant : mutant_texts()) {
        if (mutant.side != side) continue;
        nlohmann::ordered_json line{{"name", mutant.name},
                                    {"requirement", mutant.requirement},
                                    {"sentence", mutant.sentence},
                                    {"origin", mutant.origin},
                                    {"consequences", nlohmann::ordered_json::array()}};
        for (const Consequence& other : mutant.consequences)
            line["consequences"].push_back({{"requirement", other.requirement}, {"reason", other.reason}});
        std::printf("%s\n", line.dump().c_str());
    }
    return 0;
}

void become_mutant(const std::string& name, Side side) {
    const MutantText* text = mutant_named(name);
    if (text == nullptr || text->side != side)
        throw UsageError("--mutant " + name + ": no such mutant, see --list-mutants");
    become(text->mutant);
}

}  // namespace

void add_peer_command(CLI::App& cli, Run& run) {
    CLI::App* peer = cli.add_subcommand("peer", "Our reference peers");
    peer->require_subcommand(1);
    CLI::App* application = peer->add_subcommand("application", "Serve the contract, multiplexed, in all roles");
    auto listen = std::make_shared<std::string>();
    auto mutant = std::make_shared<std::string>();
    auto list = std::make_shared<bool>(false);
    application->add_option("--listen", *listen, "unix:/path or tcp:host:port; without it the listening socket on descriptor 0");
    application->add_option("--mutant", *mutant, "With this one defect: what it breaks, the suite must find");
    application->add_flag("--list-mutants", *list, "Print the mutants, a JSON object a line, and serve nothing");
    application->callback([listen, mutant, list, &run] {
        run = [listen, mutant, list] {
            if (*list) return list_mutants(Side::application);
            if (!mutant->empty()) become_mutant(*mutant, Side::application);
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

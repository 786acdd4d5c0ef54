// `fcgispec peer`: our reference peers.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "conformance/command/command.hpp"
#include "conformance/peers/application_server.hpp"
#include "conformance/peers/mutants.hpp"
#include "conformance/peers/web_server.hpp"

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
            line["consequences"].push_back({{"requirement", other.requirement}, {"reason", other.reason}, {"sure", other.sure}});
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

struct WebServerArguments {
    std::string connect;
    bool start = false;
    std::vector<std::string> command;  // with --start
    std::string http;
    std::string mutant;
    int timeout_ms = 2000;
    bool list_mutants = false;
};

int run_web_server(const WebServerArguments& arguments) {
    if (arguments.list_mutants) return list_mutants(Side::web_server);
    if (arguments.connect.empty() && !arguments.start)
        throw UsageError("--connect ADDRESS is needed, or --start -- COMMAND ARGUMENT...");
    if (!arguments.connect.empty() && arguments.start) throw UsageError("expected --connect or --start, not both");
    if (arguments.start == arguments.command.empty()) throw UsageError("--start: expected -- and the command that starts the application");
    if (!arguments.mutant.empty()) become_mutant(arguments.mutant, Side::web_server);
    WebServerOptions options;
    if (!arguments.start) options.connect = parse_address(arguments.connect);
    options.command = arguments.command;
    if (!arguments.http.empty()) options.http = parse_address("tcp:" + arguments.http);
    options.application_silence_max = std::chrono::milliseconds(arguments.timeout_ms);
    options.on_listening = [](const Address& address) {
        std::printf("listening on http://%s/\n", address.print().substr(4).c_str());  // without "tcp:"
        std::fflush(stdout);
    };
    return run_reference_web_server(options);
}

void add_web_server(CLI::App& peer, Run& run) {
    CLI::App* web_server = peer.add_subcommand("web-server", "Serve HTTP from a FastCGI application, in all roles");
    auto arguments = std::make_shared<WebServerArguments>();
    web_server->add_option("--connect", arguments->connect,
                           "Where the application listens: unix:/path or tcp:host:port");
    web_server->add_flag("--start", arguments->start,
                         "Start the application instead, its listening socket on descriptor 0, and end it with itself");
    web_server->add_option("COMMAND", arguments->command, "With --start: -- COMMAND ARGUMENT...");
    web_server->add_option(
        "--http", arguments->http,
        "HOST:PORT to serve HTTP on, port 0 takes a free one; without it the listening socket on descriptor 0");
    web_server->add_option("--timeout-ms", arguments->timeout_ms, "How long an application may be silent")
        ->capture_default_str()
        ->check(CLI::Range(1, 3'600'000));
    web_server->add_option("--mutant", arguments->mutant, "With this one defect: what it breaks, the suite must find");
    web_server->add_flag("--list-mutants", arguments->list_mutants,
                         "Print the mutants, a JSON object a line, and serve nothing");
    web_server->callback([arguments, &run] { run = [arguments] { return run_web_server(*arguments); }; });
}

}  // namespace

void add_peer_command(CLI::App& cli, Run& run) {
    CLI::App* peer = cli.add_subcommand("peer", "Our reference peers");
    peer->require_subcommand(0, 1);
    add_web_server(*peer, run);
    CLI::App* application = peer->add_subcommand("application", "Serve the contract, multiplexed, in all roles");
    auto listen = std::make_shared<std::string>();
    auto mutant = std::make_shared<std::string>();
    auto list = std::make_shared<bool>(false);
    application->add_option("--listen", *listen,
                            "unix:/path or tcp:host:port; without it the listening socket on descriptor 0");
    application->add_option("--mutant", *mutant, "With this one defect: what it breaks, the suite must find");
    application->add_flag("--list-mutants", *list, "Print the mutants, a JSON object a line, and serve nothing");
    application->callback([listen, mutant, list, &run] {
        run = [listen, mutant, list] {
            if (*list) return list_mutants(Side::application);
            if (!mutant->empty()) become_mutant(*mutant, Side::application);
            ApplicationServerOptions options;
            if (!listen->empty()) {
                options.listen = parse_address(*listen);
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

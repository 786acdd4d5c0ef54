// fcgispec: the command.
#include <csignal>
#include <cstdio>
#include <exception>

#include "conformance/command/command.hpp"

namespace {

void on_signal(int) {
    // The second time the user means it.
    if (fcgispec::interrupted.exchange(true)) _exit(128 + SIGINT);
}

int run(int argc, char** argv) {
    CLI::App cli("Conformance and fuzzing suite for FastCGI", "fcgispec");
    cli.set_version_flag("--version", "fcgispec " FCGISPEC_VERSION);
    cli.require_subcommand(1);
    fcgispec::Run chosen;
    fcgispec::add_app_command(cli, chosen);
    fcgispec::add_server_command(cli, chosen);
    fcgispec::add_list_command(cli, chosen);
    fcgispec::add_explain_command(cli, chosen);
    fcgispec::add_replay_command(cli, chosen);
    fcgispec::add_tap_command(cli, chosen);
    fcgispec::add_handover_command(cli, chosen, argc);
    fcgispec::add_decode_command(cli, chosen);
    fcgispec::add_encode_command(cli, chosen);
    fcgispec::add_peer_command(cli, chosen);
    try {
        cli.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return cli.exit(error) == 0 ? fcgispec::exit_conforms : fcgispec::exit_usage;
    }
    return chosen();
}

}  // namespace

int main(int argc, char** argv) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return run(argc, argv);
    } catch (const fcgispec::UsageError& error) {
        std::fprintf(stderr, "fcgispec: %s\n", error.what());
        return fcgispec::exit_usage;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "fcgispec: %s\n", error.what());
        return fcgispec::exit_inconclusive;
    }
}

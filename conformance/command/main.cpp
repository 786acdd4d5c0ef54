// fcgispec: the command.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>

#include "conformance/command/command.hpp"
#include "conformance/engine/selection.hpp"

namespace {

void on_signal(int number) {
    fcgispec::interrupted_by = number;
    // The second time the user means it.
    if (fcgispec::interrupted.exchange(true)) _exit(128 + SIGINT);
}

/// Where we were started with standard streams closed, what we open must not be taken for them: a report would be written
/// to a peer. They stand for nothing then, and writing there fails as before. Peers know what a Web server closes [§2.2].
void hold_standard_descriptors() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        // What is opened gets the lowest number that is free.
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) throw std::system_error(errno, std::generic_category(), "/dev/null");
    }
}

int run(int argc, char** argv) {
    if (argc > 0 && *argv[0] != '\0') fcgispec::command_name = fcgispec::shell_quoted(argv[0]);
    CLI::App cli("Conformance and fuzzing suite for FastCGI", "fcgispec");
    cli.set_version_flag("--version", "fcgispec " FCGISPEC_VERSION);
    cli.require_subcommand(0, 1);  // with 1, 1 what it says of an unknown one is that there is none
    cli.failure_message([](const CLI::App* app, const CLI::Error& error) { return "fcgispec: " + CLI::FailureMessage::simple(app, error); });
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
    if (!chosen) throw fcgispec::UsageError("a subcommand is required, see " + fcgispec::command_name + " --help");
    if (!cli.got_subcommand("peer") && !cli.got_subcommand("handover")) hold_standard_descriptors();
    const int exit_code = chosen();
    fcgispec::flush_output();
    return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of writing
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

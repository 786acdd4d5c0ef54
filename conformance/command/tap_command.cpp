// `fcgispec tap`: between a Web server and an application.
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>

#include "conformance/command/command.hpp"
#include "conformance/engine/tap.hpp"

namespace fcgispec {
namespace {

struct TapCommandOptions {
    std::string listen;
    std::string connect;
    std::string recording;
    bool all = false;
};

void show(const TapAccusation& accusation, const Register& requirements) {
    const Verdict verdict = verdict_of_breach(requirements.find(accusation.requirement));
    std::printf("%-9s %s  %s, connection %s: wanted %s, got %s\n          %s %s\n", name_of(verdict).data(), accusation.requirement.c_str(),
                accusation.side == Side::application ? "application" : "Web server", accusation.connection.c_str(), accusation.wanted.c_str(), accusation.got.c_str(),
                accusation.side == Side::application ? "<" : ">", accusation.record.c_str());
    std::fflush(stdout);
}

int run_tap(const TapCommandOptions& options) {
    const Register requirements = load_register();
    TapOptions tap_options{.application = parse_address(options.connect), .accuse = {}, .record = {}, .tell = {}, .interrupted = &interrupted};
    std::ofstream recording;
    if (!options.recording.empty()) {
        recording.open(options.recording, std::ios::binary);
        if (!recording) throw UsageError("--record " + options.recording + ": can't be written");
        tap_options.record = [&](const std::string& line) {
            recording << line << '\n';
            recording.flush();  // whoever kills us keeps what was said
            if (!recording) throw std::runtime_error(options.recording + ": can't be written any more");
        };
    }
    std::map<std::string, std::size_t> counts;
    bool violated = false;
    tap_options.accuse = [&](const TapAccusation& accusation) {
        const Requirement* requirement = requirements.find(accusation.requirement);
        if (requirement != nullptr && requirement->level == Level::may) return;
        violated = violated || is_violation(verdict_of_breach(requirement));
        // Once is enough of what recurs with every request.
        if (counts[accusation.requirement + name_of(accusation.side).data()]++ == 0 || options.all) show(accusation, requirements);
    };
    tap_options.tell = [](const std::string& text) { std::fprintf(stderr, "fcgispec tap: %s\n", text.c_str()); };
    Listener listener(parse_address(options.listen));
    std::printf("listening on %s\n", listener.address().print().c_str());
    std::fflush(stdout);
    const TapSummary summary = tap(listener, tap_options);
    std::size_t num_accusations = 0;
    for (const auto& [requirement, count] : counts) num_accusations += count;
    std::printf("%zu connections, %zu records, %zu accusations of %zu kinds\n", summary.num_connections, summary.num_records, num_accusations, counts.size());
    if (violated) return exit_violations;
    return summary.num_records == 0 ? exit_inconclusive : exit_conforms;  // nothing conforms by not being seen
}

}  // namespace

void add_tap_command(CLI::App& cli, Run& run) {
    auto options = std::make_shared<TapCommandOptions>();
    CLI::App* app = cli.add_subcommand("tap", "Stand between a Web server and an application, check and record both; ends with Ctrl-C");
    app->add_option("--listen", options->listen, "Where the Web server finds us: unix:/path or tcp:host:port")->required();
    app->add_option("--connect", options->connect, "Where the application listens")->required();
    app->add_option("--record", options->recording, "Write all that is said to this file, in notation: fcgispec replay plays it again");
    app->add_flag("--all", options->all, "Show every accusation, not only the first of each kind");
    app->callback([options, &run] { run = [options] { return run_tap(*options); }; });
}

}  // namespace fcgispec

// `fcgispec app` and `fcgispec server`: certify an application, or a Web server.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "conformance/command/command.hpp"
#include "conformance/engine/baseline.hpp"
#include "conformance/engine/reports.hpp"
#include "conformance/engine/runner.hpp"
#include "conformance/engine/selection.hpp"
#include "conformance/engine/text_file.hpp"
#include "conformance/peers/mutants.hpp"

namespace fcgispec {
namespace {

struct CertifyOptions {
    Side side = Side::application;
    std::vector<std::string> words;  // ADDRESS of an application, or with --spawn the command
    bool spawn = false;
    std::string listen;       // where a Web server finds us
    std::string handed_over;  // or where applications that it starts find us
    std::string http;         // what it forwards to us
    std::string stop;         // what stops a Web server that starts its application itself
    std::string mutant;       // of our reference peer
    std::string name;
    std::vector<std::string> params;
    std::vector<std::string> select;
    std::vector<std::string> skip;
    std::string splitting = "whole";
    std::size_t jobs = 1;
    std::size_t repeat = 1;
    std::uint64_t seed = 1;
    int timeout_ms = 0;
    std::string json, junit, tap, markdown, html;
    std::string baseline, write_baseline;
    bool quiet = false;
    bool verbose = false;
};

std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

/// Our reference peer of that side, or the mutant of it that is asked for.
std::vector<std::string> reference_command(const CertifyOptions& options, RunOptions& run) {
    const bool application = options.side == Side::application;
    run.name = std::string("fcgispec's reference ") + (application ? "application" : "Web server");
    std::vector<std::string> command{own_path(), "peer", application ? "application" : "web-server"};
    if (options.mutant.empty()) return command;
    run.name += ", mutant " + options.mutant;
    run.again += " --mutant " + shell_quoted(options.mutant);
    command.insert(command.end(), {"--mutant", options.mutant});
    return command;
}

/// A mutant is one of our own peers.
void check_mutant(const CertifyOptions& options, bool other_peer) {
    if (options.mutant.empty()) return;
    if (other_peer) throw UsageError("--mutant: our reference peer is certified then, no other");
    const MutantText* mutant = mutant_named(options.mutant);
    if (mutant == nullptr || mutant->side != options.side)
        throw UsageError("--mutant " + options.mutant + ": no such mutant, see fcgispec peer " + (options.side == Side::application ? "application" : "web-server") + " --list-mutants");
}

void name_application(const CertifyOptions& options, RunOptions& run) {
    run.again = command_name + " app";
    check_mutant(options, options.spawn || !options.words.empty());
    if (options.spawn) {
        if (options.words.empty()) throw UsageError("--spawn: expected -- and the command that starts the application");
        run.command = options.words;
    } else if (options.words.size() > 1) {
        throw UsageError("expected one ADDRESS, or --spawn -- COMMAND ARGUMENT...");
    } else if (options.words.empty()) {
        run.command = reference_command(options, run);
    } else {
        run.address = parse_address(options.words.front());
        run.again += " " + shell_quoted(options.words.front());
    }
}

void name_web_server(const CertifyOptions& options, RunOptions& run) {
    run.again = command_name + " server";
    check_mutant(options, !options.listen.empty() || !options.handed_over.empty() || !options.http.empty());
    if (!options.listen.empty() && !options.handed_over.empty()) throw UsageError("expected --listen or --handed-over, not both");
    const std::string& listen = options.listen.empty() ? options.handed_over : options.listen;
    if (!options.stop.empty() && options.handed_over.empty()) throw UsageError("--stop: only the application that the Web server starts can see it, see --handed-over");
    if (listen.empty() != options.http.empty()) throw UsageError("expected --listen ADDRESS (or --handed-over) and --http URL, or neither for our reference Web server");
    if (listen.empty()) {
        // It starts its application itself, so that how it does that [§2] is looked at too.
        run.listen = fresh_unix_address();
        run.listener_kind = Listener::Kind::handed_over;
        run.command = reference_command(options, run);
        run.command.insert(run.command.end(), {"--start", "--", own_path(), "handover", run.listen->print()});
        return;
    }
    run.listen = parse_address(listen);
    run.stop = options.stop;
    if (options.listen.empty()) run.listener_kind = Listener::Kind::handed_over;
    run.url = parse_url(options.http);
    run.again += (options.listen.empty() ? " --handed-over " : " --listen ") + shell_quoted(listen) + " --http " + shell_quoted(options.http);
}

RunOptions run_options(const CertifyOptions& options) {
    RunOptions result;
    result.side = options.side;
    if (options.side == Side::application) name_application(options, result);
    if (options.side == Side::web_server) name_web_server(options, result);
    for (const std::string& param : options.params) result.again += " --param " + shell_quoted(param);
    // Whoever has started the peer for us knows how to do that again.
    if (const char* given = std::getenv("FCGISPEC_AGAIN"); given != nullptr && *given != '\0') result.again = given;
    result.params = parse_params(options.params);
    if (!options.name.empty()) result.name = options.name;
    result.splittings = parse_splittings(options.splitting);
    result.num_repeats = options.repeat;
    result.num_jobs = options.jobs;
    result.seed = options.seed;
    result.deadline_ms = options.timeout_ms;
    if (options.timeout_ms > 0) result.again += " --timeout " + std::to_string(options.timeout_ms);
    result.interrupted = &interrupted;
    return result;
}

/// `again` ends with the command where the peer is started by us: options come before it.
void finish_again(Report& report, const CertifyOptions& options) {
    if (!options.spawn) return;
    std::string command = " --spawn --";
    for (const std::string& word : options.words) command += " " + shell_quoted(word);
    for (Result& result : report.results) result.again += result.again.empty() ? "" : command;
    for (Finding& finding : report.findings) finding.again += command;
}

std::vector<Scenario> selected(std::vector<Scenario> scenarios, const CertifyOptions& options) {
    for (const auto& [option, patterns] : {std::pair{"--select ", &options.select}, std::pair{"--skip ", &options.skip}})
        for (const std::string& pattern : *patterns)
            if (std::none_of(scenarios.begin(), scenarios.end(), [&](const Scenario& scenario) { return picks(pattern, scenario); }))
                throw UsageError(option + pattern + ": there is no such scenario, see " + command_name + " list");
    std::vector<Scenario> result;
    const auto any_picks = [](const std::vector<std::string>& patterns, const Scenario& scenario) {
        return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) { return picks(pattern, scenario); });
    };
    for (Scenario& scenario : scenarios) {
        if (!options.select.empty() && !any_picks(options.select, scenario)) continue;
        if (any_picks(options.skip, scenario)) continue;
        result.push_back(std::move(scenario));
    }
    if (result.empty()) throw UsageError("--select and --skip leave no scenario: see " + command_name + " list");
    return result;
}

/// On a terminal, always anew on one line.
void show_progress(std::size_t done, std::size_t all, const Result& last) {
    std::fprintf(stderr, "\r\033[K%zu/%zu  %.70s", done, all, last.scenario.c_str());
    if (done == all) std::fprintf(stderr, "\r\033[K");
}

/// In a log: a line now and then, for peers that make us wait.
class LoggedProgress {
public:
    void operator()(std::size_t done, std::size_t all, const Result& last) {
        const auto now = std::chrono::steady_clock::now();
        if (now - last_at_ < interval) return;
        last_at_ = now;
        std::fprintf(stderr, "fcgispec: %zu of %zu cases played, the last one %.70s\n", done, all, last.scenario.c_str());
    }

private:
    static constexpr std::chrono::seconds interval{15};
    std::chrono::steady_clock::time_point last_at_ = std::chrono::steady_clock::now();
};

/// One form that can't be written doesn't keep the others from being: what failed is told when all is done.
class Writing {
public:
    template <class What>
    void attempt(const What& what) {
        try {
            what();
        } catch (const std::exception& error) {
            failures_ += (failures_.empty() ? "" : "\n") + std::string(error.what());
        }
    }
    /// Throws std::runtime_error where anything failed.
    void finish() const {
        if (!failures_.empty()) throw std::runtime_error(failures_);
    }

private:
    std::string failures_;
};

void write_reports(const Report& report, const Register& requirements, const Baseline& baseline, const CertifyOptions& options, Writing& writing) {
    const auto write = [&](const std::string& path, const auto& text) {
        if (!path.empty()) writing.attempt([&] { write_report(path, text()); });
    };
    write(options.json, [&] { return json_report(report, requirements); });
    write(options.junit, [&] { return junit_report(report, requirements); });
    write(options.tap, [&] { return tap_report(report, requirements); });
    write(options.markdown, [&] { return markdown_report(report, requirements); });
    write(options.html, [&] { return html_report(report, requirements, data_folder() / "../reports/report.html"); });
    // What was not played would be missing from it.
    const char* why_no_baseline = report.interrupted ? "the run was interrupted" : !report.unreachable.empty() ? "the peer was not reached" : report.gone ? "the peer has gone" : report.unanswered ? "no plain request was answered" : nullptr;
    if (why_no_baseline != nullptr && !options.write_baseline.empty())
        std::fprintf(stderr, "fcgispec: --write-baseline %s: not written, for %s\n", options.write_baseline.c_str(), why_no_baseline);
    else
        write(options.write_baseline, [&] { return write_baseline(report, baseline); });
}

using OptionPath = std::pair<const char*, const std::string*>;

/// What is written, by option.
std::vector<OptionPath> written_paths(const CertifyOptions& options) {
    std::vector<OptionPath> result{{"--json", &options.json}, {"--junit", &options.junit}, {"--tap", &options.tap}, {"--markdown", &options.markdown},
                                   {"--html", &options.html}, {"--write-baseline", &options.write_baseline}};
    std::erase_if(result, [](const OptionPath& one) { return one.second->empty(); });
    return result;
}

/// "-" for one of the forms: standard output is that form's alone.
bool uses_standard_output(const CertifyOptions& options) {
    const auto paths = written_paths(options);
    return std::any_of(paths.begin(), paths.end(), [](const OptionPath& one) { return *one.second == "-"; });
}

/// Tells before the run what can't be written after it. Throws UsageError.
void check_written_paths(const CertifyOptions& options) {
    namespace fs = std::filesystem;
    const char* takes_standard_output = nullptr;
    for (const auto& [option, path] : written_paths(options)) {
        const std::string what = option + (" " + *path) + ": ";
        if (*path == "-") {
            if (takes_standard_output != nullptr) throw UsageError(what + "standard output is taken by " + takes_standard_output);
            takes_standard_output = option;
            continue;
        }
        const fs::path folder = fs::absolute(*path).parent_path();
        if (fs::is_directory(*path)) throw UsageError(what + "expected a file, this is a folder");
        if (!fs::is_directory(folder)) throw UsageError(what + "there is no folder " + folder.string());
        if (access(folder.c_str(), W_OK) != 0) throw UsageError(what + "can't write into the folder");
    }
}

std::optional<Baseline> load_baseline(const std::string& path) {
    if (path.empty()) return std::nullopt;
    try {
        return Baseline::load(path);
    } catch (const std::runtime_error& error) {
        throw UsageError(std::string("--baseline: ") + error.what());
    }
}

/// A misspelt line would only go stale. `scenarios`: all of that side.
void check_baseline(const Baseline& baseline, const std::vector<Scenario>& scenarios, const Register& requirements, const std::string& path) {
    std::set<std::string> names;
    for (const Scenario& scenario : scenarios) {
        names.insert(scenario.name);
        names.insert(name_of_table(scenario.name));
    }
    const auto where = [&](const BaselineLine& line) { return "--baseline " + path + ':' + std::to_string(line.number) + ": "; };
    for (const BaselineLine& line : baseline.lines()) {
        if (requirements.find(line.requirement) == nullptr) throw UsageError(where(line) + line.requirement + " is not in the register, see fcgispec list --requirements");
        if (!line.scenario.empty() && !names.contains(line.scenario)) throw UsageError(where(line) + "there is no scenario " + line.scenario + ", see fcgispec list");
    }
}

/// What is unknown can't be held against anybody.
void check_requirements(const std::vector<Scenario>& scenarios, const Register& requirements) {
    for (const Scenario& scenario : scenarios)
        for (const std::string& id : scenario.proves)
            if (requirements.find(id) == nullptr) throw UsageError(scenario.file + ": proves " + id + ", which is not in the register, see fcgispec list --requirements");
}

int certify(const CertifyOptions& options) {
    const Register requirements = load_register();
    // What can be wrong with the options is said before the run, not after it.
    check_written_paths(options);
    const std::optional<Baseline> baseline = load_baseline(options.baseline);
    RunOptions run = run_options(options);
    std::vector<Scenario> all = load_scenarios(options.side, options.seed);
    if (baseline) {
        check_baseline(*baseline, all, requirements, options.baseline);
        run.baseline = &*baseline;
    }
    const std::vector<Scenario> scenarios = selected(std::move(all), options);
    check_requirements(scenarios, requirements);
    const bool progress = isatty(STDERR_FILENO) != 0 && !options.quiet;
    if (progress)
        run.progress = show_progress;
    else if (!options.quiet)
        run.progress = LoggedProgress();
    Report report = run_scenarios(run, scenarios, requirements);
    if (progress) std::fprintf(stderr, "\r\033[K");
    finish_again(report, options);
    report.partial = !options.select.empty() || !options.skip.empty();
    if (baseline) baseline->apply(report);
    const char* no_color = std::getenv("NO_COLOR");
    const bool color = isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0');
    std::FILE* out = uses_standard_output(options) ? stderr : stdout;
    const std::string text = terminal_report(report, requirements, {.command = command_name, .color = color && out == stdout, .verbose = options.verbose, .quiet = options.quiet});
    std::fputs(text.c_str(), out);
    Writing writing;
    writing.attempt(flush_output);
    write_reports(report, requirements, baseline.value_or(Baseline{}), options, writing);
    writing.finish();
    return exit_code_of(report);
}

/// Of an option that names a file: "" would be as if it weren't there.
CLI::Validator named() {
    return CLI::Validator([](const std::string& text) { return text.empty() ? std::string("expected the name of a file") : std::string(); }, "");
}

/// What both sides take.
void add_common_options(CLI::App* app, const std::shared_ptr<CertifyOptions>& options) {
    app->add_option("--mutant", options->mutant, "Certify our reference peer with this one defect, which the suite must find");
    app->add_option("--name", options->name, "What the peer is called in reports");
    app->add_option("--select", options->select, "Only these scenarios: name, folder, shell pattern or requirement id; repeatable")->allow_extra_args(false);
    app->add_option("--skip", options->skip, "All but these; repeatable")->allow_extra_args(false);
    app->add_option("--splitting", options->splitting, "How what is said is cut into writes")->check(CLI::IsMember({"whole", "bytes", "header", "all"}))->capture_default_str();
    app->add_option("--repeat", options->repeat, "Play each case so often; the gravest verdict counts")->check(CLI::Range(1, 1000000))->capture_default_str();
    app->add_option("--seed", options->seed, "Of random(N)")->check(whole_number())->capture_default_str();
    app->add_option("--timeout", options->timeout_ms, "Milliseconds of silence after which an expected answer is missing; by default a hundred round trips, 300 to 5000")->check(CLI::Range(10, 3600000));
    app->add_option("--json", options->json, "Write results.json to this file; - is standard output")->check(named())->take_last();
    app->add_option("--junit", options->junit, "Write JUnit XML")->check(named());
    app->add_option("--tap", options->tap, "Write TAP 14")->check(named());
    app->add_option("--markdown", options->markdown, "Write a certificate in Markdown")->check(named());
    app->add_option("--html", options->html, "Write one self-contained page")->check(named())->take_last();
    app->add_option("--baseline", options->baseline, "Known deviations: they don't make the run fail; those that have gone are told")->check(named());
    app->add_option("--write-baseline", options->write_baseline, "Write the findings as such a file")->check(named());
    app->add_flag("-q,--quiet", options->quiet, "Only findings' first lines and the closing line");
    app->add_flag("-v,--verbose", options->verbose, "Every case with its verdict");
}

}  // namespace

void add_app_command(CLI::App& cli, Run& run) {
    auto options = std::make_shared<CertifyOptions>();
    CLI::App* app = cli.add_subcommand("app", "Certify an application; without ADDRESS our reference application");
    app->add_option("ADDRESS", options->words, "unix:/path, tcp:host:port or tcp:[IPv6]:port; with --spawn: -- COMMAND ARGUMENT...");
    app->add_flag("--spawn", options->spawn, "Start the application as a Web server would, its listening socket on descriptor 0");
    app->add_option("--param", options->params, "NAME=VALUE, added to every request (SCRIPT_FILENAME for php-fpm); repeatable")->allow_extra_args(false);
    app->add_option("-j,--jobs", options->jobs, "Cases at once, as far as the peer serves several connections")->check(CLI::Range(1, 64))->capture_default_str();
    add_common_options(app, options);
    app->callback([options, &run] { run = [options] { return certify(*options); }; });
}

void add_server_command(CLI::App& cli, Run& run) {
    auto options = std::make_shared<CertifyOptions>();
    options->side = Side::web_server;
    CLI::App* app = cli.add_subcommand("server", "Certify a Web server; without --listen and --http our reference Web server");
    app->add_option("--listen", options->listen, "Where the Web server finds its application, which is us: unix:/path or tcp:host:port");
    app->add_option("--handed-over", options->handed_over, "For a Web server that starts the application itself, as `fcgispec handover ADDRESS`: the same unix:/path");
    app->add_option("--http", options->http, "What it forwards there: http://host:port/path");
    app->add_option("--stop", options->stop, "With --handed-over: a shell command that stops the Web server, run at the end, to see how it ends its application");
    add_common_options(app, options);
    app->callback([options, &run] { run = [options] { return certify(*options); }; });
}

}  // namespace fcgispec

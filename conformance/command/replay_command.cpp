// `fcgispec replay`: plays with a peer a scenario, by its name or its file, the lines of a trace or a recording, or the bytes
// of a crash file.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include "conformance/command/command.hpp"
#include "conformance/engine/judge.hpp"
#include "conformance/engine/probe.hpp"
#include "conformance/engine/recording.hpp"
#include "conformance/engine/selection.hpp"

namespace fcgispec {
namespace {

struct ReplayOptions {
    std::string file;
    std::string address;
    std::string listen;
    std::string http;
    std::vector<std::string> params;
    std::string splitting = "whole";
    int timeout_ms = 1000;
    std::uint64_t seed = 1;
};

/// Lines count from the beginning of the file, not of a head that we put before it.
void move_up(std::vector<Step>& steps, std::size_t num_lines) {
    for (Step& step : steps) {
        step.line -= std::min(step.line, num_lines);
        if (auto* either = std::get_if<Either>(&step.action))
            for (Alternative& alternative : either->alternatives) move_up(alternative.steps, num_lines);
    }
}

bool begins_a_line(const std::string& text, const std::string& word) { return text.starts_with(word) || text.find('\n' + word) != std::string::npos; }

constexpr std::string_view about_nothing = "R-0-0";  // what lines without a head prove, and bytes

/// The requests whose input ends in `bytes`, in this order: what the application answers is awaited before we close, for some
/// take our end for that of the client.
std::vector<std::uint16_t> requests_asked(Bytes bytes) {
    std::vector<std::uint16_t> result;
    std::map<std::uint16_t, RecordType> last_streams;  // of those begun
    for (DecodedRecord decoded = decode_record(bytes); decoded.record; decoded = decode_record(bytes)) {
        const Record& record = *decoded.record;
        bytes = bytes.subspan(decoded.consumed);
        if (record.type == RecordType::begin_request) {
            const auto body = decode_begin_request(record.content);
            const Role role = body ? body->role : Role::responder;
            last_streams.emplace(record.request_id, role == Role::authorizer ? RecordType::params : role == Role::filter ? RecordType::data : RecordType::std_in);
        }
        const auto found = last_streams.find(record.request_id);
        if (found == last_streams.end() || found->second != record.type || !record.content.empty()) continue;
        result.push_back(record.request_id);
        last_streams.erase(found);
    }
    return result;
}

/// Sends `bytes` as they are, and hears what is answered.
/// `awaits_answers`: before we half-close. Else that comes at once, as it did when a fuzzer found the bytes.
Scenario scenario_of_bytes(const std::string& bytes, const std::string& name, bool awaits_answers) {
    Scenario scenario{.name = name, .title = "The bytes of a file", .proves = {std::string(about_nothing)}};
    scenario.steps.push_back({.action = Send{RawBytes{bytes}}});
    for (const std::uint16_t id : awaits_answers ? requests_asked(bytes_of(bytes)) : std::vector<std::uint16_t>{})
        scenario.steps.push_back({.action = Expect{.record = {.type = RecordType::end_request, .request_id = id, .content = TextPattern{.text = {}, .open_start = true, .open_end = true}}}});
    scenario.steps.push_back({.action = CloseOurs{Closing::half_close}});
    scenario.steps.push_back({.action = ExpectClose{}});
    return scenario;
}

[[nodiscard]] UsageError is_of_other_side(const std::string& name, Side other) {
    return UsageError(name + " is a scenario for " + (other == Side::application ? "an application: expected its ADDRESS" : "a Web server: expected --listen ADDRESS and --http URL"));
}

/// Anything that can be sent is a replay: text that reads as a scenario, with or without its head, else plain bytes.
std::vector<Scenario> scenarios_of(const std::string& text, const ReplayOptions& options) {
    if (text.empty()) throw UsageError(options.file + " is empty: there is nothing to play");
    const bool has_head = begins_a_line(text, "scenario ");
    const std::string head = has_head ? "" : "scenario A replay\nproves " + std::string(about_nothing) + '\n';
    const auto num_head_lines = static_cast<std::size_t>(std::count(head.begin(), head.end(), '\n'));
    const bool drives_http = text.find("http>") != std::string::npos;
    const Side side = !options.http.empty() && drives_http ? Side::web_server : Side::application;
    ParsedScript parsed = parse_script(head + text, options.file, options.file, side, options.seed);
    for (Scenario& scenario : parsed.scenarios) move_up(scenario.steps, num_head_lines);
    if (parsed.errors.empty()) return std::move(parsed.scenarios);
    if (has_head && parse_script(text, options.file, options.file, other_side(side), options.seed).errors.empty()) throw is_of_other_side(options.file, other_side(side));
    const bool looks_like_text = has_head || options.file.ends_with(".fcs") || text.find("> {") != std::string::npos || text.find("< {") != std::string::npos || text.starts_with("> ");
    ScriptError& error = parsed.errors.front();
    error.line -= std::min(error.line, num_head_lines);
    if (looks_like_text) throw UsageError(error.print());
    // What `fcgispec decode` prints are records that no side is named for.
    const ParsedNotation notation = parse_notation(text, {.numbers = {}, .seed = options.seed});
    if (notation.error && text.starts_with("{")) throw UsageError(options.file + " begins like records, and can't be read: " + located(*notation.error, text, options.file).print());
    if (!options.http.empty()) throw UsageError(options.file + " is neither a scenario nor a recording: with a Web server, nothing else can be played");
    const std::string bytes = notation.error ? text : std::string(text_of(notation.bytes));
    std::printf("# %zu bytes%s\n", bytes.size(), notation.error ? ", sent as they are" : " of records");
    return {scenario_of_bytes(bytes, options.file, !notation.error)};
}

/// Those that --select would pick.
std::vector<Scenario> picked(const std::string& pattern, Side side, std::uint64_t seed) {
    std::vector<Scenario> result = load_scenarios(side, seed);
    std::erase_if(result, [&](const Scenario& one) { return !picks(pattern, one); });
    return result;
}

/// A file, or where there is none of this name, scenarios of ours.
std::vector<Scenario> named_scenarios(const ReplayOptions& options, Side side) {
    if (std::filesystem::exists(options.file)) return scenarios_of(read_named_file(options.file), options);
    std::vector<Scenario> result = picked(options.file, side, options.seed);
    for (Scenario& scenario : result)
        if (scenario.unread) scenario = whole(scenario);
    if (!result.empty()) return result;
    if (!picked(options.file, other_side(side), options.seed).empty()) throw is_of_other_side(options.file, other_side(side));
    throw UsageError(options.file + " is neither a file nor a scenario");
}

/// Where the peer is, and how we reach it.
struct Place {
    Side side = Side::application;
    std::unique_ptr<Listener> listener;
    PlayOptions play;
};
Place place_of(const ReplayOptions& options) {
    Place place;
    place.play.params = parse_params(options.params);
    place.play.splitting = parse_splittings(options.splitting).front();
    place.play.deadline_ms = options.timeout_ms;
    place.play.interrupted = &interrupted;
    if (options.address.empty() == options.http.empty()) throw UsageError("expected the ADDRESS of an application, or --listen ADDRESS and --http URL for a Web server");
    if (!options.address.empty()) {
        place.play.address = parse_address(options.address);
        return place;
    }
    if (options.listen.empty()) throw UsageError("--http URL: expected --listen ADDRESS too, where the Web server finds us");
    place.side = Side::web_server;
    place.play.url = parse_url(options.http);
    place.listener = std::make_unique<Listener>(parse_address(options.listen));
    place.play.listener = place.listener.get();
    return place;
}

/// What the peer would have said is not known, and not held against it.
int say_interrupted() {
    std::printf("# interrupted\n");
    return exit_inconclusive;
}

/// What the scenario itself says of the peer. Returns whether nothing is held against it. Bytes, which are of no script, expect nothing.
bool say_verdict(const Scenario& scenario, const Played& played, const Register& requirements) {
    const std::string& id = scenario.proves.front();
    const Requirement* requirement = requirements.find(id);
    const bool is_about_one = id != about_nothing;
    const std::string about = !is_about_one ? "" : ' ' + id + (requirement == nullptr ? " (not in the register)" : "");
    const bool expects = !scenario.file.empty() || played.outcome == Played::Outcome::flooded;
    const bool accused = std::any_of(played.accusations.begin(), played.accusations.end(), [&](const Observed& one) { return one.requirement == id; });
    if (played.outcome != Played::Outcome::as_expected && expects) {
        const Verdict verdict = verdict_of_breach(requirement);
        const std::string line = played.line == 0 ? "" : "line " + std::to_string(played.line) + ": ";
        std::printf("# %s%s: %swanted %s, got %s\n", name_of(verdict).data(), about.c_str(), line.c_str(), played.wanted.c_str(), got_of(played).c_str());
        return !is_violation(verdict);
    }
    if (played.tolerated)
        std::printf("# tolerated%s: wanted %s, got %s\n", about.c_str(), (played.tolerated->better.empty() ? scenario.title : played.tolerated->better).c_str(), played.tolerated->taken.c_str());
    else if (is_about_one && !accused)
        std::printf("# %s%s\n", played.outcome == Played::Outcome::as_expected && !played.unjudged ? "as expected:" : "not judged:", about.c_str());
    return true;
}

int replay(const ReplayOptions& options) {
    const Register requirements = load_register();
    const Place place = place_of(options);
    const PlayOptions& play_options = place.play;
    int exit_code = exit_conforms;
    for (const Scenario& read : named_scenarios(options, place.side)) {
        const bool is_recorded = place.side == Side::web_server && read.side == Side::application;
        const Scenario scenario = is_recorded ? for_web_server(read, play_options.url) : read;
        const Played played = play(scenario, play_options);
        if (played.trace.empty() && played.outcome == Played::Outcome::closed) throw std::runtime_error(played.got);  // it isn't there
        std::printf("# %s\n", scenario.name.c_str());
        for (const std::string& line : played.trace) std::printf("%s\n", line.c_str());
        for (const Observed& accusation : played.accusations) {
            const Verdict verdict = verdict_of_breach(requirements.find(accusation.requirement));
            std::printf("# %s %s: wanted %s, got %s\n", name_of(verdict).data(), accusation.requirement.c_str(), accusation.wanted.c_str(), accusation.got.c_str());
            if (is_violation(verdict)) exit_code = exit_violations;
        }
        if (played.outcome == Played::Outcome::interrupted) return say_interrupted();
        if (!say_verdict(scenario, played, requirements)) exit_code = exit_violations;
    }
    const Played::Outcome afterwards = play(plain_request(place.side), play_options).outcome;
    if (afterwards == Played::Outcome::interrupted) return say_interrupted();
    const bool healthy = afterwards == Played::Outcome::as_expected;
    std::printf("# afterwards a plain request is %s\n", healthy ? "answered" : "not answered");
    return healthy ? exit_code : exit_violations;
}

}  // namespace

void add_replay_command(CLI::App& cli, Run& run) {
    auto options = std::make_shared<ReplayOptions>();
    CLI::App* app = cli.add_subcommand("replay", "Play a scenario, a trace, a recording or a crash file with a peer");
    app->add_option("FILE", options->file, "A scenario, by its file (.fcs) or as --select takes it; lines of a trace, a recording, records as `fcgispec decode` prints them, or any bytes")->required();
    app->add_option("ADDRESS", options->address, "Of an application: unix:/path or tcp:host:port");
    app->add_option("--listen", options->listen, "Where a Web server finds us");
    app->add_option("--http", options->http, "What it forwards there: http://host:port/path");
    app->add_option("--param", options->params, "NAME=VALUE, added to every request")->allow_extra_args(false);
    app->add_option("--splitting", options->splitting)->check(CLI::IsMember({"whole", "bytes", "header"}))->capture_default_str();
    app->add_option("--timeout", options->timeout_ms, "Milliseconds")->check(CLI::Range(10, 3600000))->capture_default_str();
    app->add_option("--seed", options->seed, "Of random(N)")->check(whole_number())->capture_default_str();
    app->callback([options, &run] { run = [options] { return replay(*options); }; });
}

}  // namespace fcgispec

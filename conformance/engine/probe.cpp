#include "conformance/engine/probe.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <sstream>

#include "codec/name_value_pair.hpp"

namespace fcgispec {
namespace {

constexpr int trial_ms = 250;           // how long a capability may take to show, beyond trial_round_trips
constexpr double trial_round_trips = 10;
constexpr int num_first_asks_max = 4;
constexpr unsigned first_error_status = 400;
constexpr std::string_view contract_mark = "fcgispec contract 1:";
constexpr std::string_view contract_name = "operations of fcgispec's contract";

/// A scenario of these lines; they are ours, so they can be read.
Scenario scenario_of(const std::string& lines, Side under_test) {
    ParsedScript parsed = parse_script("scenario  A question of the probe\nproves R-0-0\n" + lines, "probe", "probe", under_test);
    assert(parsed.errors.empty());
    return std::move(parsed.scenarios.front());
}

bool answered(const Played& played) { return played.outcome == Played::Outcome::as_expected; }

struct Prober {
    Side under_test{};
    PlayOptions options;
    Probe result;
    PlayOptions patient = options;  ///< with the whole deadline

    Played ask(const std::string& lines) const { return play(scenario_of(lines, under_test), options); }

    /// What was asked when the user wanted an end is not known.
    void show(const std::string& name, const std::string& claimed, const std::string& observed) {
        if (options.interrupted != nullptr && *options.interrupted) return;
        result.shown.push_back({name, claimed, observed});
    }

    void offer(const std::string& capability) { result.offered.insert(capability); }

    void plain_request_answered() {
        // A Web server may come with what clients wanted before we were there: first of all that is turned away.
        for (int i = 0; i < num_first_asks_max; ++i) {
            result.plain = play(plain_request(under_test), options);
            if (answered(result.plain) || !result.plain.http_answered || result.plain.seen.empty()) break;
        }
        if (!answered(result.plain)) return;
        // The first may have had to load or compile something.
        const auto begin = std::chrono::steady_clock::now();
        (void)play(plain_request(under_test), options);
        result.round_trip_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
        options.deadline_ms = std::min(options.deadline_ms, trial_ms + static_cast<int>(trial_round_trips * result.round_trip_ms));
    }

    /// What an error page is certified for holds for the error page: whoever reads the report must see that it was one.
    void kind_of_answer() {
        const ConnectionSeen& seen = result.plain.seen.at("");
        const StreamSeen* out = seen.requests.begin()->second.front().stream(RecordType::std_out);
        const unsigned status = out == nullptr ? 0 : parse_cgi_response(out->bytes).status;
        show("answers a plain request", "", std::to_string(status) + (status >= first_error_status ? ": is a --param missing?" : ""));
    }

    void keeps_connections() {
        const bool kept = answered(ask("> request 1\n< response 1\n> request 2\n< response 2\n"));
        if (kept) offer("keep-conn");
        show("keeps connections", "", kept ? "yes" : "no");
    }

    /// The values that the peer claims. A plain request behind the query is the barrier for one that doesn't answer.
    std::map<std::string, std::string> values() {
        const Played played = ask("> {FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS=\"\" FCGI_MAX_REQS=\"\" FCGI_MPXS_CONNS=\"\"]}\n> request 1\n"
                                  "either result\n< {FCGI_GET_VALUES_RESULT, 0, *}\nor none\n< response 1\nor closed\n< close\nend\n");
        std::map<std::string, std::string> claimed;
        const auto seen = played.seen.find("");
        if (seen == played.seen.end()) return claimed;
        for (const DiscreteSeen& record : seen->second.management) {
            if (record.type != RecordType::get_values_result) continue;
            offer("get-values");
            Bytes content = bytes_of(record.content);
            for (DecodedPair decoded = decode_pair(content); decoded.pair; decoded = decode_pair(content)) {
                claimed.emplace(text_of(decoded.pair->name), text_of(decoded.pair->value));
                content = content.subspan(decoded.consumed);
            }
        }
        return claimed;
    }

    void contract() {
        const Played played = ask("> request 1 [QUERY_STRING=\"fcgispec.hello\"] flags=0\n< response 1\n");
        std::string operations;
        if (const auto seen = played.seen.find(""); seen != played.seen.end())
            for (const auto& [id, lives] : seen->second.requests)
                for (const RequestSeen& request : lives)
                    if (const auto out = request.streams.find(RecordType::std_out); out != request.streams.end()) operations += out->second.bytes;
        const std::size_t mark = operations.find(contract_mark);
        if (mark == std::string::npos) return show(std::string(contract_name), "", "none: tested with what needs no co-operation");
        const std::size_t begin = mark + contract_mark.size();
        std::istringstream words(operations.substr(begin, operations.find('\n', begin) - begin));
        const auto& known = known_capabilities();
        std::string offered;
        for (std::string word; words >> word;) {
            if (std::find(known.begin(), known.end(), word) == known.end()) continue;
            offer(word);
            offered += (offered.empty() ? "" : " ") + word;
        }
        show(std::string(contract_name), offered, "");
    }

    /// With the contract a request can be kept waiting for its FCGI_STDIN, so that a second one tells.
    void multiplexing(const std::string& claimed) {
        if (!result.offered.contains("echo")) return show("multiplexes (FCGI_MPXS_CONNS)", claimed, "");
        const Played played = ask("> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n"
                                  "> {FCGI_PARAMS, 1, [base REQUEST_METHOD=\"POST\" CONTENT_LENGTH=\"3\" QUERY_STRING=\"fcgispec.echo\"]}\n"
                                  "> {FCGI_PARAMS, 1, \"\"}\n> {FCGI_STDIN, 1, \"on\"}\n"
                                  "> request 2 [QUERY_STRING=\"fcgispec.echo\"] stdin=\"two\"\n"
                                  "either multiplexed\n< response 2 \"two\"\n"
                                  "or refused\n< {FCGI_END_REQUEST, 2, {*, FCGI_CANT_MPX_CONN}}\n"
                                  "or overloaded\n< {FCGI_END_REQUEST, 2, {*, FCGI_OVERLOADED}}\n"
                                  "or closed\n< close\nend\n");
        static const std::map<std::string, std::string> told{
            {"", "no: the second request is not answered"},
            {"multiplexed", "yes"},
            {"refused", "no: refuses the second request (FCGI_CANT_MPX_CONN)"},
            {"overloaded", "no: refuses the second request (FCGI_OVERLOADED)"},
            {"closed", "no: a second request ends the connection"},
        };
        const std::string conduct = played.alternatives.empty() ? "" : played.alternatives.front();
        if (conduct == "multiplexed") offer("multiplexing");
        show("multiplexes (FCGI_MPXS_CONNS)", claimed, told.at(conduct));
    }

    void connections(const std::string& claimed) {
        std::string idle;
        while (result.num_connections < num_connections_max) {
            idle += "c" + std::to_string(result.num_connections) + "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\n";
            if (!answered(ask(idle + "> request 1 flags=0\n< response 1\n"))) break;
            ++result.num_connections;
        }
        if (result.num_connections > 1) offer("connections");
        show("connections at once (FCGI_MAX_CONNS)", claimed,
             std::to_string(result.num_connections) + (result.num_connections == num_connections_max ? " or more" : ""));
    }

    // ---- of a Web server --------------------------------------------------------------------------------------------

    /// The requests of all connections, in the order of the connections.
    static std::vector<RequestSeen> requests_of(const Played& played) {
        std::vector<RequestSeen> requests;
        for (const auto& [name, connection] : played.seen)
            for (const auto& [id, lives] : connection.requests) requests.insert(requests.end(), lives.begin(), lives.end());
        return requests;
    }

    void kept_connections() {
        const Played played = ask("http> GET /1\n> request 1\n< response 1\nhttp< 200\nhttpb> GET /2\n> request 2\n< response 2\nhttpb< 200\n");
        const std::vector<RequestSeen> requests = requests_of(played);
        const bool asked = !requests.empty() && requests.front().begin && (requests.front().begin->flags & keep_conn) != 0;
        const bool kept = asked && answered(played) && played.seen.size() == 1;
        if (kept) offer("keep-conn");
        show("keeps connections (FCGI_KEEP_CONN)", asked ? "1" : "0", kept ? "yes" : "no");
        bool asks_values = false;
        for (const auto& [name, connection] : played.seen)
            for (const DiscreteSeen& record : connection.management) asks_values = asks_values || record.type == RecordType::get_values;
        if (asks_values) offer("get-values");
        show("asks FCGI_GET_VALUES", "", asks_values ? "yes" : "no");
    }

    /// Some Web servers look at an idle connection only when they want to use it again.
    void close_of_idle_connections() {
        PlayOptions impatient = options;
        impatient.deadline_ms = std::min(options.deadline_ms, trial_ms);  // it must be at once to be worth a wait
        const Played played = play(scenario_of("http> GET /idle\n> request 1\n< response 1\nhttp< 200\n< half-close\n> close\n", under_test), impatient);
        result.notices_close = answered(played);
    }

    /// The requests that waited at once: all but /warm, which had ended before they came, perhaps on the same connection.
    static std::size_t num_waiting(const ConnectionSeen& connection) {
        std::size_t result = 0;
        for (const auto& [id, lives] : connection.requests)
            result += static_cast<std::size_t>(std::count_if(lives.begin(), lives.end(), [](const RequestSeen& request) {
                const StreamSeen* params = request.stream(RecordType::params);
                return params == nullptr || params->bytes.find("/warm") == std::string::npos;
            }));
        return result;
    }

    /// Two requests wait at once: on one connection, if the Web server multiplexes.
    void requests_at_once() {
        const Played played = ask("values [FCGI_MPXS_CONNS=\"1\" FCGI_MAX_CONNS=\"1\" FCGI_MAX_REQS=\"50\"]\nhttp> GET /warm\n> request 1\n< response 1\nhttp< 200\n"
                                  "httpb> GET /2\n> request 2\nhttpc> GET /3\n> request 3\n< response 3\n< response 2\nhttpb< 200\nhttpc< 200\n");
        const bool at_once = answered(played);
        const bool multiplexed = std::any_of(played.seen.begin(), played.seen.end(), [](const auto& one) { return num_waiting(one.second) > 1; });
        if (at_once) offer("connections");
        if (at_once && multiplexed) offer("multiplexing");
        show("serves several clients at once", "", at_once ? "yes" : "no");
        show("multiplexes where the application does", "", at_once && multiplexed ? "yes" : "no");
    }

    void role(Role role, const std::string& path, const std::string& capability) {
        const std::string lines = "http> GET " + path + "\n> {FCGI_BEGIN_REQUEST, 1, {" + std::string(name_of(role)) + ", *}}\n< close\n";
        Played played = ask(lines);
        // A Web server that has the role may be busy with what was left to it before; one that hasn't is not silent.
        if (played.outcome == Played::Outcome::silent) played = play(scenario_of(lines, under_test), patient);
        if (answered(played)) offer(capability);
        show("has the role " + std::string(name_of(role)), "", answered(played) ? "yes" : "no");
    }
};

void probe_application(Prober& prober) {
    if (!prober.options.command.empty()) prober.offer("spawn");
    prober.kind_of_answer();
    std::map<std::string, std::string> claimed = prober.values();
    prober.keeps_connections();
    prober.contract();
    prober.connections(claimed["FCGI_MAX_CONNS"]);
    prober.multiplexing(claimed["FCGI_MPXS_CONNS"]);
    prober.show("requests at once (FCGI_MAX_REQS)", claimed["FCGI_MAX_REQS"], "");
    prober.show("answers FCGI_GET_VALUES", "", prober.result.offered.contains("get-values") ? "yes" : "no");
}

void probe_web_server(Prober& prober) {
    const bool starts = prober.options.listener->kind() == Listener::Kind::handed_over;
    if (starts) prober.offer("starts-application");
    prober.show("starts the application itself", "", starts ? "yes" : "no");
    prober.close_of_idle_connections();
    prober.options.notices_close = prober.result.notices_close;
    prober.kept_connections();
    prober.requests_at_once();
    prober.role(Role::authorizer, "/authorizer/probe", "authorizer");
    prober.role(Role::filter, "/filter/probe", "filter");
}

}  // namespace

const Scenario& plain_request(Side under_test) {
    static const Scenario of_application = scenario_of("> request 1 flags=0\n< response 1\n", Side::application);
    static const Scenario of_web_server = scenario_of("http> GET /health\n> request 1\n< response 1 \"healthy\"\nhttp< 200 \"healthy\"\n", Side::web_server);
    return under_test == Side::application ? of_application : of_web_server;
}

Probe probe_peer(Side under_test, const PlayOptions& options) {
    Prober prober{.under_test = under_test, .options = options, .result = {}};
    prober.plain_request_answered();
    if (!answered(prober.result.plain)) return std::move(prober.result);
    const Address& address = options.listener != nullptr ? options.listener->address() : options.address;
    prober.offer(address.kind == Address::Kind::tcp ? "tcp" : "unix");
    if (under_test == Side::application) probe_application(prober);
    if (under_test == Side::web_server) probe_web_server(prober);
    return std::move(prober.result);
}

std::string why_skipped(const std::string& capability) {
    if (capability == "keep-conn") return "the peer does not keep connections";
    if (capability == "connections") return "the peer serves one connection at a time";
    if (capability == "multiplexing") return "the peer does not multiplex (observed)";
    if (capability == "get-values") return "FCGI_GET_VALUES is not used by the peer";
    if (capability == "authorizer" || capability == "filter") return "the Web server has no " + capability + " at /" + capability + "/";
    if (capability == "starts-application") return "the Web server did not start the application (--handed-over)";
    if (capability == "spawn") return "we did not start the peer (--spawn)";
    if (capability == "tcp" || capability == "unix") return "the peer is not reached over " + capability;
    return "the program does not offer '" + capability + "' of the contract";
}

}  // namespace fcgispec

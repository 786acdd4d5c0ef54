// play() with a Web server under test: we are its HTTP client and its application.
#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <future>
#include <ostream>
#include <stdexcept>

#include "conformance/engine/checker_rules.hpp"
#include "conformance/engine/conversation.hpp"
#include "conformance/engine/test_memory.hpp"
#include "conformance/engine/test_web_server.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

namespace fcgispec {
inline std::ostream& operator<<(std::ostream& out, Played::Outcome outcome) {
    static constexpr const char* names[] = {"as_expected", "contradicted", "silent", "closed", "flooded", "interrupted"};
    return out << names[static_cast<std::size_t>(outcome)];
}
}  // namespace fcgispec

BOOST_AUTO_TEST_SUITE(web_server_conversation)

namespace {

using enum Played::Outcome;
using Clock = std::chrono::steady_clock;
using Lines = std::vector<std::string>;

constexpr int long_ms = 20'000;  // a deadline that nothing waits for
constexpr int short_ms = 200;    // one that passes

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

Scenario scenario_of(const std::string& lines) {
    ParsedScript parsed = parse_script("scenario a\nproves R-1-1\n" + lines, "a/b", "b.fcs", Side::web_server);
    if (!parsed.errors.empty()) BOOST_FAIL(parsed.errors.front().print());
    return parsed.scenarios.front();
}

/// With the long deadline nothing may wait for it: whatever the outcome, it is known at once.
Played played(Pair& pair, const std::string& lines, int deadline_ms = long_ms, Splitting splitting = Splitting::whole) {
    const auto begin = Clock::now();
    Played result = play(scenario_of(lines), {.address = {}, .listener = &pair.listener, .url = pair.web_server.url(), .params = {}, .command = {}, .splitting = splitting,
                                              .deadline_ms = deadline_ms});
    if (deadline_ms == long_ms) BOOST_TEST(seconds_since(begin) < long_ms / 2000.0, lines);
    return result;
}
Played played(const HttpConduct& conduct, const std::string& lines, int deadline_ms = long_ms) {
    Pair pair(conduct);
    return played(pair, lines, deadline_ms);
}

std::string told(const Played& result) { return "line " + std::to_string(result.line) + ": wanted " + result.wanted + ", got " + result.got; }
void check_met(const Played& result) {
    BOOST_TEST(result.outcome == as_expected, told(result));
    BOOST_TEST(result.wanted.empty());
}
void check_not_met(const Played& result, Played::Outcome outcome, const std::string& wanted, const std::string& got, std::size_t line) {
    BOOST_TEST(result.outcome == outcome, told(result));
    BOOST_TEST(result.wanted == wanted);
    BOOST_TEST(result.got == got);
    BOOST_TEST(result.line == line);
}

/// What it was accused of; our Web server doesn't care where its records are placed.
std::vector<Observed> accused(const Played& result) {
    std::vector<Observed> all = result.accusations;
    std::erase_if(all, [](const Observed& one) { return one.requirement == text_for(Rule::web_server_alignment).requirement; });
    return all;
}

std::size_t num_lines(const Played& result, const std::string& line) { return static_cast<std::size_t>(std::count(result.trace.begin(), result.trace.end(), line)); }

const std::string good = "http> GET /hello\n> request 1 [REQUEST_METHOD=\"GET\"]\n< response 1 \"good\"\nhttp< 200 \"good\"\n";
const std::string bad = "http> GET /bad\n> request 1\n< response 1 \"good\"\nhttp< 200 \"good\"\n";

}  // namespace

// What is said, and the trace of it.

BOOST_AUTO_TEST_CASE(a_good_web_server) {
    Pair pair(passes_on());
    const Played result = played(pair, good);
    check_met(result);
    BOOST_TEST(result.accusations.empty());
    const Lines expected{"http> GET /hello",
                         "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}",
                         "> {FCGI_PARAMS, 1, [REQUEST_METHOD=\"GET\" REQUEST_URI=\"/hello\"], padding=2}",
                         "> {FCGI_PARAMS, 1, \"\"}",
                         "> {FCGI_STDIN, 1, \"\"}",
                         "< {FCGI_STDOUT, 1, \"Content-Type: text/plain\\r\\n\\r\\ngood\"}",
                         "< {FCGI_STDOUT, 1, \"\"}",
                         "< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}",
                         "< half-close",
                         "> close",
                         "http< 200 \"good\""};
    Lines trace = result.trace;
    // The Web server's close may come before its answer to the client, behind it, or when nobody looks any more.
    std::erase(trace, "> close");
    trace.insert(trace.end() - 1, "> close");
    BOOST_TEST(trace == expected, boost::test_tools::per_element());
    BOOST_TEST(result.seen.at("").requests.at(1).size() == 1U);
}

BOOST_AUTO_TEST_CASE(requests_of_every_kind) {
    check_met(played(passes_on(),
                     "http> POST /a?b=c [X-Test=\"1\"] \"body\"\n> request 3 [REQUEST_URI=\"/a?b=c\" REQUEST_METHOD=\"POST\"] role=FCGI_RESPONDER flags=0 without=CONTENT_TYPE stdin=\"bo...\"\n"
                     "< response 3 status=404 [Content-Type=\"text/html\"] \"gone\"\nhttp< 4xx without=X-None \"go...\"\n"));
}

BOOST_AUTO_TEST_CASE(a_request_that_is_another_is_contradicted_at_once) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"> request 1 [REQUEST_METHOD=\"POST\"]", "a request with REQUEST_METHOD=\"GET\", not [REQUEST_METHOD=\"POST\"]"},
        {"> request 1 [A=\"b\"]", "a request with no A, not [A=\"b\"]"},
        {"> request 1 without=REQUEST_URI", "a request with REQUEST_URI=\"/hello\""},
        {"> request 1 role=FCGI_FILTER", "a request with role FCGI_RESPONDER"},
        {"> request 1 flags=1", "a request with flags 0"},
        {"> request 1 stdin=\"abc\"", "a request with FCGI_STDIN \"\""},
        {"> {FCGI_BEGIN_REQUEST, 1, {FCGI_AUTHORIZER, *}}", "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}"},
        {"> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}", "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}"},
    };
    for (const auto& [line, got] : table) check_not_met(played(passes_on(), "http> GET /hello\n" + line + "\n"), contradicted, line, got, 4);
}

BOOST_AUTO_TEST_CASE(the_records_of_a_request_one_by_one) {
    const std::string begin = "http> POST /a \"abc\"\n> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, *}}\n";
    check_met(played(passes_on(), begin + "> {FCGI_PARAMS, 1, [REQUEST_URI=\"/a\" ...]}\n> {FCGI_PARAMS, 1, \"\"}\n> {FCGI_STDIN, 1, \"ab\"}\n> {FCGI_STDIN, 1, \"c\"}\n> {FCGI_STDIN, 1, \"\"}\n"
                                          "< response 1\nhttp< 200\n"));
    check_not_met(played(passes_on(), begin + "> {FCGI_STDIN, 1, \"abd\"}\n"), contradicted, "> {FCGI_STDIN, 1, \"abd\"}", "\"abc\"", 5);
    check_not_met(played(passes_on(), begin + "> {FCGI_PARAMS, 1, [REQUEST_URI=\"/b\" ...]}\n"), contradicted, "> {FCGI_PARAMS, 1, [REQUEST_URI=\"/b\" ...]}",
                  "{FCGI_PARAMS, 0, [REQUEST_METHOD=\"POST\" REQUEST_URI=\"/a\"]}", 5);
}

BOOST_AUTO_TEST_CASE(what_the_client_gets_is_judged) {
    const HttpConduct other = with_request([](HttpVisit& visit) {
        Link link = visit.connect();
        link.ask(1, visit.target());
        (void)link.read_answer(1);
        visit.answer("other");
    });
    check_not_met(played(other, bad), contradicted, "http< 200 \"good\"", "200 \"other\"", 6);
}

BOOST_AUTO_TEST_CASE(failures_are_expected) {
    const std::string lines = "http> GET /a\n> request 1\n< close\nhttp< failure\n";
    check_met(played(passes_on(), lines));
    const auto ends = [](const std::string& said) {
        return with_request([said](HttpVisit& visit) {
            Link link = visit.connect();
            link.ask(1, visit.target());
            (void)link.read_answer(1);
            visit.say(said);
        });
    };
    check_met(played(ends(""), lines));
    check_met(played(ends("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncut"), lines));
    check_not_met(played(ends("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall"), lines), contradicted, "http< failure", "200 \"all\"", 6);
    const Played garbage = played(ends("garbage\r\n\r\n"), lines);
    BOOST_TEST(garbage.outcome == contradicted);
    BOOST_TEST(garbage.got.find("which is no HTTP") != std::string::npos, garbage.got);
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_is_passed_on) {
    const auto leaves = [](const std::string& last_words) {
        return with_request([last_words](HttpVisit& visit) {
            Link link = visit.connect();
            link.ask(1, visit.target(), {}, keep_conn);
            visit.read_to_end();
            link.say(last_words);
            if (!last_words.empty()) (void)link.read_answer(1);
        });
    };
    for (const std::string how : {"close", "half-close", "reset"}) {
        check_met(played(leaves("{FCGI_ABORT_REQUEST, 1}"), "http> GET /a\n> request 1\nhttp> " + how + "\n> {FCGI_ABORT_REQUEST, 1}\n< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}\n> close 1\n"));
        check_met(played(leaves(""), "http> GET /a\n> request 1\nhttp> " + how + "\n> close 1\n"));
    }
    const Played without = played(leaves(""), "http> GET /a\n> request 1\nhttp> close\n> {FCGI_ABORT_REQUEST, 1}\n");
    check_not_met(without, closed, "> {FCGI_ABORT_REQUEST, 1}", "the peer closed the connection", 6);
    BOOST_TEST(num_lines(without, "http> close") == 1U);
}

BOOST_AUTO_TEST_CASE(a_body_that_comes_in_parts) {
    // The second part is said when the first has come: else the Web server would wait for ever.
    const HttpConduct streams = with_request([](HttpVisit& visit) {
        Link link = visit.connect();
        link.begin(1, visit.target(), "POST");
        while (visit.received().find("first") == std::string::npos && visit.read_some()) continue;
        link.say("{FCGI_STDIN, 1, \"first\"}");
        while (visit.received().find("second") == std::string::npos && visit.read_some()) continue;
        link.say("{FCGI_STDIN, 1, \"second\"}\n{FCGI_STDIN, 1, \"\"}");
        visit.answer(link.read_answer(1));
    });
    const Played result = played(streams, "http> raw \"POST /a HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n\"\n> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, *}}\nhttp> raw \"first\"\n> {FCGI_STDIN, 1, \"first\"}\n"
                                          "http> raw \"second\"\n> {FCGI_STDIN, 1, \"second\"}\n> {FCGI_STDIN, 1, \"\"}\n< response 1 \"x\"\nhttp< 200 \"x\"\n");
    check_met(result);
    BOOST_TEST(num_lines(result, "http> raw \"second\"") + num_lines(result, "http> raw \"second\"\"\"") == 1U);
}

BOOST_AUTO_TEST_CASE(two_requests_on_one_http_connection) {
    const HttpConduct early = [](HttpVisit& visit) {
        // Both answers together, before the second was asked for: the client takes the second for what answers its second.
        if (!visit.read_request()) return;
        pass_on(visit);
        if (visit.read_request()) pass_on(visit);
    };
    check_met(played(early, "http> GET /1 [Connection=\"keep-alive\"]\n> request 1 [REQUEST_URI=\"/1\"]\n< response 1 \"one\"\nhttp< 200 \"one\"\n"
                            "http> GET /2\n> request 2 [REQUEST_URI=\"/2\"]\n< response 2 \"two\"\nhttp< 200 \"two\"\nhttp< close\n"));
    const HttpConduct keeps = with_request([](HttpVisit& visit) {
        pass_on(visit);
        visit.read_to_end();
    });
    check_not_met(played(keeps, good + "http< close\n", short_ms), silent, "http< close", "the HTTP connection stays open", 7);
}

// Which request an id of the scenario stands for.

BOOST_AUTO_TEST_CASE(ids_stand_for_the_requests_that_fit_in_any_order) {
    const std::string ask = "http> GET /a\nhttpb> GET /b\n";
    const std::string answer = "< response 1 \"to a\"\n< response 2 \"to b\"\nhttp< 200 \"to a\"\nhttpb< 200 \"to b\"\n";
    for (const std::string order : {"> request 1 [REQUEST_URI=\"/a\"]\n> request 2 [REQUEST_URI=\"/b\"]\n", "> request 2 [REQUEST_URI=\"/b\"]\n> request 1 [REQUEST_URI=\"/a\"]\n"}) {
        const Played result = played(passes_on(), ask + order + answer);  // each has id 1, on a connection of its own
        check_met(result);
        BOOST_TEST(result.seen.size() == 2U);
        BOOST_TEST(result.seen.at("b").requests.contains(1));
    }
    // Answers in the other order, and the same scenario id under two names.
    check_met(played(passes_on(), ask + "> request 2 [REQUEST_URI=\"/b\"]\n> request 1 [REQUEST_URI=\"/a\"]\n< response 2 \"to b\"\nhttpb< 200 \"to b\"\n< response 1 \"to a\"\nhttp< 200 \"to a\"\n"));
    check_met(played(passes_on(), ask + "> request 1 [REQUEST_URI=\"/b\"]\nx> request 1 [REQUEST_URI=\"/a\"]\nx< response 1 \"to a\"\nhttp< 200 \"to a\"\n< response 1 \"to b\"\nhttpb< 200 \"to b\"\n"));
}

BOOST_AUTO_TEST_CASE(requests_none_of_which_fits) {
    const std::string ask = "http> GET /a\nhttpb> GET /b\n";
    const Played neither = played(passes_on(), ask + "> request 1 [REQUEST_URI=\"/c\"]\n");
    BOOST_TEST(neither.outcome == contradicted, told(neither));
    // One of two has come: the other may still.
    const HttpConduct one = with_request([](HttpVisit& visit) {
        if (visit.asks_for("/b")) return visit.stay();
        pass_on(visit);
    });
    const Played waits = played(one, ask + "> request 1 [REQUEST_URI=\"/b\"]\n", short_ms);
    check_not_met(waits, silent, "> request 1 [REQUEST_URI=\"/b\"]", "a request with REQUEST_URI=\"/a\", not [REQUEST_URI=\"/b\"]", 5);
}

BOOST_AUTO_TEST_CASE(an_id_of_the_web_servers_own_is_used_to_it) {
    for (const std::uint16_t id : {std::uint16_t{2}, std::uint16_t{300}, std::uint16_t{65535}}) {
        const Played result = played(with_request([id](HttpVisit& visit) { pass_on(visit, id); }), good);
        check_met(result);
        BOOST_TEST(num_lines(result, "< {FCGI_END_REQUEST, " + std::to_string(id) + ", {0, FCGI_REQUEST_COMPLETE}}") == 1U);
    }
}

namespace {

/// Keeps one connection for all HTTP requests of an HTTP connection, and re-uses id 1 on it.
void re_use(HttpVisit& visit) {
    Link link = visit.connect();
    while (visit.read_request()) {
        link.ask(1, visit.target(), visit.body(), keep_conn);
        visit.answer(link.read_answer(1));
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_id_that_is_used_again_stands_for_the_next_request) {
    const Played result = played(re_use, "http> GET /1 [Connection=\"keep-alive\"]\n> request 1 [REQUEST_URI=\"/1\"]\n< response 1 \"one\"\nhttp< 200 \"one\"\n"
                                         "http> GET /2\n> request 2 [REQUEST_URI=\"/2\"]\n< response 2 \"two\"\nhttp< 200 \"two\"\n");
    check_met(result);
    BOOST_TEST(accused(result).empty());
    BOOST_TEST(result.seen.size() == 1U);
    BOOST_TEST(result.seen.at("").requests.at(1).size() == 2U);
    // The streams of the second life are compared from their beginning.
    check_met(played(re_use, "http> POST /1 [Connection=\"keep-alive\"] \"abc\"\n> request 1 stdin=\"abc\"\n< response 1\nhttp< 200\n"
                             "http> POST /2 \"de\"\n> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n> {FCGI_STDIN, 1, \"de\"}\n> {FCGI_STDIN, 1, \"\"}\n< response 1 \"two\"\nhttp< 200 \"two\"\n"));
    // A request that an id stands for is not found again.
    check_not_met(played(re_use, "http> GET /1 [Connection=\"keep-alive\"]\n> request 1\n> request 2\n", short_ms), silent, "> request 2", "no request", 5);
}

BOOST_AUTO_TEST_CASE(requests_on_one_connection_at_once) {
    const HttpConduct multiplexes = with_request([](HttpVisit& visit) {
        if (visit.asks_for("/x")) return visit.stay();
        Link link = visit.connect();
        link.ask(1, "/1", {}, keep_conn);
        link.ask(2, "/2", {}, keep_conn);
        const Answer two = link.read_answer(2);
        visit.answer(two);
        (void)visit.read_request();
        visit.answer(link.read_answer(1));
    });
    const Played result = played(multiplexes, "http> GET /2 [Connection=\"keep-alive\"]\n> request 7 [REQUEST_URI=\"/2\"]\n< response 7 \"two\"\nhttp< 200 \"two\"\n"
                                              "http> GET /1\n> request 8 [REQUEST_URI=\"/1\"]\n< response 8 \"one\"\nhttp< 200 \"one\"\n");
    // While the client waits, the other request is one that nobody asked for: it is refused with its connection.
    BOOST_TEST(result.outcome != as_expected);
    const Played both = played(multiplexes, "http> GET /2 [Connection=\"keep-alive\"]\nhttpb> GET /x\n> request 7 [REQUEST_URI=\"/2\"]\n> request 8 [REQUEST_URI=\"/1\"]\n< response 7 \"two\"\nhttp< 200 \"two\"\n"
                                            "http> GET /1\n< response 8 \"one\"\nhttp< 200 \"one\"\n");
    check_met(both);
    BOOST_TEST(both.seen.at("").requests.size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_said_of_no_request_is_said_as_it_is_written) {
    std::promise<std::string> promise;
    const Played result = played(with_request([&](HttpVisit& visit) {
        Link link = visit.connect();
        link.ask(5, visit.target(), {}, keep_conn);
        visit.answer(link.read_answer(5));
        promise.set_value(link.received());
    }), "http> GET /a\n> request 1\n< {FCGI_STDOUT, 9, \"nobody\"}\n< {FCGI_STDOUT, 1, \"\\r\\nx\"}\n< raw 01 0b 00 00 00 00 00 00\n< {FCGI_UNKNOWN_TYPE, 0, {99}}\n< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}\nhttp< 200 \"x\"\n");
    check_met(result);
    const std::string said = print_notation(bytes_of(promise.get_future().get()));
    BOOST_TEST(said == "{FCGI_STDOUT, 9, \"nobody\"}\n{FCGI_STDOUT, 5, \"\\r\\nx\"}\n{FCGI_UNKNOWN_TYPE, 0, \"\"}\n{FCGI_UNKNOWN_TYPE, 0, {99}}\n{FCGI_END_REQUEST, 5, {0, FCGI_REQUEST_COMPLETE}}\n");
}

BOOST_AUTO_TEST_CASE(lines_that_no_request_came_before_are_our_own_trouble) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"http> GET /a\n< response 1\n", "line 4: no line before says which request this is"},
        {"http> GET /a\n> request 1\n< response 2\n", "line 5: no line before says which request this is"},
        {"http> GET /a\n> request 1\n< close 2\n", "line 5: no line before says which request this is"},
        {"< {FCGI_STDOUT, 1, \"a\"}\n", "line 3: the Web server has opened no connection before this"},
        {"< close\n", "line 3: the Web server has opened no connection before this"},
    };
    for (const auto& one : table)
        BOOST_CHECK_EXCEPTION((void)played(passes_on(), one.first), std::runtime_error, [&](const std::runtime_error& error) { return error.what() == one.second; });
    check_not_met(played(passes_on(), "http> GET /a\n> {FCGI_STDIN, 1, \"\"}\n"), contradicted, "> {FCGI_STDIN, 1, \"\"}", "no line before says which request this is", 4);
    check_not_met(played(passes_on(), "http> GET /a\n> close\n"), contradicted, "> close", "no line before says which connection this is", 4);
    check_not_met(played(passes_on(), "http< 200\n"), contradicted, "http< 200", "nothing was said on this connection", 3);
}

// Connections.

BOOST_AUTO_TEST_CASE(a_connection_ends_behind_the_response_unless_it_is_kept) {
    // This Web server answers its client when the application has closed.
    const auto waits_for_end = [](unsigned flags) {
        return with_request([flags](HttpVisit& visit) {
            Link link = visit.connect();
            link.ask(1, visit.target(), {}, flags);
            const Answer answer = link.read_answer(1);
            link.read_to_end();
            visit.answer(answer);
        });
    };
    check_met(played(waits_for_end(0), good));
    check_not_met(played(waits_for_end(keep_conn), good, short_ms), silent, "http< 200 \"good\"", "no response", 6);
    check_met(played(waits_for_end(keep_conn), "http> GET /a\n> request 1\n< response 1 \"good\"\n< close 1\nhttp< 200 \"good\"\n"));
    check_met(played(waits_for_end(keep_conn), "http> GET /a\n> request 1\n< response 1 \"good\"\n< half-close\n> close\nhttp< 200 \"good\"\n", long_ms));
}

BOOST_AUTO_TEST_CASE(the_connection_of_a_request_is_closed_by_its_id) {
    const HttpConduct two = with_request([](HttpVisit& visit) {
        if (visit.asks_for("/x")) return visit.stay();
        Link one = visit.connect();
        one.ask(1, "/1", {}, keep_conn);
        Link other = visit.connect();
        other.ask(1, "/2", {}, keep_conn);
        const bool first_ended = !one.read_answer(1).end.has_value();
        const Answer answer = other.read_answer(1);
        visit.answer(first_ended ? answer : Answer{});
    });
    check_met(played(two, "http> GET /2\nhttpb> GET /x\n> request 1 [REQUEST_URI=\"/1\"]\n> request 2 [REQUEST_URI=\"/2\"]\n< close 1\n< response 2 \"good\"\nhttp< 200 \"good\"\n"));
}

BOOST_AUTO_TEST_CASE(a_reset_of_ours_is_one) {
    Pair pair(with_request([](HttpVisit& visit) {
        Link link = visit.connect();
        link.ask(1, visit.target());
        (void)link.read_answer(1);
        visit.answer(link.end_error() == ECONNRESET ? "reset" : "no reset");
    }), "tcp:127.0.0.1:0");
    const Played result = played(pair, "http> GET /a\n> request 1\n< reset\nhttp< 200 \"reset\"\n");
    check_met(result);
    BOOST_TEST(num_lines(result, "< reset") == 1U);
}

BOOST_AUTO_TEST_CASE(whoever_waits_since_before_is_not_about_this_scenario) {
    Pair pair(passes_on());
    Visit before(connect_to(pair.listener.address(), long_ms), -1, 0);
    before.say("{FCGI_BEGIN_REQUEST, 1, {FCGI_FILTER, 0}}\n{FCGI_STDIN, 0, \"broken\"}");
    const Played result = played(pair, good);
    check_met(result);
    BOOST_TEST(accused(result).empty());
    BOOST_TEST(result.seen.size() == 1U);
    before.read_to_end();  // it has been closed: this ends
}

BOOST_AUTO_TEST_CASE(at_the_end_the_web_server_sees_its_connections_closed) {
    // So that it gives no request of the next scenario to one of them.
    std::promise<void> ended;
    Pair pair(with_request([&](HttpVisit& visit) {
        Link link = visit.connect();
        link.ask(1, visit.target(), {}, keep_conn);
        visit.answer(link.read_answer(1));
        link.read_to_end();
        ended.set_value();
    }));
    const Played result = played(pair, good);
    check_met(result);
    BOOST_TEST((ended.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready));
}

BOOST_AUTO_TEST_CASE(one_that_never_closes_does_not_hold_us_up) {
    const Played result = played([](HttpVisit& visit) {
        (void)visit.read_request();
        Link link = visit.connect();
        link.ask(1, visit.target(), {}, keep_conn);
        visit.answer(link.read_answer(1));
        link.read_to_end();
        visit.read_to_end();
        link.stay();
    }, good);
    check_met(result);
}

// Conduct that is tried again, and conduct that is none.

BOOST_AUTO_TEST_CASE(what_is_tried_again_is_refused) {
    std::atomic<int> num_tries{0};
    const Played result = played(with_request([&](HttpVisit& visit) {
        Answer answer;
        for (int i = 0; i < 4 && answer.std_out.empty(); ++i) {
            ++num_tries;
            Link link = visit.connect();
            link.ask(1, visit.target());
            answer = link.read_answer(1);
        }
        visit.answer(answer);
    }), "http> GET /a\n> request 1\n< close\nhttp< failure\n");
    check_met(result);
    BOOST_TEST(num_tries == 4);
    BOOST_TEST(num_lines(result, "b< close") == 1U);
    BOOST_TEST(num_lines(result, "d< close") == 1U);
    BOOST_TEST(num_lines(result, "http< 502 \"no answer\"") == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_tried_again_can_be_waited_for) {
    const HttpConduct twice = with_request([](HttpVisit& visit) {
        for (int i = 0; i < 2; ++i) {
            Link link = visit.connect();
            link.ask(1, visit.target());
            const Answer answer = link.read_answer(1);
            if (answer.end) visit.answer(answer);
        }
    });
    check_met(played(twice, "http> GET /a\n> request 1\n< close 1\neither again\n> request 2\n< response 2 \"good\"\nhttp< 200 \"good\"\nor failed\nhttp< failure\nend\n"));
}

BOOST_AUTO_TEST_CASE(one_that_answers_by_itself_is_contradicted_at_once) {
    const HttpConduct by_itself = with_request([](HttpVisit& visit) {
        visit.answer("cached");
        visit.stay();
    });
    check_not_met(played(by_itself, good), contradicted, "> request 1 [REQUEST_METHOD=\"GET\"]", "no request; the Web server answered the HTTP client: 200 \"cached\"", 4);
    check_not_met(played(by_itself, "http> GET /a\n> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, *}}\n"), contradicted, "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, *}}",
                  "no request; the Web server answered the HTTP client: 200 \"cached\"", 4);
    // One of two clients still waits: its request may come.
    const HttpConduct one = with_request([](HttpVisit& visit) {
        if (visit.asks_for("bad")) return (void)visit.answer("cached");
        visit.stay(100);
        pass_on(visit);
    });
    check_met(played(one, "http> GET /bad\nhttpb> GET /b\nhttp< 200\n> request 1\n< response 1\nhttpb< 200\n"));
    const HttpConduct cut = with_request([](HttpVisit& visit) { visit.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"); });
    check_not_met(played(cut, good), contradicted, "> request 1 [REQUEST_METHOD=\"GET\"]",
                  "no request; the Web server answered the HTTP client: 200 \"x\", which is not whole, the Web server closed the HTTP connection", 4);
}

BOOST_AUTO_TEST_CASE(alternatives) {
    const std::string lines = "http> GET /bad\neither asked\n> request 1\n< response 1 \"good\"\nhttp< 200 \"good\"\nor tolerated refused\nhttp< 4xx\nend\n";
    const Played asked = played(passes_on(), lines);
    check_met(asked);
    BOOST_TEST((asked.alternatives == Lines{"asked"}));
    BOOST_TEST(!asked.tolerated.has_value());
    const Played refused = played(with_request([](HttpVisit& visit) { visit.answer("no", "400 Bad Request"); visit.stay(); }), lines);
    check_met(refused);
    BOOST_TEST((refused.alternatives == Lines{"refused"}));
    BOOST_TEST(refused.tolerated.has_value());
    const Played other = played(with_request([](HttpVisit& visit) { visit.answer("yes"); visit.stay(); }), lines);
    check_not_met(other, contradicted, "either asked (> request 1; < response 1 \"good\"; http< 200 \"good\") or tolerated refused (http< 4xx)", "no request; the Web server answered the HTTP client: 200 \"yes\"", 4);
    const Played nothing = played(with_request([](HttpVisit& visit) { visit.stay(); }), lines, short_ms);
    BOOST_TEST(nothing.outcome == silent);
    BOOST_TEST(nothing.alternatives.empty());
    // An alternative that isn't taken binds nothing.
    check_met(played(passes_on(), "http> GET /a\neither no\n> request 1\n> {FCGI_ABORT_REQUEST, 1}\nor yes\n> request 2\nend\n< response 2 \"x\"\nhttp< 200 \"x\"\n"));
}

BOOST_AUTO_TEST_CASE(one_that_never_ends_its_input_is_accused_of_that_and_served) {
    const auto without_end = [](const std::string& std_in) {
        return with_request([std_in](HttpVisit& visit) {
            Link link = visit.connect();
            link.begin(1, visit.target());
            link.say(std_in);
            visit.answer(link.read_answer(1));
        });
    };
    const auto begin = Clock::now();
    const Played missing = played(without_end(""), good, short_ms);
    check_met(missing);
    BOOST_TEST_REQUIRE(accused(missing).size() == 1U);
    BOOST_TEST(accused(missing).front().requirement == "R-6.1-8");
    BOOST_TEST(accused(missing).front().got == "no record of FCGI_STDIN");
    BOOST_TEST(accused(missing).front().count == 1U);
    const Played unended = played(without_end("{FCGI_STDIN, 1, \"abc\"}"), "http> GET /a\n> request 1 stdin=\"abc\"\n< response 1 \"good\"\nhttp< 200 \"good\"\n", short_ms);
    check_met(unended);
    BOOST_TEST_REQUIRE(accused(unended).size() == 1U);
    BOOST_TEST(accused(unended).front().requirement == "R-3.3-36");
    BOOST_TEST(accused(unended).front().count == 1U);
    // It is served only where all else is as expected.
    const Played other = played(without_end("{FCGI_STDIN, 1, \"abc\"}"), "http> GET /a\n> request 1 stdin=\"abd\"\n", short_ms);
    check_not_met(other, contradicted, "> request 1 stdin=\"abd\"", "a request with FCGI_STDIN \"abc\"", 4);
    BOOST_TEST(seconds_since(begin) < 3 * 10 * short_ms / 1000.0);
}

BOOST_AUTO_TEST_CASE(one_that_never_ends_its_params_is_not_served) {
    const Played result = played(with_request([](HttpVisit& visit) {
        Link link = visit.connect();
        link.say("{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\n{FCGI_PARAMS, 1, [A=\"b\"]}\n{FCGI_STDIN, 1, \"\"}");
        visit.answer(link.read_answer(1));
    }), good, short_ms);
    check_not_met(result, silent, "> request 1 [REQUEST_METHOD=\"GET\"]", "a request without FCGI_PARAMS' end", 4);
}

BOOST_AUTO_TEST_CASE(conduct_that_is_none) {
    struct Case {
        std::string name;
        HttpConduct conduct;
        Played::Outcome outcome;
        std::string got;
    };
    const std::vector<Case> table{
        {"never asks", with_request([](HttpVisit& visit) { visit.stay(); }), silent, "no request"},
        {"connects and says nothing", with_request([](HttpVisit& visit) { Link link = visit.connect(); visit.stay(); }), silent, "no request"},
        {"connects and closes", with_request([](HttpVisit& visit) { visit.connect().close(); visit.stay(); }), silent, "no request"},
        {"says half a record", with_request([](HttpVisit& visit) { Link link = visit.connect(); link.say(Bytes(Buffer{1, 1, 0, 1, 0})); visit.stay(); }), silent, "no request"},
        {"resets the request", with_request([](HttpVisit& visit) {
             { Link link = visit.connect(); link.say("{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}"); }
             visit.stay();
         }), silent, "a request without FCGI_PARAMS' end"},
    };
    for (const Case& one : table) {
        BOOST_TEST_INFO_SCOPE(one.name);
        const auto begin = Clock::now();
        check_not_met(played(one.conduct, good, short_ms), one.outcome, "> request 1 [REQUEST_METHOD=\"GET\"]", one.got, 4);
        BOOST_TEST(seconds_since(begin) >= short_ms / 1000.0);
        BOOST_TEST(seconds_since(begin) < 10 * short_ms / 1000.0 + 5);
    }
}

BOOST_AUTO_TEST_CASE(a_client_that_is_dropped_is_seen_at_once) {
    const Played closes = played([](HttpVisit&) {}, good);
    BOOST_TEST(closes.outcome == contradicted);
    BOOST_TEST(closes.got.starts_with("no request; the Web server answered the HTTP client: no response, the Web server "), closes.got);
    const Played resets = played(with_request([](HttpVisit& visit) {
        Link link = visit.connect();
        link.ask(1, visit.target());
        (void)link.read_answer(1);
        visit.reset();
    }), good);
    check_not_met(resets, closed, "http< 200 \"good\"", "no response, the Web server reset the HTTP connection", 6);
}

BOOST_AUTO_TEST_CASE(one_that_says_random_bytes) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const HttpConduct random = with_request([seed](HttpVisit& visit) {
            Link link = visit.connect();
            link.say(bytes_of(random_bytes(5000, seed)));
            visit.answer("random", "502 Bad Gateway");
            visit.stay();
        });
        const Played result = played(random, good);
        BOOST_TEST(result.outcome == contradicted, "seed " << seed << ": " << told(result));
    }
    const Played http = played(with_request([](HttpVisit& visit) {
        visit.say(random_bytes(5000, 3));
        visit.stay();
    }), good);
    BOOST_TEST(http.outcome == contradicted);
    BOOST_TEST(http.got.find("which is no HTTP") != std::string::npos, http.got);
}

BOOST_AUTO_TEST_CASE(floods) {
    const auto drown = [](const std::string& begin, const std::string& many) {
        return with_request([begin, many](HttpVisit& visit) {
            Link link = visit.connect();
            link.say(begin);
            const Buffer bytes = parse_notation(many).bytes;
            while (link.say(bytes)) continue;
        });
    };
    const std::string begin = "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}";
    const std::vector<std::pair<std::string, HttpConduct>> table{
        {"FCGI_STDIN", drown(begin + "\n{FCGI_PARAMS, 1, \"\"}", "{FCGI_STDIN, 1, \"x\"*65535}")},
        {"FCGI_PARAMS", drown(begin, "{FCGI_PARAMS, 1, \"x\"*65535}")},
        {"FCGI_GET_VALUES", drown("", "{FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS=\"\"]}")},
    };
    for (const auto& [name, conduct] : table) {
        BOOST_TEST_INFO_SCOPE(name);
        const MemoryPeak peak;
        const Played result = played(conduct, good, 3000);
        BOOST_TEST((result.outcome == flooded || result.outcome == silent), told(result));
        if (name != "FCGI_GET_VALUES") BOOST_TEST(result.got == "more than 12 MiB");
        BOOST_TEST(result.wanted == "> request 1 [REQUEST_METHOD=\"GET\"]");
        if (const auto size = peak.growth_size()) BOOST_TEST(*size <= std::size_t{64} << 20);
    }
}

BOOST_AUTO_TEST_CASE(one_that_connects_without_end) {
    const Played result = played(with_request([](HttpVisit& visit) {
        std::vector<Link> links;
        for (int i = 0; i < 600; ++i) {
            links.push_back(visit.connect());
            if (links.size() > 10) links.erase(links.begin());
        }
        visit.stay();
    }), good, 3000);
    BOOST_TEST(result.outcome == flooded, told(result));
    BOOST_TEST(result.got == "more than 512 connections");
}

BOOST_AUTO_TEST_CASE(floods_of_the_client) {
    const auto drown = [](const std::string& begin, const std::string& many) {
        return with_request([begin, many](HttpVisit& visit) {
            visit.say(begin);
            while (visit.say(many)) continue;
        });
    };
    const Played body = played(drown("HTTP/1.1 200 OK\r\n\r\n", std::string(65536, 'x')), "http> GET /a\nhttp< 200 \"x\"\n", 3000);
    BOOST_TEST(body.outcome != as_expected, told(body));
    BOOST_TEST(body.wanted == "http< 200 \"x\"");
    std::string interim;
    for (int i = 0; i < 2000; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
    const auto begin = Clock::now();
    const Played continues = played(drown("", interim), "http> GET /a\nhttp< 200\n", short_ms);
    BOOST_TEST((continues.outcome == flooded || continues.outcome == silent), continues.outcome);
    BOOST_TEST(continues.got.size() < 1000U, continues.got.substr(0, 200));
    BOOST_TEST(seconds_since(begin) < 10 * short_ms / 1000.0 + 5);
}

BOOST_AUTO_TEST_CASE(one_that_drips_is_not_waited_for_for_ever) {
    const auto begin = Clock::now();
    const Played result = played(with_request([](HttpVisit& visit) {
        Link link = visit.connect();
        link.say("{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}");
        while (link.say("{FCGI_PARAMS, 1, \"x\"}")) link.stay(10);
    }), good, 100);
    BOOST_TEST(result.outcome == silent);
    BOOST_TEST(seconds_since(begin) >= 1.0);
    BOOST_TEST(seconds_since(begin) < 6.0);
}

BOOST_AUTO_TEST_CASE(one_that_answers_slowly_is_waited_for) {
    const Played result = played(with_request([](HttpVisit& visit) {
        Link link = visit.connect();
        link.ask(1, visit.target());
        (void)link.read_answer(1);
        visit.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
        for (const char c : std::string("good")) {
            visit.stay(short_ms / 2);
            visit.say(std::string(1, c));
        }
    }), good, short_ms);
    check_met(result);
}

BOOST_AUTO_TEST_CASE(one_that_is_not_there) {
    Pair pair(passes_on());
    const HttpUrl nobody{.host = "127.0.0.1", .port = 1, .path = {}};
    const Played result = play(scenario_of(good), {.address = {}, .listener = &pair.listener, .url = nobody, .params = {}, .command = {}, .deadline_ms = long_ms});
    BOOST_TEST(result.outcome == closed);
    BOOST_TEST(result.wanted == "the peer takes a connection");
    BOOST_TEST(result.got == "no HTTP connection: tcp:127.0.0.1:1: Connection refused");
}

BOOST_AUTO_TEST_CASE(one_whose_process_ends_is_not_waited_for) {
    Pair pair(with_request([](HttpVisit& visit) { visit.stay(); }));
    const FileDescriptor ended(eventfd(1, EFD_CLOEXEC));
    const auto begin = Clock::now();
    const Played result = play(scenario_of(good), {.address = {}, .listener = &pair.listener, .url = pair.web_server.url(), .params = {}, .command = {}, .deadline_ms = long_ms, .peer_end_fd = ended.get()});
    check_not_met(result, closed, "> request 1 [REQUEST_METHOD=\"GET\"]", "the peer's process ended", 4);
    BOOST_TEST(seconds_since(begin) < 10);
}

BOOST_AUTO_TEST_CASE(an_interrupt_ends_a_wait) {
    std::atomic<bool> interrupted{false};
    Pair pair(with_request([&](HttpVisit& visit) {
        interrupted = true;
        visit.read_to_end();
    }));
    const auto begin = Clock::now();
    const Played result = play(scenario_of(good), {.address = {}, .listener = &pair.listener, .url = pair.web_server.url(), .params = {}, .command = {}, .deadline_ms = 600'000, .interrupted = &interrupted});
    BOOST_TEST(result.outcome == Played::Outcome::interrupted);
    BOOST_TEST(seconds_since(begin) < 30);
}

// FCGI_GET_VALUES [§4.1].

namespace {

/// Asks for `names` before the request, and gives its client what the application answered.
HttpConduct asks_values(const std::string& names, unsigned num_times = 1) {
    return with_request([=](HttpVisit& visit) {
        Link link = visit.connect();
        for (unsigned i = 0; i < num_times; ++i) link.say("{FCGI_GET_VALUES, 0, " + names + "}");
        std::string got;
        Record record;
        for (unsigned i = 0; i < num_times && link.read_record(record); ++i) got += print(record);
        link.ask(1, visit.target());
        (void)link.read_answer(1);
        visit.answer(got);
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_are_answered_whenever_they_are_asked) {
    const std::string names = "[FCGI_MPXS_CONNS=\"\" FCGI_MAX_REQS=\"\" OTHER=\"\"]";
    const auto lines = [](const std::string& before, const std::string& got) { return before + "http> GET /a\n> request 1\n< response 1\nhttp< 200 " + got + "\n"; };
    const std::string by_default = R"("{FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS=\"0\" FCGI_MAX_REQS=\"64\"]}")";
    const Played result = played(asks_values(names), lines("", by_default));
    check_met(result);
    BOOST_TEST(num_lines(result, "< {FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS=\"0\" FCGI_MAX_REQS=\"64\"]}") == 1U);
    check_met(played(asks_values(names, 3), lines("", by_default + " + " + by_default + " + " + by_default)));
    check_met(played(asks_values(names), lines("values [FCGI_MPXS_CONNS=\"1\" OTHER=\"x\" UNASKED=\"y\"]\n", R"("{FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS=\"1\" OTHER=\"x\"]}")")));
    check_met(played(asks_values("[UNHEARD_OF=\"\"]"), lines("", R"("{FCGI_GET_VALUES_RESULT, 0, \"\"}")")));
    check_met(played(asks_values("\"\\001\\377cut\""), lines("", R"("{FCGI_GET_VALUES_RESULT, 0, \"\"}")")));
}

BOOST_AUTO_TEST_CASE(where_the_scenario_is_silent_nothing_is_answered_by_itself) {
    const std::string lines = "values silent\nhttp> GET /a\n> {FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS=\"\" ...]}\n";
    check_met(played(asks_values("[FCGI_MAX_CONNS=\"\"]"), lines + "< {FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_CONNS=\"7\"]}\n> request 1\n< response 1\n"
                                                                   "http< 200 \"{FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_CONNS=\\\"7\\\"]}\"\n"));
    const Played unanswered = played(asks_values("[FCGI_MAX_CONNS=\"\"]"), lines + "> request 1\n", short_ms);
    check_not_met(unanswered, silent, "> request 1", "no request", 6);
    const Played other = played(asks_values("[OTHER=\"\"]"), lines);
    BOOST_TEST(other.outcome == contradicted);
    BOOST_TEST(other.got == "{FCGI_GET_VALUES, 0, [OTHER=\"\"]}");
    check_not_met(played(passes_on(), lines, short_ms), silent, "> {FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS=\"\" ...]}", "nothing", 5);
}

// How what we say is cut.

BOOST_AUTO_TEST_CASE(splittings_send_the_same_bytes) {
    struct Got {
        std::string bytes;
        std::size_t num_reads = 0;
    };
    const auto got_from = [](Splitting splitting, const std::string& before) {
        std::promise<Got> promise;
        Pair pair(with_request([&](HttpVisit& visit) {
            Link link = visit.connect();
            link.ask(1, visit.target());
            const Answer answer = link.read_answer(1);
            promise.set_value({link.received(), link.reads().size()});
            visit.answer(answer);
        }));
        check_met(played(pair, "http> GET /a\n> request 1\n" + before + "< response 1 \"x\"*2000\nhttp< 200 \"x\"*2000\n", long_ms, splitting));
        return promise.get_future().get();
    };
    const Got whole = got_from(Splitting::whole, "");
    // A busy machine may keep the reader from reading each piece at once: then it is played again, a bounded number of times.
    const auto apart = [&](Splitting splitting, const std::string& before, std::size_t num_reads_min) {
        Got got = got_from(splitting, before);
        for (int i = 0; i < 50 && got.num_reads < num_reads_min; ++i) got = got_from(splitting, before);
        BOOST_TEST(got.num_reads >= num_reads_min);
        BOOST_TEST(got.bytes == whole.bytes);
    };
    apart(Splitting::bytes, "", 500);
    apart(Splitting::header, "", 4);
    apart(Splitting::whole, "cut 3 8 100\n", 4);
}

BOOST_AUTO_TEST_CASE(a_slow_client_reads_the_same) {
    const std::string lines = "http> GET /a\n> request 1\n< response 1 \"x\"*20000\nhttp< 200 \"x\"*20000\n";
    check_met(played(passes_on(), "http> GET /a\nhttp> reads 7\n" + lines.substr(lines.find("> request"))));
    check_not_met(played(passes_on(), "http> GET /a\nhttp> reads 100\n> request 1\n< response 1 \"y\"\nhttp< 200 \"z\"\n"), contradicted, "http< 200 \"z\"", "200 \"y\"", 7);
}

// A request for a client that has left, in an earlier conversation.

BOOST_AUTO_TEST_CASE(what_is_asked_late_is_not_taken_for_what_is_asked_now) {
    std::promise<std::string> left;
    std::promise<Answer> late_answer;
    Pair pair(with_request([&, port = left.get_future().share()](HttpVisit& visit) {
        if (visit.asks_for("left")) {
            left.set_value(visit.client_port());
            return visit.read_to_end();
        }
        Link late = visit.connect();
        late.ask_for(port.get(), 1, "/left");
        late_answer.set_value(late.read_answer(1));
        Link link = visit.connect();
        link.ask_for(visit.client_port(), 1, visit.target());
        visit.answer(link.read_answer(1));
    }));
    check_met(played(pair, "http> GET /left\nhttp> close\n"));
    const Played result = played(pair, good);
    check_met(result);
    BOOST_TEST(accused(result).empty());
    const Answer refused = late_answer.get_future().get();
    BOOST_TEST(refused.std_out.empty());
    BOOST_TEST(!refused.end);
}

BOOST_AUTO_TEST_CASE(what_is_asked_late_on_a_kept_connection_is_ended) {
    std::promise<std::string> left;
    std::promise<Answer> late_answer;
    Pair pair(with_request([&, port = left.get_future().share()](HttpVisit& visit) {
        if (visit.asks_for("left")) {
            left.set_value(visit.client_port());
            return visit.read_to_end();
        }
        Link link = visit.connect();
        link.ask_for(port.get(), 1, "/left", keep_conn);
        late_answer.set_value(link.read_answer(1));
        link.ask_for(visit.client_port(), 2, visit.target(), keep_conn);
        visit.answer(link.read_answer(2));
    }));
    check_met(played(pair, "http> GET /left\nhttp> close\n"));
    const Played result = played(pair, good);
    check_met(result);
    BOOST_TEST(accused(result).empty());
    const Answer ended = late_answer.get_future().get();
    BOOST_TEST(ended.std_out.empty());
    BOOST_TEST(ended.end.has_value());
}

// What the checker sees.

BOOST_AUTO_TEST_CASE(what_the_web_server_says_wrong_is_accused_and_does_not_fail_the_scenario) {
    const Played result = played(with_request([](HttpVisit& visit) {
        Link link = visit.connect();
        link.say("{FCGI_BEGIN_REQUEST, 1, \"\\000\\001\\000\\000\\000\\000\\000\\001\"}\n{FCGI_PARAMS, 1, [REQUEST_METHOD=\"GET\"]}\n{FCGI_PARAMS, 1, \"\"}\n{FCGI_STDIN, 1, \"\"}");
        visit.answer(link.read_answer(1));
    }), good);
    check_met(result);
    BOOST_TEST_REQUIRE(accused(result).size() == 1U);
    const Observed first = accused(result).front();
    BOOST_TEST(first.requirement == text_for(Rule::begin_request_reserved).requirement);
    BOOST_TEST_REQUIRE(first.records.size() == 2U);
    BOOST_TEST(first.records.front().text == "http> GET /hello");
    BOOST_TEST(first.records.back().text.starts_with("! > {FCGI_BEGIN_REQUEST, 1, "));
}

BOOST_AUTO_TEST_CASE(what_we_say_wrong_is_accused_of_nobody) {
    const Played result = played(passes_on(), "http> GET /a\n> request 1\n< {FCGI_STDOUT, 1, \"\\r\\n\", version=9, reserved=3}\n< {FCGI_END_REQUEST, 1, {0, 9}}\n");
    check_met(result);
    BOOST_TEST(accused(result).empty());
}

// An application that the Web server starts is in listener_test.cpp; what a state is, in handover_test.cpp.

BOOST_AUTO_TEST_CASE(no_application_was_started_here) {
    check_not_met(played(passes_on(), "http> GET /a\n> process [descriptor-0=\"listening\"]\n", short_ms), silent, "> process [\"descriptor-0\"=\"listening\"]", "no application has been started", 4);
}

BOOST_AUTO_TEST_SUITE_END()

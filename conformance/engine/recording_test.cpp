#include "conformance/engine/recording.hpp"

#include <boost/test/unit_test.hpp>

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(recording)

namespace {

const HttpUrl url{.host = "localhost", .port = 80, .path = "/app"};

Scenario read(const std::string& lines) {
    ParsedScript parsed = parse_script("scenario A recording\nproves R-0-0\n" + lines, "a", "a.fcs", Side::application);
    if (!parsed.errors.empty()) BOOST_FAIL(parsed.errors.front().print());
    return parsed.scenarios.front();
}

std::vector<std::string> turned(const std::string& lines, const HttpUrl& to = url) {
    const Scenario scenario = for_web_server(read(lines), to);
    BOOST_TEST((scenario.side == Side::web_server));
    std::vector<std::string> result;
    for (const Step& step : scenario.steps) result.push_back(print(step, Side::web_server, PrintStyle::exact));
    return result;
}
void check(const std::vector<std::string>& got, const std::vector<std::string>& wanted) { BOOST_TEST(got == wanted, boost::test_tools::per_element()); }

std::string request(const std::string& connection, const std::string& pairs, const std::string& std_in = {}, const std::string& id = "1") {
    return connection + "> {FCGI_BEGIN_REQUEST, " + id + ", {FCGI_RESPONDER, 0}}\n" + connection + "> {FCGI_PARAMS, " + id + ", [" + pairs + "]}\n" + connection +
           "> {FCGI_PARAMS, " + id + ", \"\"}\n" + (std_in.empty() ? "" : connection + "> {FCGI_STDIN, " + id + ", \"" + std_in + "\"}\n") + connection + "> {FCGI_STDIN, " + id + ", \"\"}\n";
}

/// The one HTTP request of a recording with one request of these variables.
HttpSend asked(const std::string& pairs, const std::string& std_in = {}, const HttpUrl& to = url) {
    const Scenario scenario = for_web_server(read(request("c1", pairs, std_in)), to);
    BOOST_TEST_REQUIRE(scenario.steps.size() == 2U);
    return std::get<HttpSend>(scenario.steps.front().action);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_conversation_is_turned_round) {
    check(turned(request("c1", "REQUEST_METHOD=\"GET\" REQUEST_URI=\"/app/a?b\"") +
                 "c1< {FCGI_STDOUT, 1, \"\\r\\nx\"}\nc1< {FCGI_STDERR, 1, \"e\"}\nc1< {FCGI_STDOUT, 1, \"\"}\nc1< {FCGI_END_REQUEST, 1, {5, FCGI_REQUEST_COMPLETE}}\nc1< close\n"),
          {"http1> GET /a?b", "c1> request 1", "c1< {FCGI_STDOUT, 1, \"\\r\\nx\"}", "c1< {FCGI_STDERR, 1, \"e\"}", "c1< {FCGI_STDOUT, 1, \"\"}",
           "c1< {FCGI_END_REQUEST, 1, {5, FCGI_REQUEST_COMPLETE}}", "c1< close"});
}

BOOST_AUTO_TEST_CASE(what_it_is_turned_into_can_be_read_as_a_scenario) {
    std::string text = "scenario a\nproves R-0-0\n";
    for (const std::string& line : turned(request("c1", "REQUEST_METHOD=\"POST\" REQUEST_URI=\"/app/a\" CONTENT_TYPE=\"text/plain\"", "abc") + "c1< {FCGI_END_REQUEST, 1, {0, 0}}\n")) text += line + "\n";
    const ParsedScript parsed = parse_script(text, "a", "a", Side::web_server);
    BOOST_TEST(parsed.errors.empty(), text << (parsed.errors.empty() ? "" : parsed.errors.front().print()));
}

BOOST_AUTO_TEST_CASE(a_request_is_asked_for_as_its_variables_say) {
    const HttpSend plain = asked("A=\"b\"");
    BOOST_TEST(plain.method == "GET");
    BOOST_TEST(plain.target == "/");
    BOOST_TEST(plain.fields.empty());
    const HttpSend full = asked("REQUEST_METHOD=\"PUT\" REQUEST_URI=\"/app/x/y?z\" CONTENT_TYPE=\"text/html\" CONTENT_LENGTH=\"3\" HTTP_USER_AGENT=\"me\" HTTP_X_A_B1=\"c\" HTTP_ACCEPT=\"\" "
                                "HTTP_HOST=\"other\" HTTP_CONNECTION=\"keep-alive\" HTTP_CONTENT_LENGTH=\"3\" HTTP_TRANSFER_ENCODING=\"chunked\" HTTP_EXPECT=\"100-continue\" HTTPS=\"on\"", "abc");
    BOOST_TEST(full.method == "PUT");
    BOOST_TEST(full.target == "/x/y?z");
    BOOST_TEST(full.body == "abc");
    const std::vector<std::pair<std::string, std::string>> fields{{"Content-Type", "text/html"}, {"User-Agent", "me"}, {"X-A-B1", "c"}};
    BOOST_TEST((full.fields == fields));
}

BOOST_AUTO_TEST_CASE(the_path_of_the_url_is_not_said_twice) {
    const auto target = [](const std::string& uri, const std::string& path) { return asked("REQUEST_URI=\"" + uri + "\"", "", {.host = "h", .port = 80, .path = path}).target; };
    BOOST_TEST(target("/app/a", "/app") == "/a");
    BOOST_TEST(target("/application/a", "/app") == "/application/a");
    BOOST_TEST(target("/other", "/app") == "/other");
    BOOST_TEST(target("/app/a", "") == "/app/a");
    BOOST_TEST(target("/app/", "/app") == "/");
    BOOST_TEST(target("/app", "/app").empty());
    BOOST_TEST(target("/app?q", "/app") == "?q");
}

BOOST_AUTO_TEST_CASE(records_of_one_stream_are_one_body) {
    const std::string lines = "c1> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\nc1> {FCGI_PARAMS, 1, \"\\013\\004REQUEST_\"}\nc1> {FCGI_PARAMS, 1, \"URI/ap2\"}\nc1> {FCGI_PARAMS, 1, \"\"}\n"
                              "c1> {FCGI_STDIN, 1, \"ab\"}\nc1> {FCGI_STDIN, 1, \"c\"}\nc1> {FCGI_STDIN, 1, \"\"}\n";
    const Scenario scenario = for_web_server(read(lines), url);
    const auto& send = std::get<HttpSend>(scenario.steps.at(0).action);
    BOOST_TEST(send.target == "/ap2");
    BOOST_TEST(send.body == "abc");
}

BOOST_AUTO_TEST_CASE(several_requests_are_asked_for_by_clients_of_their_own) {
    check(turned(request("c1", "REQUEST_URI=\"/a\"") + request("c2", "REQUEST_URI=\"/b\"") + "c2< {FCGI_END_REQUEST, 1, {0, 0}}\nc1< {FCGI_END_REQUEST, 1, {0, 0}}\n" +
                 request("c1", "REQUEST_URI=\"/c\"") + request("c1", "REQUEST_URI=\"/d\"", "", "2")),
          {"http1> GET /a", "c1> request 1", "http2> GET /b", "c2> request 1", "c2< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}", "c1< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}",
           "http3> GET /c", "c1> request 1", "http4> GET /d", "c1> request 2"});
}

BOOST_AUTO_TEST_CASE(an_abort_is_a_client_that_leaves) {
    check(turned(request("c1", "A=\"b\"") + "c1> {FCGI_ABORT_REQUEST, 1}\nc1< {FCGI_END_REQUEST, 1, {0, 0}}\nc1> close\n"),
          {"http1> GET /", "c1> request 1", "http1> close", "c1< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}"});
}

BOOST_AUTO_TEST_CASE(roles_end_their_input_in_their_own_way) {
    const auto begin = [](const std::string& role) { return "c1> {FCGI_BEGIN_REQUEST, 1, {" + role + ", 0}}\nc1> {FCGI_PARAMS, 1, \"\"}\n"; };
    check(turned(begin("FCGI_AUTHORIZER") + "c1< {FCGI_STDOUT, 1, \"\"}\n"), {"http1> GET /", "c1> request 1 role=FCGI_AUTHORIZER", "c1< {FCGI_STDOUT, 1, \"\"}"});
    check(turned(begin("FCGI_FILTER") + "c1> {FCGI_STDIN, 1, \"\"}\nc1> {FCGI_DATA, 1, \"file\"}\nc1> {FCGI_DATA, 1, \"\"}\n"), {"http1> GET /", "c1> request 1 role=FCGI_FILTER"});
}

BOOST_AUTO_TEST_CASE(what_was_not_recorded_to_its_end_is_left_out) {
    check(turned("c1> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\nc1> {FCGI_PARAMS, 1, [A=\"b\"]}\nc1> close\n"), {});
    check(turned("c1> {FCGI_PARAMS, 1, \"\"}\nc1> {FCGI_STDIN, 1, \"\"}\n"), {});  // never begun
    // What an application says where nobody has asked can't be said to a Web server that hasn't come.
    check(turned("c1> raw 01 02\nc1< {FCGI_STDOUT, 1, \"x\"}\nc1< close\n"), {});
}

BOOST_AUTO_TEST_CASE(an_answer_before_the_end_of_the_input_is_said_behind_it) {
    // The client's body is one piece: so the application's early words come when the request is whole.
    const std::vector<std::string> lines = turned("c1> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\nc1> {FCGI_PARAMS, 1, \"\"}\nc1< {FCGI_STDOUT, 1, \"early\"}\n"
                                                  "c1> {FCGI_STDIN, 1, \"\"}\nc1< {FCGI_END_REQUEST, 1, {0, 0}}\n");
    check(lines, {"http1> GET /", "c1> request 1", "c1< {FCGI_STDOUT, 1, \"early\"}", "c1< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}"});
}

BOOST_AUTO_TEST_CASE(hostile_variables_are_still_one_request) {
    // Lengths that run past the end, and values that would begin a line of their own.
    const Scenario cut = for_web_server(read("> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\n> {FCGI_PARAMS, 1, \"\\013\\002REQUEST_URI/a\\377\\377\\377\\377x\"}\n"
                                             "> {FCGI_PARAMS, 1, \"\"}\n> {FCGI_STDIN, 1, \"\"}\n"), url);
    BOOST_TEST(std::get<HttpSend>(cut.steps.at(0).action).target == "/a");
    const HttpSend lines = asked("HTTP_X=\"a\\r\\nInjected: b\" REQUEST_URI=\"/a\\r\\n\\r\\nGET /b\" REQUEST_METHOD=\"GET / HTTP/1.1\\r\\n\"");
    BOOST_TEST(lines.method == "GET");
    BOOST_TEST(lines.target == "/");
    BOOST_TEST(lines.fields.empty());
    BOOST_TEST(asked("REQUEST_URI=\"/a b\"").target == "/");
}

BOOST_AUTO_TEST_SUITE_END()

#include "conformance/peers/served_request.hpp"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "conformance/peers/filter_file.hpp"

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(served_request)

namespace {

HttpRequest get(std::string target, std::string method = "GET") {
    return {.method = std::move(method), .target = std::move(target), .fields = {{"Host", "a"}}};
}

/// A request on its way, and a test's words for its steps.
struct Served {
    explicit Served(HttpRequest request, const ResponseLimits& limits = {})
        : served(
              std::move(request), {}, [this](const std::string& line) { log.push_back(line); }, limits) {}
    std::vector<std::string> log;
    ServedRequest served;

    NextStep hears(RequestEvent::Kind kind, std::string_view text) {
        return served.take({.kind = kind, .request_id = 1, .bytes = Buffer(text.begin(), text.end())});
    }
    NextStep ends(ProtocolStatus status = ProtocolStatus::request_complete, std::uint32_t app_status = 0) {
        return served.take({.kind = RequestEvent::Kind::ended,
                            .request_id = 1,
                            .end = {.app_status = app_status, .protocol_status = status}});
    }
    /// The application writes `std_out`, and ends.
    NextStep answers(std::string_view std_out) {
        BOOST_TEST(std::holds_alternative<std::monostate>(hears(RequestEvent::Kind::std_out, std_out)));
        return ends();
    }
};

RequestToSend request_of(NextStep step) {
    BOOST_TEST_REQUIRE(std::holds_alternative<RequestToSend>(step));
    return std::get<RequestToSend>(std::move(step));
}
HttpResponse response_of(NextStep step) {
    BOOST_TEST_REQUIRE(std::holds_alternative<HttpResponse>(step));
    return std::get<HttpResponse>(std::move(step));
}
std::string variable(const RequestToSend& request, std::string_view name) {
    for (const auto& [one, value] : request.variables)
        if (one == name) return value;
    return "(none)";
}
/// Fields as one text; those that the server adds to every answer are seen to and left out.
std::string fields_of(const HttpResponse& response) {
    std::string result;
    int num_added = 0;
    for (const auto& [name, value] : response.fields) {
        if (name == "Date" || name == "Server" || name == "Connection")
            ++num_added;
        else
            result += name + "=" + value + ";";
    }
    BOOST_TEST(num_added == 3);
    return result;
}
/// "200 [fields] body" of an answer to a GET request for which the application writes this.
std::string answer_to(std::string_view std_out, const std::string& method = "GET") {
    Served served(get("/", method));
    (void)request_of(served.served.start());
    const HttpResponse response = response_of(served.answers(std_out));
    return std::to_string(response.status) + " [" + fields_of(response) + "] " + std::string(text_of(response.body));
}

constexpr std::string_view granted = "Status: 200\nVariable-A: b\nVARIABLE-c: d\nVariable-: e\nX: y\n\nignored";

}  // namespace

BOOST_AUTO_TEST_CASE(roles_are_chosen_by_the_path) {
    const std::array<std::pair<const char*, Role>, 8> rows{{{"/", Role::responder},
                                                            {"/authorizer", Role::responder},
                                                            {"/authorizer/", Role::authorizer},
                                                            {"/authorizer/a?b", Role::authorizer},
                                                            {"/%61uthorizer%2fa", Role::authorizer},
                                                            {"/filter/a", Role::filter},
                                                            {"/filter", Role::responder},
                                                            {"/a/filter/b", Role::responder}}};
    for (const auto& [target, role] : rows) {
        Served served(get(target));
        const RequestToSend request = request_of(served.served.start());
        BOOST_TEST((request.role == role), target);
        BOOST_TEST((request.data != nullptr) == (role == Role::filter));
        BOOST_TEST(!request.alone);
    }
}

BOOST_AUTO_TEST_CASE(the_body_is_sent_to_those_who_read_it) {
    HttpRequest post = get("/authorizer/x", "POST");
    post.has_body = true;
    post.body = {'a', 'b'};
    Served served(std::move(post));
    const RequestToSend to_authorizer = request_of(served.served.start());
    BOOST_TEST(!to_authorizer.std_in);
    BOOST_TEST(variable(to_authorizer, "CONTENT_LENGTH") == "(none)");
    const RequestToSend to_responder = request_of(served.answers(granted));
    BOOST_TEST(text_of(*to_responder.std_in) == "ab");
    BOOST_TEST(variable(to_responder, "CONTENT_LENGTH") == "2");
}

BOOST_AUTO_TEST_CASE(what_is_no_request_is_refused) {
    for (const char* target : {"*", "/%00", "/%zz", "a"}) {
        Served served(get(target));
        BOOST_TEST(response_of(served.served.start()).status == 400, target);
    }
    Served without_host({.method = "GET", .target = "/", .version = 11});
    BOOST_TEST(response_of(without_host.served.start()).status == 400);
    Served two_hosts({.method = "GET", .target = "/", .fields = {{"Host", "a"}, {"host", "a"}}});
    BOOST_TEST(response_of(two_hosts.served.start()).status == 400);
    for (const char* host : {"a b", "a/b", "user@a", "a\"b", "\xc3\xa9"}) {
        Served no_host({.method = "GET", .target = "/", .fields = {{"Host", host}}});
        BOOST_TEST(response_of(no_host.served.start()).status == 400, host);
    }
    Served old({.method = "GET", .target = "/", .version = 10});
    BOOST_TEST((request_of(old.served.start()).role == Role::responder));
}

BOOST_AUTO_TEST_CASE(what_comes_of_an_answer) {
    const std::array<std::array<std::string_view, 2>, 14> rows{{
        {"Content-Type: a/b\r\n\r\nhello", "200 [Content-Type=a/b;Content-Length=5;] hello"},
        {"Content-Type: a/b\nSet-Cookie: c\nSet-Cookie: d\n\n",
         "200 [Content-Type=a/b;Set-Cookie=c;Set-Cookie=d;Content-Length=0;] "},
        {"Status: 404 Gone away\n\nx", "404 [Content-Length=1;] x"},
        {"Content-Type: a/b\nContent-Length: 5\n\nhello", "200 [Content-Type=a/b;Content-Length=5;] hello"},
        {"Location: http://a/b\n\n", "302 [Location=http://a/b;Content-Length=0;] "},
        {"Location: /a\nStatus: 303\n\n", "303 [Location=/a;Content-Length=0;] "},
        {"Status: 200\nConnection: keep-alive\nTransfer-Encoding: chunked\nKeep-Alive: 5\n\nx",
         "200 [Content-Length=1;] x"},
        {"Status: 204\nContent-Length: 3\n\nabc", "204 [] "},
        {"Status: 304\nETag: e\nContent-Length: 300\n\n", "304 [ETag=e;Content-Length=300;] "},
        {"Content-Type: a/b\nContent-Length: 4\n\nhello",
         "502 [Content-Type=text/plain;Content-Length=10;] Error 502\n"},
        {"Content-Type: a/b\nContent-Length: 6\n\nhello",
         "502 [Content-Type=text/plain;Content-Length=10;] Error 502\n"},
        {"no header block", "502 [Content-Type=text/plain;Content-Length=10;] Error 502\n"},
        {"X: only\n\n", "502 [Content-Type=text/plain;Content-Length=10;] Error 502\n"},
        {"", "502 [Content-Type=text/plain;Content-Length=10;] Error 502\n"},
    }};
    for (const auto& [std_out, answer] : rows) BOOST_TEST(answer_to(std_out) == answer, std_out);
}

BOOST_AUTO_TEST_CASE(head_has_no_body) {
    BOOST_TEST(answer_to("Content-Type: a/b\n\nhello", "HEAD") == "200 [Content-Type=a/b;] ");
    BOOST_TEST(answer_to("Content-Type: a/b\nContent-Length: 5\n\n", "HEAD") ==
               "200 [Content-Type=a/b;Content-Length=5;] ");
    BOOST_TEST(answer_to("", "HEAD") == "502 [Content-Type=text/plain;Content-Length=10;] ");
}

BOOST_AUTO_TEST_CASE(the_application_may_set_date_and_server) {
    Served served(get("/"));
    (void)served.served.start();
    const HttpResponse response = response_of(served.answers("Status: 200\nDate: d\nserver: s\n\n"));
    const auto count = [&](std::string_view name) {
        return std::count_if(response.fields.begin(), response.fields.end(),
                             [&](const HttpField& field) { return same_field_name(field.name, name); });
    };
    BOOST_TEST(count("Date") == 1);
    BOOST_TEST(count("Server") == 1);
}

BOOST_AUTO_TEST_CASE(how_a_request_ends) {
    const std::array<std::pair<ProtocolStatus, unsigned>, 4> rows{{{ProtocolStatus::request_complete, 200},
                                                                   {ProtocolStatus::overloaded, 503},
                                                                   {ProtocolStatus::unknown_role, 502},
                                                                   {ProtocolStatus{77}, 502}}};
    for (const auto& [protocol_status, status] : rows)
        for (const std::uint32_t app_status : {0U, 1U, 4294967295U}) {
            Served served(get("/"));
            (void)served.served.start();
            (void)served.hears(RequestEvent::Kind::std_out, "Status: 200\n\nx");
            BOOST_TEST(response_of(served.ends(protocol_status, app_status)).status == status);
        }
    Served served(get("/"));
    (void)served.served.start();
    (void)served.hears(RequestEvent::Kind::std_out, "Status: 200\n\nx");
    BOOST_TEST(response_of(served.hears(RequestEvent::Kind::failed, "")).status == 502);
}

BOOST_AUTO_TEST_CASE(a_request_that_could_not_share_is_sent_again_once) {
    Served served(get("/"));
    const RequestToSend first = request_of(served.served.start());
    const RequestToSend second = request_of(served.ends(ProtocolStatus::cant_mpx_conn));
    BOOST_TEST(second.alone);
    BOOST_TEST((second.variables == first.variables));
    BOOST_TEST(response_of(served.ends(ProtocolStatus::cant_mpx_conn)).status == 502);
    Served written(get("/"));
    (void)written.served.start();
    (void)written.hears(RequestEvent::Kind::std_out, "Status: 200\n\nx");
    BOOST_TEST(response_of(written.ends(ProtocolStatus::cant_mpx_conn)).status == 502);
    Served patient(get("/"));
    (void)patient.served.start();
    (void)patient.ends(ProtocolStatus::cant_mpx_conn);
    BOOST_TEST(response_of(patient.answers("Status: 200\n\nx")).status == 200);
}

BOOST_AUTO_TEST_CASE(an_authorizer_lets_the_request_on_with_variables) {
    Served served(get("/authorizer/x?q"));
    BOOST_TEST(variable(request_of(served.served.start()), "PATH_INFO") == "(none)");
    const RequestToSend request = request_of(served.answers(granted));
    BOOST_TEST((request.role == Role::responder));
    BOOST_TEST(variable(request, "A") == "b");
    BOOST_TEST(variable(request, "c") == "d");
    BOOST_TEST(variable(request, "X") == "(none)");
    BOOST_TEST(variable(request, "") == "(none)");
    BOOST_TEST(variable(request, "PATH_INFO") == "/authorizer/x");
    const HttpResponse response = response_of(served.answers("Status: 201\n\nresponse"));
    BOOST_TEST(response.status == 201);
    BOOST_TEST(fields_of(response) == "Content-Length=8;");
}

BOOST_AUTO_TEST_CASE(an_authorizer_denies_with_its_own_response) {
    Served served(get("/authorizer/x"));
    (void)served.served.start();
    const HttpResponse response = response_of(served.answers("Status: 401 Who?\nWWW-Authenticate: Basic\n\nno"));
    BOOST_TEST(response.status == 401);
    BOOST_TEST(response.reason == "Who?");
    BOOST_TEST(fields_of(response) == "WWW-Authenticate=Basic;Content-Length=2;");
    BOOST_TEST(text_of(response.body) == "no");
}

BOOST_AUTO_TEST_CASE(an_authorizer_that_decides_nothing_grants_nothing) {
    for (const std::string_view std_out : {"", "Status: 200", "X: y\n\n", "Status: 200\nX y\n\n", "Status: 2000\n\n"}) {
        Served served(get("/authorizer/x"));
        (void)served.served.start();
        BOOST_TEST(response_of(served.answers(std_out)).status == 502, std_out);
    }
    for (const ProtocolStatus status : {ProtocolStatus::overloaded, ProtocolStatus::unknown_role}) {
        Served served(get("/authorizer/x"));
        (void)served.served.start();
        (void)served.hears(RequestEvent::Kind::std_out, granted);
        BOOST_TEST(response_of(served.ends(status)).status >= 500);
    }
}

BOOST_AUTO_TEST_CASE(a_local_redirect_is_a_new_get_request) {
    HttpRequest post = get("/a", "POST");
    post.fields.push_back({"Content-Type", "text/plain"});
    post.has_body = true;
    post.body = {'x'};
    Served served(std::move(post));
    (void)served.served.start();
    const RequestToSend request = request_of(served.answers("Location: /filter/b%20c?d\n\n"));
    BOOST_TEST((request.role == Role::filter));
    BOOST_TEST(request.std_in->empty());
    BOOST_TEST(variable(request, "REQUEST_METHOD") == "GET");
    BOOST_TEST(variable(request, "PATH_INFO") == "/filter/b c");
    BOOST_TEST(variable(request, "QUERY_STRING") == "d");
    BOOST_TEST(variable(request, "REQUEST_URI") == "/filter/b%20c?d");
    BOOST_TEST(variable(request, "CONTENT_LENGTH") == "(none)");
    BOOST_TEST(variable(request, "CONTENT_TYPE") == "(none)");
    BOOST_TEST(response_of(served.answers("Status: 200\n\nx")).status == 200);
}

BOOST_AUTO_TEST_CASE(a_redirect_to_what_is_guarded_is_guarded) {
    Served served(get("/a"));
    (void)served.served.start();
    BOOST_TEST((request_of(served.answers("Location: /authorizer/b\n\n")).role == Role::authorizer));
}

BOOST_AUTO_TEST_CASE(a_redirect_leaves_behind_what_was_associated) {
    Served served(get("/authorizer/a"));
    (void)served.served.start();
    BOOST_TEST(variable(request_of(served.answers(granted)), "A") == "b");
    BOOST_TEST(variable(request_of(served.answers("Location: /b\n\n")), "A") == "(none)");
}

BOOST_AUTO_TEST_CASE(redirects_come_to_an_end) {
    Served served(get("/a"));
    (void)served.served.start();
    for (int i = 0; i < 10; ++i) (void)request_of(served.answers("Location: /a\n\n"));
    BOOST_TEST(response_of(served.answers("Location: /a\n\n")).status == 502);
    Served nowhere(get("/a"));
    (void)nowhere.served.start();
    BOOST_TEST(response_of(nowhere.answers("Location: /%zz\n\n")).status == 502);
}

BOOST_AUTO_TEST_CASE(the_body_of_head_stays_away_after_a_redirect) {
    Served served(get("/a", "HEAD"));
    (void)served.served.start();
    (void)request_of(served.answers("Location: /b\n\n"));
    BOOST_TEST(response_of(served.answers("Status: 200\n\nbody")).body.empty());
}

BOOST_AUTO_TEST_CASE(errors_go_to_the_log_alone) {
    Served served(get("/"));
    (void)served.served.start();
    (void)served.hears(RequestEvent::Kind::std_out, "Status: 200\n\nhel");
    (void)served.hears(RequestEvent::Kind::std_err, "a\x1b[31m\\\n");
    const HttpResponse response = response_of(served.answers("lo"));
    BOOST_TEST(text_of(response.body) == "hello");
    BOOST_TEST_REQUIRE(served.log.size() == 1U);
    BOOST_TEST(served.log[0] == "FCGI_STDERR: a\\033[31m\\134\\012");
}

BOOST_AUTO_TEST_CASE(what_is_kept_and_logged_is_bounded) {
    const ResponseLimits limits{.response_size_max = 100, .log_size_max = 10};
    Served served(get("/"), limits);
    (void)served.served.start();
    const std::string text(60, 'x');
    (void)served.hears(RequestEvent::Kind::std_out, text);
    BOOST_TEST(response_of(served.hears(RequestEvent::Kind::std_out, text)).status == 502);
    Served noisy(get("/"), limits);
    (void)noisy.served.start();
    (void)noisy.hears(RequestEvent::Kind::std_err, text);
    BOOST_TEST(noisy.log.size() == 1U);
    BOOST_TEST(noisy.log[0] == "FCGI_STDERR: xxxxxxxxxx");
    BOOST_TEST(response_of(noisy.hears(RequestEvent::Kind::std_err, text)).status == 502);
    Served wordy(get("/"), {.response_size_max = 100, .log_size_max = 130});
    (void)wordy.served.start();
    for (int i = 0; i < 10; ++i) (void)wordy.hears(RequestEvent::Kind::std_err, "x");
    BOOST_TEST(wordy.log.size() == 3U);  // of 64 bytes each, however short
}

BOOST_AUTO_TEST_SUITE_END()

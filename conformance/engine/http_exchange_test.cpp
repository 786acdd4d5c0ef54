#include "conformance/engine/http_exchange.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <ostream>

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(http_exchange)

namespace {

using enum Match::Kind;

std::string name_of(Match::Kind kind) { return kind == met ? "met" : kind == pending ? "pending" : "contradicted"; }

const HttpUrl url{.host = "localhost", .port = 8080, .path = "/app"};

/// The client's end is an HttpExchange, the Web server's end is ours.
class Talk {
public:
    explicit Talk(const std::string& method = "GET") : exchange(pair_of_sockets()) { ask(method); }

    void ask(const std::string& method = "GET") {
        exchange.say({.method = method, .target = "/a", .fields = {}, .body = {}}, url);
        pass();
    }
    /// What the client has said and nobody has looked at yet.
    std::string heard() { return std::exchange(heard_, {}); }
    void pass() {
        while (exchange.write_some()) continue;
        std::array<char, 65536> chunk;
        ssize_t size = 0;
        while (ours_ && (size = recv(ours_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT)) > 0) heard_.append(chunk.data(), static_cast<std::size_t>(size));
        heard_end = heard_end || size == 0;
    }
    /// The Web server says it, cut into pieces of that size, and the client reads it: in so many reads.
    std::size_t say(const std::string& text, std::size_t piece_size = 65536) {
        std::size_t num_reads = 0;
        for (std::size_t at = 0; at < text.size(); at += piece_size) {
            const std::string piece = text.substr(at, piece_size);
            BOOST_TEST_REQUIRE((send(ours_.get(), piece.data(), piece.size(), MSG_NOSIGNAL) == std::ssize(piece)));
            while (exchange.read_some()) ++num_reads;
        }
        return num_reads;
    }
    void close() {
        ours_.reset();
        while (exchange.read_some()) continue;
    }
    Match expect(const HttpExpect& expected) { return match(expected, exchange); }

private:
    FileDescriptor ours_;
    std::string heard_;

public:
    HttpExchange exchange;  // made last: the other end is ours
    bool heard_end = false;

private:
    FileDescriptor pair_of_sockets() {
        std::array<int, 2> fds{};
        BOOST_TEST_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
        ours_ = FileDescriptor(fds[1]);
        set_nonblocking(fds[0]);
        return FileDescriptor(fds[0]);
    }
};

HttpExpect status(unsigned number, std::optional<std::string> body = {}) {
    HttpExpect result{.status_min = number, .status_max = number, .fields = {}, .without = {}, .body = {}};
    if (body) result.body = TextPattern{.text = *body};
    return result;
}
HttpExpect any() { return {.fields = {}, .without = {}, .body = {}}; }
HttpExpect failure() { return {.failure = true, .fields = {}, .without = {}, .body = {}}; }

void check(const Match& match, Match::Kind kind, const std::string& got = {}) {
    BOOST_TEST(name_of(match.kind) == name_of(kind), match.got);
    BOOST_TEST(match.got == got);
}

/// What is read of one whole text, then of the connection's end.
HttpSeen seen_of(const std::string& text, const std::string& method = "GET", bool closes = false, std::size_t piece_size = 65536) {
    Talk talk(method);
    talk.say(text, piece_size);
    if (closes) talk.close();
    return talk.exchange.seen();
}

}  // namespace

// The URL.

BOOST_AUTO_TEST_CASE(urls) {
    const HttpUrl full = HttpUrl::parse("http://example.org:8080/a/b/");
    BOOST_TEST(full.host == "example.org");
    BOOST_TEST(full.port == 8080);
    BOOST_TEST(full.path == "/a/b");
    BOOST_TEST(full.print() == "http://example.org:8080/a/b");
    BOOST_TEST(full.address().print() == "tcp:example.org:8080");
    const HttpUrl plain = HttpUrl::parse("http://localhost");
    BOOST_TEST(plain.port == 80);
    BOOST_TEST(plain.path.empty());
    BOOST_TEST(HttpUrl::parse("http://localhost/").path.empty());
    for (const std::string port : {"", ":81"}) {
        const HttpUrl six = HttpUrl::parse("http://[::1]" + port + "/x");
        BOOST_TEST(six.host == "::1");
        BOOST_TEST(six.authority() == (port.empty() ? "[::1]:80" : "[::1]:81"));
        BOOST_TEST(six.path == "/x");
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_url_is_told) {
    for (const std::string text : {"", "localhost", "https://localhost/", "http://", "http:///x", "http://:80/", "http://a:0/", "http://a:65536/", "http://a:8o/", "http://a:/",
                                   "http://a:-1/", "http://a/?q", "http://a/#f", "http://a/b c"})
        BOOST_CHECK_EXCEPTION((void)HttpUrl::parse(text), std::invalid_argument, [&](const std::invalid_argument& error) {
            return std::string(error.what()).starts_with("'" + text + "': expected http://host:port/path");
        });
}

// The request.

BOOST_AUTO_TEST_CASE(a_plain_request) {
    Talk talk;
    BOOST_TEST(talk.heard() == "GET /app/a HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\n\r\n");
    BOOST_TEST(talk.exchange.awaits_response());
}

BOOST_AUTO_TEST_CASE(what_a_request_says_itself_is_not_said_twice) {
    Talk talk;
    (void)talk.heard();
    talk.exchange.say({.method = "POST", .target = "/a", .http10 = true, .fields = {{"host", "h"}, {"connection", "keep-alive"}, {"X", "y"}}, .body = "abc"}, url);
    talk.pass();
    BOOST_TEST(talk.heard() == "POST /app/a HTTP/1.0\r\nhost: h\r\nconnection: keep-alive\r\nX: y\r\nContent-Length: 3\r\n\r\nabc");
    talk.exchange.say({.method = "POST", .target = "/a", .fields = {{"content-length", "5"}}, .body = "abc"}, url);
    talk.pass();
    BOOST_TEST(talk.heard().find("Content-Length: 3") == std::string::npos);
    talk.exchange.say({.method = "POST", .target = "/a", .fields = {{"Transfer-Encoding", "chunked"}}, .body = "0\r\n\r\n"}, url);
    talk.exchange.say_bytes("more");
    talk.pass();
    const std::string chunked = talk.heard();
    BOOST_TEST(chunked.find("Content-Length") == std::string::npos);
    BOOST_TEST(chunked.ends_with("\r\n\r\n0\r\n\r\nmore"));
}

// Whole responses.

BOOST_AUTO_TEST_CASE(how_long_a_body_is) {
    struct Case {
        std::string text;
        std::string method;
        unsigned status;
        bool before_end;  // complete while the connection is open
        std::string body;
    };
    const std::vector<Case> table{
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "GET", 200, true, "hello"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET", 200, true, ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "GET", 200, true, "hello"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET", 200, true, ""},
        {"HTTP/1.1 200 OK\r\n\r\nhello", "GET", 200, false, "hello"},
        {"HTTP/1.0 200 OK\r\n\r\n", "GET", 200, false, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", 200, true, ""},
        {"HTTP/1.1 200 OK\r\n\r\n", "HEAD", 200, true, ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD", 200, true, ""},
        {"HTTP/1.1 204 No Content\r\n\r\n", "GET", 204, true, ""},
        {"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", "GET", 304, true, ""},
        {"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "GET", 200, true, "ok"},
        {"HTTP/1.0 404\r\nContent-Length: 2\r\n\r\nno", "GET", 404, true, "no"},
        {"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", "GET", 200, true, "ok"},
    };
    for (const Case& one : table)
        for (const std::size_t piece_size : {std::size_t{1}, std::size_t{7}, std::size_t{65536}}) {
            BOOST_TEST_INFO_SCOPE(one.method << " " << one.text << " in pieces of " << piece_size);
            Talk talk(one.method);
            talk.say(one.text, piece_size);
            BOOST_TEST(talk.exchange.seen().status == one.status);
            BOOST_TEST(talk.exchange.seen().complete == one.before_end);
            BOOST_TEST(talk.exchange.awaits_response() == !one.before_end);
            check(talk.expect(status(one.status, one.body)), one.before_end ? met : pending, one.before_end ? "" : talk.exchange.describe());
            talk.close();
            BOOST_TEST(talk.exchange.seen().complete, talk.exchange.describe());
            BOOST_TEST(talk.exchange.seen().broken == "");
            BOOST_TEST(talk.exchange.body() == one.body);
            BOOST_TEST((talk.exchange.seen().end == PeerEnd::fin));
            check(talk.expect(status(one.status, one.body)), met);
        }
}

BOOST_AUTO_TEST_CASE(interim_responses_come_before_it) {
    for (const std::size_t piece_size : {std::size_t{1}, std::size_t{65536}}) {
        const HttpSeen seen = seen_of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nA: b\r\nContent-Length: 1\r\n\r\nx", "GET", false, piece_size);
        BOOST_TEST(seen.status == 201U);
        BOOST_TEST(seen.complete);
        BOOST_TEST((seen.interim == std::vector<unsigned>{100, 103}));
        BOOST_TEST(seen.field("Link") == nullptr);
        BOOST_TEST_REQUIRE(seen.field("a") != nullptr);
        BOOST_TEST(*seen.field("a") == "b");
    }
}

BOOST_AUTO_TEST_CASE(a_continue_is_expected_before_the_rest) {
    Talk talk;
    check(talk.expect(status(100)), pending, "no response");
    talk.say("HTTP/1.1 100 Continue\r\n\r\n");
    check(talk.expect(status(100)), met);
    BOOST_TEST(talk.exchange.awaits_response());
    check(talk.expect(status(200)), pending, "interim response 100, then no response");
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    check(talk.expect(status(100)), met);
    check(talk.expect(status(200)), met);
    Talk without;
    without.say("HTTP/1.1 200 OK\r\n");
    without.say("Content-Length: 3\r\n\r\n");
    check(without.expect(status(100)), contradicted, "200 \"\", which is not whole");
}

// Responses that fail.

BOOST_AUTO_TEST_CASE(one_that_is_cut_is_not_whole) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"", "no response, the Web server closed the HTTP connection"},
        {"HTTP/1.1 20", "no response, the Web server closed the HTTP connection"},
        {"HTTP/1.1 200 OK\r\nContent-Le", "no response, the Web server closed the HTTP connection"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "200 \"hel\", which is not whole, the Web server closed the HTTP connection"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", "200 \"hel\", which is not whole, the Web server closed the HTTP connection"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "200 \"hel\", which is not whole, the Web server closed the HTTP connection"},
        {"HTTP/1.1 100 Continue\r\n\r\n", "interim response 100, then no response, the Web server closed the HTTP connection"},
    };
    for (const auto& [text, got] : table) {
        BOOST_TEST_INFO_SCOPE(text);
        Talk talk;
        talk.say(text);
        BOOST_TEST(name_of(talk.expect(any()).kind) == "pending");
        check(talk.expect(failure()), pending, talk.exchange.describe());
        talk.close();
        BOOST_TEST(!talk.exchange.seen().complete);
        BOOST_TEST(!talk.exchange.awaits_response());
        const Match match = talk.expect(any());
        check(match, contradicted, got);
        BOOST_TEST(match.by_end);
        check(talk.expect(failure()), met);
    }
}

BOOST_AUTO_TEST_CASE(a_reset_is_told) {
    Talk talk;
    // A unix socket that is closed with bytes unread resets.
    talk.exchange.say({.method = "GET", .target = "/b", .fields = {}, .body = {}}, url);
    while (talk.exchange.write_some()) continue;
    talk.close();
    BOOST_TEST((talk.exchange.seen().end == PeerEnd::reset));
    check(talk.expect(any()), contradicted, "no response, the Web server reset the HTTP connection");
    check(talk.expect(failure()), met);
}

BOOST_AUTO_TEST_CASE(a_reset_does_not_end_a_body) {
    Talk talk;
    talk.say("HTTP/1.1 200 OK\r\n\r\nhello");
    talk.exchange.say_bytes("unread");
    while (talk.exchange.write_some()) continue;
    talk.close();
    BOOST_TEST(!talk.exchange.seen().complete);
    check(talk.expect(status(200)), contradicted, "200 \"hello\", which is not whole, the Web server reset the HTTP connection");
}

BOOST_AUTO_TEST_CASE(garbage_is_no_http) {
    const std::vector<std::string> table{std::string("\x01\x06\x00\x01 garbage\r\n\r\n", 16), "garbage\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 two OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
                                         "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"};
    for (const std::string& text : table)
        for (const std::size_t piece_size : {std::size_t{1}, std::size_t{65536}}) {
            BOOST_TEST_INFO_SCOPE(text << " in pieces of " << piece_size);
            Talk talk;
            talk.say(text, piece_size);
            BOOST_TEST(!talk.exchange.seen().complete);
            BOOST_TEST(!talk.exchange.seen().broken.empty());
            BOOST_TEST(!talk.exchange.awaits_response());
            for (const HttpExpect& expected : {any(), failure()}) {
                const Match match = talk.expect(expected);
                BOOST_TEST(name_of(match.kind) == "contradicted");
                BOOST_TEST(match.got.find(", which is no HTTP: ") != std::string::npos, match.got);
                BOOST_TEST(!match.by_end);
            }
        }
}

BOOST_AUTO_TEST_CASE(a_failure_is_a_status_of_500_or_none) {
    const auto matched = [](const std::string& text) {
        Talk talk;
        talk.say(text);
        return talk.expect(failure());
    };
    check(matched("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), met);
    check(matched("HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n"), met);
    check(matched("HTTP/1.1 499 Almost\r\nContent-Length: 0\r\n\r\n"), contradicted, "499 \"\"");
    check(matched("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 1\r\n\r\n"), pending, "502 \"\", which is not whole");
}

// Expectations.

BOOST_AUTO_TEST_CASE(what_is_expected_of_a_response) {
    const auto matched = [](const HttpExpect& expected) {
        Talk talk;
        talk.say("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\n\r\nhello");
        return talk.expect(expected);
    };
    check(matched(any()), met);
    check(matched(status(404)), met);
    check(matched(status(404, "hello")), met);
    check(matched(status(200)), contradicted, "404 \"hello\"");
    check(matched(status(404, "hell")), contradicted, "404 \"hello\"");
    check(matched(status(404, "")), contradicted, "404 \"hello\"");
    HttpExpect expected{.status_min = 400, .status_max = 499, .fields = {}, .without = {}, .body = TextPattern{.text = "hell", .open_end = true}};
    check(matched(expected), met);
    expected = any();
    expected.fields = {{"content-type", TextPattern{.text = "text/", .open_end = true}}, {"set-cookie", TextPattern{.text = "b=2"}}};
    check(matched(expected), met);
    expected.fields = {{"set-cookie", TextPattern{.text = "c=3"}}};
    check(matched(expected), contradicted, "set-cookie: a=1 in 404 \"hello\"");
    expected.fields = {{"X-Other", TextPattern{}}};
    check(matched(expected), contradicted, "no field X-Other in 404 \"hello\"");
    expected.fields = {};
    expected.without = {"X-Other"};
    check(matched(expected), met);
    expected.without = {"X-Other", "SET-COOKIE"};
    check(matched(expected), contradicted, "SET-COOKIE: a=1 in 404 \"hello\"");
}

BOOST_AUTO_TEST_CASE(what_can_be_told_early_is) {
    Talk talk;
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel");
    BOOST_TEST(!talk.exchange.seen().complete);
    check(talk.expect(status(404)), contradicted, "200 \"hel\", which is not whole");
    check(talk.expect(status(200)), pending, "200 \"hel\", which is not whole");
    HttpExpect open = status(200, "hel");
    open.body->open_end = true;
    check(talk.expect(open), met);
    open.body->text = "hell";
    check(talk.expect(open), pending, "200 \"hel\", which is not whole");
}

BOOST_AUTO_TEST_CASE(a_long_body_is_told_shortly) {
    Talk talk;
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(100000, 'x'), 10000);
    BOOST_TEST(talk.exchange.seen().complete);
    BOOST_TEST(talk.exchange.body().size() == 100000U);
    BOOST_TEST(talk.exchange.describe().size() < 300U);
    BOOST_TEST(talk.exchange.describe().ends_with("...\" (100000 bytes)"), talk.exchange.describe());
}

BOOST_AUTO_TEST_CASE(a_long_field_is_shortened) {
    const std::string text = "HTTP/1.1 200 OK\r\nX: " + std::string(199'999, 'y') + "\r\nY: z\r\nContent-Length: 0\r\n\r\n";
    const std::size_t end = text.find("\r\nY");
    BOOST_TEST_REQUIRE((end + 1) % 4 == 0U);
    for (const std::size_t piece_size : {std::size_t{65536}, (end + 1) / 4}) {  // cut between its CR and its LF
        BOOST_TEST_INFO_SCOPE("in pieces of " << piece_size);
        const HttpSeen seen = seen_of(text, "GET", false, piece_size);
        BOOST_TEST(seen.complete, seen.broken);
        BOOST_TEST_REQUIRE(seen.field("X") != nullptr);
        BOOST_TEST(seen.field("X")->size() > 50'000U);
        BOOST_TEST(seen.field("X")->size() < 60'000U);
        BOOST_TEST_REQUIRE(seen.field("Y") != nullptr);
        BOOST_TEST(*seen.field("Y") == "z");
    }
}

// Several on one connection.

BOOST_AUTO_TEST_CASE(the_next_response_answers_the_next_request) {
    Talk talk;
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nA: 1\r\n\r\none");
    check(talk.expect(status(200, "one")), met);
    BOOST_TEST(!talk.exchange.awaits_response());
    talk.ask("HEAD");
    BOOST_TEST(talk.exchange.awaits_response());
    check(talk.expect(any()), pending, "no response");
    talk.say("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\n");
    check(talk.expect(status(201, "")), met);
    BOOST_TEST(talk.exchange.seen().field("A") == nullptr);
    talk.ask();
    talk.say("HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\n\r\n");
    check(talk.expect(status(202)), pending, "202 \"\", which is not whole");
}

BOOST_AUTO_TEST_CASE(what_is_left_over_begins_the_next_response) {
    const std::string one = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none";
    const std::string two = "HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\ntwo";
    for (const std::size_t size : {std::size_t{1}, std::size_t{12}, two.size() - 1, two.size()}) {
        BOOST_TEST_INFO_SCOPE(size << " bytes left over");
        Talk talk;
        talk.say(one + two.substr(0, size));
        check(talk.expect(status(200, "one")), met);
        BOOST_TEST(talk.exchange.body() == "one");
        talk.ask();
        talk.say(two.substr(size));
        check(talk.expect(status(201, "two")), met);
    }
    Talk garbage;
    garbage.say(one + "rubbish, and more of it\r\n\r\n");
    check(garbage.expect(status(200, "one")), met);
    garbage.ask();
    BOOST_TEST(!garbage.exchange.seen().broken.empty());
    BOOST_TEST(name_of(garbage.expect(any()).kind) == "contradicted");
}

BOOST_AUTO_TEST_CASE(an_end_between_two_requests_fails_the_second) {
    Talk talk;
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    talk.close();
    BOOST_TEST(talk.exchange.seen().complete);
    talk.ask();
    BOOST_TEST(!talk.exchange.awaits_response());
    check(talk.expect(any()), contradicted, "no response, the Web server closed the HTTP connection");
}

// Ends of ours, and limits.

BOOST_AUTO_TEST_CASE(the_client_leaves) {
    Talk halved;
    halved.exchange.half_close();
    halved.pass();
    BOOST_TEST(halved.heard_end);
    halved.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    check(halved.expect(status(200)), met);
    Talk closed;
    closed.exchange.close();
    closed.pass();
    BOOST_TEST(closed.heard_end);
    BOOST_TEST(!closed.exchange.is_open());
    BOOST_TEST(!closed.exchange.awaits_response());
    BOOST_TEST(!closed.exchange.wants_to_read());
    BOOST_TEST(name_of(closed.expect(any()).kind) == "contradicted");
    Talk reset;
    reset.exchange.reset();
    BOOST_TEST(!reset.exchange.is_open());
}

BOOST_AUTO_TEST_CASE(so_much_is_read_at_a_time) {
    Talk talk;
    const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    talk.exchange.set_read_size(3);
    BOOST_TEST(talk.say(text) == (text.size() + 2) / 3);
    check(talk.expect(status(200)), met);
}

BOOST_AUTO_TEST_CASE(a_length_that_is_claimed_takes_no_memory) {
    for (const std::string length : {"4294967295", "1099511627776", "18446744073709551615"}) {
        Talk talk;
        talk.say("HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\nabc");
        BOOST_TEST(talk.exchange.body() == "abc");
        BOOST_TEST(talk.exchange.seen().broken == "");
        BOOST_TEST(!talk.exchange.seen().complete);
    }
}

BOOST_AUTO_TEST_CASE(a_flood_is_noticed) {
    Talk talk;
    const std::string many(64U << 10, 'x');
    talk.say("HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 255; ++i) talk.say(many);
    BOOST_TEST(!talk.exchange.flooded());
    for (int i = 0; i < 2; ++i) talk.say(many);
    BOOST_TEST(talk.exchange.flooded());
}

BOOST_AUTO_TEST_SUITE_END()

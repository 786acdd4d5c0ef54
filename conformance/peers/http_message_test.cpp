#include "conformance/peers/http_message.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <utility>

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(http_message)

namespace {

/// A reader that has got `text` in chunks of one size.
HttpRequestReader reader_of(std::string_view text, std::size_t chunk_size, const HttpLimits& limits = {}) {
    HttpRequestReader reader(limits);
    for (Bytes rest = bytes_of(text); !rest.empty();) {
        const Bytes chunk = rest.first(std::min(chunk_size, rest.size()));
        reader.receive(Buffer(chunk.begin(), chunk.end()));  // a block of its own: an over-read is seen
        rest = rest.subspan(chunk.size());
    }
    return reader;
}

/// "POST /a 11 [Host=b] body 3 abc", "incomplete", or the status of the refusal: the same, however it is cut.
std::string read(std::string_view text, const HttpLimits& limits = {}) {
    std::string whole;
    for (const std::size_t chunk_size : {text.size() + 1, std::size_t{1}, std::size_t{7}}) {
        HttpRequestReader reader = reader_of(text, chunk_size, limits);
        std::string result = reader.error_status() != 0 ? std::to_string(reader.error_status()) : "incomplete";
        BOOST_TEST((reader.error_status() == 0 || !reader.complete()));
        if (reader.complete()) {
            const HttpRequest request = reader.take();
            result = request.method + " " + request.target + " " + std::to_string(request.version) + " [";
            for (const auto& [name, value] : request.fields) result += name + "=" + value + ";";
            result += "]";
            if (request.has_body) result += " body " + std::string(text_of(request.body));
        }
        if (whole.empty()) whole = result;
        BOOST_TEST(result == whole, text << " in chunks of " << chunk_size << ": " << result << ", whole: " << whole);
    }
    return whole;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_request_is_read) {
    BOOST_TEST(read("GET /a?b HTTP/1.1\r\nHost: c\r\nX-A:  d e \r\n\r\n") == "GET /a?b 11 [Host=c;X-A=d e;]");
    BOOST_TEST(read("BREW / HTTP/1.0\r\n\r\n") == "BREW / 10 []");
    BOOST_TEST(read("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\na: 3\r\n\r\n") == "GET / 11 [A=1;a=3;B=2;]");
}

BOOST_AUTO_TEST_CASE(a_body_is_read) {
    BOOST_TEST(read("PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc") == "PUT / 11 [Content-Length=3;] body abc");
    BOOST_TEST(read("PUT / HTTP/1.1\r\nContent-Length: 0\r\n\r\n") == "PUT / 11 [Content-Length=0;] body ");
    BOOST_TEST(read("PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab") == "incomplete");
    BOOST_TEST(read("PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\n\r\n") ==
               "PUT / 11 [Transfer-Encoding=Chunked;] body abcd");
    BOOST_TEST(read("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n") == "incomplete");
}

BOOST_AUTO_TEST_CASE(trailer_fields_are_no_header_fields) {
    BOOST_TEST(read("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-User: root\r\n\r\n") ==
               "PUT / 11 [Transfer-Encoding=chunked;] body ");
}

BOOST_AUTO_TEST_CASE(what_follows_is_dropped) {
    BOOST_TEST(read("GET / HTTP/1.1\r\nHost: c\r\n\r\nGET /second HTTP/1.1\r\n\r\n") == "GET / 11 [Host=c;]");
}

BOOST_AUTO_TEST_CASE(garbage_is_refused) {
    for (const std::string& text : std::initializer_list<std::string>{
             "\x16\x03\x01\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / FTP/1.1\r\n\r\n",
             "GET / HTTP/1.1\n\n", "GET  / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
             "GET / HTTP/1.1\r\nA : b\r\n\r\n", "GET / HTTP/1.1\r\nA: b\x01z\r\n\r\n",
             std::string("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", 27), "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
             "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
             "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
             "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
             "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
             "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
             "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"})
        BOOST_TEST(read(text) == "400", text);
    for (const std::string_view coding : {"gzip", "gzip, chunked", "identity", "chunked\r\nTransfer-Encoding: gzip",
                                          "gzip\r\nTransfer-Encoding: chunked"})
        BOOST_TEST((read("GET / HTTP/1.1\r\nTransfer-Encoding: " + std::string(coding) + "\r\n\r\n")[0] != 'G'),
                   coding);
    BOOST_TEST(read("GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n") == "501");
}

BOOST_AUTO_TEST_CASE(limits_hold) {
    const HttpLimits limits{.header_size_max = 1000, .body_size_max = 10};
    BOOST_TEST(read("GET / HTTP/1.1\r\nA: " + std::string(900, 'a') + "\r\n\r\n", limits).starts_with("GET"));
    BOOST_TEST(read("GET / HTTP/1.1\r\nA: " + std::string(1100, 'a') + "\r\n\r\n", limits) == "431");
    BOOST_TEST(read("GET / HTTP/1.1\r\nA: " + std::string(1100, 'a'), limits) == "431");
    BOOST_TEST(read("PUT / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", limits) == "413");
    BOOST_TEST(read("PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789", limits).ends_with("body 0123456789"));
    const std::string chunked = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    BOOST_TEST(read(chunked + "6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n", limits) == "413");
    BOOST_TEST(read(chunked + "1;" + std::string(5000, 'x'), limits) != "incomplete");  // a line without end
}

BOOST_AUTO_TEST_CASE(a_request_may_wait_for_a_word) {
    const std::string header = "PUT / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n";
    HttpRequestReader reader = reader_of(header.substr(0, header.size() - 1), 9);
    BOOST_TEST(!reader.take_expects_continue());
    reader.receive(bytes_of("\n"));
    BOOST_TEST(reader.take_expects_continue());
    BOOST_TEST(!reader.take_expects_continue());
    BOOST_TEST(!reader_of(header + "abc", 1000).take_expects_continue());  // it didn't wait
    BOOST_TEST(
        !reader_of("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", 999).take_expects_continue());
}

BOOST_AUTO_TEST_CASE(a_body_takes_the_room_that_it_has) {
    const std::string header = "PUT / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n";
    BOOST_TEST(reader_of(header, 1000).held_size() == 0U);
    BOOST_TEST(reader_of(header + "abc", 1000).held_size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_header_is_written) {
    BOOST_TEST(header_of({.status = 404, .reason = {}, .fields = {{"A", "b"}, {"C", "d"}, {"A", "e"}}, .body = {}}) ==
               "HTTP/1.1 404 Not Found\r\nA: b\r\nA: e\r\nC: d\r\n\r\n");
    BOOST_TEST(header_of({.status = 299, .reason = "Fine", .fields = {}, .body = {}}) == "HTTP/1.1 299 Fine\r\n\r\n");
    const std::string value(60'000, 'x');
    BOOST_TEST((header_of({.status = 200, .reason = {}, .fields = {{"A", value}}, .body = {}}) ==
                "HTTP/1.1 200 OK\r\nA: " + value + "\r\n\r\n"));
}

BOOST_AUTO_TEST_SUITE_END()

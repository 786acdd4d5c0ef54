#include "conformance/peers/cgi.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <map>
#include <string>
#include <string_view>

#include "conformance/peers/filter_file.hpp"

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(cgi)

namespace {

const HttpEndpoints endpoints{.server_name = "192.0.2.1", .server_port = 8080, .remote_address = "192.0.2.7"};

HttpRequest post() {
    return {.method = "POST",
            .target = "/a%20b?c=d%20",
            .version = 11,
            .fields = {{"Host", "example.org:8080"}, {"content-type", "text/plain"}, {"Content-Length", "3"}},
            .has_body = true,
            .body = {'a', 'b', 'c'}};
}

/// As a map; a name that comes twice is an error.
std::map<std::string, std::string> variables(const HttpRequest& request, Role role = Role::responder,
                                             const Variables& associated = {}) {
    std::map<std::string, std::string> result;
    for (const auto& [name, value] :
         variables_of(request, HttpTarget::parse(request.target).value(), endpoints, role, associated))
        BOOST_TEST(result.try_emplace(name, value).second, name << " twice");
    return result;
}

ApplicationResponse response(std::string_view text) {
    return parse_application_response(Buffer(text.begin(), text.end()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_target_is_decoded_before_the_question_mark) {
    const std::array<std::array<std::string_view, 3>, 8> good{{
        {"/", "/", ""},
        {"/a/b", "/a/b", ""},
        {"/a?b", "/a", "b"},
        {"/a?b?c%20", "/a", "b?c%20"},
        {"/%41%2f%c3%A9", "/A/\xc3\xa9", ""},
        {"/?", "/", ""},
        {"http://example.org/a?b", "/a", "b"},
        {"http://example.org", "/", ""},
    }};
    for (const auto& [text, path, query] : good) {
        const auto target = HttpTarget::parse(text);
        BOOST_TEST_REQUIRE(target.has_value(), text);
        BOOST_TEST(target->path == path);
        BOOST_TEST(target->query == query);
    }
    for (const std::string_view bad :
         {"", "*", "a", "?a", "/%", "/%4", "/%4g", "/%00", "/a#b", "/a?b#c", "/a\nb", "host:80"})
        BOOST_TEST(!HttpTarget::parse(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(a_responder_gets_all_variables) {
    const std::map<std::string, std::string> expected{
        {"GATEWAY_INTERFACE", "CGI/1.1"},
        {"SERVER_SOFTWARE", "fcgispec/" FCGISPEC_VERSION},
        {"SERVER_PROTOCOL", "HTTP/1.1"},
        {"SERVER_NAME", "example.org"},
        {"SERVER_PORT", "8080"},
        {"REMOTE_ADDR", "192.0.2.7"},
        {"REMOTE_HOST", "192.0.2.7"},
        {"REQUEST_METHOD", "POST"},
        {"REQUEST_URI", "/a%20b?c=d%20"},
        {"QUERY_STRING", "c=d%20"},
        {"CONTENT_TYPE", "text/plain"},
        {"SCRIPT_NAME", ""},
        {"PATH_INFO", "/a b"},
        {"CONTENT_LENGTH", "3"},
        {"HTTP_HOST", "example.org:8080"},
    };
    BOOST_TEST((variables(post()) == expected));
}

BOOST_AUTO_TEST_CASE(an_authorizer_does_not_get_four_of_them) {
    auto expected = variables(post());
    for (const char* name : {"CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME"}) expected.erase(name);
    BOOST_TEST((variables(post(), Role::authorizer) == expected));  // [§6.3]
}

BOOST_AUTO_TEST_CASE(a_filter_gets_two_more) {
    auto expected = variables(post());
    expected["FCGI_DATA_LAST_MOD"] = std::to_string(filter_file_last_mod);
    expected["FCGI_DATA_LENGTH"] = std::to_string(filter_file()->size());
    BOOST_TEST((variables(post(), Role::filter) == expected));  // [§6.4]
}

BOOST_AUTO_TEST_CASE(content_length_is_that_of_the_body) {
    HttpRequest request = post();
    request.fields.back().value = "99";  // a chunked body's is counted
    BOOST_TEST(variables(request)["CONTENT_LENGTH"] == "3");
    request.body.clear();
    BOOST_TEST(variables(request)["CONTENT_LENGTH"] == "0");
    request.has_body = false;
    BOOST_TEST(!variables(request).contains("CONTENT_LENGTH"));
}

BOOST_AUTO_TEST_CASE(header_fields_become_variables) {
    HttpRequest request = post();
    request.fields = {{"Host", "a"},     {"X-One", "1"},        {"x-oNE", "2"},      {"X-ONE", ""}, {"Cookie", "a=b"},
                      {"Cookie", "c=d"}, {"X_Underscore", "1"}, {"X.y!~", "dotted"}, {"Empty", ""}};
    const auto all = variables(request);
    std::map<std::string, std::string> fields;
    for (const auto& [name, value] : all)
        if (name.starts_with("HTTP_")) fields[name] = value;
    const std::map<std::string, std::string> expected{{"HTTP_HOST", "a"},
                                                      {"HTTP_X_ONE", "1, 2, "},
                                                      {"HTTP_COOKIE", "a=b; c=d"},
                                                      {"HTTP_X.Y!~", "dotted"},
                                                      {"HTTP_EMPTY", ""}};
    BOOST_TEST((fields == expected));
}

BOOST_AUTO_TEST_CASE(header_fields_are_withheld) {
    for (const char* name : {"Proxy", "PROXY", "Authorization", "Proxy-Authorization", "Content-Length", "Content-Type",
                             "Connection", "Transfer-Encoding", "X_Y", "Proxy_"}) {
        HttpRequest request = post();
        request.fields = {{"Host", "a"}, {name, "v"}};
        for (const auto& [variable, value] : variables(request))
            BOOST_TEST((!variable.starts_with("HTTP_") || variable == "HTTP_HOST"), variable);
    }
}

BOOST_AUTO_TEST_CASE(the_server_name_is_the_host_asked_for) {
    const std::array<std::array<const char*, 2>, 6> rows{{{"a", "a"},
                                                          {"a:80", "a"},
                                                          {"[::1]", "[::1]"},
                                                          {"[::1]:80", "[::1]"},
                                                          {"", "192.0.2.1"},
                                                          {"[::1", "192.0.2.1"}}};
    for (const auto& [host, name] : rows) {
        HttpRequest request = post();
        request.fields = {{"Host", host}};
        BOOST_TEST(variables(request)["SERVER_NAME"] == name, host);
    }
    HttpRequest request = post();
    request.target = "http://example.net:81/";  // the Host field doesn't count then
    BOOST_TEST(variables(request)["SERVER_NAME"] == "example.net");
    request = post();
    request.fields.clear();
    BOOST_TEST(variables(request)["SERVER_NAME"] == "192.0.2.1");
}

BOOST_AUTO_TEST_CASE(associated_variables_replace_the_clients_alone) {
    HttpRequest request = post();
    request.has_body = false;
    request.fields.push_back({"X-User", "client"});
    auto all =
        variables(request, Role::responder,
                  {{"HTTP_X_USER", "authorizer"}, {"REMOTE_USER", "u"}, {"PATH_INFO", "/"}, {"CONTENT_LENGTH", "9"}});
    BOOST_TEST(all["HTTP_X_USER"] == "authorizer");
    BOOST_TEST(all["REMOTE_USER"] == "u");
    BOOST_TEST(all["PATH_INFO"] == "/a b");
    BOOST_TEST(!all.contains("CONTENT_LENGTH"));
}

// Header blocks [CGI §6]

BOOST_AUTO_TEST_CASE(a_document_is_read) {
    for (const std::string_view text : {"Content-Type: text/plain\r\nX-A:b c \r\nStatus: 404 Not Here\r\n\r\nbody\n",
                                        "content-TYPE:text/plain\nX-A:  b c\nSTATUS: 404 Not Here\n\nbody\n"}) {
        const ApplicationResponse read = response(text);
        BOOST_TEST(read.content_type.value() == "text/plain");
        BOOST_TEST(read.http_status() == 404);
        BOOST_TEST(read.reason == "Not Here");
        BOOST_TEST_REQUIRE(read.other_fields.size() == 1U);
        BOOST_TEST(read.other_fields[0].name == "X-A");
        BOOST_TEST(read.other_fields[0].value == "b c");
        BOOST_TEST(text_of(read.body) == "body\n");
        BOOST_TEST(!read.is_local_redirect());
    }
}

BOOST_AUTO_TEST_CASE(statuses) {
    BOOST_TEST(response("Content-Type: a/b\n\n").http_status() == 200);
    BOOST_TEST(response("Status: 200\n\n").http_status() == 200);
    BOOST_TEST(response("Status: 799 \n\n").http_status() == 799);
    BOOST_TEST(response("Location: http://a/b\n\n").http_status() == 302);
    BOOST_TEST(response("Location: http://a/b\nStatus: 307\n\n").http_status() == 307);
}

BOOST_AUTO_TEST_CASE(redirects) {
    BOOST_TEST(response("Location: /a?b\n\n").is_local_redirect());
    BOOST_TEST(!response("Location: http://a/b\n\n").is_local_redirect());
    BOOST_TEST(!response("Location: /a\nStatus: 302 Found\n\n").is_local_redirect());
    BOOST_TEST(response("Location: a\nStatus: 201\n\n").location.value() == "a");
}

BOOST_AUTO_TEST_CASE(a_field_without_a_value_is_none) {
    BOOST_TEST(!response("Location:\nContent-Type: a/b\nX:\n\n").location.has_value());
    BOOST_TEST(response("Location:\nContent-Type: a/b\nX:\n\n").other_fields.empty());
}

BOOST_AUTO_TEST_CASE(the_header_block_ends_at_the_first_empty_line) {
    BOOST_TEST(text_of(response("Status: 200\n\r\nX: y\n\n").body) == "X: y\n\n");
    BOOST_TEST(response("Status: 200\r\n\n").body.empty());
}

BOOST_AUTO_TEST_CASE(long_header_fields_are_taken) {
    for (const std::size_t size : {8191U, 8192U, 8193U, 30000U})
        BOOST_TEST(response("Status: 200\nX: " + std::string(size, 'x') + "\n\n").other_fields.at(0).value.size() ==
                   size);
}

BOOST_AUTO_TEST_CASE(what_is_no_response_is_refused) {
    const std::string long_block = "Status: 200\n" + std::string(300'000 / 4, ' ').replace(0, 1, "X");
    std::string many_fields = "Status: 200\n";
    for (int i = 0; i < 40'000; ++i) many_fields += "X: yyyy\n";
    for (const std::string& text :
         std::initializer_list<std::string>{"",
                                            "\n",
                                            "\r\n\r\nbody",
                                            "Content-Type: text/plain",
                                            "Content-Type: text/plain\r\n",
                                            "no colon\n\n",
                                            "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n",
                                            "X-Other: y\n\n",
                                            ": a\nStatus: 200\n\n",
                                            "Status : 200\n\n",
                                            "Status: 200\n continued\n\n",
                                            "Status: 200\nX: a\x01z\n\n",
                                            "Status: 200\nX: a\rb\n\n",
                                            "Status: 200\nX: a\x7f\n\n",
                                            std::string("Status: 200\nX: a\0b\n\n", 20),
                                            "Status: 20\n\n",
                                            "Status: 2000\n\n",
                                            "Status: OK\n\n",
                                            "Status: 100\n\n",
                                            "Status: 099\n\n",
                                            "Status: 200OK\n\n",
                                            "Status: +20\n\n",
                                            "Status: 200\nStatus: 200\n\n",
                                            "Content-Type: a/b\nContent-Type: a/b\n\n",
                                            "Location: http://a\nLocation: http://b\n\n",
                                            "Location: relative\n\n",
                                            "Location: 1http://a\n\n",
                                            "Status: 200\nContent-Length: 3\nContent-Length: 3\n\n",
                                            "Status: 200\nContent-Length: -3\n\n",
                                            "Status: 200\nContent-Length: 3x\n\n",
                                            "Status: 200\nContent-Length: 99999999999999999999999\n\n",
                                            "Status: 200\nX: " + std::string(40'000, 'x') + "\n\n",
                                            long_block + "\n\n",
                                            many_fields + "\n"})
        BOOST_CHECK_THROW((void)response(text), BadResponse);
}

BOOST_AUTO_TEST_SUITE_END()

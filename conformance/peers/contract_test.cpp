#include "conformance/peers/contract.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <utility>
#include <vector>

#include "conformance/peers/test_conversation.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(contract)

namespace {

/// What an answer comes to, however it is cut.
struct Page {
    std::string std_out;  // without "Content-Type: text/plain\r\n" at its beginning
    std::string std_err;
    std::uint32_t app_status = 0;
    bool exits = false;
};

/// The answer to one request. `rest`: the notation after FCGI_PARAMS.
Page ask(std::string_view role, std::string_view pairs, std::string_view rest) {
    ReferenceConnection connection(answer_by_contract);
    connection.receive(encoded("{FCGI_BEGIN_REQUEST, 1, {" + std::string(role) + ", 0}}\n{FCGI_PARAMS, 1, [" +
                               std::string(pairs) + "]}\n{FCGI_PARAMS, 1, \"\"}\n" + std::string(rest)));
    Buffer out;
    drain(connection, out);
    BOOST_TEST(connection.finished());
    lines_of(out);
    Page page;
    page.exits = connection.exits();
    for (Bytes bytes = out; !bytes.empty();) {
        const DecodedRecord decoded = decode_record(bytes);
        const std::string_view content = text_of(decoded.record->content);
        if (decoded.record->type == RecordType::std_out) page.std_out += content;
        if (decoded.record->type == RecordType::std_err) page.std_err += content;
        if (const auto body = decode_end_request(decoded.record->content); body && decoded.consumed == bytes.size())
            page.app_status = body->app_status;
        bytes = bytes.subspan(decoded.consumed);
    }
    const std::string_view field = "Content-Type: text/plain\r\n";
    BOOST_TEST(page.std_out.starts_with(field));
    page.std_out.erase(0, field.size());
    return page;
}

Page respond(const std::string& operation, std::string_view std_in = "", std::string_view more_pairs = "") {
    std::string rest;
    if (!std_in.empty()) rest += "{FCGI_STDIN, 1, " + print(TextPattern{.text = std::string(std_in)}) + "}\n";
    return ask("FCGI_RESPONDER", "QUERY_STRING=\"fcgispec." + operation + "\" " + std::string(more_pairs),
               rest + "{FCGI_STDIN, 1, \"\"}");
}

}  // namespace

BOOST_AUTO_TEST_CASE(hello_lists_the_operations) {
    BOOST_TEST(respond("hello").std_out ==
               "\r\nfcgispec contract 1: authorize cached data deny early echo error exit hello large late length params status "
               "stderr unread update wait\n");
}

BOOST_AUTO_TEST_CASE(operations_answer) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"echo", "\r\nabc"},
        {"length", "\r\n3\n"},
        {"large=20", "\r\n0123456789abcdef0123"},
        {"large=0", "\r\n"},
        {"status=0", "\r\nok\n"},
        {"unread", "\r\nok\n"},
        {"early", "\r\nearly\n3\n"},
        {"exit", "\r\nbye\n"},
        {"authorize", "Status: 200\r\nVariable-FCGISPEC: yes\r\n\r\n"},
        {"deny", "Status: 403\r\n\r\ndenied\n"},
        {"data", "\r\nunsupported\n"},  // a Filter's
        {"", "\r\nunsupported\n"},
        {"Echo", "\r\nunsupported\n"},
        {"large", "\r\nunsupported\n"},
        {"large=", "\r\nunsupported\n"},
        {"large=-1", "\r\nunsupported\n"},
        {"large=1x", "\r\nunsupported\n"},
        {"large=99999999999", "\r\nunsupported\n"},
        {"large=99999999999999999999999", "\r\nunsupported\n"},
        {"stderr=x", "\r\nunsupported\n"},
        {"status=256", "\r\nunsupported\n"},
    };
    for (const auto& [operation, answer] : rows) {
        const Page page = respond(operation, "abc");
        BOOST_TEST(page.std_out == answer, operation);
        BOOST_TEST(page.std_err == "");
        BOOST_TEST(page.app_status == 0U);
        BOOST_TEST(page.exits == (operation == "exit"));
    }
    BOOST_TEST(ask("FCGI_RESPONDER", "QUERY_STRING=\"xfcgispec.echo\"", "{FCGI_STDIN, 1, \"\"}").std_out ==
               "\r\nhello\n");
}

BOOST_AUTO_TEST_CASE(status_is_the_app_status) {
    BOOST_TEST(respond("status=7").app_status == 7U);
    BOOST_TEST(respond("status=255").app_status == 255U);
}

BOOST_AUTO_TEST_CASE(sizes_are_kept) {
    for (const std::size_t size : {1U, 15U, 16U, 17U, 32767U, 32768U, 32769U, 65535U, 65536U, 1000000U}) {
        const Page large = respond("large=" + std::to_string(size));
        BOOST_TEST(large.std_out.size() == size + 2);
        bool right = true;
        for (std::size_t i = 0; i < size; ++i) right = right && large.std_out[i + 2] == "0123456789abcdef"[i % 16];
        BOOST_TEST(right, size);
        const Page complaint = respond("stderr=" + std::to_string(size));
        BOOST_TEST((complaint.std_err == std::string(size, 'e')), size);
        BOOST_TEST(complaint.std_out == "\r\nok\n");
        const Page in_words = respond("error=" + std::to_string(size));
        BOOST_TEST((in_words.std_err == "fcgispec: " + std::string(size, 'e')), size);
        BOOST_TEST(in_words.std_out == "\r\nok\n");
    }
}

BOOST_AUTO_TEST_CASE(params_are_told_sorted_and_escaped) {
    const std::string_view pairs = R"(X_B="2" X_A="1 %=~" X_="" x_="no" X_B="1" "X_=\200"="\000\177\377")";
    BOOST_TEST(respond("params=X_", "", pairs).std_out == "\r\nX_=\nX_%3D%80=%00%7F%FF\nX_A=1%20%25=~\nX_B=2\nX_B=1\n");
    BOOST_TEST(respond("params=Y").std_out == "\r\n");
    BOOST_TEST(respond("params").std_out == "\r\nQUERY_STRING=fcgispec.params\n");
    // A line of three times the size of its value, sent in pieces.
    const Page page =
        ask("FCGI_RESPONDER", "QUERY_STRING=\"fcgispec.params=V\" V=\"%\"*60000", "{FCGI_STDIN, 1, \"\"}");
    BOOST_TEST(page.std_out.size() == 2 + 2 + 180000 + 1U);
}

BOOST_AUTO_TEST_CASE(no_more_is_read_than_was_announced) {
    BOOST_TEST(respond("echo", "abcdef", "CONTENT_LENGTH=\"4\"").std_out == "\r\nabcd");
    BOOST_TEST(respond("length", "abcdef", "CONTENT_LENGTH=\"4\"").std_out == "\r\n4\n");
    BOOST_TEST(respond("length", "ab", "CONTENT_LENGTH=\"4\"").std_out == "\r\n2\n");
    BOOST_TEST(respond("length", "ab", "CONTENT_LENGTH=\"\"").std_out == "\r\n2\n");
}

BOOST_AUTO_TEST_CASE(an_update_wants_all_that_was_announced) {
    BOOST_TEST(respond("update", "abc", "CONTENT_LENGTH=\"3\"").std_out == "\r\ncomplete\n");
    BOOST_TEST(respond("update", "", "CONTENT_LENGTH=\"\"").std_out == "\r\ncomplete\n");
    BOOST_TEST(respond("update").std_out == "\r\ncomplete\n");
    for (const char* length : {"2", "4", "0", "", "x", "3x"})
        BOOST_TEST(
            respond("update", "abc", "CONTENT_LENGTH=\"" + std::string(length) + "\"").std_out == "\r\nincomplete\n",
            length);
}

BOOST_AUTO_TEST_CASE(an_authorizer_decides_when_the_parameters_are_there) {
    for (const char* stray : {"", "{FCGI_STDIN, 1, \"\"}", "{FCGI_STDIN, 1, \"abc\"}"}) {
        BOOST_TEST(ask("FCGI_AUTHORIZER", "QUERY_STRING=\"fcgispec.authorize\"", stray).std_out ==
                   "Status: 200\r\nVariable-FCGISPEC: yes\r\n\r\n");
        BOOST_TEST(ask("FCGI_AUTHORIZER", "QUERY_STRING=\"fcgispec.deny\"", stray).std_out ==
                   "Status: 403\r\n\r\ndenied\n");
        BOOST_TEST(ask("FCGI_AUTHORIZER", "QUERY_STRING=\"fcgispec.early\"", stray).std_out == "\r\nearly\n0\n");
        BOOST_TEST(ask("FCGI_AUTHORIZER", "", stray).std_out == "\r\nhello\n");
    }
}

BOOST_AUTO_TEST_CASE(a_filter_answers_from_its_data) {
    const std::string_view input =
        "{FCGI_STDIN, 1, \"in\"}\n{FCGI_STDIN, 1, \"\"}\n{FCGI_DATA, 1, \"da\"}\n"
        "{FCGI_DATA, 1, \"ta\"}\n{FCGI_DATA, 1, \"\"}";
    const auto filter = [&](const std::string& operation, const std::string& more_pairs = "") {
        return ask("FCGI_FILTER", "QUERY_STRING=\"fcgispec." + operation + "\" " + more_pairs, input);
    };
    BOOST_TEST(filter("data").std_out == "\r\ndata");
    BOOST_TEST(filter("cached").std_out == "\r\ncached\n");
    BOOST_TEST(filter("length").std_out == "\r\n2\n");
    BOOST_TEST(filter("early").std_out == "\r\nearly\n2\n");
    BOOST_TEST(filter("echo").std_out == "\r\nunsupported\n");
    BOOST_TEST(ask("FCGI_FILTER", "", input).std_out == "\r\nhello\n");
    // [§6.4] What is not of the announced size.
    BOOST_TEST(filter("data", "FCGI_DATA_LENGTH=\"3\"").std_out == "\r\ndat");
    BOOST_TEST(filter("data", "FCGI_DATA_LENGTH=\"3\"").app_status == 0U);
    BOOST_TEST(filter("data", "FCGI_DATA_LENGTH=\"4\"").app_status == 0U);
    BOOST_TEST(filter("data", "FCGI_DATA_LENGTH=\"5\"").app_status == 1U);
    BOOST_TEST(filter("update", "CONTENT_LENGTH=\"2\" FCGI_DATA_LENGTH=\"4\"").std_out == "\r\ncomplete\n");
    BOOST_TEST(filter("update", "CONTENT_LENGTH=\"2\" FCGI_DATA_LENGTH=\"5\"").std_out == "\r\nincomplete\n");
    BOOST_TEST(filter("update", "CONTENT_LENGTH=\"2\" FCGI_DATA_LENGTH=\"3\"").std_out == "\r\nincomplete\n");
    BOOST_TEST(filter("update", "CONTENT_LENGTH=\"1\" FCGI_DATA_LENGTH=\"4\"").std_out == "\r\nincomplete\n");
}

BOOST_AUTO_TEST_CASE(what_need_not_wait_does_not) {
    const std::string begin = "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n";
    const auto before_std_in = [&](const std::string& operation) {
        return answer_to(begin + "{FCGI_PARAMS, 1, [QUERY_STRING=\"fcgispec." + operation +
                         "\"]}\n{FCGI_PARAMS, 1, \"\"}");
    };
    BOOST_TEST(before_std_in("early") == lines(R"({FCGI_STDOUT, 1, "Content-Type: text/plain\r\n\r\nearly\n"})"));
    BOOST_TEST(before_std_in("wait") == lines(R"({FCGI_STDOUT, 1, "Content-Type: text/plain\r\n\r\nwaiting\n"})"));
    BOOST_TEST(before_std_in("unread") != "");
    for (const char* operation :
         {"hello", "echo", "length", "large=1", "params=", "stderr=1", "status=1", "update", "exit"})
        BOOST_TEST(before_std_in(operation) == "", operation);
    // What is echoed is not kept until the end.
    BOOST_TEST(answer_to(begin + "{FCGI_PARAMS, 1, [QUERY_STRING=\"fcgispec.echo\"]}\n{FCGI_PARAMS, 1, \"\"}\n"
                                 "{FCGI_STDIN, 1, \"abc\"}") ==
               lines(R"({FCGI_STDOUT, 1, "Content-Type: text/plain\r\n\r\nabc"})"));
}

BOOST_AUTO_TEST_SUITE_END()

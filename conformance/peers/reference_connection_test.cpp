#include "conformance/peers/reference_connection.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "conformance/engine/checker.hpp"
#include "conformance/peers/test_conversation.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(reference_connection)

namespace {

const std::string begin = "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n";

std::string begin_as(std::string_view role, std::string_view flags = "FCGI_KEEP_CONN") {
    return "{FCGI_BEGIN_REQUEST, 1, {" + std::string(role) + ", " + std::string(flags) + "}}\n";
}
std::string params(std::string_view operation) {
    return "{FCGI_PARAMS, 1, [QUERY_STRING=\"fcgispec." + std::string(operation) +
           "\"]}\n"
           "{FCGI_PARAMS, 1, \"\"}\n";
}
std::string page(std::string_view body, int app_status = 0) {
    return lines("{FCGI_STDOUT, 1, \"Content-Type: text/plain\\r\\n\\r\\n" + std::string(body) +
                 "\"}\n"
                 "{FCGI_STDOUT, 1, \"\"}\n"
                 "{FCGI_END_REQUEST, 1, {" +
                 std::to_string(app_status) + ", FCGI_REQUEST_COMPLETE}}\n");
}

}  // namespace

// §B

BOOST_AUTO_TEST_CASE(example_1_a_simple_request) {
    BOOST_TEST(answer_to(R"({FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}
                            {FCGI_PARAMS, 1, "\013\002SERVER_PORT80\013\016SERVER_ADDR199.170.183.42"}
                            {FCGI_PARAMS, 1, ""}
                            {FCGI_STDIN, 1, ""})") == page("hello\\n") + "close\n");
}

BOOST_AUTO_TEST_CASE(example_2_pairs_are_cut_by_records) {
    BOOST_TEST(answer_to(begin + R"({FCGI_PARAMS, 1, "\014\017QUERY_STRINGfcgi"}
                                    {FCGI_PARAMS, 1, "spec.length"}
                                    {FCGI_PARAMS, 1, ""}
                                    {FCGI_STDIN, 1, "quantity=100&item=3047936"}
                                    {FCGI_STDIN, 1, ""})") == page("25\\n"));
}

BOOST_AUTO_TEST_CASE(example_3_an_error_is_reported) {
    BOOST_TEST(answer_to(begin + params("stderr=2") + "{FCGI_STDIN, 1, \"\"}") == lines(R"(
        {FCGI_STDERR, 1, "ee"}
        {FCGI_STDOUT, 1, "Content-Type: text/plain\r\n\r\nok\n"}
        {FCGI_STDOUT, 1, ""}
        {FCGI_STDERR, 1, ""}
        {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}})"));
}

BOOST_AUTO_TEST_CASE(example_4_requests_are_multiplexed) {
    BOOST_TEST(answer_to(R"({FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}
                            {FCGI_PARAMS, 1, [QUERY_STRING="fcgispec.early"]}
                            {FCGI_PARAMS, 1, ""}
                            {FCGI_BEGIN_REQUEST, 2, {FCGI_RESPONDER, FCGI_KEEP_CONN}}
                            {FCGI_PARAMS, 2, [QUERY_STRING="a=b"]}
                            {FCGI_STDIN, 1, "12"}
                            {FCGI_PARAMS, 2, ""}
                            {FCGI_STDIN, 2, ""}
                            {FCGI_STDIN, 1, ""})") == lines(R"(
        {FCGI_STDOUT, 1, "Content-Type: text/plain\r\n\r\nearly\n"}
        {FCGI_STDOUT, 2, "Content-Type: text/plain\r\n\r\nhello\n"}
        {FCGI_STDOUT, 2, ""}
        {FCGI_END_REQUEST, 2, {0, FCGI_REQUEST_COMPLETE}}
        {FCGI_STDOUT, 1, "2\n"}
        {FCGI_STDOUT, 1, ""}
        {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}})"));
}

// §3.3

BOOST_AUTO_TEST_CASE(padding_is_skipped_and_reserved_bytes_are_not_looked_at) {
    BOOST_TEST(answer_to(R"({FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}, padding=255, reserved=255}
                            {FCGI_PARAMS, 1, [QUERY_STRING="fcgispec.length"], padding="\001\006\000\001", reserved=1}
                            {FCGI_PARAMS, 1, "", padding=7}
                            {FCGI_STDIN, 1, "abc", padding=5, reserved=7}
                            {FCGI_STDIN, 1, "", padding=255})") == page("3\\n"));
    // The reserved bytes of the body too [§5.1].
    BOOST_TEST(answer_to("{FCGI_BEGIN_REQUEST, 1, \"\\000\\001\\001\\377\\377\\377\\377\\377\"}\n" +
                         params("unread")) == page("ok\\n"));
}

BOOST_AUTO_TEST_CASE(an_inactive_id_is_ignored_until_it_is_begun) {
    BOOST_TEST(answer_to(R"({FCGI_PARAMS, 1, ""}
                            {FCGI_STDIN, 1, "abc"}
                            {FCGI_DATA, 1, ""}
                            {FCGI_ABORT_REQUEST, 1}
                            {99, 1, "abc"})" +
                         ("\n" + begin) + params("unread")) == page("ok\\n"));
}

BOOST_AUTO_TEST_CASE(an_id_is_inactive_after_its_request_and_can_be_used_again) {
    const std::string request = begin + params("unread");
    BOOST_TEST(answer_to(request + R"({FCGI_STDIN, 1, "abc"}
                                      {FCGI_STDIN, 1, ""}
                                      {FCGI_ABORT_REQUEST, 1})" +
                         ("\n" + request)) == page("ok\\n") + page("ok\\n"));
}

BOOST_AUTO_TEST_CASE(every_id_is_an_id) {
    for (const int id : {1, 2, 255, 256, 32768, 65535}) {
        const std::string number = std::to_string(id);
        BOOST_TEST(answer_to("{FCGI_BEGIN_REQUEST, " + number + ", {9, FCGI_KEEP_CONN}}") ==
                   lines("{FCGI_END_REQUEST, " + number + ", {0, FCGI_UNKNOWN_ROLE}}"));
    }
}

BOOST_AUTO_TEST_CASE(a_stream_longer_than_a_record_is_cut_into_several) {
    // The largest record there is, and the CGI header fields before it.
    const std::string in = begin + params("echo") + "{FCGI_STDIN, 1, \"a\"*65535}\n{FCGI_STDIN, 1, \"\"}";
    ReferenceConnection connection(answer_by_contract);
    connection.receive(encoded(in));
    Buffer out;
    drain(connection, out);
    BOOST_TEST(lines_of(out) == lines(R"(
        {FCGI_STDOUT, 1, "Content-Type: text/plain\r\n\r\n"+"a"*65507}
        {FCGI_STDOUT, 1, "a"*28}
        {FCGI_STDOUT, 1, ""}
        {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}})"));
}

BOOST_AUTO_TEST_CASE(another_version_ends_the_connection_but_not_what_was_asked_before) {
    BOOST_TEST(answer_to("{FCGI_GET_VALUES, 0, \"\", version=2}\n{FCGI_GET_VALUES, 0, \"\"}") == "close\n");
    BOOST_TEST(answer_to("{FCGI_GET_VALUES, 0, \"\"}\n{FCGI_GET_VALUES, 0, \"\", version=0}") ==
               lines("{FCGI_GET_VALUES_RESULT, 0, \"\"}") + "close\n");
    BOOST_TEST(answer_to(begin + params("wait") + "raw 47") == lines(R"(
        {FCGI_STDOUT, 1, "Content-Type: text/plain\r\n\r\nwaiting\n"}
        {FCGI_STDOUT, 1, ""}
        {FCGI_END_REQUEST, 1, {1, FCGI_REQUEST_COMPLETE}}
        close)"));
}

// §4

BOOST_AUTO_TEST_CASE(values_are_told_as_asked) {
    BOOST_TEST(
        answer_to(R"({FCGI_GET_VALUES, 0, [FCGI_MPXS_CONNS="" FCGI_MAX_CONNS="" FCGI_MAX_REQS=""]})") ==
        lines(R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS="1" FCGI_MAX_CONNS="512" FCGI_MAX_REQS="524288"]})"));
    BOOST_TEST(answer_to(R"({FCGI_GET_VALUES, 0, ""})") == lines(R"({FCGI_GET_VALUES_RESULT, 0, ""})"));
    BOOST_TEST(answer_to(R"({FCGI_GET_VALUES, 0, [FCGI_MAX_CONN="" X="" FCGI_MPXS_CONNS="" FCGI_MPXS_CONNS=""]})") ==
               lines(R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS="1"]})"));
    // What is no query: a value, a last pair that is cut.
    BOOST_TEST(answer_to(R"({FCGI_GET_VALUES, 0, "\017\001FCGI_MPXS_CONNS7\016\000FCGI_MAX"})") ==
               lines(R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS="1"]})"));
}

BOOST_AUTO_TEST_CASE(values_are_told_within_a_request) {
    const std::string query = "{FCGI_GET_VALUES, 0, [FCGI_MPXS_CONNS=\"\"]}\n";
    const std::string result = lines("{FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS=\"1\"]}");
    BOOST_TEST(answer_to(query + begin + query + params("length") + query + "{FCGI_STDIN, 1, \"ab\"}\n" + query +
                         "{FCGI_STDIN, 1, \"\"}\n" + query) ==
               result + result + result + result + page("2\\n") + result);
}

BOOST_AUTO_TEST_CASE(a_management_record_of_unknown_type_is_answered) {
    for (unsigned type = 0; type <= 255; ++type) {
        const std::string record = "{" + std::to_string(type) + ", 0, \"a\"}";
        const bool defined = type >= 1 && type <= 11;  // [§8]
        if (type == 9) continue;                       // FCGI_GET_VALUES
        BOOST_TEST(answer_to(record) ==
                   (defined ? "" : lines("{FCGI_UNKNOWN_TYPE, 0, {" + std::to_string(type) + "}}")));
    }
}

// §5

BOOST_AUTO_TEST_CASE(the_connection_is_kept_or_closed_as_asked) {
    for (const char* flags : {"1", "3", "255"})
        BOOST_TEST(answer_to(begin_as("FCGI_RESPONDER", flags) + params("unread")) == page("ok\\n"), flags);
    for (const char* flags : {"0", "2", "254"})
        BOOST_TEST(answer_to(begin_as("FCGI_RESPONDER", flags) + params("unread") + begin) == page("ok\\n") + "close\n",
                   flags);
}

BOOST_AUTO_TEST_CASE(the_connection_is_closed_when_its_last_request_is_done) {
    BOOST_TEST(answer_to(begin + params("length") + R"({FCGI_BEGIN_REQUEST, 2, {FCGI_RESPONDER, 0}}
                                                       {FCGI_ABORT_REQUEST, 2}
                                                       {FCGI_BEGIN_REQUEST, 3, {FCGI_RESPONDER, FCGI_KEEP_CONN}}
                                                       {FCGI_STDIN, 1, ""})") ==
               lines(R"({FCGI_END_REQUEST, 2, {1, FCGI_REQUEST_COMPLETE}}
                        {FCGI_END_REQUEST, 3, {0, FCGI_OVERLOADED}})") +
                   page("0\\n") + "close\n");
}

BOOST_AUTO_TEST_CASE(an_unknown_role_is_rejected) {
    for (const char* role : {"0", "4", "65535"}) {
        BOOST_TEST(answer_to(begin_as(role) + params("unread")) ==
                   lines("{FCGI_END_REQUEST, 1, {0, FCGI_UNKNOWN_ROLE}}"));
        BOOST_TEST(answer_to(begin_as(role, "0")) == lines("{FCGI_END_REQUEST, 1, {0, FCGI_UNKNOWN_ROLE}}\nclose"));
    }
}

BOOST_AUTO_TEST_CASE(a_body_of_another_size_begins_a_request_if_it_holds_one) {
    BOOST_TEST(answer_to("{FCGI_BEGIN_REQUEST, 1, \"\"}\n" + params("unread")) == "");
    BOOST_TEST(answer_to("{FCGI_BEGIN_REQUEST, 1, \"\\000\\001\\001\\000\\000\\000\\000\"}\n" + params("unread")) ==
               "");
    BOOST_TEST(answer_to("{FCGI_BEGIN_REQUEST, 1, \"\\000\\001\\001\\000\\000\\000\\000\\000+\"}\n" +
                         params("unread")) == page("ok\\n"));
}

BOOST_AUTO_TEST_CASE(too_many_requests_are_rejected_and_the_others_go_on) {
    ConnectionLimits limits;
    limits.num_requests_max = 2;
    BOOST_TEST(answer_to(begin + params("length") + R"({FCGI_BEGIN_REQUEST, 2, {FCGI_RESPONDER, FCGI_KEEP_CONN}}
                                                       {FCGI_BEGIN_REQUEST, 3, {FCGI_RESPONDER, FCGI_KEEP_CONN}}
                                                       {FCGI_STDIN, 1, ""}
                                                       {FCGI_BEGIN_REQUEST, 4, {FCGI_RESPONDER, FCGI_KEEP_CONN}})",
                         After::nothing,
                         limits) == lines("{FCGI_END_REQUEST, 3, {0, FCGI_OVERLOADED}}") + page("0\\n"));
}

BOOST_AUTO_TEST_CASE(parameters_too_large_are_rejected) {
    ConnectionLimits limits;
    limits.params_size_max = 100;
    limits.all_params_size_max = 150;
    const std::string overloaded = "{FCGI_END_REQUEST, 1, {0, FCGI_OVERLOADED}}";
    BOOST_TEST(answer_to(begin + "{FCGI_PARAMS, 1, \"a\"*100}", After::nothing, limits) == "");
    BOOST_TEST(answer_to(begin + "{FCGI_PARAMS, 1, \"a\"*100}\n{FCGI_PARAMS, 1, \"a\"}", After::nothing, limits) ==
               lines(overloaded));
    // All active requests together; what an ended one had is free again.
    const std::string other = "{FCGI_BEGIN_REQUEST, 2, {FCGI_RESPONDER, 1}}\n{FCGI_PARAMS, 2, \"a\"*100}\n";
    BOOST_TEST(answer_to(other + begin + "{FCGI_PARAMS, 1, \"a\"*51}", After::nothing, limits) == lines(overloaded));
    BOOST_TEST(answer_to(other + "{FCGI_ABORT_REQUEST, 2}\n" + begin + "{FCGI_PARAMS, 1, \"a\"*51}", After::nothing,
                         limits) == lines("{FCGI_END_REQUEST, 2, {1, FCGI_REQUEST_COMPLETE}}"));
}

BOOST_AUTO_TEST_CASE(parameters_that_are_no_pairs_fail_the_request) {
    const std::string failed = R"({FCGI_STDERR, 1, "FCGI_PARAMS ends within a name-value pair\n"}
                                  {FCGI_STDOUT, 1, ""}
                                  {FCGI_STDERR, 1, ""}
                                  {FCGI_END_REQUEST, 1, {1, FCGI_REQUEST_COMPLETE}})";
    for (const char* content :
         {R"("\001")", R"("\001\001a")", R"("\377\377\377\377\377\377\377\377")", R"("\001\000ab")"})
        BOOST_TEST(answer_to(begin + "{FCGI_PARAMS, 1, " + content + "}\n{FCGI_PARAMS, 1, \"\"}") == lines(failed));
    // A Filter may not write before FCGI_STDIN has ended [§6.4].
    const std::string filter = begin_as("FCGI_FILTER") + "{FCGI_PARAMS, 1, \"a\"}\n{FCGI_PARAMS, 1, \"\"}\n";
    BOOST_TEST(answer_to(filter + "{FCGI_STDIN, 1, \"a\"}") == "");
    BOOST_TEST(answer_to(filter + "{FCGI_STDIN, 1, \"\"}") == lines(failed));
}

BOOST_AUTO_TEST_CASE(an_aborted_request_ends_its_streams_and_itself) {
    BOOST_TEST(answer_to(begin + params("wait") + "{FCGI_ABORT_REQUEST, 1}\n{FCGI_ABORT_REQUEST, 1}") == lines(R"(
        {FCGI_STDOUT, 1, "Content-Type: text/plain\r\n\r\nwaiting\n"}
        {FCGI_STDOUT, 1, ""}
        {FCGI_END_REQUEST, 1, {1, FCGI_REQUEST_COMPLETE}})"));
}

BOOST_AUTO_TEST_CASE(the_end_of_the_web_servers_side_aborts_what_waits_for_more) {
    BOOST_TEST(answer_to("", After::end) == "close\n");
    BOOST_TEST(answer_to("raw 01 01 00", After::end) == "close\n");
    BOOST_TEST(answer_to(begin + "{FCGI_PARAMS, 1, \"a\"}", After::end) == "close\n");
    BOOST_TEST(answer_to(begin + params("length") + "{FCGI_STDIN, 1, \"a\"}", After::end) == lines(R"(
        {FCGI_STDOUT, 1, ""}
        {FCGI_END_REQUEST, 1, {1, FCGI_REQUEST_COMPLETE}}
        close)"));
    // What is all there is answered: the Web server may have closed its direction alone.
    BOOST_TEST(answer_to(begin + params("length") + "{FCGI_STDIN, 1, \"\"}", After::end) == page("0\\n") + "close\n");
    ReferenceConnection connection(answer_by_contract);
    connection.receive(encoded(begin + params("large=1000000") + "{FCGI_STDIN, 1, \"\"}"));
    connection.receive_end();
    Buffer out;
    drain(connection, out);
    BOOST_TEST(out.size() > 1000000U);
    BOOST_TEST(connection.finished());
}

// §6: every state with every record type

namespace {

struct Stage {
    std::string_view role;
    std::string_view receiving;
    std::string_view before;   // what has been said since the parameters or, where those are awaited, the begin
    std::string_view actions;  // to BEGIN, ABORT, PARAMS, STDIN, DATA: ignore, abort, take, early
    std::string_view after;    // what completes the request
};
const std::string length_params = "{FCGI_PARAMS, 1, [QUERY_STRING=\"fcgispec.length\"]}\n";
const std::array<Stage, 7> stages{{
    {"FCGI_RESPONDER", "PARAMS", "", "iatei", "{FCGI_PARAMS, 1, \"\"}\n{FCGI_STDIN, 1, \"\"}"},
    {"FCGI_RESPONDER", "STDIN", "{FCGI_PARAMS, 1, \"\"}\n", "iaiti", "{FCGI_STDIN, 1, \"\"}"},
    {"FCGI_AUTHORIZER", "PARAMS", "", "iatii", "{FCGI_PARAMS, 1, \"\"}"},
    {"FCGI_FILTER", "PARAMS", "", "iatee", "{FCGI_PARAMS, 1, \"\"}\n{FCGI_STDIN, 1, \"\"}\n{FCGI_DATA, 1, \"\"}"},
    {"FCGI_FILTER", "STDIN", "{FCGI_PARAMS, 1, \"\"}\n", "iaite", "{FCGI_STDIN, 1, \"\"}\n{FCGI_DATA, 1, \"\"}"},
    {"FCGI_FILTER", "DATA", "{FCGI_PARAMS, 1, \"\"}\n{FCGI_STDIN, 1, \"\"}\n", "iaiit", "{FCGI_DATA, 1, \"\"}"},
    // Nothing more: a request that goes on although its input is complete.
    {"FCGI_RESPONDER", "nothing", "{FCGI_PARAMS, 1, \"\"}\n{FCGI_STDIN, 1, \"\"}\n", "iaiii", ""},
}};
char action_to(const Stage& stage, int type) {
    static constexpr std::array<int, 5> types{1, 2, 4, 5, 8};
    for (std::size_t column = 0; column < types.size(); ++column)
        if (types[column] == type) return stage.actions[column];
    return 'i';
}

/// The answer to the request without its waiting for what comes of it.
std::string walk(const Stage& stage, const std::string& record, bool completes) {
    const bool waits = stage.receiving == "nothing";
    return answer_to(begin_as(stage.role) +
                     (waits ? "{FCGI_PARAMS, 1, [QUERY_STRING=\"fcgispec.wait\"]}\n" : length_params) +
                     std::string(stage.before) + record + (completes ? std::string(stage.after) : ""));
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_state_meets_every_record_type) {
    for (const Stage& stage : stages) {
        const std::string before = walk(stage, "", false);
        const std::string undisturbed = walk(stage, "", true);
        for (const int type : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 255}) {
            for (const char* content : {R"("")", R"("\001\000a")", R"("\000\001\000\000\000\000\000\000")"}) {
                const std::string record = "{" + std::to_string(type) + ", 1, " + content + "}\n";
                BOOST_TEST_CONTEXT(stage.role << " receiving " << stage.receiving << " meets " << record) {
                    switch (action_to(stage, type)) {
                        case 'i':
                            BOOST_TEST(walk(stage, record, true) == undisturbed);
                            break;
                        case 'a': {
                            const std::string after = walk(stage, record, true);
                            const std::string end = lines("{FCGI_END_REQUEST, 1, {1, FCGI_REQUEST_COMPLETE}}");
                            BOOST_TEST(after.starts_with(before));
                            BOOST_TEST(after.ends_with(end));
                            break;
                        }
                        case 'e':
                            BOOST_TEST(walk(stage, record, true) ==
                                       before + lines("{FCGI_END_REQUEST, 1, {0, FCGI_OVERLOADED}}"));
                            break;
                        default:  // taken: tested by what comes of it, in the other cases
                            break;
                    }
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_role_writes_when_it_may) {
    // The operations that don't wait for input, so that only the protocol holds them back.
    BOOST_TEST(answer_to(begin + "{FCGI_PARAMS, 1, [QUERY_STRING=\"fcgispec.unread\"]}") == "");
    BOOST_TEST(answer_to(begin + params("unread")) == page("ok\\n"));                        // [§6.2]
    BOOST_TEST(answer_to(begin_as("FCGI_AUTHORIZER") + params("unread")) == page("ok\\n"));  // [§6.3]
    const std::string filter = begin_as("FCGI_FILTER") + params("cached");
    BOOST_TEST(answer_to(filter + "{FCGI_STDIN, 1, \"abc\"}") == "");
    BOOST_TEST(answer_to(filter + "{FCGI_STDIN, 1, \"abc\"}\n{FCGI_STDIN, 1, \"\"}") == page("cached\\n"));  // [§6.4]
}

// Bounds

BOOST_AUTO_TEST_CASE(a_web_server_that_reads_nothing_is_read_no_longer) {
    ReferenceConnection connection(answer_by_contract);
    connection.receive(encoded(begin + params("echo")));
    const Buffer chunk = encoded("{FCGI_STDIN, 1, \"a\"*65535}");
    std::size_t num_chunks = 0;
    for (; connection.wants_input() && num_chunks < 100; ++num_chunks) connection.receive(chunk);
    BOOST_TEST(num_chunks == 4U);
    BOOST_TEST(connection.output().size() < 256U * 1024 + 65536 + 64);
    connection.consumed(connection.output().size());
    BOOST_TEST(connection.wants_input());
}

BOOST_AUTO_TEST_CASE(what_one_chunk_asks_for_is_bounded_too) {
    ReferenceConnection connection(answer_by_contract);
    Buffer chunk;
    const Buffer query = encoded("{FCGI_GET_VALUES, 0, [FCGI_MAX_REQS=\"\"]}");
    constexpr std::size_t num_queries = 100'000;
    for (std::size_t i = 0; i < num_queries; ++i) append(chunk, query);
    connection.receive(chunk);
    BOOST_TEST(connection.output().size() < 256U * 1024 + 64);
    Buffer out;
    drain(connection, out);
    BOOST_TEST(out.size() == num_queries * 32);  // none is lost
}

BOOST_AUTO_TEST_CASE(a_long_answer_neither_fills_memory_nor_holds_up_the_others) {
    ReferenceConnection connection(answer_by_contract);
    connection.receive(encoded(begin + params("large=9999999999") + "{FCGI_STDIN, 1, \"\"}"));
    BOOST_TEST(connection.output().size() < 128U * 1024);
    connection.consumed(connection.output().size());
    BOOST_TEST(connection.output().size() < 128U * 1024);
    Buffer out;
    BOOST_TEST(connection.wants_input());
    const std::size_t waiting = connection.output().size();  // comes first
    connection.receive(encoded("{FCGI_GET_VALUES, 0, \"\"}\n{FCGI_ABORT_REQUEST, 1}"));
    drain(connection, out);
    BOOST_TEST(lines_of(Bytes(out).subspan(waiting)) == lines(R"({FCGI_GET_VALUES_RESULT, 0, ""}
                                                                 {FCGI_STDOUT, 1, ""}
                                                                 {FCGI_END_REQUEST, 1, {1, FCGI_REQUEST_COMPLETE}})"));
    BOOST_TEST(connection.num_active_requests() == 0U);
}

BOOST_AUTO_TEST_CASE(long_answers_take_turns) {
    ReferenceConnection connection(answer_by_contract);
    for (const char* id : {"1", "2", "3"}) {
        std::string request = begin + params("large=300000") + "{FCGI_STDIN, 1, \"\"}\n";
        for (std::size_t at = 0; (at = request.find(", 1, ", at)) != std::string::npos; ++at) request[at + 2] = *id;
        connection.receive(encoded(request));
    }
    Buffer out;
    drain(connection, out);
    std::array<std::size_t, 4> num_bytes{};
    for (Bytes rest = out; !rest.empty();) {
        const DecodedRecord decoded = decode_record(rest);
        rest = rest.subspan(decoded.consumed);
        if (decoded.record->type == RecordType::end_request) {
            // By the end of any the others are about as far.
            for (const std::size_t id : {1U, 2U, 3U}) BOOST_TEST(num_bytes[id] > 150'000U);
        }
        num_bytes[decoded.record->request_id] += decoded.record->content.size();
    }
    for (const std::size_t id : {1U, 2U, 3U}) BOOST_TEST(num_bytes[id] == 300'000U + 28 + body_size);
}

namespace {

constexpr std::array<std::string_view, 8> operations{"echo",  "large=70000", "params=",  "wait",
                                                     "early", "data",        "stderr=9", "exit"};

/// Some records in any order, most of them such as a Web server sends; sometimes with a bit turned over.
Buffer random_records(std::mt19937& random) {
    static constexpr std::array<unsigned, 8> types{1, 4, 4, 5, 5, 8, 2, 9};
    const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random()) % limit; };
    Buffer result;
    for (std::size_t i = below(40); i > 0; --i) {
        const auto type = static_cast<RecordType>(below(12) == 0 ? below(256) : types[below(types.size())]);
        Buffer content;
        if (type == RecordType::begin_request && below(8) != 0) {
            content = {0, static_cast<std::uint8_t>(below(5)), static_cast<std::uint8_t>(below(20) != 0), 0, 0, 0, 0,
                       0};
        } else if (type == RecordType::params && below(2) == 0) {
            const std::string query = "fcgispec." + std::string(operations[below(operations.size())]);
            encode_pair({.name = bytes_of("QUERY_STRING"), .value = bytes_of(query)}, content);
        } else if (below(2) == 0) {
            content.resize(below(300));
        }
        const auto request_id = static_cast<std::uint16_t>(below(4));
        encode_record({.type = type, .request_id = request_id, .content = content, .padding = {}}, result);
    }
    if (!result.empty() && below(4) == 0) result[below(result.size())] ^= static_cast<std::uint8_t>(1U << below(8));
    return result;
}

/// Some requests as a Web server makes them, one connection for all: their records mixed, each stream cut anywhere.
Buffer lawful_records(std::mt19937& random) {
    static constexpr std::array<std::array<RecordType, 3>, 3> inputs{
        {{RecordType::params, RecordType::std_in},
         {RecordType::params},
         {RecordType::params, RecordType::std_in, RecordType::data}}};
    const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random()) % limit; };
    std::vector<std::deque<Buffer>> requests(1 + below(6));
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const auto request_id = static_cast<std::uint16_t>(i + 1);
        const auto say = [&](RecordType type, Bytes content) {
            encode_record({.type = type, .request_id = request_id, .content = content, .padding = {}},
                          requests[i].emplace_back());
        };
        const std::size_t role = below(inputs.size());
        say(RecordType::begin_request,
            encode(BeginRequestBody{.role = static_cast<Role>(role + 1), .flags = keep_conn}));
        for (const RecordType input : inputs[role]) {
            if (input == RecordType{}) continue;
            Buffer value(below(100));
            if (input == RecordType::params) {
                const std::string query = "fcgispec." + std::string(operations[below(operations.size())]);
                value.clear();
                encode_pair({.name = bytes_of("QUERY_STRING"), .value = bytes_of(query)}, value);
            }
            for (Bytes rest = value; !rest.empty();) {
                const Bytes piece = rest.first(1 + below(rest.size()));
                say(input, piece);
                rest = rest.subspan(piece.size());
            }
            if (below(30) != 0) say(input, {});
        }
        say(RecordType::abort_request, {});  // of those too that have long been answered
    }
    Buffer result;
    while (!requests.empty()) {
        const std::size_t next = below(requests.size());
        append(result, requests[next].front());
        requests[next].pop_front();
        if (requests[next].empty()) requests.erase(requests.begin() + static_cast<std::ptrdiff_t>(next));
    }
    return result;
}

/// What one side has said so far, told to the checker record by record.
struct Heard {
    Buffer all;
    Buffer rest;  // of a record that isn't whole

    void tell(Bytes bytes, Side from, LifecycleChecker& checker) {
        append(all, bytes);
        append(rest, bytes);
        for (DecodedRecord decoded = decode_record(rest); decoded.record; decoded = decode_record(rest)) {
            const Judgement judgement = checker.see_record(from, *decoded.record);
            if (from == Side::application)
                for (const Accusation& accusation : judgement.accusations)
                    BOOST_ERROR(accusation.requirement << ": wanted " << accusation.wanted << ", got "
                                                       << accusation.got);
            rest.erase(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(decoded.consumed));
        }
    }
};

/// How many records of `type` there are, request by request, up to one of another version.
std::map<std::uint16_t, int> count(RecordType type, Bytes bytes) {
    std::map<std::uint16_t, int> result;
    for (DecodedRecord decoded = decode_record(bytes); decoded.record; decoded = decode_record(bytes)) {
        if (decoded.record->version != version_1) break;
        if (decoded.record->type == type) ++result[decoded.record->request_id];
        bytes = bytes.subspan(decoded.consumed);
    }
    return result;
}

}  // namespace

/// Any records in any order, cut anywhere, the answers read slowly: what comes out is whole records of an application,
/// the checker accuses none of them, and no request ends that wasn't begun.
BOOST_AUTO_TEST_CASE(whatever_is_said_the_answer_is_right) {
    std::mt19937 random(1);
    int num_answered = 0;
    for (int round = 0; round < 2000; ++round) {
        const Buffer in = round % 2 == 0 ? lawful_records(random) : random_records(random);
        ReferenceConnection connection(answer_by_contract);
        LifecycleChecker checker;
        Heard said, heard;
        for (Bytes rest = in; !rest.empty();) {
            const Bytes chunk = rest.first(std::min<std::size_t>(rest.size(), 1 + random() % 200));
            rest = rest.subspan(chunk.size());
            said.tell(chunk, Side::web_server, checker);
            connection.receive(chunk);
            const Bytes sent = connection.output().first(random() % (connection.output().size() + 1));
            heard.tell(sent, Side::application, checker);
            connection.consumed(sent.size());
        }
        (void)checker.see_end(Side::web_server, 0);
        connection.receive_end();
        Buffer out;
        drain(connection, out);
        heard.tell(out, Side::application, checker);
        BOOST_TEST(heard.rest.empty());
        BOOST_TEST(connection.finished());
        BOOST_TEST(connection.num_active_requests() == 0U);
        const auto num_begun = count(RecordType::begin_request, in);
        for (const auto& [request_id, num_ended] : count(RecordType::end_request, heard.all)) {
            BOOST_TEST(num_ended <= num_begun.at(request_id));
            num_answered += num_ended;
        }
    }
    BOOST_TEST(num_answered > 1000);  // else the records were of no use
}

BOOST_AUTO_TEST_SUITE_END()

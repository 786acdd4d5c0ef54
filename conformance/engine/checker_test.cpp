#include "conformance/engine/checker.hpp"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <vector>

#include "codec/body.hpp"
#include "conformance/engine/test_checker.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(checker)

namespace {

// ---- legal conversations --------------------------------------------------------------------------------------------

struct Legal {
    const char* title;
    std::string text;
};
const std::vector<Legal> legal{
    {"example 1 of B",
     "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\n"
     "> {FCGI_PARAMS, 1, \"\\013\\002SERVER_PORT80\\013\\016SERVER_ADDR199.170.183.42\"}\n"
     "> {FCGI_PARAMS, 1, \"\"}\n"
     "> {FCGI_STDIN, 1, \"\"}\n"
     "< {FCGI_STDOUT, 1, \"Content-type: text/html\\r\\n\\r\\n<html>\\n<head> ... \"}\n"
     "< {FCGI_STDOUT, 1, \"\"}\n"
     "< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}\n"
     "< close\n> close\n"},
    {"example 2 of B, a pair over two records",
     "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\n"
     "> {FCGI_PARAMS, 1, \"\\013\\002SERVER_PORT80\\013\\016SER\"}\n"
     "> {FCGI_PARAMS, 1, \"VER_ADDR199.170.183.42\"}\n"
     "> {FCGI_PARAMS, 1, \"\"}\n"
     "> {FCGI_STDIN, 1, \"quantity=100&item=3047936\"}\n"
     "> {FCGI_STDIN, 1, \"\"}\n"
     "< {FCGI_STDOUT, 1, \"Content-type: text/html\\r\\n\\r\\n<html>\\n<head> ... \"}\n"
     "< {FCGI_STDOUT, 1, \"\"}\n"
     "< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}\n"
     "< close\n"},
    {"example 3 of B, with FCGI_STDERR",
     "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\n" PARAMS "> {FCGI_STDIN, 1, \"\"}\n"
     "< {FCGI_STDOUT, 1, \"Content-type: text/html\\r\\n\\r\\n<ht\"}\n"
     "< {FCGI_STDERR, 1, \"config error: missing SI_UID\\n\"}\n"
     "< {FCGI_STDOUT, 1, \"ml>\\n<head> ... \"}\n"
     "< {FCGI_STDOUT, 1, \"\"}\n"
     "< {FCGI_STDERR, 1, \"\"}\n"
     "< {FCGI_END_REQUEST, 1, {938, FCGI_REQUEST_COMPLETE}}\n"
     "< close\n"},
    {"example 4 of B, multiplexed",
     BEGIN("FCGI_RESPONDER") PARAMS "> {FCGI_BEGIN_REQUEST, 2, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n"
                                    "> {FCGI_PARAMS, 2, [A=\"2\"]}\n"
                                    "> {FCGI_STDIN, 1, \"\"}\n"
                                    "< {FCGI_STDOUT, 1, \"Content-type: text/html\\r\\n\\r\\n\"}\n"
                                    "> {FCGI_PARAMS, 2, \"\"}\n"
                                    "> {FCGI_STDIN, 2, \"\"}\n"
                                    "< {FCGI_STDOUT, 2, \"Content-type: text/html\\r\\n\\r\\n<html>\\n<head> ... \"}\n"
                                    "< {FCGI_STDOUT, 2, \"\"}\n"
                                    "< {FCGI_END_REQUEST, 2, {0, FCGI_REQUEST_COMPLETE}}\n"
                                    "< {FCGI_STDOUT, 1, \"<html>\\n<head> ... \"}\n"
                                    "< {FCGI_STDOUT, 1, \"\"}\n" END "> close\n"},
    {"an id is used again on a kept connection",
     REQUEST OUTPUT END REQUEST OUTPUT END REQUEST OUTPUT END "> close\n< close\n"},
    {"an empty response, and one zero-length FCGI_STDERR",
     REQUEST "< {FCGI_STDERR, 1, \"\"}\n< {FCGI_STDOUT, 1, \"\"}\n" END},
    {"no parameters at all", BEGIN("FCGI_RESPONDER") "> {FCGI_PARAMS, 1, \"\"}\n> {FCGI_STDIN, 1, \"\"}\n" OUTPUT END},
    {"output before the end of FCGI_STDIN",
     BEGIN("FCGI_RESPONDER") PARAMS OUTPUT "> {FCGI_STDIN, 1, \"abc\"}\n> {FCGI_STDIN, 1, \"\"}\n" END},
    {"an end before the end of FCGI_STDIN, whose records are still on their way", BEGIN("FCGI_RESPONDER") PARAMS
     "> {FCGI_STDIN, 1, \"ab\"}\n" OUTPUT END
     "> {FCGI_STDIN, 1, \"c\"}\n> {FCGI_ABORT_REQUEST, 1}\n> {FCGI_STDIN, 1, \"\"}\n" REQUEST OUTPUT END},
    {"an end before the end of FCGI_STDIN, and a close within a record of it",
     BEGIN("FCGI_RESPONDER") PARAMS "> {FCGI_STDIN, 1, \"ab\"}\n" OUTPUT END "> close 7\n"},
    {"an end before any output can be written", BEGIN("FCGI_RESPONDER") END},
    {"an Authorizer", BEGIN("FCGI_AUTHORIZER") PARAMS OUTPUT END},
    {"an Authorizer that is sent the end of FCGI_STDIN",
     BEGIN("FCGI_AUTHORIZER") PARAMS "> {FCGI_STDIN, 1, \"\"}\n" OUTPUT END},
    {"a Filter", BEGIN("FCGI_FILTER") PARAMS
     "> {FCGI_STDIN, 1, \"abc\"}\n> {FCGI_STDIN, 1, \"\"}\n> {FCGI_DATA, 1, \"d\"}\n> {FCGI_DATA, 1, \"\"}\n" OUTPUT
         END},
    {"a Filter that writes before the end of FCGI_DATA",
     BEGIN("FCGI_FILTER") PARAMS "> {FCGI_STDIN, 1, \"\"}\n" OUTPUT "> {FCGI_DATA, 1, \"\"}\n" END},
    {"a request is aborted, its streams have no end", BEGIN("FCGI_RESPONDER") PARAMS
     "> {FCGI_STDIN, 1, \"a\"}\n< {FCGI_STDOUT, 1, \"x\"}\n< {FCGI_STDERR, 1, \"y\"}\n"
     "> {FCGI_ABORT_REQUEST, 1}\n> {FCGI_STDIN, 1, \"b\"}\n< {FCGI_STDOUT, 1, \"z\"}\n" END REQUEST OUTPUT END},
    {"a request is aborted before the end of FCGI_PARAMS, its output is ended",
     BEGIN("FCGI_RESPONDER") "> {FCGI_ABORT_REQUEST, 1}\n< {FCGI_STDOUT, 1, \"\"}\n" END},
    {"an aborted request is not answered, and the connection is closed",
     REQUEST "< {FCGI_STDOUT, 1, \"x\"}\n> {FCGI_ABORT_REQUEST, 1}\n< close\n"},
    {"the web server aborts by closing, within a record",
     REQUEST "< {FCGI_STDOUT, 1, \"x\"}\n> close 3\n< {FCGI_STDERR, 1, \"y\"}\n" END "< close\n"},
    {"the application stops where the web server has gone", REQUEST "< {FCGI_STDOUT, 1, \"x\"}\n> close\n< close 4\n"},
    {"refusals, at any time", BEGIN("FCGI_RESPONDER") "< {FCGI_END_REQUEST, 1, {0, FCGI_OVERLOADED}}\n" PARAMS
                                                      "> {FCGI_STDIN, 1, \"\"}\n" BEGIN("FCGI_FILTER") PARAMS
     "< {FCGI_END_REQUEST, 1, {0, FCGI_UNKNOWN_ROLE}}\n" REQUEST
     "< {FCGI_STDOUT, 1, \"x\"}\n< {FCGI_END_REQUEST, 1, {0, FCGI_OVERLOADED}}\n"},
    {"a second request is refused, the first goes on", BEGIN("FCGI_RESPONDER") PARAMS
     "> {FCGI_BEGIN_REQUEST, 2, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n"
     "< {FCGI_END_REQUEST, 2, {0, FCGI_CANT_MPX_CONN}}\n> {FCGI_PARAMS, 2, \"\"}\n> {FCGI_STDIN, 1, \"\"}\n" OUTPUT
         END},
    {"the application closes with a request that it hasn't begun to answer", REQUEST "< close\n"},
    {"without FCGI_KEEP_CONN the application closes, another request or not",
     REQUEST "< {FCGI_STDOUT, 1, \"x\"}\n> {FCGI_BEGIN_REQUEST, 2, {FCGI_RESPONDER, 0}}\n"
             "< {FCGI_END_REQUEST, 2, {0, FCGI_CANT_MPX_CONN}}\n< close\n"},
    {"management at any time",
     "> {FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS=\"\" NOVEL=\"\"]}\n> {FCGI_GET_VALUES, 0, \"\"}\n"
     "< {FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_CONNS=\"1\"]}\n> {12, 0, \"abc\"}\n" BEGIN(
         "FCGI_RESPONDER") "> {255, 0, \"\"}\n< {FCGI_UNKNOWN_TYPE, 0, {255}}\n< {FCGI_GET_VALUES_RESULT, 0, "
                           "\"\"}\n" PARAMS "< {FCGI_UNKNOWN_TYPE, 0, {12}}\n> {FCGI_STDIN, 1, \"\"}\n" OUTPUT END},
    {"queries that the application doesn't understand: not answered as they should be, but answered",
     "> {FCGI_GET_VALUES, 0, \"\"}\n> {FCGI_GET_VALUES, 0, \"\"}\n< {FCGI_UNKNOWN_TYPE, 0, {FCGI_GET_VALUES}}\n"
     "< {FCGI_UNKNOWN_TYPE, 0, {FCGI_GET_VALUES}}\n" REQUEST OUTPUT END},
    {"queries that it answers in both ways",
     "> {FCGI_GET_VALUES, 0, \"\"}\n< {FCGI_UNKNOWN_TYPE, 0, {FCGI_GET_VALUES}}\n< {FCGI_GET_VALUES_RESULT, 0, \"\"}\n"
     "> {FCGI_GET_VALUES, 0, \"\"}\n< {FCGI_UNKNOWN_TYPE, 0, {FCGI_GET_VALUES}}\n< {FCGI_GET_VALUES_RESULT, 0, \"\"}\n"},
    {"short lengths in four bytes, and a NUL in a name",
     BEGIN("FCGI_RESPONDER") "> {FCGI_PARAMS, 1, [long A=long \"1\" \"B\\000\"=\"2\"]}\n> {FCGI_PARAMS, 1, \"\"}\n"
                             "> {FCGI_STDIN, 1, \"\"}\n" OUTPUT END},
};

BOOST_AUTO_TEST_CASE(nobody_is_accused_in_legal_conversations) {
    for (const Legal& one : legal) BOOST_TEST_CONTEXT(one.title)
    BOOST_TEST(accused_in(one.text) == std::vector<Accused>{}, boost::test_tools::per_element());
}

// ---- what is not defined --------------------------------------------------------------------------------------------

/// All that an application may do wrong with request 1 while its records are records.
const std::string disorder = "< {FCGI_STDERR, 1, \"x\"}\n< {FCGI_STDOUT, 1, \"\"}\n< {FCGI_STDOUT, 1, \"x\"}\n" END END
                             "< {FCGI_STDOUT, 1, \"x\"}\n< close 3\n";

struct Provocation {
    std::string requirement;
    std::string text;
    bool whole_connection;
};
const std::vector<Provocation> provocations{
    {"R-3.3-8", "> {FCGI_STDIN, 1, \"\", version=2}\n", true},
    {"R-3.3-10", "> {99, 1, \"\"}\n", true},
    {"R-3.3-30", "> {FCGI_GET_VALUES, 1, \"\"}\n", true},
    {"R-3.3-32", "> {FCGI_STDIN, 0, \"\"}\n", true},
    {"R-4.1-2", "> {FCGI_GET_VALUES, 0, [A=\"1\"]}\n", true},
    {"R-4.1-2", "> {FCGI_GET_VALUES, 0, \"\\001\"}\n", true},
    {"R-A-2", "> {FCGI_STDOUT, 1, \"x\"}\n", true},
    {"R-3.3-21", REQUEST BEGIN("FCGI_RESPONDER"), false},
    {"R-3.3-38", REQUEST "> {FCGI_STDIN, 1, \"x\"}\n", false},
    {"R-5.1-1", "> {FCGI_BEGIN_REQUEST, 1, \"\"}\n", false},
    {"R-5.1-4", "> {FCGI_BEGIN_REQUEST, 1, {0, 0}}\n", false},
    {"R-5.2-1", BEGIN("FCGI_RESPONDER") "> {FCGI_PARAMS, 1, \"\\177\"}\n> {FCGI_PARAMS, 1, \"\"}\n", false},
    {"R-6.1-2", BEGIN("FCGI_RESPONDER") "> {FCGI_STDIN, 1, \"x\"}\n", false},
    {"R-6.4-3", BEGIN("FCGI_FILTER") PARAMS "> {FCGI_DATA, 1, \"x\"}\n", false},
    {"R-6.4-5", REQUEST "> {FCGI_DATA, 1, \"x\"}\n", false},
};

BOOST_AUTO_TEST_CASE(how_a_provoked_application_copes_is_not_accused) {
    for (const Provocation& provocation : provocations) {
        BOOST_TEST_CONTEXT(provocation.text) {
            const auto accused = accused_in(provocation.text + disorder);
            BOOST_TEST(requirements_of(accused) == std::multiset<std::string>{provocation.requirement},
                       boost::test_tools::per_element());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_provoked_application_is_still_accused_of_its_framing) {
    const std::string framing =
        "< {FCGI_END_REQUEST, 1, \"\"}\n< {FCGI_STDOUT, 0, \"\"}\n< {FCGI_PARAMS, 1, \"\"}\n< {99, 1, \"\"}\n"
        "< {FCGI_UNKNOWN_TYPE, 1, {1}}\n< {FCGI_STDOUT, 1, \"\", version=0}\n";
    for (const Provocation& provocation : provocations) {
        BOOST_TEST_CONTEXT(provocation.text) {
            std::multiset<std::string> expected{"R-5.5-3", "R-3.3-31", "R-A-1", "R-3.3-9", "R-3.3-29", "R-3.3-7"};
            if (provocation.requirement == std::string_view("R-3.3-32")) expected.erase("R-3.3-31");
            expected.insert(provocation.requirement);
            BOOST_TEST(requirements_of(accused_in(provocation.text + framing)) == expected,
                       boost::test_tools::per_element());
        }
    }
}

BOOST_AUTO_TEST_CASE(an_answer_under_the_null_id_is_accused_of_those_alone_who_were_not_addressed_so) {
    const std::string answer = "< {FCGI_STDOUT, 0, \"x\"}\n< {FCGI_END_REQUEST, 0, {0, FCGI_REQUEST_COMPLETE}}\n";
    Conversation conversation;
    conversation.say("> {FCGI_BEGIN_REQUEST, 0, {FCGI_RESPONDER, 0}}\n" + answer);
    BOOST_TEST(requirements_of(conversation.accused) == std::multiset<std::string>{"R-3.3-32"},
               boost::test_tools::per_element());
    BOOST_TEST(conversation.meaningless);

    const auto unasked = accused_in("> {FCGI_GET_VALUES, 0, \"\"}\n" + answer);
    BOOST_TEST(requirements_of(unasked) == (std::multiset<std::string>{"R-3.3-31", "R-3.3-31"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(other_requests_are_still_judged_unless_the_connection_is_provoked) {
    const std::string second =
        "> {FCGI_BEGIN_REQUEST, 2, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n> {FCGI_PARAMS, 2, \"\"}\n> {FCGI_STDIN, 2, "
        "\"\"}\n"
        "< {FCGI_END_REQUEST, 2, {0, FCGI_REQUEST_COMPLETE}}\n";
    for (const Provocation& provocation : provocations) {
        BOOST_TEST_CONTEXT(provocation.text) {
            std::multiset<std::string> expected{provocation.requirement};
            if (!provocation.whole_connection) expected.insert("R-6.1-7");
            BOOST_TEST(requirements_of(accused_in(provocation.text + second)) == expected,
                       boost::test_tools::per_element());
        }
    }
}

BOOST_AUTO_TEST_CASE(an_undefined_id_stays_so_when_it_is_used_again) {
    const std::string text = REQUEST BEGIN("FCGI_RESPONDER") END REQUEST END END "> {FCGI_STDIN, 1, \"x\"}\n";
    BOOST_TEST(requirements_of(accused_in(text)) == std::multiset<std::string>{"R-3.3-21"},
               boost::test_tools::per_element());
}

// ---- limits ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_id_under_which_an_ended_request_is_still_answered_is_ambiguous) {
    const std::string begin = "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n> {FCGI_PARAMS, 1, \"\"}\n> {FCGI_STDIN, 1, \"\"}\n";
    const std::string end = "< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}\n";
    const std::string output = "< {FCGI_STDOUT, 1, \"late\"}\n< {FCGI_STDOUT, 1, \"\"}\n";
    // An abort is answered at once, and the request goes on: its second end falls into the next one.
    const std::string aborted = begin.substr(0, begin.find('\n') + 1) + "> {FCGI_ABORT_REQUEST, 1, \"\"}\n" + end + output;
    BOOST_TEST(requirements_of(accused_in(aborted + begin + end)) == (std::multiset<std::string>{"R-3.3-24", "R-3.3-24"}), boost::test_tools::per_element());
    // Where it comes before the next begins, that one is judged as any other.
    BOOST_TEST(requirements_of(accused_in(aborted + end + begin + end)) == (std::multiset<std::string>{"R-3.3-24", "R-3.3-24", "R-5.5-1", "R-6.1-7"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(all_ids_can_be_active_and_are_forgotten_when_ended) {
    LifecycleChecker checker;
    const auto begin = encode(BeginRequestBody{.role = Role::responder, .flags = keep_conn});
    const auto end = encode(EndRequestBody{.app_status = 0, .protocol_status = ProtocolStatus::overloaded});
    for (int round = 0; round < 2; ++round) {
        std::size_t num_large = 0;
        for (std::uint32_t id = 1; id <= 65535; ++id) {
            const auto request_id = static_cast<std::uint16_t>(id);
            const Judgement judgement = checker.see_record(
                Side::web_server, {.type = RecordType::begin_request, .request_id = request_id, .content = begin});
            num_large += judgement.accusations.size();
        }
        BOOST_TEST(num_large == 0U);
        BOOST_TEST(checker.num_active() == 65535U);
        for (std::uint32_t id = 1; id <= 65535; ++id) {
            const auto request_id = static_cast<std::uint16_t>(id);
            const Judgement judgement = checker.see_record(
                Side::application, {.type = RecordType::end_request, .request_id = request_id, .content = end});
            BOOST_REQUIRE(judgement.accusations.empty());
        }
        BOOST_TEST(checker.num_active() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(a_side_ends_once) {
    // A half-close and then a close: the cut record is accused once.
    BOOST_TEST(requirements_of(accused_in("> close 5\n> close 5\n")) == std::multiset<std::string>{"R-3.3-2"},
               boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_SUITE_END()

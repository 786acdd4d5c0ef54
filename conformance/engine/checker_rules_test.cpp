#include "conformance/engine/checker_rules.hpp"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "conformance/engine/requirements.hpp"
#include "conformance/engine/test_checker.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(checker_rules)

namespace {

struct Breach {
    const char* requirement;
    const char* wanted;
    const char* got;
    bool meaningless;
    std::string before;  // nobody is accused in it
    const char* line;    // breaks the requirement and no other
};
constexpr const char* two_streams = "a stream has no record after its empty one";
constexpr const char* between_records = "the connection closes between two records";
constexpr const char* right_version = "every record has version FCGI_VERSION_1";
constexpr const char* known_type = "every record has a type that the specification defines";
constexpr const char* null_id = "a management record has request id 0";
constexpr const char* other_id = "an application record has a request id other than 0";
constexpr const char* zero_byte = "the reserved byte of a header is zero";
constexpr const char* late_output = "no FCGI_STDOUT and no FCGI_STDERR before the end of FCGI_PARAMS";
constexpr const char* all_inputs = "at least one record of every input stream of the role";
constexpr const char* ended_inputs = "every input stream ends with an empty record before the next one";
constexpr const char* one_end = "every request ends with exactly one FCGI_END_REQUEST";

const std::vector<Breach> breaches{
    {"R-3.3-1", between_records, "the connection closes 5 or more bytes before the end of a record", false,
     REQUEST OUTPUT END, "< close 5"},
    {"R-3.3-1", between_records, "the connection closes 5 or more bytes before the end of a record", false,
     REQUEST "< {FCGI_STDOUT, 1, \"x\"}\n", "< close 5"},
    {"R-3.3-2", between_records, "the connection closes 5 or more bytes before the end of a record", false,
     REQUEST OUTPUT END, "> close 5"},
    {"R-3.3-7", right_version, "version 2", true, REQUEST, "< {FCGI_STDOUT, 1, \"x\", version=2}"},
    {"R-3.3-8", right_version, "version 0", true, "", "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}, version=0}"},
    {"R-3.3-9", known_type, "type 12 with request id 0", true, "", "< {12, 0, \"\"}"},
    {"R-3.3-10", known_type, "type 12 with request id 1", true, REQUEST, "> {12, 1, \"\"}"},
    {"R-3.3-10", known_type, "type 0 with request id 0", true, REQUEST, "> {0, 0, \"\"}"},
    {"R-3.3-21", "FCGI_BEGIN_REQUEST only for an inactive request id",
     "FCGI_BEGIN_REQUEST for request 1, which is active", true, BEGIN("FCGI_RESPONDER"), BEGIN("FCGI_RESPONDER")},
    {"R-3.3-22", "FCGI_BEGIN_REQUEST before any other record of its request id",
     "FCGI_STDIN for request 2, which was never begun", true, REQUEST, "> {FCGI_STDIN, 2, \"\"}"},
    {"R-3.3-23", "records only under request ids that the web server has begun",
     "FCGI_STDOUT for request 2, which was never begun", true, REQUEST, "< {FCGI_STDOUT, 2, \"x\"}"},
    {"R-3.3-23", "records only under request ids that the web server has begun",
     "FCGI_END_REQUEST for request 2, which was never begun", true, REQUEST,
     "< {FCGI_END_REQUEST, 2, {0, FCGI_REQUEST_COMPLETE}}"},
    {"R-3.3-24", "no FCGI_STDOUT and no FCGI_STDERR after FCGI_END_REQUEST",
     "FCGI_STDERR for request 1 after its FCGI_END_REQUEST", true, REQUEST OUTPUT END, "< {FCGI_STDERR, 1, \"\"}"},
    {"R-3.3-27", "a request id of at most 255 while fewer than 255 requests are active",
     "FCGI_BEGIN_REQUEST for request 256, active requests: 1", false, REQUEST,
     "> {FCGI_BEGIN_REQUEST, 256, {FCGI_RESPONDER, 0}}"},
    {"R-3.3-29", null_id, "FCGI_GET_VALUES_RESULT with request id 1", true, "> {FCGI_GET_VALUES, 0, \"\"}\n",
     "< {FCGI_GET_VALUES_RESULT, 1, \"\"}"},
    {"R-3.3-30", null_id, "FCGI_GET_VALUES with request id 1", true, "", "> {FCGI_GET_VALUES, 1, \"\"}"},
    {"R-3.3-31", other_id, "FCGI_STDOUT with request id 0", true, REQUEST, "< {FCGI_STDOUT, 0, \"x\"}"},
    {"R-3.3-32", other_id, "FCGI_PARAMS with request id 0", true, REQUEST, "> {FCGI_PARAMS, 0, \"\"}"},
    {"R-3.3-34", "FCGI_STDOUT ends with an empty record before FCGI_END_REQUEST",
     "FCGI_END_REQUEST for request 1 while FCGI_STDOUT is open", false, REQUEST "< {FCGI_STDOUT, 1, \"x\"}\n", END},
    {"R-3.3-35", "FCGI_STDERR that had content ends with an empty record before FCGI_END_REQUEST",
     "FCGI_END_REQUEST for request 1 while FCGI_STDERR is open", false, REQUEST OUTPUT "< {FCGI_STDERR, 1, \"x\"}\n",
     END},
    {"R-3.3-37", two_streams, "FCGI_STDOUT for request 1 after its empty record", true, REQUEST OUTPUT,
     "< {FCGI_STDOUT, 1, \"\"}"},
    {"R-3.3-37", two_streams, "FCGI_STDERR for request 1 after its empty record", true,
     REQUEST "< {FCGI_STDERR, 1, \"\"}\n", "< {FCGI_STDERR, 1, \"x\"}"},
    {"R-3.3-38", two_streams, "FCGI_STDIN for request 1 after its empty record", true, REQUEST,
     "> {FCGI_STDIN, 1, \"\"}"},
    {"R-3.3-38", two_streams, "FCGI_PARAMS for request 1 after its empty record", true, REQUEST,
     "> {FCGI_PARAMS, 1, [B=\"2\"]}"},
    {"R-4.1-2", "FCGI_GET_VALUES holds whole name-value pairs with empty values",
     "FCGI_GET_VALUES with a value of 2 bytes for \"FCGI_MAX_REQS\"", false, "",
     "> {FCGI_GET_VALUES, 0, [FCGI_MAX_REQS=\"10\"]}"},
    {"R-4.1-2", "FCGI_GET_VALUES holds whole name-value pairs with empty values",
     "FCGI_GET_VALUES whose last pair lacks 2 or more bytes", false, "", "> {FCGI_GET_VALUES, 0, \"\\003\\000A\"}"},
    {"R-4.1-4", "one FCGI_GET_VALUES_RESULT for each FCGI_GET_VALUES", "FCGI_GET_VALUES_RESULT without a query", true,
     "> {FCGI_GET_VALUES, 0, \"\"}\n< {FCGI_GET_VALUES_RESULT, 0, \"\"}\n", "< {FCGI_GET_VALUES_RESULT, 0, \"\"}"},
    {"R-4.1-5", "FCGI_GET_VALUES_RESULT holds whole name-value pairs",
     "FCGI_GET_VALUES_RESULT whose last pair lacks 1 or more bytes", false, "> {FCGI_GET_VALUES, 0, \"\"}\n",
     "< {FCGI_GET_VALUES_RESULT, 0, \"\\001\"}"},
    {"R-4.2-2", "one FCGI_UNKNOWN_TYPE for each management record that is not understood",
     "FCGI_UNKNOWN_TYPE without a record of unknown type", true, "> {99, 0, \"\"}\n< {FCGI_UNKNOWN_TYPE, 0, {99}}\n",
     "< {FCGI_UNKNOWN_TYPE, 0, {99}}"},
    {"R-4.2-2", "one FCGI_UNKNOWN_TYPE for each management record that is not understood",
     "FCGI_UNKNOWN_TYPE without a record of unknown type", true,
     "> {FCGI_GET_VALUES, 0, \"\"}\n< {FCGI_GET_VALUES_RESULT, 0, \"\"}\n", "< {FCGI_UNKNOWN_TYPE, 0, {FCGI_GET_VALUES}}"},
    {"R-4.2-3", "the body of FCGI_UNKNOWN_TYPE has 8 bytes", "FCGI_UNKNOWN_TYPE with a body of size 1", false,
     "> {99, 0, \"\"}\n", "< {FCGI_UNKNOWN_TYPE, 0, \"c\"}"},
    {"R-4.2-4", "the reserved bytes of FCGI_UNKNOWN_TYPE are zero",
     "FCGI_UNKNOWN_TYPE with reserved bytes 00 00 00 00 00 00 78", false, "> {99, 0, \"\"}\n",
     "< {FCGI_UNKNOWN_TYPE, 0, \"c\\000\\000\\000\\000\\000\\000x\"}"},
    {"R-4.2-5", "FCGI_UNKNOWN_TYPE names the type of the record that it answers", "type 98, which was not asked", false,
     "> {99, 0, \"\"}\n", "< {FCGI_UNKNOWN_TYPE, 0, {98}}"},
    {"R-5.1-1", "the body of FCGI_BEGIN_REQUEST has 8 bytes", "FCGI_BEGIN_REQUEST for request 1 with a body of size 3",
     false, "", "> {FCGI_BEGIN_REQUEST, 1, \"\\000\\001\\001\"}"},
    {"R-5.1-2", "the reserved bytes of FCGI_BEGIN_REQUEST are zero",
     "FCGI_BEGIN_REQUEST for request 1 with reserved bytes 78 00 00 00 00", false, "",
     "> {FCGI_BEGIN_REQUEST, 1, \"\\000\\001\\001x\\000\\000\\000\\000\"}"},
    {"R-5.1-4", "the role is FCGI_RESPONDER, FCGI_AUTHORIZER or FCGI_FILTER",
     "FCGI_BEGIN_REQUEST for request 1 with role 4", false, "", "> {FCGI_BEGIN_REQUEST, 1, {4, 0}}"},
    {"R-5.1-6", "the bits of flags other than FCGI_KEEP_CONN are zero", "FCGI_BEGIN_REQUEST for request 1 with flags 3",
     false, "", "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 3}}"},
    {"R-5.2-1", "FCGI_PARAMS ends between two name-value pairs",
     "FCGI_PARAMS of request 1 ends where its last pair lacks 2 or more bytes", false,
     BEGIN("FCGI_RESPONDER") "> {FCGI_PARAMS, 1, \"\\001\\002A\"}\n", "> {FCGI_PARAMS, 1, \"\"}"},
    {"R-5.5-1", one_end, "a second FCGI_END_REQUEST for request 1", true, REQUEST OUTPUT END, END},
    {"R-5.5-1", one_end, "the connection closes while request 1 is being answered", true,
     REQUEST "< {FCGI_STDERR, 1, \"x\"}\n", "< close"},
    {"R-5.5-3", "the body of FCGI_END_REQUEST has 8 bytes", "FCGI_END_REQUEST for request 1 with a body of size 5",
     false, REQUEST OUTPUT, "< {FCGI_END_REQUEST, 1, \"\\000\\000\\000\\000\\000\"}"},
    {"R-5.5-4", "the reserved bytes of FCGI_END_REQUEST are zero",
     "FCGI_END_REQUEST for request 1 with reserved bytes 00 00 78", false, REQUEST OUTPUT,
     "< {FCGI_END_REQUEST, 1, \"\\000\\000\\000\\000\\000\\000\\000x\"}"},
    {"R-5.5-5", "the protocol status is one of the four that the specification defines",
     "FCGI_END_REQUEST for request 1 with protocol status 4", false, REQUEST OUTPUT, "< {FCGI_END_REQUEST, 1, {0, 4}}"},
    {"R-6.1-2", "FCGI_PARAMS ends before FCGI_STDIN begins", "FCGI_STDIN for request 1 while FCGI_PARAMS is open",
     false, BEGIN("FCGI_RESPONDER"), "> {FCGI_STDIN, 1, \"abc\"}"},
    {"R-6.1-7", "at least one FCGI_STDOUT record before FCGI_END_REQUEST with FCGI_REQUEST_COMPLETE",
     "FCGI_END_REQUEST for request 1 without FCGI_STDOUT", false, REQUEST, END},
    {"R-6.1-10", "values in FCGI_PARAMS hold no NUL byte", "FCGI_PARAMS for request 1 with a NUL byte in a value",
     false, BEGIN("FCGI_RESPONDER"), "> {FCGI_PARAMS, 1, [A=\"1\\000\"]}"},
    {"R-6.2-10", late_output, "FCGI_STDOUT for request 1 while FCGI_PARAMS is open", false, BEGIN("FCGI_RESPONDER"),
     "< {FCGI_STDOUT, 1, \"x\"}"},
    {"R-6.3-3", late_output, "FCGI_STDERR for request 1 while FCGI_PARAMS is open", false, BEGIN("FCGI_AUTHORIZER"),
     "< {FCGI_STDERR, 1, \"x\"}"},
    {"R-6.4-3", "FCGI_STDIN ends before FCGI_DATA begins", "FCGI_DATA for request 1 while FCGI_STDIN is open", false,
     BEGIN("FCGI_FILTER") PARAMS, "> {FCGI_DATA, 1, \"d\"}"},
    {"R-6.4-5", "FCGI_DATA only for a Filter", "FCGI_DATA for request 1, which has another role", true, REQUEST,
     "> {FCGI_DATA, 1, \"\"}"},
    {"R-6.4-9", "no FCGI_STDOUT and no FCGI_STDERR of a Filter before the end of FCGI_STDIN",
     "FCGI_STDOUT for request 1 while FCGI_STDIN is open", false,
     BEGIN("FCGI_FILTER") PARAMS "> {FCGI_STDIN, 1, \"a\"}\n", "< {FCGI_STDOUT, 1, \"x\"}"},
    {"R-8-1", zero_byte, "FCGI_STDOUT for request 1 with reserved byte 7", false, REQUEST,
     "< {FCGI_STDOUT, 1, \"x\", reserved=7}"},
    {"R-8-2", zero_byte, "FCGI_GET_VALUES with reserved byte 255", false, "",
     "> {FCGI_GET_VALUES, 0, \"\", reserved=255}"},
    {"R-A-1", "the application sends only types that go to the web server", "FCGI_PARAMS", true, REQUEST,
     "< {FCGI_PARAMS, 1, \"\"}"},
    {"R-A-2", "the web server sends only types that go to the application", "FCGI_GET_VALUES_RESULT", true, "",
     "> {FCGI_GET_VALUES_RESULT, 0, \"\"}"},
};

BOOST_AUTO_TEST_CASE(each_breach_is_accused_of_its_requirement_alone) {
    for (const Breach& breach : breaches) {
        BOOST_TEST_CONTEXT(breach.requirement << " by " << breach.line) {
            Conversation conversation;
            conversation.say(breach.before);
            BOOST_TEST(conversation.accused == std::vector<Accused>{}, boost::test_tools::per_element());
            conversation.say(breach.line);
            BOOST_TEST_REQUIRE(conversation.accused.size() == 1U);
            BOOST_TEST(conversation.accused[0].requirement == breach.requirement);
            BOOST_TEST(conversation.accused[0].wanted == breach.wanted);
            BOOST_TEST(conversation.accused[0].got == breach.got);
            BOOST_TEST(conversation.meaningless == breach.meaningless);
        }
    }
}

/// Breaches that come with another one, or that are about padding.
struct SeveralBreaches {
    struct Entry {
        const char* requirement;
        const char* wanted;
        const char* got;
    };
    std::vector<Entry> accused;  // in this order
    std::string text;
    bool padded = true;
};
constexpr const char* eight_bytes = "the size of a record is a multiple of eight bytes";
constexpr const char* params_first = "FCGI_PARAMS ends before FCGI_STDIN begins";
constexpr const char* std_in_first = "FCGI_STDIN ends before FCGI_DATA begins";
const std::vector<SeveralBreaches> several_breaches{
    {{{"R-3.3-18", eight_bytes, "FCGI_STDOUT for request 1 of 9 bytes"}},
     BEGIN("FCGI_RESPONDER") "> {FCGI_PARAMS, 1, \"\"}\n< {FCGI_STDOUT, 1, \"x\"}\n",
     false},
    {{{"R-5.1-1", "the body of FCGI_BEGIN_REQUEST has 8 bytes",
       "FCGI_BEGIN_REQUEST for request 1 with a body of size 3"}},
     "> {FCGI_BEGIN_REQUEST, 1, \"abc\"}\n",
     false},
    {{{"R-3.3-19", eight_bytes, "type 12 of 11 bytes"}}, "> {12, 0, \"abc\"}\n", false},
    {{{"R-3.3-34", "FCGI_STDOUT ends with an empty record before FCGI_END_REQUEST",
       "FCGI_END_REQUEST for request 1 while FCGI_STDOUT is open"},
      {"R-3.3-35", "FCGI_STDERR that had content ends with an empty record before FCGI_END_REQUEST",
       "FCGI_END_REQUEST for request 1 while FCGI_STDERR is open"}},
     REQUEST "< {FCGI_STDOUT, 1, \"x\"}\n< {FCGI_STDERR, 1, \"x\"}\n" END},
    {{{"R-6.1-2", params_first, "FCGI_STDIN for request 1 while FCGI_PARAMS is open"},
      {"R-3.3-36", ended_inputs, "the end of FCGI_STDIN for request 1 while FCGI_PARAMS is open"}},
     BEGIN("FCGI_RESPONDER") "> {FCGI_PARAMS, 1, [A=\"1\"]}\n> {FCGI_STDIN, 1, \"\"}\n"},
    {{{"R-6.1-2", params_first, "FCGI_STDIN for request 1 while FCGI_PARAMS is open"},
      {"R-6.1-8", all_inputs, "the end of FCGI_STDIN for request 1 without FCGI_PARAMS"}},
     BEGIN("FCGI_RESPONDER") "> {FCGI_STDIN, 1, \"\"}\n"},
    {{{"R-6.4-3", std_in_first, "FCGI_DATA for request 1 while FCGI_STDIN is open"},
      {"R-6.1-8", all_inputs, "the end of FCGI_DATA for request 1 without FCGI_STDIN"}},
     BEGIN("FCGI_FILTER") PARAMS "> {FCGI_DATA, 1, \"\"}\n"},
    {{{"R-6.4-3", std_in_first, "FCGI_DATA for request 1 while FCGI_STDIN is open"},
      {"R-3.3-36", ended_inputs, "the end of FCGI_DATA for request 1 while FCGI_STDIN is open"}},
     BEGIN("FCGI_FILTER") PARAMS "> {FCGI_STDIN, 1, \"a\"}\n> {FCGI_DATA, 1, \"\"}\n"},
    {{{"R-6.1-2", params_first, "FCGI_STDIN for request 1 while FCGI_PARAMS is open"},
      {"R-6.1-2", params_first, "FCGI_STDIN for request 1 while FCGI_PARAMS is open"}},
     BEGIN("FCGI_AUTHORIZER") "> {FCGI_STDIN, 1, \"a\"}\n> {FCGI_STDIN, 1, \"\"}\n" PARAMS},
    {{{"R-4.2-3", "the body of FCGI_UNKNOWN_TYPE has 8 bytes", "FCGI_UNKNOWN_TYPE with a body of size 0"},
      {"R-4.2-2", "one FCGI_UNKNOWN_TYPE for each management record that is not understood",
       "FCGI_UNKNOWN_TYPE without a record of unknown type"}},
     "< {FCGI_UNKNOWN_TYPE, 0, \"\"}\n"},
};

BOOST_AUTO_TEST_CASE(breaches_that_come_together_are_all_accused) {
    for (const SeveralBreaches& several : several_breaches) {
        BOOST_TEST_CONTEXT(several.text) {
            const auto accused = accused_in(several.text, several.padded);
            BOOST_TEST_REQUIRE(accused.size() == several.accused.size());
            for (std::size_t i = 0; i < accused.size(); ++i) {
                BOOST_TEST(accused[i].requirement == several.accused[i].requirement);
                BOOST_TEST(accused[i].wanted == several.accused[i].wanted);
                BOOST_TEST(accused[i].got == several.accused[i].got);
            }
        }
    }
}

// ---- the register ---------------------------------------------------------------------------------------------------

/// Id and bound side of the entries with proof = "checker".
std::set<std::pair<std::string, std::string>> registered() {
    const Register requirements = Register::load(FCGISPEC_SOURCE_DIR "/conformance/requirements.toml");
    std::set<std::pair<std::string, std::string>> result;
    for (const Requirement& requirement : requirements.all())
        if (requirement.proof == Proof::checker) result.emplace(requirement.id, name_of(requirement.binds));
    return result;
}

BOOST_AUTO_TEST_CASE(rules_and_register_are_one) {
    std::set<std::pair<std::string, std::string>> rules;
    for (const RuleText& text : rule_texts()) rules.emplace(text.requirement, name_of(text.binds));
    BOOST_TEST(rules.size() == rule_texts().size());
    const auto entries = registered();
    for (const auto& [id, side] : entries) BOOST_TEST(rules.contains({id, side}), id << " has no accusation");
    for (const auto& [id, side] : rules)
        BOOST_TEST(entries.contains({id, side}), id << " of the " << side << " is not registered");
}

BOOST_AUTO_TEST_CASE(every_rule_is_shown_to_accuse) {
    std::set<std::string> shown;
    for (const Breach& breach : breaches) shown.insert(breach.requirement);
    for (const SeveralBreaches& several : several_breaches)
        for (const SeveralBreaches::Entry& entry : several.accused) shown.insert(entry.requirement);
    for (const RuleText& text : rule_texts())
        BOOST_TEST(shown.contains(std::string(text.requirement)), text.requirement);
}

}  // namespace

BOOST_AUTO_TEST_SUITE_END()

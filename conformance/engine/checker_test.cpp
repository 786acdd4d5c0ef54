#include "conformance/engine/checker.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <set>
#include <tuple>

#include "codec/notation.hpp"
#include "conformance/engine/checker_lifecycle.hpp"
#include "conformance/engine/checker_rules.hpp"
#include "conformance/engine/requirements.hpp"

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(checker)

namespace {

/// An accusation, and the line of the conversation that it was made at.
struct Accused {
    std::string line;
    std::string requirement;
    std::string wanted;
    std::string got;
    bool operator==(const Accused&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Accused& accused) {
    return out << accused.requirement << ": " << accused.got << " (wanted: " << accused.wanted << ") at "
               << accused.line;
}

/// Shows a conversation to a checker: "> {...}" and "< {...}" are records of the Web server and of the application,
/// "> close" and "< close 5" ends, with what the last record lacks. Records are padded as recommended [§3.3] where
/// `padded`, so that only what a test is about is accused.
class Conversation {
public:
    explicit Conversation(bool padded = true) : padded_(padded) {}

    void say(std::string_view text) {
        while (!text.empty()) {
            const std::size_t end = std::min(text.find('\n'), text.size());
            say_line(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
    }

    LifecycleChecker checker;
    std::vector<Accused> accused;
    bool meaningless = false;  // the last line

private:
    void say_line(std::string_view line) {
        if (line.empty()) return;
        const Side from = line[0] == '>' ? Side::web_server : Side::application;
        NotationScanner scanner(line.substr(2));
        if (scanner.accept("close")) {
            return note(line, checker.see_end(from, scanner.at_end() ? 0 : scanner.number(65536)));
        }
        Buffer bytes;
        BOOST_TEST_REQUIRE(encode(scanner.record(), bytes) == "");
        Record record = *decode_record(bytes).record;
        const Buffer padding(padded_ && record.padding.empty() ? (8 - bytes.size() % 8) % 8 : record.padding.size());
        record.padding = padding;
        note(line, checker.see_record(from, record));
    }
    void note(std::string_view line, const Judgement& judgement) {
        meaningless = judgement.meaningless;
        for (const Accusation& accusation : judgement.accusations)
            accused.push_back(
                {std::string(line), std::string(accusation.requirement), accusation.wanted, accusation.got});
    }

    bool padded_;
};

std::vector<Accused> accused_in(std::string_view text, bool padded = true) {
    Conversation conversation(padded);
    conversation.say(text);
    return conversation.accused;
}

std::multiset<std::string> requirements_of(const std::vector<Accused>& accused) {
    std::multiset<std::string> result;
    for (const Accused& one : accused) result.insert(one.requirement);
    return result;
}

// Parts of conversations.
#define BEGIN(role) "> {FCGI_BEGIN_REQUEST, 1, {" role ", FCGI_KEEP_CONN}}\n"
#define PARAMS "> {FCGI_PARAMS, 1, [A=\"1\"]}\n> {FCGI_PARAMS, 1, \"\"}\n"
#define REQUEST BEGIN("FCGI_RESPONDER") PARAMS "> {FCGI_STDIN, 1, \"\"}\n"
#define OUTPUT "< {FCGI_STDOUT, 1, \"x\"}\n< {FCGI_STDOUT, 1, \"\"}\n"
#define END "< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}\n"

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
    {"short lengths in four bytes, and a NUL in a name",
     BEGIN("FCGI_RESPONDER") "> {FCGI_PARAMS, 1, [long A=long \"1\" \"B\\000\"=\"2\"]}\n> {FCGI_PARAMS, 1, \"\"}\n"
                             "> {FCGI_STDIN, 1, \"\"}\n" OUTPUT END},
};

BOOST_AUTO_TEST_CASE(nobody_is_accused_in_legal_conversations) {
    for (const Legal& one : legal) BOOST_TEST_CONTEXT(one.title)
    BOOST_TEST(accused_in(one.text) == std::vector<Accused>{}, boost::test_tools::per_element());
}

// ---- accusations ----------------------------------------------------------------------------------------------------

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
    {"R-4.2-2", "one FCGI_UNKNOWN_TYPE for each management record of unknown type",
     "FCGI_UNKNOWN_TYPE without a record of unknown type", true, "> {99, 0, \"\"}\n< {FCGI_UNKNOWN_TYPE, 0, {99}}\n",
     "< {FCGI_UNKNOWN_TYPE, 0, {99}}"},
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
      {"R-4.2-2", "one FCGI_UNKNOWN_TYPE for each management record of unknown type",
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

// ---- the table of states and records --------------------------------------------------------------------------------

using enum RequestState;

struct Column {
    RecordType type;
    bool empty;
};
constexpr std::array<Column, 16> columns{{
    {RecordType::begin_request, false},
    {RecordType::abort_request, true},
    {RecordType::abort_request, false},
    {RecordType::end_request, false},
    {RecordType::end_request, true},
    {RecordType::begin_request, true},
    {RecordType::params, false},
    {RecordType::params, true},
    {RecordType::std_in, false},
    {RecordType::std_in, true},
    {RecordType::data, false},
    {RecordType::data, true},
    {RecordType::std_out, false},
    {RecordType::std_out, true},
    {RecordType::std_err, false},
    {RecordType::std_err, true},
}};
/// What is expected in a state: where BEGIN, ABORT and END lead (empty or not), where the six kinds of input records
/// do, and where output does (of either stream, empty or not).
struct Row {
    RequestState state;
    std::vector<Role> roles;
    std::array<Transition, 3> discrete;
    std::array<Transition, 6> input;
    Transition output;
};
const std::vector<Role> all_roles{Role::responder, Role::authorizer, Role::filter};
constexpr Transition again{undefined, Rule::begins_active_id};

constexpr Transition accused(RequestState state, Rule rule) {
    return {state, rule};
}
constexpr Transition never_begun = accused(inactive, Rule::web_server_inactive_id);

const std::vector<Row> rows{
    {inactive,
     all_roles,
     {Transition{reading_params}, never_begun, accused(inactive, Rule::application_inactive_id)},
     {never_begun, never_begun, never_begun, never_begun, never_begun, never_begun},
     accused(inactive, Rule::application_inactive_id)},
    {reading_params,
     {Role::responder},
     {again, Transition{aborted}, Transition{ended}},
     {Transition{reading_params}, Transition{reading_std_in}, accused(reading_params, Rule::std_in_before_params_end),
      accused(reading_params, Rule::std_in_before_params_end), accused(reading_params, Rule::data_for_other_role),
      accused(reading_params, Rule::data_for_other_role)},
     accused(reading_params, Rule::responder_early_output)},
    {reading_params,
     {Role::authorizer},
     {again, Transition{aborted}, Transition{ended}},
     {Transition{reading_params}, Transition{input_complete}, accused(reading_params, Rule::std_in_before_params_end),
      accused(reading_params, Rule::std_in_before_params_end), accused(reading_params, Rule::data_for_other_role),
      accused(reading_params, Rule::data_for_other_role)},
     accused(reading_params, Rule::authorizer_early_output)},
    {reading_params,
     {Role::filter},
     {again, Transition{aborted}, Transition{ended}},
     {Transition{reading_params}, Transition{reading_std_in}, accused(reading_params, Rule::std_in_before_params_end),
      accused(reading_params, Rule::std_in_before_params_end), accused(reading_params, Rule::data_before_std_in_end),
      accused(reading_params, Rule::data_before_std_in_end)},
     accused(reading_params, Rule::filter_early_output)},
    {reading_std_in,
     {Role::responder},
     {again, Transition{aborted}, Transition{ended}},
     {accused(reading_std_in, Rule::input_after_stream_end), accused(reading_std_in, Rule::input_after_stream_end),
      Transition{reading_std_in}, Transition{input_complete}, accused(reading_std_in, Rule::data_for_other_role),
      accused(reading_std_in, Rule::data_for_other_role)},
     Transition{reading_std_in}},
    {reading_std_in,
     {Role::filter},
     {again, Transition{aborted}, Transition{ended}},
     {accused(reading_std_in, Rule::input_after_stream_end), accused(reading_std_in, Rule::input_after_stream_end),
      Transition{reading_std_in}, Transition{reading_data}, accused(reading_std_in, Rule::data_before_std_in_end),
      accused(reading_std_in, Rule::data_before_std_in_end)},
     accused(reading_std_in, Rule::filter_early_output)},
    {reading_data,
     {Role::filter},
     {again, Transition{aborted}, Transition{ended}},
     {accused(reading_data, Rule::input_after_stream_end), accused(reading_data, Rule::input_after_stream_end),
      accused(reading_data, Rule::input_after_stream_end), accused(reading_data, Rule::input_after_stream_end),
      Transition{reading_data}, Transition{input_complete}},
     Transition{reading_data}},
    {input_complete,
     {Role::responder},
     {again, Transition{aborted}, Transition{ended}},
     {accused(input_complete, Rule::input_after_stream_end), accused(input_complete, Rule::input_after_stream_end),
      accused(input_complete, Rule::input_after_stream_end), accused(input_complete, Rule::input_after_stream_end),
      accused(input_complete, Rule::data_for_other_role), accused(input_complete, Rule::data_for_other_role)},
     Transition{input_complete}},
    {input_complete,
     {Role::authorizer},
     {again, Transition{aborted}, Transition{ended}},
     {accused(input_complete, Rule::input_after_stream_end), accused(input_complete, Rule::input_after_stream_end),
      Transition{input_complete}, Transition{input_complete}, accused(input_complete, Rule::data_for_other_role),
      accused(input_complete, Rule::data_for_other_role)},
     Transition{input_complete}},
    {input_complete,
     {Role::filter},
     {again, Transition{aborted}, Transition{ended}},
     {accused(input_complete, Rule::input_after_stream_end), accused(input_complete, Rule::input_after_stream_end),
      accused(input_complete, Rule::input_after_stream_end), accused(input_complete, Rule::input_after_stream_end),
      accused(input_complete, Rule::input_after_stream_end), accused(input_complete, Rule::input_after_stream_end)},
     Transition{input_complete}},
    {aborted,
     all_roles,
     {again, Transition{aborted}, Transition{ended}},
     {Transition{aborted}, Transition{aborted}, Transition{aborted}, Transition{aborted}, Transition{aborted},
      Transition{aborted}},
     Transition{aborted}},
    {ended,
     all_roles,
     {Transition{reading_params}, Transition{ended}, accused(ended, Rule::end_request_once)},
     {Transition{ended}, Transition{ended}, Transition{ended}, Transition{ended}, Transition{ended}, Transition{ended}},
     accused(ended, Rule::output_after_end_request)},
    {undefined,
     all_roles,
     {Transition{undefined}, Transition{undefined}, Transition{undefined}},
     {Transition{undefined}, Transition{undefined}, Transition{undefined}, Transition{undefined}, Transition{undefined},
      Transition{undefined}},
     Transition{undefined}},
};

const Transition& expected_of(const Row& row, const Column& column) {
    const std::size_t empty = column.empty ? 1 : 0;
    if (column.type == RecordType::begin_request) return row.discrete[0];
    if (column.type == RecordType::abort_request) return row.discrete[1];
    if (column.type == RecordType::end_request) return row.discrete[2];
    if (column.type == RecordType::params) return row.input[empty];
    if (column.type == RecordType::std_in) return row.input[2 + empty];
    if (column.type == RecordType::data) return row.input[4 + empty];
    return row.output;
}

std::string name_of_cell(const Row& row, Role role, const Column& column) {
    return "state " + std::to_string(static_cast<unsigned>(row.state)) + ", " + std::string(name_of(role)) + ", " +
           print(column.type) + (column.empty ? " \"\"" : "");
}

BOOST_AUTO_TEST_CASE(every_state_meets_every_record) {
    std::set<std::pair<RequestState, Role>> walked;
    for (const Row& row : rows)
        for (const Role role : row.roles) {
            walked.emplace(row.state, role);
            for (const Column& column : columns)
                BOOST_TEST((transition(row.state, role, column.type, column.empty) == expected_of(row, column)),
                           name_of_cell(row, role, column));
        }
    // An Authorizer never reads FCGI_STDIN and only a Filter FCGI_DATA; all else was walked.
    BOOST_TEST(walked.size() == 8U * 3U - 3U);
}

/// A conversation that leads request 1 into a state; nothing where the role never comes there.
std::optional<std::string> way_to(RequestState state, Role role) {
    const std::string begun = "> {FCGI_BEGIN_REQUEST, 1, {" + std::string(name_of(role)) + ", FCGI_KEEP_CONN}}\n";
    const std::string params = "> {FCGI_PARAMS, 1, \"\"}\n";
    const std::string std_in = role == Role::authorizer ? "" : "> {FCGI_STDIN, 1, \"\"}\n";
    const std::string data = role == Role::filter ? "> {FCGI_DATA, 1, \"\"}\n" : "";
    switch (state) {
        case inactive:
            return "";
        case reading_params:
            return begun;
        case reading_std_in:
            if (role == Role::authorizer) return std::nullopt;
            return begun + params;
        case reading_data:
            if (role != Role::filter) return std::nullopt;
            return begun + params + std_in;
        case input_complete:
            return begun + params + std_in + data;
        case aborted:
            return begun + "> {FCGI_ABORT_REQUEST, 1}\n";
        case ended:
            return begun + "< {FCGI_END_REQUEST, 1, {0, FCGI_OVERLOADED}}\n";
        case undefined:
            return begun + begun;
    }
    return std::nullopt;
}

/// A record with a right body or, where `empty`, none; FCGI_END_REQUEST rejects, so that it asks for no streams.
std::string line_of(const Column& column) {
    const std::string start =
        (properties_of(column.type)->to_application ? "> {" : "< {") + print(column.type) + ", 1, ";
    if (column.empty) return start + "\"\"}";
    if (column.type == RecordType::begin_request) return start + "{FCGI_RESPONDER, FCGI_KEEP_CONN}}";
    if (column.type == RecordType::end_request) return start + "{0, FCGI_OVERLOADED}}";
    return start + "\"\\000\\000\"}";
}

/// What a record is accused of beside its place: the size of an empty body, and streams that never came [R-6.1-8].
std::multiset<std::string> accused_beside(RequestState state, Role role, const Column& column) {
    if (column.empty && column.type == RecordType::begin_request) return {"R-5.1-1"};
    if (column.empty && column.type == RecordType::end_request) return {"R-5.5-3"};
    const bool last_std_in = column.type == RecordType::std_in && role == Role::responder;
    const bool last_data = column.type == RecordType::data && role == Role::filter;
    if (column.empty && state == reading_params && last_std_in) return {"R-6.1-8"};
    if (column.empty && state == reading_params && last_data) return {"R-6.1-8", "R-6.1-8"};
    if (column.empty && state == reading_std_in && last_data) return {"R-6.1-8"};
    return {};
}

BOOST_AUTO_TEST_CASE(conversations_go_through_every_state) {
    for (const Row& row : rows)
        for (const Role role : row.roles) {
            const auto way = way_to(row.state, role);
            BOOST_TEST_REQUIRE(way.has_value());
            for (const Column& column : columns) {
                BOOST_TEST_CONTEXT(name_of_cell(row, role, column)) {
                    Conversation conversation;
                    conversation.say(*way);
                    conversation.accused.clear();
                    conversation.say(line_of(column));
                    const Transition& expected = expected_of(row, column);
                    auto requirements = accused_beside(row.state, role, column);
                    if (expected.broken) requirements.emplace(text_for(*expected.broken).requirement);
                    BOOST_TEST(requirements_of(conversation.accused) == requirements, boost::test_tools::per_element());
                    const bool ends = column.type == RecordType::end_request || expected.next == ended;
                    const bool active = !ends && expected.next != inactive;
                    BOOST_TEST(conversation.checker.num_active() == (active ? 1U : 0U));
                }
            }
        }
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

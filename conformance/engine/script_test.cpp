#include "conformance/engine/script.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "conformance/engine/test_folder.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(script)

namespace {

const std::string head = "scenario  What it shows\nproves    R-5.5-2\n";

ParsedScript parsed(const std::string& text, Side side = Side::application) {
    return parse_script(text, "application/x/y", "y.fcs", side);
}

std::vector<Step> steps_of(const std::string& lines, Side side = Side::application) {
    ParsedScript script = parsed(head + lines, side);
    if (!script.errors.empty()) BOOST_FAIL(script.errors.front().print());
    BOOST_TEST_REQUIRE(script.scenarios.size() == 1U);
    return script.scenarios.front().steps;
}

Step step_of(const std::string& line) {
    std::vector<Step> steps = steps_of(line);
    BOOST_TEST_REQUIRE(steps.size() == 1U);
    return steps.front();
}

template <class Action>
Action action_of(const std::string& line) {
    const Step step = step_of(line);
    const auto* action = std::get_if<Action>(&step.action);
    BOOST_TEST_REQUIRE(action != nullptr, line << " is another kind of line");
    return *action;
}

/// The first error of a text, printed.
std::string error_of(const std::string& text, Side side = Side::application) {
    const ParsedScript script = parsed(text, side);
    BOOST_TEST(script.scenarios.empty(), text);
    return script.errors.size() == 1 ? script.errors.front().print() : std::to_string(script.errors.size()) + " errors";
}

std::vector<std::string> names_of(const ParsedScript& script) {
    std::vector<std::string> names;
    for (const Scenario& scenario : script.scenarios) names.push_back(scenario.name);
    return names;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_head) {
    const ParsedScript script = parsed(
        "# A comment first.\n\nscenario  A sentence, with # and all \nproves    R-5.5-2, R-3.3-1\nproves R-4.1-1\n"
        "needs     echo, keep-conn  # why\n> close\n");
    BOOST_TEST_REQUIRE(script.scenarios.size() == 1U);
    const Scenario& scenario = script.scenarios.front();
    BOOST_TEST(scenario.name == "application/x/y");
    BOOST_TEST(scenario.file == "y.fcs");
    BOOST_TEST(scenario.title == "A sentence, with # and all");
    BOOST_TEST((scenario.side == Side::application));
    BOOST_TEST((scenario.proves == std::vector<std::string>{"R-5.5-2", "R-3.3-1", "R-4.1-1"}));
    BOOST_TEST((scenario.needs == std::vector<std::string>{"echo", "keep-conn"}));
    BOOST_TEST(scenario.steps.front().line == 7U);
}

BOOST_AUTO_TEST_CASE(what_our_side_says) {
    const auto send = action_of<Send>("> {FCGI_STDIN, 7, \"on\", padding=3, reserved=1, version=2, length=9}\n");
    const auto record = std::get<RecordPattern>(send.line);
    BOOST_TEST((record.type == RecordType::std_in));
    BOOST_TEST((record.request_id == NumberPattern(7)));
    BOOST_TEST((record.content == std::variant<TextPattern, BodyPattern, PairsPattern>(TextPattern{.text = "on"})));
    BOOST_TEST(record.padding == std::string(3, '\0'));
    BOOST_TEST(record.reserved == 1);
    BOOST_TEST(record.version == 2);
    BOOST_TEST((record.content_length == std::optional<std::uint16_t>(9)));
    BOOST_TEST((std::get<RawBytes>(action_of<Send>("> raw 01 fF \"abc\" random(2)\n").line).bytes == "\x01\xff" "abc" + random_bytes(2, 1)));
    BOOST_TEST((action_of<CloseOurs>("> connect").how == Closing::connect));
    BOOST_TEST((action_of<CloseOurs>("> close").how == Closing::close));
    BOOST_TEST((action_of<CloseOurs>("> half-close").how == Closing::half_close));
    BOOST_TEST((action_of<CloseOurs>("> reset").how == Closing::reset));
}

BOOST_AUTO_TEST_CASE(a_whole_request) {
    const auto plain = action_of<SendRequest>("> request 1");
    BOOST_TEST(plain.request_id == 1);
    BOOST_TEST((plain.role == Role::responder));
    BOOST_TEST(plain.flags == keep_conn);
    BOOST_TEST(plain.pairs.pairs.empty());
    const auto full = action_of<SendRequest>("> request 65535 [A=\"1\"\n  B=long \"2\"] data=\"d\"*3 stdin=\"in\" flags=0 role=FCGI_FILTER");
    BOOST_TEST(full.request_id == 65535);
    BOOST_TEST(full.pairs.pairs.size() == 2U);
    BOOST_TEST(full.pairs.pairs[1].value->text == "2");
    BOOST_TEST((full.pairs.pairs[1].value_form == LengthForm::four_bytes));
    BOOST_TEST((full.role == Role::filter));
    BOOST_TEST(full.flags == 0);
    BOOST_TEST(full.std_in == "in");
    BOOST_TEST(full.data == "ddd");
    BOOST_TEST((action_of<SendRequest>("> request 1 role=FCGI_AUTHORIZER").role == Role::authorizer));
    BOOST_TEST((action_of<SendRequest>("> request 1 role=9").role == static_cast<Role>(9)));
    BOOST_TEST(action_of<SendRequest>("> request 1 flags=FCGI_KEEP_CONN").flags == keep_conn);
}

BOOST_AUTO_TEST_CASE(what_the_peer_must_say) {
    const auto expected = action_of<Expect>("< {FCGI_END_REQUEST, 2, {*, FCGI_OVERLOADED}}").record;
    BOOST_TEST((std::get<BodyPattern>(expected.content) == BodyPattern{{std::nullopt, 2U}}));
    BOOST_TEST((std::get<TextPattern>(action_of<Expect>("< {FCGI_STDOUT, 1, \"...one\"}").record.content) == TextPattern{"one", true, false}));
    const auto response = action_of<ExpectResponse>("< response 3 status=404 \"not \" + \"found...\"");
    BOOST_TEST(response.request_id == 3);
    BOOST_TEST((response.status == std::optional(404U)));
    BOOST_TEST((*response.body == TextPattern{"not found", false, true}));
    const auto bare = action_of<ExpectResponse>("< response 3");
    BOOST_TEST(!bare.status.has_value());
    BOOST_TEST(!bare.body.has_value());
    (void)action_of<ExpectClose>("< close");
    (void)action_of<ExpectClose>("< reset");  // as a trace says it
}

BOOST_AUTO_TEST_CASE(directives) {
    BOOST_TEST((action_of<Cut>("cut 3 0x08").offsets == std::vector<std::uint32_t>{3, 8}));
    BOOST_TEST(action_of<ReadSize>("reads 512").size == 512U);
    const auto start = action_of<StartPeer>("process start [FCGI_WEB_SERVER_ADDRS=\"10.0.0.1\" B=2] tcp");
    BOOST_TEST(start.tcp);
    BOOST_TEST((start.environment == std::vector<std::pair<std::string, std::string>>{{"FCGI_WEB_SERVER_ADDRS", "10.0.0.1"}, {"B", "2"}}));
    BOOST_TEST(!action_of<StartPeer>("process start unix").tcp);
    BOOST_TEST(action_of<SignalPeer>("process signal SIGUSR1").signal == SIGUSR1);
    BOOST_TEST(action_of<SignalPeer>("process signal SIGHUP").signal == SIGHUP);
    BOOST_TEST((action_of<ExpectExit>("process exits 7").status == std::optional(7U)));
    BOOST_TEST(!action_of<ExpectExit>("process exits *").status.has_value());
    (void)action_of<Stop>("stop");
}

BOOST_AUTO_TEST_CASE(connections_have_names) {
    const std::vector<Step> steps = steps_of("> connect\nb> close\nb < close\n");
    BOOST_TEST_REQUIRE(steps.size() == 3U);
    BOOST_TEST(steps[0].connection.empty());
    BOOST_TEST(steps[1].connection == "b");
    BOOST_TEST(steps[2].connection == "b");
    BOOST_TEST(std::holds_alternative<ExpectClose>(steps[2].action));
}

BOOST_AUTO_TEST_CASE(alternatives) {
    const std::vector<Step> steps = steps_of(
        "either one  # [§3.3]\n    < close\nor tolerated two\n    < response 2\n    > close\n    stop\nor unjudged three\n    process exits *\nend\n> close\n");
    BOOST_TEST_REQUIRE(steps.size() == 2U);
    const auto& all = std::get<Either>(steps[0].action).alternatives;
    BOOST_TEST_REQUIRE(all.size() == 3U);
    BOOST_TEST(all[0].name == "one");
    BOOST_TEST((all[0].kind == Alternative::Kind::fine));
    BOOST_TEST(all[1].name == "two");
    BOOST_TEST((all[1].kind == Alternative::Kind::tolerated));
    BOOST_TEST((all[2].kind == Alternative::Kind::unjudged));
    BOOST_TEST(all[1].steps.size() == 3U);
    BOOST_TEST(all[1].steps[1].line == 7U);
    BOOST_TEST(std::holds_alternative<ExpectExit>(all[2].steps.front().action));
    BOOST_TEST(print(steps[0], Side::application) == "either one (< close) or tolerated two (< response 2; > close; stop) or unjudged three (process exits *)");
}

BOOST_AUTO_TEST_CASE(steps_print_as_they_are_written) {
    const std::vector<std::string> lines{"> request 1", "either  one", "    < close", "or      tolerated two", "    < response 2", "    > close", "end", "< close"};
    std::string text;
    for (const std::string& line : lines) text += line + '\n';
    BOOST_TEST(lines_of(steps_of(text), Side::application) == lines, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_shorter_is_plainer) {
    const auto size = [](const std::string& lines) { return reading_size({.name = "a", .steps = steps_of(lines)}); };
    std::string pairs;
    for (int i = 10; i < 40; ++i) pairs += " A" + std::to_string(i) + "=\"\"";
    BOOST_TEST(size("> {FCGI_DATA, 65535, \"\"}\n") == size("> {FCGI_STDIN, 1, \"\"}\n"));
    BOOST_TEST(size("> request 1 stdin=\"a\"\n") < size("> request 1 [" + pairs + "]\n"));
    BOOST_TEST(size("> request 1 [" + pairs + "]\n") < size("> request 1 stdin=\"a\"\n< close\n> close\n< close\n"));
    BOOST_TEST(reading_size({.name = "a", .unread = std::make_shared<ScenarioSource>()}) == SIZE_MAX);
}

BOOST_AUTO_TEST_CASE(every_line_prints_as_it_is_written) {
    for (const std::string line : {
             "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}",
             "> {FCGI_STDIN, 1, \"a\", version=2, length=9, reserved=7, padding=3}",
             "> {FCGI_PARAMS, 1, [base A=\"1\" long B=long \"2\"]}",
             "> raw 01 02 ff",
             "> request 1",
             "> request 2 [A=\"1\"] role=FCGI_FILTER flags=0 stdin=\"in\" data=\"d\"*65536",
             "> request 2 role=9",
             "> connect",
             "> close",
             "> half-close",
             "> reset",
             "b> close",
             "< {FCGI_STDOUT, 1, \"...a...\"}",
             "< {FCGI_GET_VALUES_RESULT, 0, [A=\"1\" ...]}",
             "< {FCGI_END_REQUEST, 1, {*, FCGI_CANT_MPX_CONN}}",
             "< {FCGI_UNKNOWN_TYPE, 0, {42}}",
             "< response 1",
             "< response 1 status=404 \"...x\"",
             "b< close",
             "cut 3 8",
             "reads 512",
             "process start",
             "process start [A=\"1\"] tcp",
             "process signal SIGTERM",
             "process signal SIGKILL",
             "process exits 0",
             "process exits *",
             "stop",
         }) {
        BOOST_TEST(print(step_of(line), Side::application, PrintStyle::exact) == line);
        BOOST_TEST(print(step_of(print(step_of(line), Side::application, PrintStyle::exact)), Side::application, PrintStyle::exact) == line);
    }
}

BOOST_AUTO_TEST_CASE(a_table_makes_cases) {
    const std::string dialogue = "> {FCGI_STDIN, N, \"x\\(N)\"}\n";
    const ParsedScript script = parsed(head + "each N in 1 7..9 0xff\n" + dialogue);
    BOOST_TEST((names_of(script) == std::vector<std::string>{"application/x/y[N=1]", "application/x/y[N=7]", "application/x/y[N=8]",
                                                             "application/x/y[N=9]", "application/x/y[N=255]"}));
    BOOST_TEST(print(script.scenarios[2].steps.front(), Side::application) == "> {FCGI_STDIN, 8, \"x8\"}");
    const ParsedScript product = parsed(head + "each N in 1 2\neach M in 3..5\n" + dialogue);
    BOOST_TEST(product.scenarios.size() == 6U);
    BOOST_TEST(product.scenarios[1].name == "application/x/y[N=1,M=4]");
    BOOST_TEST(product.scenarios[5].name == "application/x/y[N=2,M=5]");
    // A table names record types and sizes too.
    const ParsedScript types = parsed(head + "each T in 12..13\n> {T, 0, \"a\"*T}\n");
    BOOST_TEST(print(types.scenarios[1].steps.front(), Side::application) == "> {13, 0, \"aaaaaaaaaaaaa\"}");
}

BOOST_AUTO_TEST_CASE(random_depends_on_the_seed_alone) {
    const std::string text = head + "> raw random(16)\n";
    const auto bytes = [&](std::uint64_t seed) {
        return std::get<RawBytes>(std::get<Send>(parse_script(text, "n", "f", Side::application, seed).scenarios.front().steps.front().action).line).bytes;
    };
    BOOST_TEST(bytes(1) == bytes(1));
    BOOST_TEST(bytes(1) != bytes(2));
}

BOOST_AUTO_TEST_CASE(capabilities_are_known_once_each) {
    const auto& all = known_capabilities();
    BOOST_TEST(std::set<std::string>(all.begin(), all.end()).size() == all.size());
    for (const std::string& one : all) BOOST_TEST(parsed("scenario a\nproves R-1-1\nneeds " + one + "\n> close").errors.empty(), one);
}

// Every error says where, what was expected, and shows the line with a caret under the place.

BOOST_AUTO_TEST_CASE(wrong_heads) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"", "y.fcs:1:1: expected 'scenario' and what it shows"},
        {"proves R-1-1\n> close\n", "y.fcs:2:1: expected 'scenario' and what it shows\n    > close\n    ^"},
        {"scenario\nproves R-1-1\n", "y.fcs:1:9: expected what the scenario shows, a sentence\n    scenario\n            ^"},
        {"scenario a\nscenario b\n", "y.fcs:2:9: expected one 'scenario' line in a file\n    scenario b\n            ^"},
        {"scenario a\n> close\n", "y.fcs:2:1: expected 'proves' and a requirement id\n    > close\n    ^"},
        {"scenario a\nproves\n", "y.fcs:2:7: expected a requirement id, R-5.5-2\n    proves\n          ^"},
        {"scenario a\nproves R-1-1,\n", "y.fcs:2:14: expected a requirement id, R-5.5-2\n    proves R-1-1,\n                 ^"},
        {"scenario a\nproves R-1-1 R-1-2\n", "y.fcs:2:14: expected the end of the line\n    proves R-1-1 R-1-2\n                 ^"},
        {"scenario a\nproves R-1-1\nneeds\n", "y.fcs:3:6: expected a capability\n    needs\n         ^"},
        {"scenario a\nproves R-1-1\n", "y.fcs:3:1: expected at least one line of dialogue"},
        {head + "each\n", "y.fcs:3:5: expected the table's name\n    each\n        ^"},
        {head + "each N 1\n", "y.fcs:3:8: expected 'in'\n    each N 1\n           ^"},
        {head + "each N in\n", "y.fcs:3:10: expected at least one value\n    each N in\n             ^"},
        {head + "each N in 3..1\n", "y.fcs:3:15: expected an ascending range of at most 4096 values\n    each N in 3..1\n                  ^"},
        {head + "each N in 0..4096\n", "y.fcs:3:18: expected an ascending range of at most 4096 values\n    each N in 0..4096\n                     ^"},
        {head + "each N in 1..x\n", "y.fcs:3:14: expected a number or the name of a table\n    each N in 1..x\n                 ^"},
        {head + "each N in 4294967296\n", "y.fcs:3:11: expected a number of at most 4294967295\n    each N in 4294967296\n              ^"},
        {head + "each N in 1\neach N in 2\n", "y.fcs:4:7: expected another name: there is a table 'N' already\n    each N in 2\n          ^"},
        {head + "each N in 0..1023\neach M in 0..4\n> close\n",
         "y.fcs:4:15: expected tables that make at most 4096 cases together\n    each M in 0..4\n                  ^"},
    };
    for (const auto& [text, message] : table) BOOST_TEST(error_of(text) == message);
}

BOOST_AUTO_TEST_CASE(unknown_capability) {
    const std::string error = error_of("scenario a\nproves R-1-1\nneeds echo, ecko\n> close\n");
    BOOST_TEST(error.starts_with("y.fcs:3:17: unknown capability 'ecko', expected one of: keep-conn "), error);
}

BOOST_AUTO_TEST_CASE(wrong_lines) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"!", "1: expected '>', '<', 'either', 'cut', 'reads', 'process', 'stop' or a connection's name"},
        {"hello", "6: expected '>' or '<'"},
        {"scenario again", "9: expected one 'scenario' line in a file"},
        {">", "2: expected a record, raw, request, connect, close, half-close or reset"},
        {"> response 1", "3: expected a record, raw, request, connect, close, half-close or reset"},
        {"> close now", "9: expected the end of the line"},
        {"> raw 1", "7: expected two hexadecimal digits, a string or random(N)"},
        {"> raw zz", "7: expected two hexadecimal digits, a string or random(N)"},
        {"> {FCGI_STDOUTS, 1}", "4: expected a record type of the specification, FCGI_..., or its number"},
        {"> {256, 1}", "4: expected a number of at most 255"},
        {"> {FCGI_STDIN}", "14: expected ','"},
        {"> {FCGI_STDIN, 65536, \"\"}", "16: expected a number of at most 65535"},
        {"> {FCGI_STDIN, 1, \"abc}", "24: expected '\"' at the end of the string"},
        {"> {FCGI_STDIN, 1, \"\\q\"}", "21: expected r n t \" \\ (N) or three octal digits after \\"},
        {"> {FCGI_STDIN, 1, \"\\400\"}", "21: expected an octal value of at most 377"},
        {"> {FCGI_STDIN, 1, {1, 2}}",
         "19: expected a string: only FCGI_BEGIN_REQUEST, FCGI_END_REQUEST and FCGI_UNKNOWN_TYPE have a body in braces"},
        {"> {FCGI_STDIN, 1, \"\", padding=256}", "31: expected a number of at most 255"},
        {"> {FCGI_STDIN, 1, \"\", pading=1}", "23: expected version=, length=, padding= or reserved="},
        {"> {FCGI_STDIN, *, \"\"}", "1: this record has parts left open (* or ... or a lone word): it can be expected, not sent"},
        {"    > {FCGI_STDIN, 1, \"a...\"}", "5: this record has parts left open (* or ... or a lone word): it can be expected, not sent"},
        {"> {FCGI_PARAMS, 1, [bass]}", "1: this record has parts left open (* or ... or a lone word): it can be expected, not sent"},
        {"> {FCGI_GET_VALUES, 0, \"a\"*65536}", "1: a content of more than 65535 bytes is cut into records only on a plain stream"},
        {"> request", "10: expected a number"},
        {"> request 65536", "11: expected a number of at most 65535"},
        {"> request 1 roll=1", "18: expected role=, flags=, stdin= or data= before here"},
        {"> request 1 role", "17: expected '='"},
        {"> request 1 role=FCGI_NONE", "18: expected a number or the name of a table"},
        {"> request 1 flags=256", "19: expected a number of at most 255"},
        {"> request 1 stdin=*", "19: expected a text without '...' or '*'"},
        {"> request 1 [A]", "1: expected NAME=\"value\" pairs without *, ... and lone words: a request has `base` already"},
        {"> request 1 [base A=\"1\"]", "1: expected NAME=\"value\" pairs without *, ... and lone words: a request has `base` already"},
        {"> request 1 [A=*]", "1: expected NAME=\"value\" pairs without *, ... and lone words: a request has `base` already"},
        {"> request 1 [A=\"1\" ...]", "1: expected NAME=\"value\" pairs without *, ... and lone words: a request has `base` already"},
        {"<", "2: expected a record, response or close"},
        {"< raw 01", "3: expected a record, response or close"},
        {"< response x", "12: expected a number or the name of a table"},
        {"< response 1 status", "20: expected '='"},
        {"< response 1 status=1000", "21: expected a number of at most 999"},
        {"< response 1 abc", "14: expected a string or random(N)"},
        {"< {FCGI_BEGIN_REQUEST, 1, {1, 0}}", "1: expected a record that an application says"},
        {"< {FCGI_ABORT_REQUEST, 1}", "1: expected a record that an application says"},
        {"< {FCGI_STDOUT, *, \"a\"}", "1: expected the id of one request, 1 to 65535"},
        {"< {FCGI_END_REQUEST, 0, *}", "1: expected the id of one request, 1 to 65535"},
        {"< {FCGI_STDOUT, 1, [A=* ...]}", "1: expected a text, or pairs without *, ... and lone words: a stream is compared byte by byte"},
        {"cut", "4: expected ascending offsets in bytes"},
        {"cut 8 3", "8: expected ascending offsets in bytes"},
        {"reads", "6: expected a number"},
        {"reads 1048577", "7: expected a number of at most 1048576"},
        {"process", "8: expected 'exits'"},
        {"process start [A]", "18: expected NAME=\"value\" pairs before here"},
        {"process signal", "15: expected a signal"},
        {"process signal SIGINT", "22: expected SIGTERM, SIGKILL, SIGUSR1 or SIGHUP before here"},
        {"process exits 256", "15: expected a number of at most 255"},
        {"either", "7: expected the alternative's name"},
    };
    for (const auto& [line, message] : table) {
        const std::size_t column = std::stoul(message);
        const std::string expected = "y.fcs:3:" + message + "\n    " + line + "\n    " + std::string(column - 1, ' ') + "^";
        BOOST_TEST(error_of(head + line + "\n") == expected);
    }
}

BOOST_AUTO_TEST_CASE(wrong_alternatives) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"either a\n> close\nend\n", "y.fcs:5:1: expected alternative 'a' to begin with an expectation ('<')\n    end\n    ^"},
        {"either a\nor b\n< close\nend\n", "y.fcs:4:1: expected alternative 'a' to begin with an expectation ('<')\n    or b\n    ^"},
        {"either a\n< close\n", "y.fcs:5:1: expected 'end'"},
        {"either a\n< close\neither b\n< close\nend\nend\n", "y.fcs:5:7: expected no 'either' within an 'either'\n    either b\n          ^"},
        {"either a\n< close\nor b\n< {FCGI_STDOUT, *, \"\"}\nend\n", "y.fcs:6:1: expected the id of one request, 1 to 65535\n    < {FCGI_STDOUT, *, \"\"}\n    ^"},
    };
    for (const auto& [lines, message] : table) BOOST_TEST(error_of(head + lines) == message);
}

BOOST_AUTO_TEST_CASE(an_error_in_one_case_of_a_table_names_the_case) {
    BOOST_TEST(error_of(head + "each N in 1 300\n> {FCGI_GET_VALUES, 0, \"abcd\"*1000 + \"a\"*N + \"x\"*61300}\n") ==
               "y.fcs:4:1: application/x/y[N=300]: a content of more than 65535 bytes is cut into records only on a plain stream\n"
               "    > {FCGI_GET_VALUES, 0, \"abcd\"*1000 + \"a\"*N + \"x\"*61300}\n    ^");
}

BOOST_AUTO_TEST_CASE(the_caret_stands_under_the_place_behind_tabs) {
    BOOST_TEST(error_of(head + "\t> raw\tzz\n") == "y.fcs:3:8: expected two hexadecimal digits, a string or random(N)\n     > raw zz\n           ^");
    BOOST_TEST(error_of(head + "> raw\xc3\xa4\x7f zz\n").ends_with("\n    > raw\xc3\xa4\\177 zz\n         ^"));
}

BOOST_AUTO_TEST_CASE(a_web_server_under_test_says_what_web_servers_say) {
    BOOST_TEST(parsed(head + "< {FCGI_ABORT_REQUEST, 1}\n", Side::web_server).errors.empty());
}

// What is said with a Web server.

namespace {

template <class Action>
Action web_action_of(const std::string& line, const std::string& connection = {}) {
    const std::vector<Step> steps = steps_of(line, Side::web_server);
    BOOST_TEST_REQUIRE(steps.size() == 1U);
    BOOST_TEST(steps.front().connection == connection);
    const auto* action = std::get_if<Action>(&steps.front().action);
    BOOST_TEST_REQUIRE(action != nullptr, line << " is another kind of line");
    return *action;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_variables_that_are_asked_for) {
    const std::string lines = "http> GET /\n> request 1 [A=\"1\" B=*] without=C\neither a\n    > request 2 [D=\"1\"]\nor b\n    > request 2 without=E\nend\n";
    const std::vector<std::string> names{"A", "B", "C", "D", "E"};
    BOOST_TEST(variables_asked(steps_of(lines, Side::web_server)) == names, boost::test_tools::per_element());
    BOOST_TEST(variables_asked(steps_of("> request 1 [A=\"1\"]\n< response 1\n")).empty());  // ours
}

BOOST_AUTO_TEST_CASE(http_requests) {
    const auto plain = web_action_of<HttpSend>("http> GET /hello?x=1\n", "http");
    BOOST_TEST(plain.method == "GET");
    BOOST_TEST(plain.target == "/hello?x=1");
    BOOST_TEST(!plain.http10);
    BOOST_TEST(plain.fields.empty());
    BOOST_TEST(plain.body.empty());
    const auto full = web_action_of<HttpSend>("httpb> POST \"/a b\" HTTP/1.0 [X-A=\"1\" Y=\"\"] \"abc\"*2\n", "httpb");
    BOOST_TEST(full.method == "POST");
    BOOST_TEST(full.target == "/a b");
    BOOST_TEST(full.http10);
    const std::vector<std::pair<std::string, std::string>> fields{{"X-A", "1"}, {"Y", ""}};
    BOOST_TEST((full.fields == fields));
    BOOST_TEST(full.body == "abcabc");
    BOOST_TEST(web_action_of<HttpSendBytes>("http> raw \"a\" + \"b\"\n", "http").bytes == "ab");
    BOOST_TEST(web_action_of<ReadSize>("http> reads 7\n", "http").size == 7U);
    BOOST_TEST((web_action_of<CloseOurs>("http> reset\n", "http").how == Closing::reset));
}

BOOST_AUTO_TEST_CASE(http_responses) {
    const auto any = web_action_of<HttpExpect>("http< *\n", "http");
    BOOST_TEST(any.status_min == 100U);
    BOOST_TEST(any.status_max == 999U);
    BOOST_TEST(!any.failure);
    BOOST_TEST(!any.body.has_value());
    const auto full = web_action_of<HttpExpect>("http< 4xx [A=\"b...\" ...] without=C without=D \"x...\"\n", "http");
    BOOST_TEST(full.status_min == 400U);
    BOOST_TEST(full.status_max == 499U);
    BOOST_TEST_REQUIRE(full.fields.size() == 1U);
    BOOST_TEST(full.fields.front().first == "A");
    BOOST_TEST(full.fields.front().second.open_end);
    BOOST_TEST((full.without == std::vector<std::string>{"C", "D"}));
    BOOST_TEST_REQUIRE(full.body.has_value());
    BOOST_TEST(full.body->open_end);
    const auto one = web_action_of<HttpExpect>("http< 204\n", "http");
    BOOST_TEST(one.status_min == 204U);
    BOOST_TEST(one.status_max == 204U);
    BOOST_TEST(web_action_of<HttpExpect>("http< failure\n", "http").failure);
    (void)web_action_of<ExpectClose>("http< close\n", "http");
}

BOOST_AUTO_TEST_CASE(requests_of_a_web_server) {
    const auto plain = web_action_of<ExpectRequest>("> request 1\n");
    BOOST_TEST(plain.request_id == 1);
    BOOST_TEST((plain.role == Role::responder));
    BOOST_TEST(!plain.flags.has_value());
    BOOST_TEST(!plain.std_in.has_value());
    const auto full = web_action_of<ExpectRequest>("x> request 7 [A=\"b\" C=*] role=FCGI_FILTER flags=FCGI_KEEP_CONN without=D stdin=\"a...\" data=\"\"\n", "x");
    BOOST_TEST(full.request_id == 7);
    BOOST_TEST(full.pairs.pairs.size() == 2U);
    BOOST_TEST((full.role == Role::filter));
    BOOST_TEST(full.flags.value() == 1);
    BOOST_TEST((full.without == std::vector<std::string>{"D"}));
    BOOST_TEST(full.std_in->open_end);
    BOOST_TEST(full.data->text.empty());
    BOOST_TEST(web_action_of<ExpectState>("> process [arguments=\"1\"]\n").pairs.pairs.size() == 1U);
    BOOST_TEST(web_action_of<ExpectClose>("> close 3\n").request_id.value() == 3);
    BOOST_TEST(!web_action_of<ExpectClose>("> close\n").request_id.has_value());
}

BOOST_AUTO_TEST_CASE(responses_of_ours) {
    const auto plain = web_action_of<SendResponse>("< response 2\n");
    BOOST_TEST(plain.request_id == 2);
    BOOST_TEST(!plain.status.has_value());
    BOOST_TEST(plain.body.empty());
    const auto full = web_action_of<SendResponse>("< response 2 status=302 location=/b [X=\"y\"] \"body\"\n");
    BOOST_TEST(full.status.value() == 302U);
    BOOST_TEST(full.location == "/b");
    BOOST_TEST(full.fields.size() == 1U);
    BOOST_TEST(full.body == "body");
    const auto close = web_action_of<CloseOurs>("< half-close 4\n");
    BOOST_TEST((close.how == Closing::half_close));
    BOOST_TEST(close.request_id.value() == 4);
    (void)web_action_of<Send>("< raw 01 02\n");
    (void)web_action_of<Send>("< {FCGI_STDOUT, 1, \"a\"}\n");
    const auto values = web_action_of<AnswerValues>("values [FCGI_MPXS_CONNS=\"1\"]\n");
    BOOST_TEST(!values.silent);
    BOOST_TEST(values.values.size() == 1U);
    BOOST_TEST(web_action_of<AnswerValues>("values silent\n").silent);
}

BOOST_AUTO_TEST_CASE(lines_with_a_web_server_that_cannot_be_read) {
    const auto message_of = [](const std::string& lines) {
        const std::string all = error_of(head + lines, Side::web_server);
        return all.substr(0, all.find('\n'));
    };
    const std::vector<std::pair<std::string, std::string>> table{
        {"http> GET hello\n", "y.fcs:3:16: expected a target that begins with '/' before here"},
        {"http< 99\n", "y.fcs:3:9: expected a status, a class of them (4xx), * or failure before here"},
        {"> connect\n", "y.fcs:3:3: expected a record, request, process or close"},
        {"< request 1\n", "y.fcs:3:3: expected a record, raw, response, close, half-close or reset"},
        {"> request 1 color=\"x\"\n", "y.fcs:3:19: expected role=, flags=, without=, stdin= or data= before here"},
        {"> {FCGI_STDOUT, 1, \"a\"}\n", "y.fcs:3:1: expected a record that a Web server says"},
        {"> {FCGI_STDIN, 0, \"a\"}\n", "y.fcs:3:1: expected the id of one request, 1 to 65535"},
        {"http> GET /a [A=*]\n", "y.fcs:3:19: expected NAME=\"value\" pairs before here"},
    };
    for (const auto& [lines, message] : table) BOOST_TEST(message_of(lines) == message);
    // Neither side's lines are the other's.
    BOOST_TEST(!parsed(head + "http> GET /a\n").errors.empty());
    BOOST_TEST(!parsed(head + "< response 1 location=/a\n").errors.empty());
}

BOOST_AUTO_TEST_CASE(lines_with_a_web_server_are_printed_as_they_are_read) {
    for (const std::string line :
         {"http> GET /hello?x=1", "httpb> POST /a HTTP/1.0 [A=\"1\"] \"abc\"", "http> raw \"abc\"", "http> close", "http> half-close", "http> reset", "http> reads 7", "http< 200 \"abc\"", "http< 4xx",
          "http< *", "http< failure", "http< close", "http< 200 [A=\"b...\"] without=C \"...x\"", "> request 1", "x> request 7 [A=\"b\"] role=FCGI_FILTER flags=1 without=D stdin=\"a...\" data=\"\"",
          "> close", "> close 3", "< close 3", "< half-close", "< reset", "< response 2", "< response 2 status=302 location=/b [X=\"y\"] \"body\"", "< raw 01 02", "values silent",
          "values [FCGI_MPXS_CONNS=\"1\"]", "> process [arguments=\"1\"]", "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, *}}", "> {FCGI_ABORT_REQUEST, 1}"}) {
        const std::vector<Step> steps = steps_of(line + "\n", Side::web_server);
        BOOST_TEST_REQUIRE(steps.size() == 1U);
        BOOST_TEST(print(steps.front(), Side::web_server) == line);
    }
}

// Files.

BOOST_AUTO_TEST_CASE(scripts_are_loaded_in_the_order_of_their_names) {
    const TestFolder folder;
    folder.write("application/2-b/x.fcs", head + "each N in 1 2\n> close\n");
    folder.write("application/1-a/y.fcs", head + "> close\n");
    folder.write("application/1-a/README.md", "no scenario");
    folder.write("web-server/z.fcs", head + "< close\n");
    const ParsedScript script = load_scripts(folder.path(), Side::application);
    BOOST_TEST(script.errors.empty());
    BOOST_TEST((names_of(script) == std::vector<std::string>{"application/1-a/y", "application/2-b/x[N=1]", "application/2-b/x[N=2]"}));
    BOOST_TEST(script.scenarios.front().file == (folder.path() / "application/1-a/y.fcs").string());
    const ParsedScript other = load_scripts(folder.path(), Side::web_server);
    BOOST_TEST((names_of(other) == std::vector<std::string>{"web-server/z"}));
    BOOST_TEST((other.scenarios.front().side == Side::web_server));
}

BOOST_AUTO_TEST_CASE(long_texts_of_files_are_made_when_they_are_asked_for) {
    const TestFolder folder;
    const std::string lines = "each N in 1 1000000\n> {FCGI_STDIN, 1, \"ab\"*N}\n";
    folder.write("application/a.fcs", head + lines);
    const ParsedScript script = load_scripts(folder.path(), Side::application, 3);
    BOOST_TEST_REQUIRE(script.scenarios.size() == 2U);
    const auto content_of_first = [](const Scenario& scenario) {
        return content_of(std::get<RecordPattern>(std::get<Send>(scenario.steps.front().action).line)).value();
    };
    BOOST_TEST(content_of_first(script.scenarios[0]) == "ab");
    BOOST_TEST((script.scenarios[0].unread == nullptr));
    BOOST_TEST(content_of_first(whole(script.scenarios[0])) == "ab");

    BOOST_TEST(script.scenarios[1].steps.empty());
    const Scenario all = whole(script.scenarios[1]);
    BOOST_TEST(content_of_first(all).size() == 2000000U);
    BOOST_TEST((all.unread == nullptr));
    BOOST_TEST(all.name == "application/a[N=1000000]");
    BOOST_TEST((parse_script(head + lines, "a", "a.fcs", Side::application).scenarios[1].unread == nullptr));
}

BOOST_AUTO_TEST_CASE(one_unreadable_file_does_not_hide_the_others) {
    const TestFolder folder;
    folder.write("application/a.fcs", "nonsense\n");
    folder.write("application/b.fcs", head + "> close\n");
    folder.write("application/c.fcs", head + "> nothing\n");
    const ParsedScript script = load_scripts(folder.path(), Side::application);
    BOOST_TEST((names_of(script) == std::vector<std::string>{"application/b"}));
    BOOST_TEST_REQUIRE(script.errors.size() == 2U);
    const std::string path = (folder.path() / "application").string();
    BOOST_TEST(script.errors[0].print() == path + "/a.fcs:1:1: expected 'scenario' and what it shows\n    nonsense\n    ^");
    BOOST_TEST(script.errors[1].file == path + "/c.fcs");
    BOOST_TEST(script.errors[1].line == 3U);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_an_error) {
    const TestFolder folder;
    std::filesystem::create_directories(folder.path() / "application/folder.fcs");
    const ParsedScript script = load_scripts(folder.path(), Side::application);
    BOOST_TEST(script.scenarios.empty());
    BOOST_TEST_REQUIRE(script.errors.size() == 1U);
    BOOST_TEST(script.errors[0].print() == (folder.path() / "application/folder.fcs").string() + ": can't be read");
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_not_there_is_an_error) {
    const TestFolder folder;
    const ParsedScript script = load_scripts(folder.path(), Side::application);
    BOOST_TEST_REQUIRE(script.errors.size() == 1U);
    BOOST_TEST(script.errors[0].print() == (folder.path() / "application").string() + ": No such file or directory");
}

BOOST_AUTO_TEST_SUITE_END()

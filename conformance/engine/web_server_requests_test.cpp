#include "conformance/engine/web_server_requests.hpp"

#include <boost/test/unit_test.hpp>
#include <list>

#include "codec/notation.hpp"

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(web_server_requests)

namespace {

using enum Match::Kind;

std::string name_of(Match::Kind kind) { return kind == met ? "met" : kind == pending ? "pending" : "contradicted"; }

/// What a Web server says on its connections, and what is expected of it, in notation.
class Web {
public:
    void say(const std::string& connection, const std::string& notation) {
        const ParsedNotation parsed = parse_notation(notation);
        BOOST_TEST_REQUIRE(!parsed.error.has_value(), notation);
        Bytes left = parsed.bytes;
        for (DecodedRecord decoded = decode_record(left); decoded.record; decoded = decode_record(left)) {
            at(connection).add(*decoded.record);
            left = left.subspan(decoded.consumed);
        }
        BOOST_TEST_REQUIRE(left.empty());
    }
    /// A whole request.
    void ask(const std::string& connection, const std::string& id, const std::string& uri, const std::string& std_in = {}) {
        begin(connection, id, uri);
        if (!std_in.empty()) say(connection, "{FCGI_STDIN, " + id + ", \"" + std_in + "\"}");
        say(connection, "{FCGI_STDIN, " + id + ", \"\"}");
    }
    void begin(const std::string& connection, const std::string& id, const std::string& uri) {
        say(connection, "{FCGI_BEGIN_REQUEST, " + id + ", {FCGI_RESPONDER, 0}}\n{FCGI_PARAMS, " + id + ", [URI=\"" + uri + "\"]}\n{FCGI_PARAMS, " + id + ", \"\"}");
    }
    ConnectionSeen& at(const std::string& connection) {
        if (const auto found = seen.find(connection); found == seen.end()) seen.emplace(connection, &connections.emplace_back());
        for (ConnectionSeen& one : connections)
            if (&one == seen.at(connection)) return one;
        throw std::logic_error("no connection " + connection);
    }
    Match expect(const std::string& line, std::size_t num_awaited = 1, Completeness wanted = Completeness::input) {
        ParsedScript script = parse_script("scenario a\nproves R-1-1\n" + line + "\n", "n", "f", Side::web_server);
        if (!script.errors.empty()) BOOST_FAIL(script.errors.front().print());
        const Step& step = script.scenarios.front().steps.front();
        if (const auto* request = std::get_if<ExpectRequest>(&step.action)) return match(step.connection, *request, seen, num_awaited, cursor, wanted);
        const auto& expected = std::get<Expect>(step.action);
        if (expected.record.type == RecordType::begin_request) return match_begin(step.connection, expected.record, seen, num_awaited, cursor);
        return match_of_request(step.connection, expected, seen, cursor);
    }
    /// "connection/id/life" of the request that the scenario's id stands for.
    [[nodiscard]] std::string where(const std::string& connection, std::uint16_t id) const {
        const auto found = cursor.bound.find({connection, id});
        if (found == cursor.bound.end()) return "nowhere";
        return found->second.connection + "/" + std::to_string(found->second.request_id) + "/" + std::to_string(found->second.life);
    }

    std::list<ConnectionSeen> connections;
    ConnectionsSeen seen;
    Cursor cursor;
};

void check(const Match& match, Match::Kind kind, const std::string& got = {}) {
    BOOST_TEST(name_of(match.kind) == name_of(kind), match.got);
    BOOST_TEST(match.got == got);
}

}  // namespace

// When a request is whole.

BOOST_AUTO_TEST_CASE(input_ends_as_its_role_has_it) {
    struct Case {
        std::string role;
        std::vector<std::string> records;  // each takes it further
        std::size_t num_needed;            // for its input to have ended
    };
    const std::string params_end = "{FCGI_PARAMS, 1, \"\"}";
    const std::string std_in_end = "{FCGI_STDIN, 1, \"\"}";
    const std::string data_end = "{FCGI_DATA, 1, \"\"}";
    const std::vector<Case> table{
        {"FCGI_RESPONDER", {"{FCGI_PARAMS, 1, [A=\"b\"]}", params_end, "{FCGI_STDIN, 1, \"abc\"}", std_in_end}, 4},
        {"FCGI_RESPONDER", {std_in_end, params_end}, 2},
        {"FCGI_AUTHORIZER", {"{FCGI_PARAMS, 1, [A=\"b\"]}", params_end}, 2},
        {"FCGI_FILTER", {params_end, std_in_end, "{FCGI_DATA, 1, \"abc\"}", data_end}, 4},
        {"FCGI_FILTER", {params_end, data_end, std_in_end}, 3},
        {"9", {params_end, std_in_end}, 2},
    };
    for (const Case& one : table) {
        Web web;
        web.say("", "{FCGI_BEGIN_REQUEST, 1, {" + one.role + ", 0}}");
        const auto ended = [&] { return input_ended(web.at("").requests.at(1).front()); };
        BOOST_TEST(!ended());
        for (std::size_t i = 0; i < one.records.size(); ++i) {
            web.say("", one.records[i]);
            BOOST_TEST(ended() == (i + 1 == one.num_needed), one.role << " behind " << one.records[i]);
        }
    }
    Web unbegun;  // as of a Responder
    unbegun.say("", params_end + "\n" + std_in_end);
    BOOST_TEST(input_ended(unbegun.at("").requests.at(1).front()));
}

BOOST_AUTO_TEST_CASE(new_requests_are_those_that_no_id_stands_for) {
    Web web;
    web.ask("", "1", "/a");
    web.begin("b", "1", "/b");
    web.ask("b", "2", "/c");
    web.begin("b", "3", "/d");
    web.say("b", "{FCGI_ABORT_REQUEST, 3}");
    std::vector<NewRequest> found = new_requests(web.seen, web.cursor);
    BOOST_TEST_REQUIRE(found.size() == 4U);
    BOOST_TEST(found[0].complete);
    BOOST_TEST(found[1].where.connection == "b");
    BOOST_TEST(!found[1].complete);
    BOOST_TEST(found[2].complete);
    BOOST_TEST(found[3].complete);  // no more of it will come
    found = new_requests(web.seen, web.cursor, Completeness::params);
    BOOST_TEST(found[1].complete);
    web.cursor.taken.insert({"", 1, 0});
    web.cursor.taken.insert({"b", 2, 0});
    BOOST_TEST(new_requests(web.seen, web.cursor).size() == 2U);
}

// Whole requests.

BOOST_AUTO_TEST_CASE(a_request_is_pending_until_its_input_has_ended) {
    Web web;
    check(web.expect("> request 1"), pending, "no request");
    web.say("", "{FCGI_BEGIN_REQUEST, 4, {FCGI_RESPONDER, 0}}");
    check(web.expect("> request 1"), pending, "a request without FCGI_PARAMS' end");
    web.say("", "{FCGI_PARAMS, 4, [A=\"b\"]}\n{FCGI_PARAMS, 4, \"\"}\n{FCGI_STDIN, 4, \"ab\"}");
    BOOST_TEST(name_of(web.expect("> request 1").kind) == "pending");
    BOOST_TEST(web.where("", 1) == "nowhere");
    BOOST_TEST(web.cursor.taken.empty());
    web.say("", "{FCGI_STDIN, 4, \"\"}");
    check(web.expect("> request 1 [A=\"b\"] stdin=\"ab\""), met);
    BOOST_TEST(web.where("", 1) == "/4/0");
    check(web.expect("> request 2"), pending, "no request");
}

BOOST_AUTO_TEST_CASE(where_params_are_enough) {
    Web web;
    web.say("", "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\n{FCGI_PARAMS, 1, [A=\"b\"]}");
    check(web.expect("> request 1", 1, Completeness::params), pending, "a request without FCGI_PARAMS' end");
    web.say("", "{FCGI_PARAMS, 1, \"\"}");
    BOOST_TEST(name_of(web.expect("> request 1").kind) == "pending");
    BOOST_TEST(name_of(web.expect("> request 1 [A=\"c\"]", 1, Completeness::params).kind) == "contradicted");
    check(web.expect("> request 1 [A=\"b\"]", 1, Completeness::params), met);
    BOOST_TEST(web.where("", 1) == "/1/0");
}

BOOST_AUTO_TEST_CASE(what_is_amiss_is_told) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"> request 1 [URI=\"/b\"]", "URI=\"/a\", not [URI=\"/b\"]"},
        {"> request 1 [URI=\"/a\" X=*]", "no X, not [X=*]"},
        {"> request 1 [URI=\"/a...\"] without=URI", "URI=\"/a\""},
        {"> request 1 role=FCGI_AUTHORIZER", "role FCGI_RESPONDER"},
        {"> request 1 flags=1", "flags 0"},
        {"> request 1 stdin=\"\"", "FCGI_STDIN \"abc\""},
        {"> request 1 data=\"x\"", "FCGI_DATA \"\""},
    };
    for (const auto& [line, amiss] : table) {
        Web web;
        web.ask("", "1", "/a", "abc");
        check(web.expect(line), contradicted, "a request with " + amiss);
        BOOST_TEST(web.where("", 1) == "nowhere");
        check(web.expect("> request 1 [URI=\"/a\"] without=X role=FCGI_RESPONDER flags=0 stdin=\"...bc\" data=\"\""), met);
    }
    Web other_role;
    other_role.say("", "{FCGI_BEGIN_REQUEST, 1, {9, 0}}\n{FCGI_PARAMS, 1, \"\"}\n{FCGI_STDIN, 1, \"\"}");
    check(other_role.expect("> request 1"), contradicted, "a request with role 9");
    check(other_role.expect("> request 1 role=9"), met);
}

BOOST_AUTO_TEST_CASE(a_request_that_does_not_fit_leaves_room_for_those_still_awaited) {
    Web web;
    web.ask("", "1", "/a");
    const std::string got = "a request with URI=\"/a\", not [URI=\"/b\"]";
    check(web.expect("> request 1 [URI=\"/b\"]", 2), pending, got);
    check(web.expect("> request 1 [URI=\"/b\"]", 1), contradicted, got);
    web.begin("b", "1", "/b");
    check(web.expect("> request 1 [URI=\"/b\"]", 2), pending, "a request whose input isn't complete, FCGI_STDIN so far \"\"");
    web.say("b", "{FCGI_STDIN, 1, \"\"}");
    check(web.expect("> request 1 [URI=\"/b\"]", 2), met);
    BOOST_TEST(web.where("", 1) == "b/1/0");
}

BOOST_AUTO_TEST_CASE(one_that_has_begun_is_not_contradicted_yet) {
    Web web;
    web.begin("", "1", "/a");
    BOOST_TEST(name_of(web.expect("> request 1 [URI=\"/b\"]").kind) == "pending");
    web.say("", "{FCGI_STDIN, 1, \"\"}");
    BOOST_TEST(name_of(web.expect("> request 1 [URI=\"/b\"]").kind) == "contradicted");
}

// Which of several.

BOOST_AUTO_TEST_CASE(an_id_finds_its_request_on_any_connection_and_in_any_order) {
    for (const bool backwards : {false, true}) {
        Web web;
        web.ask("", "1", "/a");
        web.ask("b", "1", "/b");
        web.ask("b", "2", "/c");
        const std::vector<std::pair<std::string, std::string>> lines{{"> request 1 [URI=\"/b\"]", ""}, {"> request 2 [URI=\"/a\"]", ""}, {"> request 3 [URI=\"/c\"]", ""}};
        for (std::size_t i = 0; i < 3; ++i) check(web.expect(lines[backwards ? 2 - i : i].first, 3 - i), met);
        BOOST_TEST(web.where("", 1) == "b/1/0");
        BOOST_TEST(web.where("", 2) == "/1/0");
        BOOST_TEST(web.where("", 3) == "b/2/0");
    }
}

BOOST_AUTO_TEST_CASE(equal_requests_are_taken_once_each) {
    Web web;
    web.ask("", "1", "/a");
    web.ask("b", "1", "/a");
    check(web.expect("> request 1"), met);
    check(web.expect("> request 2"), met);
    BOOST_TEST(web.where("", 1) == "/1/0");
    BOOST_TEST(web.where("", 2) == "b/1/0");
    check(web.expect("> request 3"), pending, "no request");
}

BOOST_AUTO_TEST_CASE(lives_of_an_id_are_requests_of_their_own) {
    Web web;
    web.ask("", "1", "/a", "one");
    check(web.expect("> request 1"), met);
    check(web.expect("> {FCGI_STDIN, 1, \"one\"}"), met);
    web.ask("", "1", "/b", "two");
    check(web.expect("> request 1 [URI=\"/b\"]"), met);  // the scenario's id now stands for this one
    BOOST_TEST(web.where("", 1) == "/1/1");
    check(web.expect("> {FCGI_STDIN, 1, \"two\"}"), met);
    check(web.expect("> {FCGI_STDIN, 1, \"\"}"), met);
    // The first life is taken for good.
    check(web.expect("> request 2"), pending, "no request");
}

BOOST_AUTO_TEST_CASE(both_lives_are_there_before_the_first_is_asked_for) {
    Web web;
    web.ask("", "1", "/a");
    web.ask("", "1", "/b");
    check(web.expect("> request 5 [URI=\"/b\"]", 2), met);
    check(web.expect("> request 6 [URI=\"/a\"]"), met);
    BOOST_TEST(web.where("", 5) == "/1/1");
    BOOST_TEST(web.where("", 6) == "/1/0");
}

BOOST_AUTO_TEST_CASE(one_id_of_the_scenario_under_two_names) {
    Web web;
    web.ask("", "1", "/a");
    web.ask("b", "1", "/b");
    check(web.expect("x> request 1 [URI=\"/b\"]", 2), met);
    check(web.expect("y> request 1"), met);
    BOOST_TEST(web.where("x", 1) == "b/1/0");
    BOOST_TEST(web.where("y", 1) == "/1/0");
    check(web.expect("x> {FCGI_PARAMS, 1, [URI=\"/b\"]}"), met);
    check(web.expect("y> {FCGI_PARAMS, 1, [URI=\"/b\"]}"), contradicted, "\"\\003\\002URI/a\"");
}

// The beginning alone, and what follows it.

BOOST_AUTO_TEST_CASE(a_beginning_is_enough) {
    Web web;
    check(web.expect("> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, *}}"), pending, "no request");
    web.say("", "{FCGI_BEGIN_REQUEST, 8, {FCGI_FILTER, 1}}");
    check(web.expect("> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, *}}"), contradicted, "{FCGI_BEGIN_REQUEST, 8, {FCGI_FILTER, FCGI_KEEP_CONN}}");
    check(web.expect("> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, *}}", 2), pending, "{FCGI_BEGIN_REQUEST, 8, {FCGI_FILTER, FCGI_KEEP_CONN}}");
    check(web.expect("> {FCGI_BEGIN_REQUEST, 1, {FCGI_FILTER, 0}}"), contradicted, "{FCGI_BEGIN_REQUEST, 8, {FCGI_FILTER, FCGI_KEEP_CONN}}");
    check(web.expect("> {FCGI_BEGIN_REQUEST, 1, {FCGI_FILTER, *}}"), met);
    BOOST_TEST(web.where("", 1) == "/8/0");
    check(web.expect("> {FCGI_BEGIN_REQUEST, 2, *}"), pending, "no request");
    web.say("b", "{FCGI_BEGIN_REQUEST, 8, {77, 0}}");
    check(web.expect("> {FCGI_BEGIN_REQUEST, 2, *}"), met);
    BOOST_TEST(web.where("", 2) == "b/8/0");
}

BOOST_AUTO_TEST_CASE(records_are_those_of_the_request_that_the_id_stands_for) {
    Web web;
    check(web.expect("> {FCGI_PARAMS, 1, \"\"}"), contradicted, "no line before says which request this is");
    web.begin("", "3", "/a");
    web.begin("b", "3", "/b");
    check(web.expect("> {FCGI_BEGIN_REQUEST, 1, *}"), met);
    check(web.expect("> {FCGI_BEGIN_REQUEST, 2, *}"), met);
    check(web.expect("> {FCGI_PARAMS, 2, [URI=\"/b\" ...]}"), met);
    check(web.expect("> {FCGI_PARAMS, 2, \"\"}"), met);
    check(web.expect("> {FCGI_STDIN, 2, \"x\"}"), pending, "nothing");
    web.say("", "{FCGI_STDIN, 3, \"x\"}");  // of the other one
    check(web.expect("> {FCGI_STDIN, 2, \"x\"}"), pending, "nothing");
    web.say("b", "{FCGI_STDIN, 3, \"xy\"}");
    check(web.expect("> {FCGI_STDIN, 2, \"x\"}"), met);
    check(web.expect("> {FCGI_STDIN, 2, \"y\"}"), met);
    check(web.expect("> {FCGI_ABORT_REQUEST, 2}"), pending, "nothing");
    web.say("b", "{FCGI_ABORT_REQUEST, 3}");
    check(web.expect("> {FCGI_ABORT_REQUEST, 2}"), met);
    check(web.expect("> {FCGI_ABORT_REQUEST, 1}"), pending, "nothing");
    web.at("").end = PeerEnd::reset;
    check(web.expect("> {FCGI_ABORT_REQUEST, 1}"), contradicted, "the peer reset the connection");
}

BOOST_AUTO_TEST_CASE(params_with_open_values_wait_for_their_end) {
    Web web;
    web.say("", "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\n{FCGI_PARAMS, 1, [A=\"b\"]}");
    check(web.expect("> {FCGI_BEGIN_REQUEST, 1, *}"), met);
    BOOST_TEST(name_of(web.expect("> {FCGI_PARAMS, 1, [A=*]}").kind) == "pending");
    web.say("", "{FCGI_PARAMS, 1, \"\"}");
    check(web.expect("> {FCGI_PARAMS, 1, [A=* B=*]}"), contradicted, "{FCGI_PARAMS, 0, [A=\"b\"]}");
    check(web.expect("> {FCGI_PARAMS, 1, [A=*]}"), met);
}

BOOST_AUTO_TEST_CASE(a_management_record_comes_on_the_connection_of_the_last_request_or_the_first) {
    Web web;
    const std::string values = "> {FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS=\"\"]}";
    check(web.expect(values), pending, "no connection");
    (void)web.at("");
    check(web.expect(values), pending, "nothing");
    web.say("", "{FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS=\"\"]}");
    check(web.expect(values), met);
    check(web.expect(values), pending, "nothing");  // once
    web.ask("b", "1", "/a");
    check(web.expect("> request 1"), met);
    web.say("", "{FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS=\"\"]}");
    check(web.expect(values), pending, "nothing");
    web.say("b", "{FCGI_GET_VALUES, 0, [FCGI_MAX_REQS=\"\"]}");
    check(web.expect(values), contradicted, "{FCGI_GET_VALUES, 0, [FCGI_MAX_REQS=\"\"]}");
}

BOOST_AUTO_TEST_CASE(lines_without_a_record_know_their_connection_by_id_or_by_the_last_request) {
    Web web;
    BOOST_TEST(connection_of("", {}, web.cursor) == nullptr);
    BOOST_TEST(connection_of("", std::uint16_t{1}, web.cursor) == nullptr);
    web.ask("b", "1", "/a");
    web.ask("c", "1", "/b");
    check(web.expect("> request 1 [URI=\"/a\"]", 2), met);
    check(web.expect("> request 2 [URI=\"/b\"]"), met);
    BOOST_TEST_REQUIRE(connection_of("", {}, web.cursor) != nullptr);
    BOOST_TEST(*connection_of("", {}, web.cursor) == "c");
    BOOST_TEST(*connection_of("", std::uint16_t{1}, web.cursor) == "b");
    BOOST_TEST(connection_of("", std::uint16_t{3}, web.cursor) == nullptr);
    BOOST_TEST(connection_of("x", {}, web.cursor) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

#include "conformance/engine/observation.hpp"

#include <boost/test/unit_test.hpp>
#include <ostream>

#include "codec/notation.hpp"

using namespace fcgispec;

namespace fcgispec {
inline std::ostream& operator<<(std::ostream& out, Match::Kind kind) {
    return out << (kind == Match::Kind::met ? "met" : kind == Match::Kind::pending ? "pending" : "contradicted");
}
}  // namespace fcgispec

BOOST_AUTO_TEST_SUITE(observation)

namespace {

using enum Match::Kind;

/// What a peer says, and expectations of it, in notation.
class Conversation {
public:
    explicit Conversation(const std::string& notation = {}) { say(notation); }
    void say(const std::string& notation) {
        const ParsedNotation parsed = parse_notation(notation);
        BOOST_TEST_REQUIRE(!parsed.error.has_value(), notation);
        Bytes left = parsed.bytes;
        for (DecodedRecord decoded = decode_record(left); decoded.record; decoded = decode_record(left)) {
            seen.add(*decoded.record);
            left = left.subspan(decoded.consumed);
        }
        BOOST_TEST_REQUIRE(left.empty());
    }
    Match expect(const std::string& line) {
        ParsedScript script = parse_script("scenario a\nproves R-1-1\n< " + line + "\n", "n", "f", Side::application);
        if (!script.errors.empty()) BOOST_FAIL(script.errors.front().print());
        const auto& action = script.scenarios.front().steps.front().action;
        if (const auto* expected = std::get_if<Expect>(&action)) return match("", *expected, seen, cursor);
        if (const auto* response = std::get_if<ExpectResponse>(&action)) return match("", *response, seen, cursor);
        return match_close(seen);
    }
    ConnectionSeen seen;
    Cursor cursor;
};

const std::string header = "Content-Type: text/plain\\r\\n\\r\\n";
const std::string complete = "{FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}\n";

std::string out(const std::string& text, unsigned request_id = 1) {
    return "{FCGI_STDOUT, " + std::to_string(request_id) + ", \"" + text + "\"}\n";
}

/// The first match of one expectation with what was said.
Match matched(const std::string& notation, const std::string& line) { return Conversation(notation).expect(line); }

void check(const Match& match, Match::Kind kind, const std::string& got) {
    BOOST_TEST(match.kind == kind);
    BOOST_TEST(match.got == got);
}

}  // namespace

// Streams are values [§3.3].

BOOST_AUTO_TEST_CASE(a_stream_is_a_value_however_it_is_cut) {
    for (const std::string& cut : {out("abcdef"), out("a") + out("bcdef"), out("ab") + out("c") + out("def")}) {
        Conversation whole(cut + out(""));
        BOOST_TEST(whole.expect("{FCGI_STDOUT, 1, \"abcdef\"}").kind == met);
        BOOST_TEST(whole.expect("{FCGI_STDOUT, 1, \"\"}").kind == met);
        Conversation parts(cut + out(""));
        BOOST_TEST(parts.expect("{FCGI_STDOUT, 1, \"abcd\"}").kind == met);
        BOOST_TEST(parts.expect("{FCGI_STDOUT, 1, \"ef\"}").kind == met);
        BOOST_TEST(parts.expect("{FCGI_STDOUT, 1, \"\"}").kind == met);
        check(matched(cut, "{FCGI_STDOUT, 1, \"abcdeg\"}"), contradicted, "\"abcdef\"");
    }
}

BOOST_AUTO_TEST_CASE(a_text_that_has_begun_is_pending) {
    Conversation conversation(out("ab"));
    check(conversation.expect("{FCGI_STDOUT, 1, \"abc\"}"), pending, "\"ab\"");
    conversation.say(out("c"));
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"abc\"}").kind == met);
    check(matched("", "{FCGI_STDOUT, 1, \"abc\"}"), pending, "nothing");
}

BOOST_AUTO_TEST_CASE(a_text_that_is_shorter_or_longer) {
    check(matched(out("ab") + out(""), "{FCGI_STDOUT, 1, \"abc\"}"), contradicted, "\"ab\"");
    check(matched(out("ab") + complete, "{FCGI_STDOUT, 1, \"abc\"}"), contradicted,
          "\"ab\", then {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}");
    Conversation longer(out("abcd") + out(""));
    BOOST_TEST(longer.expect("{FCGI_STDOUT, 1, \"abc\"}").kind == met);
    check(longer.expect("{FCGI_STDOUT, 1, \"\"}"), contradicted, "\"d\"");
}

BOOST_AUTO_TEST_CASE(an_end_is_the_empty_record_or_the_end_of_the_request) {
    check(matched(out("ab"), "{FCGI_STDOUT, 1, \"\"}"), contradicted, "\"ab\"");
    check(matched("{FCGI_STDERR, 1, \"e\"}", "{FCGI_STDOUT, 1, \"\"}"), pending, "the stream so far: \"\"");
    BOOST_TEST(matched(out(""), "{FCGI_STDOUT, 1, \"\"}").kind == met);
    // That a stream lacks its end is the checker's business.
    BOOST_TEST(matched(complete, "{FCGI_STDOUT, 1, \"\"}").kind == met);
    check(matched(out("x") + complete, "{FCGI_STDOUT, 1, \"\"}"), contradicted, "\"x\", then {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}");
}

BOOST_AUTO_TEST_CASE(an_open_start_is_searched) {
    Conversation conversation(out("one two"));
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"...two\"}").kind == met);
    check(conversation.expect("{FCGI_STDOUT, 1, \"...two\"}"), pending, "nothing");
    check(matched(out("one") + out(""), "{FCGI_STDOUT, 1, \"...two\"}"), contradicted, "\"one\"");
}

BOOST_AUTO_TEST_CASE(what_was_searched_may_be_found_again_at_the_end) {
    Conversation twice(out("one, one") + out(""));
    BOOST_TEST(twice.expect("{FCGI_STDOUT, 1, \"...one\"}").kind == met);
    BOOST_TEST(twice.expect("{FCGI_STDOUT, 1, \"\"}").kind == met);
    Conversation more(out("one two") + out(""));
    BOOST_TEST(more.expect("{FCGI_STDOUT, 1, \"...one\"}").kind == met);
    check(more.expect("{FCGI_STDOUT, 1, \"\"}"), contradicted, "\" two\"");
    Conversation growing(out("one two"));
    BOOST_TEST(growing.expect("{FCGI_STDOUT, 1, \"...one\"}").kind == met);
    BOOST_TEST(growing.expect("{FCGI_STDOUT, 1, \"\"}").kind == pending);  // another "one" may follow
    growing.say(out(" one") + out(""));
    BOOST_TEST(growing.expect("{FCGI_STDOUT, 1, \"\"}").kind == met);
}

BOOST_AUTO_TEST_CASE(an_open_end_leaves_the_rest_open) {
    Conversation conversation(out("abc, xyz") + out(""));
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"ab...\"}").kind == met);
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"xy\"}").kind == met);  // somewhere behind
    check(conversation.expect("{FCGI_STDOUT, 1, \"\"}"), contradicted, "\"z\"");
    Conversation open(out("abc") + out(""));
    BOOST_TEST(open.expect("{FCGI_STDOUT, 1, \"a...\"}").kind == met);
    BOOST_TEST(open.expect("{FCGI_STDOUT, 1, \"\"}").kind == met);
    check(matched(out("xabc"), "{FCGI_STDOUT, 1, \"a...\"}"), contradicted, "\"xabc\"");
    BOOST_TEST(matched(out("xabc"), "{FCGI_STDOUT, 1, \"...a...\"}").kind == met);
    BOOST_TEST(matched(out("xbc") + out(""), "{FCGI_STDOUT, 1, \"...a...\"}").kind == contradicted);
    BOOST_TEST(matched(out("xbc"), "{FCGI_STDOUT, 1, *}").kind == met);
}

BOOST_AUTO_TEST_CASE(streams_of_a_request_are_matched_apart) {
    Conversation conversation(out("a") + "{FCGI_STDERR, 1, \"e\"}\n" + out("b") + "{FCGI_STDERR, 1, \"\"}\n" + out(""));
    BOOST_TEST(conversation.expect("{FCGI_STDERR, 1, \"e\"}").kind == met);
    BOOST_TEST(conversation.expect("{FCGI_STDERR, 1, \"\"}").kind == met);
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"ab\"}").kind == met);
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"\"}").kind == met);
    check(matched("{FCGI_STDERR, 1, \"a\"}\n" + complete, "{FCGI_STDOUT, 1, \"a\"}"), contradicted,
          "\"\", then {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}");
}

BOOST_AUTO_TEST_CASE(long_values_are_told_shortly) {
    Conversation conversation;
    for (int i = 0; i < 3; ++i) conversation.say("{FCGI_STDOUT, 1, random(65535)}\n");
    const Match match = conversation.expect("{FCGI_STDOUT, 1, \"other\"}");
    BOOST_TEST(match.kind == contradicted);
    BOOST_TEST(match.got.ends_with("...\" (196605 bytes)"), match.got);
    BOOST_TEST(match.got.size() < 300U);
}

// FCGI_END_REQUEST, lives of an id.

BOOST_AUTO_TEST_CASE(the_end_of_a_request) {
    const std::string refused = "{FCGI_END_REQUEST, 1, {7, FCGI_OVERLOADED}}\n";
    BOOST_TEST(matched(refused, "{FCGI_END_REQUEST, 1, {7, FCGI_OVERLOADED}}").kind == met);
    BOOST_TEST(matched(refused, "{FCGI_END_REQUEST, 1, {*, FCGI_OVERLOADED}}").kind == met);
    BOOST_TEST(matched(refused, "{FCGI_END_REQUEST, 1, {7, *}}").kind == met);
    BOOST_TEST(matched(refused, "{FCGI_END_REQUEST, 1, *}").kind == met);
    check(matched(refused, "{FCGI_END_REQUEST, 1, {8, FCGI_OVERLOADED}}"), contradicted, "{FCGI_END_REQUEST, 1, {7, FCGI_OVERLOADED}}");
    check(matched(refused, "{FCGI_END_REQUEST, 1, {*, FCGI_REQUEST_COMPLETE}}"), contradicted, "{FCGI_END_REQUEST, 1, {7, FCGI_OVERLOADED}}");
    check(matched(refused, "{FCGI_END_REQUEST, 2, *}"), pending, "nothing");
    check(matched(out("a"), "{FCGI_END_REQUEST, 1, *}"), pending, "streams, but no FCGI_END_REQUEST");
}

BOOST_AUTO_TEST_CASE(a_body_that_is_none) {
    // What is missing counts as zero; a trace writes such a body as a text.
    const std::string record = "{FCGI_END_REQUEST, 1, \"\\000\\000\\000\\007\"}\n";
    BOOST_TEST(matched(record, "{FCGI_END_REQUEST, 1, {7, FCGI_REQUEST_COMPLETE}}").kind == met);
    BOOST_TEST(matched(record, "{FCGI_END_REQUEST, 1, \"\\000\\000\\000\\007\"}").kind == met);
    BOOST_TEST(matched(record, "{FCGI_END_REQUEST, 1, \"\\000\\000\\000\\010\"}").kind == contradicted);
}

BOOST_AUTO_TEST_CASE(an_id_has_several_lives) {
    Conversation conversation(out("first") + out("") + complete + out("second") + out("") + "{FCGI_END_REQUEST, 1, {3, FCGI_REQUEST_COMPLETE}}\n");
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"first\"}").kind == met);
    BOOST_TEST(conversation.expect("{FCGI_END_REQUEST, 1, {0, *}}").kind == met);
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"second\"}").kind == met);
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"\"}").kind == met);
    check(conversation.expect("{FCGI_END_REQUEST, 1, {0, *}}"), contradicted, "{FCGI_END_REQUEST, 1, {3, FCGI_REQUEST_COMPLETE}}");
    BOOST_TEST(conversation.expect("{FCGI_END_REQUEST, 1, {3, *}}").kind == met);
    check(conversation.expect("{FCGI_STDOUT, 1, \"third\"}"), pending, "nothing");
}

BOOST_AUTO_TEST_CASE(interleaved_requests_are_matched_apart) {
    Conversation conversation(out("a", 1) + out("x", 2) + out("b", 1) + "{FCGI_END_REQUEST, 2, {2, 0}}\n" + out("", 1) + complete);
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"ab\"}").kind == met);
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 2, \"x\"}").kind == met);
    check(conversation.expect("{FCGI_STDOUT, 2, \"y\"}"), contradicted, "\"\", then {FCGI_END_REQUEST, 2, {2, FCGI_REQUEST_COMPLETE}}");
    BOOST_TEST(conversation.expect("{FCGI_END_REQUEST, 1, {0, *}}").kind == met);
    BOOST_TEST(conversation.expect("{FCGI_END_REQUEST, 2, {2, *}}").kind == met);
}

// Management records.

BOOST_AUTO_TEST_CASE(management_records_by_type_and_order) {
    const std::string said = "{FCGI_UNKNOWN_TYPE, 0, {12}}\n{FCGI_GET_VALUES_RESULT, 0, [A=\"1\"]}\n{FCGI_UNKNOWN_TYPE, 0, {13}}\n";
    Conversation conversation(said);
    BOOST_TEST(conversation.expect("{FCGI_GET_VALUES_RESULT, 0, [A=\"1\"]}").kind == met);
    BOOST_TEST(conversation.expect("{FCGI_UNKNOWN_TYPE, 0, {12}}").kind == met);
    check(conversation.expect("{FCGI_UNKNOWN_TYPE, 0, {14}}"), contradicted, "{FCGI_UNKNOWN_TYPE, 0, {13}}");
    BOOST_TEST(conversation.expect("{FCGI_UNKNOWN_TYPE, 0, {*}}").kind == met);
    check(conversation.expect("{FCGI_UNKNOWN_TYPE, 0, {*}}"), pending, "nothing");
    check(matched(said, "{FCGI_UNKNOWN_TYPE, 0, {13}}"), contradicted, "{FCGI_UNKNOWN_TYPE, 0, {12}}");
    BOOST_TEST(matched("{FCGI_UNKNOWN_TYPE, 0, \"\"}", "{FCGI_UNKNOWN_TYPE, 0, {0}}").kind == contradicted);
    BOOST_TEST(matched("{99, 0, \"abc\"}", "{99, 0, \"a...\"}").kind == met);
    BOOST_TEST(matched("{99, 0, \"abc\"}", "{99, 0, \"b...\"}").kind == contradicted);
    BOOST_TEST(matched("{99, 0, \"abc\"}", "{99, 0, \"...bc\"}").kind == met);
    BOOST_TEST(matched("{99, 0, \"abc\"}", "{99, 0, \"...ab\"}").kind == contradicted);
}

BOOST_AUTO_TEST_CASE(pairs_in_any_order) {
    const std::string said = "{FCGI_GET_VALUES_RESULT, 0, [A=\"1\" B=\"2\" C=\"33\"]}\n";
    const auto kind_of = [&](const std::string& pairs) { return matched(said, "{FCGI_GET_VALUES_RESULT, 0, " + pairs + "}").kind; };
    BOOST_TEST(kind_of("[A=\"1\" B=\"2\" C=\"33\"]") == met);
    BOOST_TEST(kind_of("[C=\"33\" A=\"1\" B=\"2\"]") == met);
    BOOST_TEST(kind_of("[C=* A=\"1\" B=*]") == met);
    BOOST_TEST(kind_of("[C=\"3...\" A=\"1\" B=\"...2\"]") == met);
    BOOST_TEST(kind_of("[B=\"2\" ...]") == met);
    BOOST_TEST(kind_of("[...]") == met);
    BOOST_TEST(kind_of("*") == met);
    BOOST_TEST(kind_of("[A=\"1\" B=\"2\"]") == contradicted);           // one more was said
    BOOST_TEST(kind_of("[A=\"1\" B=\"3\" C=\"33\"]") == contradicted);  // another value
    BOOST_TEST(kind_of("[D=* ...]") == contradicted);
    BOOST_TEST(kind_of("[A=\"1\" A=\"1\" ...]") == contradicted);  // said once
    BOOST_TEST(kind_of("[C=\"4...\" ...]") == contradicted);
    check(matched(said, "{FCGI_GET_VALUES_RESULT, 0, []}"), contradicted, "{FCGI_GET_VALUES_RESULT, 0, [A=\"1\" B=\"2\" C=\"33\"]}");
}

// Responses [§6.2], [CGI §6].

BOOST_AUTO_TEST_CASE(cgi_header_blocks) {
    struct Case {
        std::string value;
        std::size_t header_size;
        unsigned status;
    };
    const std::vector<Case> table{
        {"Content-Type: a/b\r\n\r\nbody", 21, 200},
        {"Content-Type: a/b\n\nbody", 19, 200},
        {"Status: 404 Not Found\r\nA: b\r\n\r\n", 31, 404},
        {"A: b\nstatus:\t302\n\n", 18, 302},
        {"STATUS:500\r\n\r\n", 14, 500},
        {"X-Status: 404\r\n\r\n", 17, 200},
        {"Status: none\r\n\r\n", 16, 200},
        {"Content-Type: a/b\r\n", 0, 200},
        {"no header block", 0, 200},
        {"", 0, 200},
        {"\r\nbody", 2, 200},
    };
    for (const Case& one : table) {
        const CgiResponse response = parse_cgi_response(one.value);
        BOOST_TEST(response.header_size == one.header_size, one.value);
        if (one.header_size > 0) BOOST_TEST(response.status == one.status, one.value);
    }
}

BOOST_AUTO_TEST_CASE(a_response_with_status_and_body) {
    const std::string said = out("Status: 404 Not Found\\r\\n\\r\\n") + out("no") + out("t") + out("") + complete;
    BOOST_TEST(matched(said, "response 1").kind == met);
    BOOST_TEST(matched(said, "response 1 status=404 \"not\"").kind == met);
    BOOST_TEST(matched(said, "response 1 \"n...\"").kind == met);
    check(matched(said, "response 1 status=200"), contradicted, "CGI status 404 in \"Status: 404 Not Found\\r\\n\\r\\nnot\"");
    check(matched(said, "response 1 \"no\""), contradicted, "body \"not\"");
    check(matched(out("text") + complete, "response 1 \"text\""), contradicted, "no CGI header block in \"text\"");
    BOOST_TEST(matched(out("text") + complete, "response 1").kind == met);  // the header block isn't asked for
    check(matched("{FCGI_END_REQUEST, 1, {0, FCGI_OVERLOADED}}", "response 1"), contradicted, "{FCGI_END_REQUEST, 1, {0, FCGI_OVERLOADED}}");
}

BOOST_AUTO_TEST_CASE(a_response_is_pending_up_to_its_end) {
    Conversation conversation;
    check(conversation.expect("response 1 \"x\""), pending, "nothing");
    conversation.say(out(header + "other"));
    check(conversation.expect("response 1 \"x\""), pending, "\"" + header + "other\"");
    conversation.say(complete);
    check(conversation.expect("response 1 \"x\""), contradicted, "body \"other\"");
}

BOOST_AUTO_TEST_CASE(the_body_is_what_follows_the_part_already_used) {
    const std::string said = out(header + "onetwo") + out("") + complete;
    Conversation conversation(said);
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"...one\"}").kind == met);
    BOOST_TEST(conversation.expect("response 1 \"two\"").kind == met);
    Conversation wrong(said);
    BOOST_TEST(wrong.expect("{FCGI_STDOUT, 1, \"...one\"}").kind == met);
    check(wrong.expect("response 1 \"onetwo\""), contradicted, "body \"two\"");
    Conversation part_of_header(said);
    BOOST_TEST(part_of_header.expect("{FCGI_STDOUT, 1, \"Content\"}").kind == met);
    BOOST_TEST(part_of_header.expect("response 1 \"onetwo\"").kind == met);
}

BOOST_AUTO_TEST_CASE(a_response_ends_the_life_of_its_id) {
    Conversation conversation(out(header + "one") + out("") + complete + out(header + "two") + out("") + complete);
    BOOST_TEST(conversation.expect("response 1 \"one\"").kind == met);
    BOOST_TEST(conversation.expect("response 1 \"two\"").kind == met);
    BOOST_TEST(conversation.expect("response 1 \"three\"").kind == pending);
}

// The end of a connection.

BOOST_AUTO_TEST_CASE(on_a_closed_connection_nothing_is_pending) {
    for (const auto& [end, text] : {std::pair{PeerEnd::fin, std::string("the peer closed the connection")},
                                    std::pair{PeerEnd::reset, std::string("the peer reset the connection")}}) {
        const auto ended = [&, how = end](const std::string& said, const std::string& line) {
            Conversation conversation(said);
            conversation.seen.end = how;
            const Match match = conversation.expect(line);
            BOOST_TEST(match.by_end == (match.kind == contradicted));
            return match;
        };
        check(ended("", "{FCGI_STDOUT, 1, \"abc\"}"), contradicted, text);
        check(ended(out("ab"), "{FCGI_STDOUT, 1, \"abc\"}"), contradicted, "\"ab\", then " + text);
        check(ended("", "{FCGI_END_REQUEST, 1, *}"), contradicted, text);
        check(ended("", "{FCGI_GET_VALUES_RESULT, 0, *}"), contradicted, text);
        check(ended("", "response 1"), contradicted, text);
        check(ended(out(header), "response 1"), contradicted, "\"" + header + "\", then " + text);
        // What was said before its end stands.
        BOOST_TEST(ended(out("abc"), "{FCGI_STDOUT, 1, \"abc\"}").kind == met);
        BOOST_TEST(ended("", "close").kind == met);
    }
    check(matched("", "close"), pending, "the connection stays open");
}

BOOST_AUTO_TEST_CASE(a_wrong_answer_before_the_end_is_no_end) {
    Conversation conversation(out("xyz") + complete);
    conversation.seen.end = PeerEnd::fin;
    const Match match = conversation.expect("{FCGI_STDOUT, 1, \"abc\"}");
    BOOST_TEST(match.kind == contradicted);
    BOOST_TEST(!match.by_end);
}

// A cursor is a value: alternatives are tried on copies.

BOOST_AUTO_TEST_CASE(what_is_not_met_uses_nothing) {
    Conversation conversation(out("abc") + out("") + complete);
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"x\"}").kind == contradicted);
    BOOST_TEST(conversation.expect("response 1 status=500").kind == contradicted);
    BOOST_TEST(conversation.expect("{FCGI_END_REQUEST, 1, {9, *}}").kind == contradicted);
    BOOST_TEST(conversation.expect("{FCGI_STDOUT, 1, \"abc\"}").kind == met);
    Conversation other(out("abc") + out("") + complete);
    const Cursor before = other.cursor;
    BOOST_TEST(other.expect("{FCGI_STDOUT, 1, \"abc\"}").kind == met);
    other.cursor = before;
    BOOST_TEST(other.expect("{FCGI_STDOUT, 1, \"abc\"}").kind == met);
}

BOOST_AUTO_TEST_CASE(records_without_an_id_of_their_own_are_no_request) {
    const Conversation conversation("{FCGI_STDOUT, 0, \"x\"}\n{FCGI_END_REQUEST, 0, {0, 0}}\n");
    BOOST_TEST(conversation.seen.requests.empty());
    BOOST_TEST(conversation.seen.management.size() == 2U);
}

BOOST_AUTO_TEST_CASE(small_records_are_not_counted_as_nothing) {
    Conversation conversation;
    for (int i = 0; i < 100; ++i) conversation.say("{FCGI_UNKNOWN_TYPE, 0, \"\"}\n");
    BOOST_TEST(conversation.seen.size >= 100 * sizeof(DiscreteSeen));
    Conversation streams;
    for (int i = 1; i <= 100; ++i) streams.say("{FCGI_STDOUT, " + std::to_string(i) + ", \"\"}\n");
    BOOST_TEST(streams.seen.size >= 100 * sizeof(StreamSeen));
}

// What a Web server says.

BOOST_AUTO_TEST_CASE(a_beginning_is_the_next_life_of_an_id) {
    Conversation web("{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 1}}\n{FCGI_PARAMS, 1, \"\"}\n{FCGI_STDIN, 1, \"one\"}\n{FCGI_STDIN, 1, \"\"}");
    web.say("{FCGI_BEGIN_REQUEST, 1, {FCGI_FILTER, 0}}\n{FCGI_STDIN, 1, \"two\"}\n{FCGI_ABORT_REQUEST, 1}");
    const std::vector<RequestSeen>& lives = web.seen.requests.at(1);
    BOOST_TEST_REQUIRE(lives.size() == 2U);
    BOOST_TEST_REQUIRE((lives[0].begin && lives[1].begin));
    BOOST_TEST((lives[0].begin->role == Role::responder));
    BOOST_TEST((lives[1].begin->role == Role::filter));
    BOOST_TEST(lives[0].stream(RecordType::std_in)->bytes == "one");
    BOOST_TEST(lives[0].stream(RecordType::std_in)->ended);
    BOOST_TEST(lives[1].stream(RecordType::std_in)->bytes == "two");
    BOOST_TEST(!lives[1].stream(RecordType::std_in)->ended);
    BOOST_TEST((lives[1].stream(RecordType::params) == nullptr));
    BOOST_TEST(!lives[0].aborted);
    BOOST_TEST(lives[1].aborted);
}

BOOST_AUTO_TEST_CASE(pairs_that_stand_for_many_values) {
    const auto fitting = [](const std::string& expected, const std::string& said) {
        ParsedScript script = parse_script("scenario a\nproves R-1-1\n> {FCGI_PARAMS, 1, " + expected + "}\n", "n", "f", Side::web_server);
        if (!script.errors.empty()) BOOST_FAIL(script.errors.front().print());
        const auto& record = std::get<Expect>(script.scenarios.front().steps.front().action).record;
        const Buffer bytes = parse_notation("{FCGI_PARAMS, 1, " + said + "}").bytes;
        const PairPattern* missing = nullptr;
        const bool result = fits(std::get<PairsPattern>(record.content), Bytes(bytes).subspan(header_size), &missing);
        return result ? "fits" : missing != nullptr ? "without " + missing->name : "more than that";
    };
    BOOST_TEST(fitting("[A=\"1\" B=*]", "[B=\"2\" A=\"1\"]") == "fits");
    BOOST_TEST(fitting("[A=\"1\" B=*]", "[A=\"1\"]") == "without B");
    BOOST_TEST(fitting("[A=\"1...\" B=*]", "[A=\"21\" B=\"\"]") == "without A");
    BOOST_TEST(fitting("[A=*]", "[A=\"1\" B=\"2\"]") == "more than that");
    BOOST_TEST(fitting("[A=* ...]", "[A=\"1\" B=\"2\"]") == "fits");
    BOOST_TEST(fitting("[A=* A=*]", "[A=\"1\"]") == "without A");
}

BOOST_AUTO_TEST_SUITE_END()

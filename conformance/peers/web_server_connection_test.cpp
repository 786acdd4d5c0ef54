#include "conformance/peers/web_server_connection.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/engine/checker.hpp"
#include "conformance/peers/test_conversation.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(web_server_connection)

namespace {

const std::string query = lines(R"({FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS="" FCGI_MAX_REQS="" FCGI_MPXS_CONNS=""]})");
const std::string multiplexes = R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS="1"]})";

std::shared_ptr<const Buffer> buffer_of(std::string_view text) {
    return std::make_shared<const Buffer>(text.begin(), text.end());
}

RequestToSend request(std::string_view body = "", Role role = Role::responder) {
    return {.role = role, .variables = {{"A", "b"}}, .std_in = buffer_of(body), .data = buffer_of("data")};
}

/// Hears everything in chunks of one size, and hands what it says to the checker as it does.
class Talk {
public:
    explicit Talk(std::size_t chunk_size = 65536) : chunk_size_(chunk_size) {}
    WebServerConnection connection;

    /// What it has to say, all of it.
    std::string says() {
        Buffer all;
        while (!connection.output().empty()) {
            append(all, connection.output());
            connection.consumed(connection.output().size());
        }
        judge(Side::web_server, all);
        return lines_of(all);
    }
    /// What comes of the application's saying this.
    std::string hears(std::string_view notation) {
        const Buffer bytes = encoded(notation);
        for (Bytes rest = bytes; !rest.empty();) {
            const Bytes chunk = rest.first(std::min(chunk_size_, rest.size()));
            connection.receive(Buffer(chunk.begin(), chunk.end()));  // a block of its own: an over-read is seen
            note(connection.take_events());
            rest = rest.subspan(chunk.size());
        }
        judge(Side::application, bytes);
        return std::exchange(events_, "");
    }
    std::string hears_end() {
        connection.receive_end();
        note(connection.take_events());
        return std::exchange(events_, "");
    }

private:
    /// "1 out abc", pieces of one stream that follow each other joined.
    void note(const std::vector<RequestEvent>& events) {
        for (const RequestEvent& event : events) {
            const std::string id = std::to_string(event.request_id);
            if (event.kind == RequestEvent::Kind::ended) {
                events_ += id + " ended " + std::to_string(event.end.app_status) + " " +
                           std::string(name_of(event.end.protocol_status)) + "\n";
            } else if (event.kind == RequestEvent::Kind::failed) {
                BOOST_TEST(!event.reason.empty());
                events_ += id + " failed\n";
            } else {
                const std::string line = id + (event.kind == RequestEvent::Kind::std_out ? " out " : " err ") +
                                         std::string(text_of(event.bytes));
                events_ += line + "\n";
            }
        }
    }
    /// Of the Web server no record may stand accused.
    void judge(Side from, Bytes bytes) {
        while (!bytes.empty()) {
            const DecodedRecord decoded = decode_record(bytes);
            if (!decoded.record) return;
            const Judgement judgement = checker_.see_record(from, *decoded.record);
            if (from == Side::web_server)
                for (const Accusation& accusation : judgement.accusations)
                    BOOST_ERROR(accusation.requirement << ": " << print(*decoded.record));
            bytes = bytes.subspan(decoded.consumed);
        }
    }

    std::size_t chunk_size_;
    std::string events_;
    LifecycleChecker checker_;
};

/// With requests 1 and 2 running, where the application multiplexes.
struct TwoRunning : Talk {
    explicit TwoRunning(std::size_t chunk_size = 65536) : Talk(chunk_size) {
        connection.begin(request());
        (void)hears(multiplexes);
        connection.begin(request());
        (void)says();
    }
};

/// How often each type stands in the lines.
std::size_t count(std::string_view lines, std::string_view what) {
    std::size_t result = 0;
    for (std::size_t at = lines.find(what); at != std::string_view::npos; at = lines.find(what, at + 1)) ++result;
    return result;
}

}  // namespace

// What it says

BOOST_AUTO_TEST_CASE(asks_for_the_values_at_once) {
    BOOST_TEST(Talk().says() == query);
}

BOOST_AUTO_TEST_CASE(a_responder_is_sent_its_two_streams) {
    Talk talk;
    BOOST_TEST(talk.connection.begin(request("abc")) == 1);
    BOOST_TEST(talk.says() == query + lines(R"({FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}
                                               {FCGI_PARAMS, 1, [A="b"]}
                                               {FCGI_PARAMS, 1, ""}
                                               {FCGI_STDIN, 1, "abc"}
                                               {FCGI_STDIN, 1, ""})"));
}

BOOST_AUTO_TEST_CASE(a_stream_without_bytes_is_ended_too) {
    Talk talk;
    talk.connection.begin({.role = Role::filter, .variables = {}});
    BOOST_TEST(talk.says() == query + lines(R"({FCGI_BEGIN_REQUEST, 1, {FCGI_FILTER, FCGI_KEEP_CONN}}
                                               {FCGI_PARAMS, 1, ""}
                                               {FCGI_STDIN, 1, ""}
                                               {FCGI_DATA, 1, ""})"));
}

BOOST_AUTO_TEST_CASE(an_authorizer_is_sent_parameters_alone) {
    Talk talk;
    talk.connection.begin(request("abc", Role::authorizer));
    BOOST_TEST(talk.says() == query + lines(R"({FCGI_BEGIN_REQUEST, 1, {FCGI_AUTHORIZER, FCGI_KEEP_CONN}}
                                               {FCGI_PARAMS, 1, [A="b"]}
                                               {FCGI_PARAMS, 1, ""})"));
}

BOOST_AUTO_TEST_CASE(a_filter_is_sent_the_data_after_the_input) {
    Talk talk;
    talk.connection.begin(request("abc", Role::filter));
    BOOST_TEST(talk.says() == query + lines(R"({FCGI_BEGIN_REQUEST, 1, {FCGI_FILTER, FCGI_KEEP_CONN}}
                                               {FCGI_PARAMS, 1, [A="b"]}
                                               {FCGI_PARAMS, 1, ""}
                                               {FCGI_STDIN, 1, "abc"}
                                               {FCGI_STDIN, 1, ""}
                                               {FCGI_DATA, 1, "data"}
                                               {FCGI_DATA, 1, ""})"));
}

BOOST_AUTO_TEST_CASE(parameters_of_any_length_come_whole) {
    for (const std::size_t size : {0U, 1U, 126U, 127U, 128U, 129U, 65535U, 65536U, 200000U}) {
        WebServerConnection connection;
        connection.begin({.variables = {{std::string(size, 'N'), "value"}, {"name", std::string(size, 'v')}}});
        Buffer params;
        for (Bytes rest = connection.output(); !rest.empty();) {
            const DecodedRecord decoded = decode_record(rest);
            BOOST_TEST_REQUIRE(decoded.record.has_value());
            if (decoded.record->type == RecordType::params) append(params, decoded.record->content);
            rest = rest.subspan(decoded.consumed);
        }
        const auto read = Params::decode(std::move(params));
        BOOST_TEST_REQUIRE(read.has_value());
        BOOST_TEST((read->value_of(std::string(size, 'N')) == "value"));
        BOOST_TEST((read->value_of("name") == std::string(size, 'v')));
    }
}

BOOST_AUTO_TEST_CASE(a_large_body_goes_out_whole_as_there_is_room) {
    const auto body = std::make_shared<Buffer>(3'000'000);
    for (std::size_t i = 0; i < body->size(); ++i) (*body)[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    WebServerConnection connection;
    connection.begin({.variables = {}, .std_in = body});
    Buffer sent;
    Buffer said;
    while (!connection.output().empty()) {
        BOOST_TEST_REQUIRE(connection.output().size() < 128U * 1024U);
        const Bytes some = connection.output().first(std::min<std::size_t>(connection.output().size(), 10'000));
        append(said, some);
        connection.consumed(some.size());
    }
    for (Bytes rest = said; !rest.empty();) {
        const DecodedRecord decoded = decode_record(rest);
        BOOST_TEST_REQUIRE(decoded.record.has_value());
        if (decoded.record->type == RecordType::std_in) append(sent, decoded.record->content);
        rest = rest.subspan(decoded.consumed);
    }
    BOOST_TEST((sent == *body));
}

BOOST_AUTO_TEST_CASE(streams_of_several_requests_take_turns) {
    Talk talk;
    talk.connection.begin(request(std::string(1'000'000, 'a')));
    (void)talk.hears(multiplexes);
    talk.connection.begin(request("b"));
    const std::string said = talk.says();
    BOOST_TEST(said.find("{FCGI_STDIN, 2, \"\"}") < said.find("{FCGI_STDIN, 1, \"\"}"));
    BOOST_TEST(count(said, "{FCGI_STDIN, 1, \"\"}") == 1U);
}

// Which requests it takes

BOOST_AUTO_TEST_CASE(shares_a_connection_only_where_the_application_says_so) {
    const std::array<std::pair<std::string, bool>, 9> answers{{
        {R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS="1"]})", true},
        {R"({FCGI_GET_VALUES_RESULT, 0, [X="y" FCGI_MPXS_CONNS="1" FCGI_MAX_CONNS=""]})", true},
        {R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS="0"]})", false},
        {R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS="11"]})", false},
        {R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS="0" FCGI_MPXS_CONNS="1"]})", false},
        {R"({FCGI_GET_VALUES_RESULT, 0, ""})", false},
        {R"({FCGI_GET_VALUES_RESULT, 0, "\017\001FCGI_MPXS_CONNS1\017\001FCGI"})", false},
        {R"({FCGI_GET_VALUES_RESULT, 0, ""}
            {FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS="1"]})",
         false},
        {R"({FCGI_GET_VALUES_RESULT, 1, [FCGI_MPXS_CONNS="1"]})", false},
    }};
    for (const auto& [answer, shares] : answers) {
        Talk talk;
        BOOST_TEST(talk.connection.takes_request(false));
        talk.connection.begin(request());
        BOOST_TEST(!talk.connection.takes_request(false));
        BOOST_TEST(talk.hears(answer) == "");
        BOOST_TEST(talk.connection.takes_request(false) == shares, answer);
        BOOST_TEST(!talk.connection.takes_request(true));
    }
}

BOOST_AUTO_TEST_CASE(a_request_that_wants_to_be_alone_is) {
    Talk talk;
    (void)talk.hears(multiplexes);
    BOOST_TEST(talk.connection.takes_request(true));
    RequestToSend lonely = request();
    lonely.alone = true;
    talk.connection.begin(std::move(lonely));
    BOOST_TEST(!talk.connection.takes_request(false));
    BOOST_TEST(!talk.connection.takes_request(true));
    (void)talk.says();
    (void)talk.hears("{FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}");
    BOOST_TEST(talk.connection.takes_request(true));
}

BOOST_AUTO_TEST_CASE(the_values_are_kept) {
    Talk talk;
    (void)talk.hears(R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_REQS="2" FCGI_MAX_CONNS="7" FCGI_MPXS_CONNS="1"]})");
    BOOST_TEST(talk.connection.values().num_connections_max.value() == 7U);
    talk.connection.begin(request());
    BOOST_TEST(talk.connection.takes_request(false));
    talk.connection.begin(request());
    BOOST_TEST(!talk.connection.takes_request(false));
}

BOOST_AUTO_TEST_CASE(values_without_sense_are_none) {
    for (const std::string_view value : {"", "0", "-1", "1x", " 1", "99999999999999999999999999"}) {
        Talk talk;
        (void)talk.hears("{FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_CONNS=\"" + std::string(value) + "\"]}");
        BOOST_TEST(!talk.connection.values().num_connections_max.has_value(), value);
    }
}

BOOST_AUTO_TEST_CASE(the_smallest_id_that_is_inactive_is_used) {
    Talk talk;
    (void)talk.hears(multiplexes);
    for (int id = 1; id <= 3; ++id) BOOST_TEST(talk.connection.begin(request()) == id);
    (void)talk.says();
    (void)talk.hears("{FCGI_END_REQUEST, 2, {0, FCGI_REQUEST_COMPLETE}}");
    BOOST_TEST(talk.connection.begin(request()) == 2);
    BOOST_TEST(talk.connection.begin(request()) == 4);
    (void)talk.says();
}

BOOST_AUTO_TEST_CASE(an_application_that_cannot_multiplex_is_believed) {
    Talk talk;
    (void)talk.hears(R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_CONNS="1" FCGI_MPXS_CONNS="1"]})");
    talk.connection.begin(request());
    talk.connection.begin(request());
    (void)talk.says();
    BOOST_TEST(talk.hears("{FCGI_END_REQUEST, 2, {0, FCGI_CANT_MPX_CONN}}") == "2 ended 0 FCGI_CANT_MPX_CONN\n");
    BOOST_TEST(!talk.connection.takes_request(false));
    BOOST_TEST(!talk.connection.values().num_connections_max.has_value());  // it said what isn't true
}

// What comes of what the application says

BOOST_AUTO_TEST_CASE(what_comes_of_each_record) {
    const std::array<std::pair<std::string, std::string>, 21> rows{{
        {R"({FCGI_STDOUT, 1, "abc"})", "1 out abc\n"},
        {R"({FCGI_STDOUT, 1, "abc", padding=255, reserved=7})", "1 out abc\n"},
        {R"({FCGI_STDERR, 2, "abc", padding=1})", "2 err abc\n"},
        {R"({FCGI_STDOUT, 1, "a"}
            {FCGI_STDOUT, 2, "b"}
            {FCGI_STDERR, 1, "c"}
            {FCGI_STDOUT, 1, "d"})",
         "1 out a\n2 out b\n1 err c\n1 out d\n"},
        {R"({FCGI_STDOUT, 1, ""})", ""},
        {R"({FCGI_STDERR, 1, "", padding=8})", ""},
        {R"({FCGI_STDOUT, 1, ""}
            {FCGI_STDOUT, 1, "late"}
            {FCGI_STDERR, 1, "not"})",
         "1 err not\n"},
        {R"({FCGI_STDERR, 1, ""}
            {FCGI_STDERR, 1, "late"}
            {FCGI_STDOUT, 1, "not"})",
         "1 out not\n"},
        {R"({FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}})", "1 ended 0 FCGI_REQUEST_COMPLETE\n"},
        {R"({FCGI_END_REQUEST, 2, {4294967295, FCGI_OVERLOADED}})", "2 ended 4294967295 FCGI_OVERLOADED\n"},
        {R"({FCGI_END_REQUEST, 1, "\000\000\000\001\000\377\377\377"})", "1 ended 1 FCGI_REQUEST_COMPLETE\n"},
        {R"({FCGI_END_REQUEST, 1, "\000\000\000\001\000\000\000\000more"})", "1 ended 1 FCGI_REQUEST_COMPLETE\n"},
        {R"({FCGI_END_REQUEST, 1, "\000\000\000\001\011\000\000\000"})", "1 ended 1 \n"},
        {R"({FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}
            {FCGI_STDOUT, 1, "late"}
            {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}})",
         "1 ended 0 FCGI_REQUEST_COMPLETE\n"},
        {R"({FCGI_STDOUT, 3, "whose"}
            {FCGI_STDERR, 65535, "whose"}
            {FCGI_END_REQUEST, 4, {0, FCGI_REQUEST_COMPLETE}}
            {FCGI_END_REQUEST, 4, "short"})",
         ""},
        {R"({FCGI_STDOUT, 0, "a"}
            {FCGI_STDERR, 0, "b"}
            {FCGI_END_REQUEST, 0, {0, FCGI_REQUEST_COMPLETE}})",
         ""},
        {R"({FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}
            {FCGI_ABORT_REQUEST, 1}
            {FCGI_PARAMS, 1, "a"}
            {FCGI_STDIN, 1, ""}
            {FCGI_DATA, 1, "b"})",
         ""},
        {R"({FCGI_GET_VALUES, 0, [FCGI_MPXS_CONNS=""]}
            {FCGI_GET_VALUES, 1, ""})",
         ""},
        {R"({FCGI_GET_VALUES_RESULT, 0, "\377"}
            {FCGI_GET_VALUES_RESULT, 1, ""})",
         ""},
        {R"({FCGI_UNKNOWN_TYPE, 0, {99}}
            {FCGI_UNKNOWN_TYPE, 1, ""})",
         ""},
        {R"({99, 0, "abc"}
            {0, 1, "abc"}
            {255, 2, ""})",
         ""},
    }};
    for (const auto& [said, comes] : rows)
        for (const std::size_t chunk_size : {65536U, 1U, 7U, 8U, 9U, 64U}) {
            TwoRunning talk(chunk_size);
            BOOST_TEST(talk.hears(said) == comes, said << " in chunks of " << chunk_size);
            BOOST_TEST(talk.says() == "");
            BOOST_TEST(!talk.connection.is_over());
        }
}

BOOST_AUTO_TEST_CASE(what_has_no_meaning_fails_all_requests) {
    for (const std::string_view said : {R"({FCGI_STDOUT, 1, "", version=0})", R"({FCGI_STDOUT, 1, "", version=2})",
                                        R"({FCGI_STDOUT, 9, "", version=2})", "raw 48", R"({FCGI_END_REQUEST, 1, ""})",
                                        R"({FCGI_END_REQUEST, 2, "1234567"})"})
        for (const std::size_t chunk_size : {65536U, 1U}) {
            TwoRunning talk(chunk_size);
            BOOST_TEST(talk.hears(said) == "1 failed\n2 failed\n", said);
            BOOST_TEST(talk.connection.is_over());
            BOOST_TEST(!talk.connection.takes_request(false));
            BOOST_TEST(talk.connection.output().empty());
            BOOST_TEST(talk.hears(R"({FCGI_STDOUT, 1, "late"})") == "");
        }
}

BOOST_AUTO_TEST_CASE(what_came_before_the_nonsense_counts) {
    TwoRunning talk;
    BOOST_TEST(talk.hears(R"({FCGI_STDOUT, 1, "abc"}
                             {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}
                             {FCGI_STDOUT, 2, "abc", version=9})") ==
               "1 out abc\n1 ended 0 FCGI_REQUEST_COMPLETE\n2 failed\n");
}

BOOST_AUTO_TEST_CASE(the_end_of_an_idle_connection_is_no_error) {
    Talk talk;
    talk.connection.begin(request());
    (void)talk.says();
    (void)talk.hears("{FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}");
    BOOST_TEST(talk.hears_end() == "");
    BOOST_TEST(talk.connection.is_over());
}

BOOST_AUTO_TEST_CASE(the_end_of_the_connection_fails_what_runs) {
    for (const std::string_view said : {"", R"({FCGI_STDOUT, 1, ""})", "raw 01", "raw 01 06 00 01 00 05 00 00 61 62"}) {
        TwoRunning talk;
        (void)talk.hears(said);
        BOOST_TEST(talk.hears_end() == "1 failed\n2 failed\n", said);
        BOOST_TEST(talk.connection.is_over());
    }
}

BOOST_AUTO_TEST_CASE(input_that_is_not_wanted_is_not_sent) {
    Talk talk;
    talk.connection.begin(request(std::string(1'000'000, 'a')));
    BOOST_TEST(talk.hears("{FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}") == "1 ended 0 FCGI_REQUEST_COMPLETE\n");
    const std::size_t begun_size = talk.connection.output().size();
    talk.connection.consumed(begun_size);
    BOOST_TEST(begun_size < 128U * 1024U);
    BOOST_TEST(talk.connection.output().empty());
}

// Abort [§5.4]

BOOST_AUTO_TEST_CASE(an_aborted_request_keeps_its_id_and_loses_its_output) {
    TwoRunning talk;
    talk.connection.abort(1);
    BOOST_TEST(talk.says() == lines("{FCGI_ABORT_REQUEST, 1}"));
    talk.connection.abort(1);  // once is enough
    BOOST_TEST(talk.says() == "");
    BOOST_TEST(talk.hears(R"({FCGI_STDOUT, 1, "dropped"}
                             {FCGI_STDERR, 1, "dropped"}
                             {FCGI_STDOUT, 2, "kept"})") == "2 out kept\n");
    BOOST_TEST(talk.connection.num_aborted() == 1U);
    BOOST_TEST(talk.connection.num_running() == 1U);
    BOOST_TEST(talk.connection.begin(request()) == 3);
    BOOST_TEST(talk.hears("{FCGI_END_REQUEST, 1, {9, FCGI_REQUEST_COMPLETE}}") == "");
    BOOST_TEST(talk.connection.num_aborted() == 0U);
    BOOST_TEST(talk.connection.begin(request()) == 1);
    (void)talk.says();
}

BOOST_AUTO_TEST_CASE(an_abort_takes_the_rest_of_the_input_back) {
    Talk talk;
    talk.connection.begin(request(std::string(1'000'000, 'a')));
    talk.connection.abort(1);
    const std::string said = talk.says();
    BOOST_TEST(said.ends_with(lines("{FCGI_ABORT_REQUEST, 1}")));
    BOOST_TEST(count(said, "{FCGI_STDIN, 1, \"\"}") == 0U);
    BOOST_TEST(!talk.connection.takes_request(false));  // not before FCGI_END_REQUEST
}

BOOST_AUTO_TEST_CASE(an_abort_of_what_has_ended_is_not_sent) {
    TwoRunning talk;
    (void)talk.hears("{FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}");
    talk.connection.abort(1);
    talk.connection.abort(77);
    BOOST_TEST(talk.says() == "");
}

BOOST_AUTO_TEST_CASE(an_aborted_request_does_not_fail_with_its_connection) {
    TwoRunning talk;
    talk.connection.abort(2);
    BOOST_TEST(talk.hears_end() == "1 failed\n");
}

// Against the reference application

namespace {

/// Both reference peers talk, in pieces of random sizes, and the checker listens.
class Pair {
public:
    explicit Pair(unsigned seed) : random_(seed), application_(answer_by_contract) {}
    WebServerConnection connection;
    /// Until neither has anything to say.
    std::vector<RequestEvent> talk() {
        std::vector<RequestEvent> all;
        while (!connection.output().empty() || !application_.output().empty()) {
            if (const Bytes piece = some_of(connection.output()); !piece.empty()) {
                judge(Side::web_server, piece, to_application_);
                const Buffer copy(piece.begin(), piece.end());
                connection.consumed(copy.size());
                application_.receive(copy);
            }
            if (const Bytes piece = some_of(application_.output()); !piece.empty()) {
                judge(Side::application, piece, to_web_server_);
                const Buffer copy(piece.begin(), piece.end());
                application_.consumed(copy.size());
                connection.receive(copy);
            }
            for (RequestEvent& event : connection.take_events()) all.push_back(std::move(event));
        }
        return all;
    }
    std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }

private:
    Bytes some_of(Bytes bytes) { return bytes.empty() ? bytes : bytes.first(1 + below(bytes.size())); }
    void judge(Side from, Bytes bytes, Buffer& pending) {
        append(pending, bytes);
        while (true) {
            const DecodedRecord decoded = decode_record(pending);
            if (!decoded.record) return;
            for (const Accusation& accusation : checker_.see_record(from, *decoded.record).accusations)
                BOOST_ERROR(accusation.requirement << ": " << accusation.got);
            pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(decoded.consumed));
        }
    }
    std::minstd_rand random_;
    ReferenceConnection application_;
    LifecycleChecker checker_;
    Buffer to_application_;
    Buffer to_web_server_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_reference_peers_understand_each_other) {
    for (unsigned seed = 1; seed <= 100; ++seed) {
        Pair pair(seed);
        (void)pair.talk();
        std::map<std::uint16_t, std::string> bodies;
        std::map<std::uint16_t, std::string> answers;
        for (std::size_t left = 1 + pair.below(8); left > 0; --left) {
            const std::string body(pair.below(150'000), static_cast<char>('a' + left));
            const std::uint16_t id = pair.connection.begin(
                {.variables = {{"QUERY_STRING", "fcgispec.echo"}, {"CONTENT_LENGTH", std::to_string(body.size())}},
                 .std_in = buffer_of(body)});
            bodies[id] = body;
            if (pair.below(4) == 0) {
                pair.connection.abort(id);
                bodies.erase(id);
            }
        }
        std::size_t num_ended = 0;
        for (const RequestEvent& event : pair.talk()) {
            answers[event.request_id] += text_of(event.bytes);
            num_ended += event.kind == RequestEvent::Kind::ended ? 1U : 0U;
        }
        BOOST_TEST(num_ended == bodies.size());
        BOOST_TEST(pair.connection.num_running() + pair.connection.num_aborted() == 0U);
        for (const auto& [id, body] : bodies)
            BOOST_TEST((answers[id] == "Content-Type: text/plain\r\n\r\n" + body), "seed " << seed);
    }
}

BOOST_AUTO_TEST_SUITE_END()

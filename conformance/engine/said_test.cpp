#include "conformance/engine/said.hpp"

#include <boost/test/unit_test.hpp>
#include <numeric>
#include <sstream>
#include <stdexcept>

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(said)

namespace {

std::string response(const SendResponse& value, const std::string& url_path = "/app") { return print_notation(encode_response(value, value.request_id, url_path)); }
std::string of_text(const std::string& text) {
    return "{FCGI_STDOUT, 1, \"" + text + "\"}\n{FCGI_STDOUT, 1, \"\"}\n{FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}\n";
}

Buffer bytes(const std::string& notation) {
    const ParsedNotation parsed = parse_notation(notation);
    BOOST_TEST_REQUIRE(!parsed.error.has_value(), notation);
    return parsed.bytes;
}

/// The content of a FCGI_GET_VALUES with these names.
std::string asked(const std::string& pairs) {
    const Buffer record = bytes("{FCGI_GET_VALUES, 0, " + pairs + "}");
    return std::string(text_of(Bytes(record).subspan(8)));
}

}  // namespace

// Lines.

BOOST_AUTO_TEST_CASE(variables_that_are_too_long_for_a_record_are_told) {
    const auto line = [](const std::string& fields) {
        const std::string text = "{FCGI_PARAMS, 1, [base]" + fields + "}";
        return NotationScanner(text).line();
    };
    const Pairs params{{"LONG", std::string(70'000, 'x')}};
    BOOST_TEST(encode_line(line(""), params).size() > 70'000U);  // in two records
    BOOST_TEST(encode_line(line(", padding=3"), {}).size() < 1000U);
    BOOST_CHECK_THROW((void)encode_line(line(", padding=3"), params), std::runtime_error);
}

// Responses.

BOOST_AUTO_TEST_CASE(a_plain_response) {
    BOOST_TEST(response({.fields = {}, .body = "hello"}) == of_text("Content-Type: text/plain\\r\\n\\r\\nhello"));
    BOOST_TEST(response({.fields = {}, .body = {}}) == of_text("Content-Type: text/plain\\r\\n\\r\\n"));
}

BOOST_AUTO_TEST_CASE(a_response_with_fields_of_its_own) {
    BOOST_TEST(response({.status = 404, .fields = {{"X", "y"}}, .body = "no"}) == of_text("Status: 404 As asked\\r\\nX: y\\r\\nContent-Type: text/plain\\r\\n\\r\\nno"));
    BOOST_TEST(response({.fields = {{"Content-Type", "text/html"}, {"X", "y"}}, .body = "b"}) == of_text("Content-Type: text/html\\r\\nX: y\\r\\n\\r\\nb"));
    // A response that only redirects has no type [CGI §6.2.2, §6.2.3].
    BOOST_TEST(response({.location = "/b", .fields = {}, .body = {}}) == of_text("Location: /app/b\\r\\n\\r\\n"));
    BOOST_TEST(response({.location = "/b", .fields = {}, .body = {}}, "") == of_text("Location: /b\\r\\n\\r\\n"));
    BOOST_TEST(response({.fields = {{"Location", "http://a/"}}, .body = {}}) == of_text("Location: http://a/\\r\\n\\r\\n"));
}

BOOST_AUTO_TEST_CASE(a_long_response_is_full_records) {
    const Buffer all = encode_response({.request_id = 7, .fields = {}, .body = std::string(200'000, 'x')}, 7, "");
    Bytes left = all;
    std::vector<std::size_t> sizes;
    std::string value;
    for (DecodedRecord decoded = decode_record(left); decoded.record && decoded.record->type == RecordType::std_out; decoded = decode_record(left)) {
        BOOST_TEST(decoded.record->request_id == 7);
        sizes.push_back(decoded.record->content.size());
        value += text_of(decoded.record->content);
        left = left.subspan(decoded.consumed);
    }
    BOOST_TEST_REQUIRE(sizes.size() == 5U);
    BOOST_TEST(sizes.front() == 65535U);
    BOOST_TEST(sizes.back() == 0U);
    BOOST_TEST(value.ends_with("\r\n\r\n" + std::string(200'000, 'x')));
    BOOST_TEST(print_notation(left) == "{FCGI_END_REQUEST, 7, {0, FCGI_REQUEST_COMPLETE}}\n");
}

// Values [§4.1].

BOOST_AUTO_TEST_CASE(values_are_those_that_were_asked_and_are_known) {
    const Pairs values{{"FCGI_MAX_CONNS", "7"}, {"FCGI_MPXS_CONNS", ""}, {"UNASKED", "x"}};
    const auto result = [&](const std::string& names) { return print_notation(encode_values_result(asked(names), values)); };
    BOOST_TEST(result("[FCGI_MAX_CONNS=\"\"]") == "{FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_CONNS=\"7\"]}\n");
    BOOST_TEST(result("[FCGI_MPXS_CONNS=\"\" OTHER=\"\" FCGI_MAX_CONNS=\"\"]") == "{FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS=\"\" FCGI_MAX_CONNS=\"7\"]}\n");
    BOOST_TEST(result("[OTHER=\"\"]") == "{FCGI_GET_VALUES_RESULT, 0, \"\"}\n");
    BOOST_TEST(result("\"\"") == "{FCGI_GET_VALUES_RESULT, 0, \"\"}\n");
    // Names that ask for a value they bring, and pairs that are cut.
    BOOST_TEST(result("[FCGI_MAX_CONNS=\"9\"]") == "{FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_CONNS=\"7\"]}\n");
    BOOST_TEST(result("\"\\016\\000FCGI_MAX_CONNS\\177\\001cut\"") == "{FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_CONNS=\"7\"]}\n");
}

// Requests.

BOOST_AUTO_TEST_CASE(the_users_variables_come_before_ours_and_the_lines_own_before_both) {
    const Pairs params{{"SERVER_PORT", "81"}, {"SCRIPT_FILENAME", "/f"}};
    const Pairs base = base_params(params);
    const auto value_of = [&](const std::string& name) {
        std::string all;
        for (const auto& [one, value] : base)
            if (one == name) all += value + ";";
        return all;
    };
    BOOST_TEST(value_of("SERVER_PORT") == "81;");
    BOOST_TEST(value_of("SCRIPT_FILENAME") == "/f;");
    BOOST_TEST(value_of("REQUEST_METHOD") == "GET;");
    BOOST_TEST(base.size() == base_params({}).size() + 1);
    const std::string line = print_notation(encode_request({.pairs = {.pairs = {{.name = "SERVER_PORT", .value = TextPattern{.text = "82"}}}, .open = false}}, params));
    BOOST_TEST(line.find("SERVER_PORT=\"82\"") != std::string::npos);
    BOOST_TEST(line.find("SERVER_PORT=\"81\"") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_authorizer_is_not_sent_what_it_need_not_know) {
    const SendRequest request{.pairs = {}, .role = Role::authorizer};
    BOOST_TEST(print_notation(encode_request(request, {})).find("SCRIPT_NAME") == std::string::npos);
    BOOST_TEST(print_notation(encode_request(request, {{"SCRIPT_NAME", "/s"}})).find("SCRIPT_NAME=\"/s\"") != std::string::npos);
    BOOST_TEST(print_notation(encode_request({.pairs = {}}, {})).find("SCRIPT_NAME=") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_variables_of_a_plain_request_are_told_in_a_word) {
    const Pairs params{{"SERVER_PORT", "81"}, {"SCRIPT_FILENAME", "/f"}};
    const auto told = [&](const std::string& line) {
        const std::string whole = print_notation(encode_line(NotationScanner(line).line(), params));
        return with_base_named(whole.substr(0, whole.find('\n')), params);
    };
    for (const std::string line : {"{FCGI_PARAMS, 1, [base]}", "{FCGI_PARAMS, 1, [A=\"1\" base B=\"2\"]}", "{FCGI_PARAMS, 1, [base SERVER_PORT=\"82\" CONTENT_LENGTH=\"3\"], padding=2}",
                                   "{FCGI_PARAMS, 1, [A=\"1\"]}", "{FCGI_PARAMS, 1, [SERVER_PORT=\"81\"]}",
                                   "{FCGI_PARAMS, 1, [SERVER_PORT=\"81\" SERVER_NAME=\"localhost\" A=\"1\" base B=\"2\"]}", "{FCGI_PARAMS, 1, [base SERVER_PORT=\"81\" REMOTE_ADDR=\"127.0.0.1\"]}", "{FCGI_PARAMS, 1, \"\\013\\002S\"}"})
        BOOST_TEST(told(line) == line);
    // Whatever isn't just that says itself.
    std::string without_one = print_notation(encode_line(NotationScanner("{FCGI_PARAMS, 1, [base]}").line(), {}));
    without_one.pop_back();
    BOOST_TEST(with_base_named(without_one, params) == without_one);
    for (const std::string text : {"{FCGI_STDIN, 1, \"a\"}", "{FCGI_PARAMS, 1, [base]} x", "{FCGI_PARAMS, 1, [A=\"abc...\" (999 bytes)]}", "", "close"})
        BOOST_TEST(with_base_named(text, params) == text);
}

BOOST_AUTO_TEST_CASE(variables_that_nobody_asks_for_are_left_out) {
    const std::string record = "{FCGI_PARAMS, 1, [A=\"1\" B=\"2\" A=\"3\" C=\"4\"], padding=2}";
    BOOST_TEST(with_others_left_out(record, {"A", "D"}) == "{FCGI_PARAMS, 1, [A=\"1\" A=\"3\" ...], padding=2}");
    BOOST_TEST(with_others_left_out(record, {"A", "B", "C"}) == record);
    for (const std::vector<std::string>& names : {std::vector<std::string>{}, {"D"}}) BOOST_TEST(with_others_left_out(record, names) == record);
    for (const std::string text : {"{FCGI_STDIN, 1, \"A\"}", "close", "{FCGI_PARAMS, 1, \"A\"}", ""}) BOOST_TEST(with_others_left_out(text, {"A"}) == text);
}

BOOST_AUTO_TEST_CASE(the_records_of_a_whole_request_are_known_again) {
    const Pairs params{{"SCRIPT_FILENAME", "/f"}};
    const auto records_of = [&](const SendRequest& request) {
        std::vector<std::string> records;
        std::istringstream text(print_notation(encode_request(request, params)));
        for (std::string line; std::getline(text, line);) records.push_back(line);
        return records;
    };
    const PairsPattern pairs{.pairs = {{.name = "QUERY_STRING", .value = TextPattern{.text = "a"}}, {.name = "CONTENT_LENGTH", .value = TextPattern{.text = "9"}}}};
    for (const SendRequest& request : {SendRequest{.request_id = 7, .pairs = {}, .flags = 0}, SendRequest{.pairs = pairs, .std_in = "abc"}, SendRequest{.pairs = {}, .std_in = std::string(70000, 'x')},
                                       SendRequest{.pairs = {}, .role = Role::filter, .std_in = "in", .data = "data"}}) {
        std::vector<std::string> records = records_of(request);
        const std::size_t num = records.size();
        records.emplace_back("{FCGI_STDIN, 9, \"of another\"}");
        const auto known = whole_request(records, params);
        BOOST_TEST_REQUIRE(known.has_value());
        BOOST_TEST(known->num_records == num);
        BOOST_TEST(encode_request(known->request, params) == encode_request(request, params));
        // Neither with one missing, nor with one that isn't as usual.
        for (std::size_t i = 0; i < num; ++i) {
            std::vector<std::string> other = records;
            other.erase(other.begin() + static_cast<std::ptrdiff_t>(i));
            const auto shorter = whole_request(other, params);
            BOOST_TEST((!shorter || shorter->num_records < num));
            other = records;
            other[i].insert(other[i].size() - 1, ", padding=1");
            BOOST_TEST(!whole_request(other, params).has_value());
        }
    }
    BOOST_TEST(!whole_request({}, params).has_value());
    BOOST_TEST(!whole_request(std::vector<std::string>{"close"}, params).has_value());
}

BOOST_AUTO_TEST_CASE(content_length_is_what_is_said_to_be) {
    SendRequest request{.pairs = {}, .std_in = "abc"};
    BOOST_TEST(print_notation(encode_request(request, {})).find("CONTENT_LENGTH=\"3\"") != std::string::npos);
    request.pairs.pairs = {{.name = "CONTENT_LENGTH", .value = TextPattern{.text = "9"}}};
    const std::string own = print_notation(encode_request(request, {}));
    BOOST_TEST(own.find("CONTENT_LENGTH=\"9\"") != std::string::npos);
    BOOST_TEST(own.find("CONTENT_LENGTH=\"3\"") == std::string::npos);
}

// Cuts.

BOOST_AUTO_TEST_CASE(cuts_of_each_splitting) {
    const Buffer all = bytes("{FCGI_STDOUT, 1, \"abc\", padding=5}\n{FCGI_STDOUT, 1, \"\"}\n{FCGI_END_REQUEST, 1, {0, 0}}\nraw 01 02");
    BOOST_TEST(cuts_of(all, Splitting::whole).empty());
    // Behind each header and each record's end; the last end may be that of all.
    std::vector<std::size_t> cuts = cuts_of(all, Splitting::header);
    std::erase(cuts, 16U + 8U);  // an empty record's header is its end as well
    BOOST_TEST((cuts == std::vector<std::size_t>{8, 16, 32, 40}));
    cuts = cuts_of(all, Splitting::bytes);
    std::vector<std::size_t> every(all.size() - 1);
    std::iota(every.begin(), every.end(), 1);
    BOOST_TEST(cuts == every, boost::test_tools::per_element());
    for (const Splitting splitting : {Splitting::whole, Splitting::bytes, Splitting::header}) BOOST_TEST(cuts_of({}, splitting).empty());
}

BOOST_AUTO_TEST_CASE(single_bytes_are_those_at_both_ends) {
    const Buffer many(10'000, 1);
    const std::vector<std::size_t> cuts = cuts_of(many, Splitting::bytes);
    BOOST_TEST(cuts.size() == 2048U);
    BOOST_TEST(cuts.front() == 1U);
    BOOST_TEST(cuts[1023] == 1024U);
    BOOST_TEST(cuts[1024] == 10'000U - 1024U);
    BOOST_TEST(cuts.back() == 9'999U);
}

BOOST_AUTO_TEST_CASE(splittings_have_names) {
    BOOST_TEST(name_of(Splitting::whole) == "whole");
    BOOST_TEST(name_of(Splitting::bytes) == "bytes");
    BOOST_TEST(name_of(Splitting::header) == "header");
}

BOOST_AUTO_TEST_SUITE_END()

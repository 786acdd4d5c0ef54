#include "conformance/engine/checker_lifecycle.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "codec/notation.hpp"
#include "conformance/engine/checker_rules.hpp"
#include "conformance/engine/test_checker.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(checker_lifecycle)

namespace {

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

}  // namespace

BOOST_AUTO_TEST_SUITE_END()

#include "conformance/engine/checker_lifecycle.hpp"

namespace fcgispec {
namespace {

using enum RequestState;

bool is_output(RecordType type) {
    return type == RecordType::std_out || type == RecordType::std_err;
}

/// The input stream that is on its turn [§6.1]; nothing where the input is complete.
std::optional<RecordType> input_of(RequestState state) {
    if (state == reading_params) return RecordType::params;
    if (state == reading_std_in) return RecordType::std_in;
    if (state == reading_data) return RecordType::data;
    return std::nullopt;
}

/// Where the end of the input stream that is on its turn leads [§6.2, §6.3, §6.4].
RequestState after_input(RequestState state, Role role) {
    if (state == reading_params && role != Role::authorizer) return reading_std_in;
    if (state == reading_std_in && role == Role::filter) return reading_data;
    return input_complete;
}

/// FCGI_STDIN before FCGI_PARAMS has ended, and FCGI_DATA before FCGI_STDIN has.
std::optional<Rule> early_input(RequestState state, RecordType type) {
    if (type == RecordType::std_in && state == reading_params) return Rule::std_in_before_params_end;
    if (type == RecordType::data && (state == reading_params || state == reading_std_in))
        return Rule::data_before_std_in_end;
    return std::nullopt;
}

Transition on_input(RequestState state, Role role, RecordType type, bool empty) {
    if (type == RecordType::data && role != Role::filter) return {state, Rule::data_for_other_role};
    // No step of an Authorizer names FCGI_STDIN [§6.3], and none forbids it: common Web servers send its end.
    if (type == RecordType::std_in && role == Role::authorizer && state == input_complete) return {state};
    if (type == input_of(state)) return {empty ? after_input(state, role) : state};
    if (const auto rule = early_input(state, type)) return {state, rule};
    return {state, Rule::input_after_stream_end};
}

Rule early_output(Role role) {
    if (role == Role::authorizer) return Rule::authorizer_early_output;
    return role == Role::filter ? Rule::filter_early_output : Rule::responder_early_output;
}

Transition on_active(RequestState state, Role role, RecordType type, bool empty) {
    if (type == RecordType::begin_request) return {undefined, Rule::begins_active_id};
    if (type == RecordType::abort_request) return {aborted};
    if (type == RecordType::end_request) return {ended};
    if (!is_output(type)) return on_input(state, role, type, empty);
    if (may_write(state, role)) return {state};
    return {state, early_output(role)};
}

Transition on_aborted(RecordType type) {
    if (type == RecordType::begin_request) return {undefined, Rule::begins_active_id};
    return {type == RecordType::end_request ? ended : aborted};
}

Transition on_never_begun(RecordType type) {
    if (type == RecordType::begin_request) return {reading_params};
    const bool to_application = properties_of(type)->to_application;
    return {inactive, to_application ? Rule::web_server_inactive_id : Rule::application_inactive_id};
}

Transition on_ended(RecordType type) {
    if (type == RecordType::begin_request) return {reading_params};
    if (type == RecordType::end_request) return {ended, Rule::end_request_once};
    if (is_output(type)) return {ended, Rule::output_after_end_request};
    return {ended};
}

}  // namespace

bool may_write(RequestState state, Role role) noexcept {
    return state != reading_params && !(state == reading_std_in && role == Role::filter);
}

// From each state, by record: the next state, or what is accused and the state kept. "" is an empty record.
//
//                  BEGIN      PARAMS  PARAMS ""   STDIN    STDIN ""  DATA      DATA ""   ABORT    STDOUT,  END
//                                                                    (1)       (1)                STDERR
//   inactive       params     3.3-22  3.3-22      3.3-22   3.3-22    3.3-22    3.3-22    3.3-22   3.3-23   3.3-23
//   reading_params undef. (2) -       std_in (3)  6.1-2    6.1-2     6.4-3     6.4-3     aborted  early    ended
//   reading_std_in undef. (2) 3.3-38  3.3-38      -        next (4)  6.4-3     6.4-3     aborted  - (5)    ended
//   reading_data   undef. (2) 3.3-38  3.3-38      3.3-38   3.3-38    -         complete  aborted  -        ended
//   input_complete undef. (2) 3.3-38  3.3-38      (6)      (6)       3.3-38    3.3-38    aborted  -        ended
//   aborted        undef. (2) -       -           -        -         -         -         -        -        ended
//   ended          params     - (7)   - (7)       - (7)    - (7)     - (7)     - (7)     - (7)    3.3-24   5.5-1
//   undefined      -          -       -           -        -         -         -         -        -        -
//
// (1) for a Filter; in the active states of the other roles 6.4-5. (2) and 3.3-21. (3) an Authorizer's input is
// complete. (4) a Filter's reading_data, else input_complete. early: 6.2-10, 6.3-3 or 6.4-9, by role. (5) of a Filter
// early. (6) 3.3-38, of an Authorizer nothing. (7) it may have been on its way when the request was ended. No record of
// the Web server is out of place once it has aborted: what it had begun to write is on its way.
Transition transition(RequestState state, Role role, RecordType type, bool empty) noexcept {
    switch (state) {
        case inactive:
            return on_never_begun(type);
        case reading_params:
        case reading_std_in:
        case reading_data:
        case input_complete:
            return on_active(state, role, type, empty);
        case aborted:
            return on_aborted(type);
        case ended:
            return on_ended(type);
        case undefined:
            return {undefined};
    }
    return {state};  // no other state exists
}

}  // namespace fcgispec

#include "conformance/engine/checker_rules.hpp"

#include <array>
#include <utility>

namespace fcgispec {
namespace {

constexpr Side app = Side::application;
constexpr Side web = Side::web_server;
constexpr bool has_meaning = false;
constexpr bool meaningless = true;

constexpr std::string_view whole_records = "the connection closes between two records";
constexpr std::string_view version = "every record has version FCGI_VERSION_1";
constexpr std::string_view type = "every record has a type that the specification defines";
constexpr std::string_view alignment = "the size of a record is a multiple of eight bytes";
constexpr std::string_view management_id = "a management record has request id 0";
constexpr std::string_view application_id = "an application record has a request id other than 0";
constexpr std::string_view after_end = "a stream has no record after its empty one";
constexpr std::string_view early_output = "no FCGI_STDOUT and no FCGI_STDERR before the end of FCGI_PARAMS";
constexpr std::string_view header_reserved = "the reserved byte of a header is zero";

constexpr std::array rules{
    RuleText{Rule::application_cuts_record, "R-3.3-1", app, has_meaning, whole_records},
    RuleText{Rule::web_server_cuts_record, "R-3.3-2", web, has_meaning, whole_records},
    RuleText{Rule::application_version, "R-3.3-7", app, meaningless, version},
    RuleText{Rule::web_server_version, "R-3.3-8", web, meaningless, version},
    RuleText{Rule::application_type, "R-3.3-9", app, meaningless, type},
    RuleText{Rule::web_server_type, "R-3.3-10", web, meaningless, type},
    RuleText{Rule::application_alignment, "R-3.3-18", app, has_meaning, alignment},
    RuleText{Rule::web_server_alignment, "R-3.3-19", web, has_meaning, alignment},
    RuleText{Rule::begins_active_id, "R-3.3-21", web, meaningless,
             "FCGI_BEGIN_REQUEST only for an inactive request id"},
    RuleText{Rule::web_server_inactive_id, "R-3.3-22", web, meaningless,
             "FCGI_BEGIN_REQUEST before any other record of its request id"},
    RuleText{Rule::application_inactive_id, "R-3.3-23", app, meaningless,
             "records only under request ids that the web server has begun"},
    RuleText{Rule::output_after_end_request, "R-3.3-24", app, meaningless,
             "no FCGI_STDOUT and no FCGI_STDERR after FCGI_END_REQUEST"},
    RuleText{Rule::large_request_id, "R-3.3-27", web, has_meaning,
             "a request id of at most 255 while fewer than 255 requests are active"},
    RuleText{Rule::application_management_id, "R-3.3-29", app, meaningless, management_id},
    RuleText{Rule::web_server_management_id, "R-3.3-30", web, meaningless, management_id},
    RuleText{Rule::application_null_id, "R-3.3-31", app, meaningless, application_id},
    RuleText{Rule::web_server_null_id, "R-3.3-32", web, meaningless, application_id},
    RuleText{Rule::std_out_unended, "R-3.3-34", app, has_meaning,
             "FCGI_STDOUT ends with an empty record before FCGI_END_REQUEST"},
    RuleText{Rule::std_err_unended, "R-3.3-35", app, has_meaning,
             "FCGI_STDERR that had content ends with an empty record before FCGI_END_REQUEST"},
    RuleText{Rule::input_unended, "R-3.3-36", web, has_meaning,
             "every input stream ends with an empty record before the next one"},
    RuleText{Rule::output_after_stream_end, "R-3.3-37", app, meaningless, after_end},
    RuleText{Rule::input_after_stream_end, "R-3.3-38", web, meaningless, after_end},
    RuleText{Rule::get_values_content, "R-4.1-2", web, has_meaning,
             "FCGI_GET_VALUES holds whole name-value pairs with empty values"},
    RuleText{Rule::get_values_result_unasked, "R-4.1-4", app, meaningless,
             "one FCGI_GET_VALUES_RESULT for each FCGI_GET_VALUES"},
    RuleText{Rule::get_values_result_content, "R-4.1-5", app, has_meaning,
             "FCGI_GET_VALUES_RESULT holds whole name-value pairs"},
    RuleText{Rule::unknown_type_unasked, "R-4.2-2", app, meaningless,
             "one FCGI_UNKNOWN_TYPE for each management record that is not understood"},
    RuleText{Rule::unknown_type_size, "R-4.2-3", app, has_meaning, "the body of FCGI_UNKNOWN_TYPE has 8 bytes"},
    RuleText{Rule::unknown_type_reserved, "R-4.2-4", app, has_meaning,
             "the reserved bytes of FCGI_UNKNOWN_TYPE are zero"},
    RuleText{Rule::unknown_type_other, "R-4.2-5", app, has_meaning,
             "FCGI_UNKNOWN_TYPE names the type of the record that it answers"},
    RuleText{Rule::begin_request_size, "R-5.1-1", web, has_meaning, "the body of FCGI_BEGIN_REQUEST has 8 bytes"},
    RuleText{Rule::begin_request_reserved, "R-5.1-2", web, has_meaning,
             "the reserved bytes of FCGI_BEGIN_REQUEST are zero"},
    RuleText{Rule::begin_request_role, "R-5.1-4", web, has_meaning,
             "the role is FCGI_RESPONDER, FCGI_AUTHORIZER or FCGI_FILTER"},
    RuleText{Rule::begin_request_flags, "R-5.1-6", web, has_meaning,
             "the bits of flags other than FCGI_KEEP_CONN are zero"},
    RuleText{Rule::params_cut, "R-5.2-1", web, has_meaning, "FCGI_PARAMS ends between two name-value pairs"},
    RuleText{Rule::end_request_once, "R-5.5-1", app, meaningless,
             "every request ends with exactly one FCGI_END_REQUEST"},
    RuleText{Rule::end_request_size, "R-5.5-3", app, has_meaning, "the body of FCGI_END_REQUEST has 8 bytes"},
    RuleText{Rule::end_request_reserved, "R-5.5-4", app, has_meaning,
             "the reserved bytes of FCGI_END_REQUEST are zero"},
    RuleText{Rule::end_request_status, "R-5.5-5", app, has_meaning,
             "the protocol status is one of the four that the specification defines"},
    RuleText{Rule::std_in_before_params_end, "R-6.1-2", web, has_meaning, "FCGI_PARAMS ends before FCGI_STDIN begins"},
    RuleText{Rule::std_out_missing, "R-6.1-7", app, has_meaning,
             "at least one FCGI_STDOUT record before FCGI_END_REQUEST with FCGI_REQUEST_COMPLETE"},
    RuleText{Rule::input_missing, "R-6.1-8", web, has_meaning, "at least one record of every input stream of the role"},
    RuleText{Rule::nul_in_value, "R-6.1-10", web, has_meaning, "values in FCGI_PARAMS hold no NUL byte"},
    RuleText{Rule::responder_early_output, "R-6.2-10", app, has_meaning, early_output},
    RuleText{Rule::authorizer_early_output, "R-6.3-3", app, has_meaning, early_output},
    RuleText{Rule::data_before_std_in_end, "R-6.4-3", web, has_meaning, "FCGI_STDIN ends before FCGI_DATA begins"},
    RuleText{Rule::data_for_other_role, "R-6.4-5", web, meaningless, "FCGI_DATA only for a Filter"},
    RuleText{Rule::filter_early_output, "R-6.4-9", app, has_meaning,
             "no FCGI_STDOUT and no FCGI_STDERR of a Filter before the end of FCGI_STDIN"},
    RuleText{Rule::application_header_reserved, "R-8-1", app, has_meaning, header_reserved},
    RuleText{Rule::web_server_header_reserved, "R-8-2", web, has_meaning, header_reserved},
    RuleText{Rule::application_direction, "R-A-1", app, meaningless,
             "the application sends only types that go to the web server"},
    RuleText{Rule::web_server_direction, "R-A-2", web, meaningless,
             "the web server sends only types that go to the application"},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < rules.size(); ++i)
        if (static_cast<std::size_t>(rules[i].rule) != i) return false;
    return rules.back().rule == Rule::web_server_direction;
}
static_assert(in_order());

}  // namespace

std::span<const RuleText> rule_texts() noexcept {
    return rules;
}

const RuleText& text_for(Rule rule) noexcept {
    return rules[static_cast<std::size_t>(rule)];
}

void accuse(Judgement& judgement, Rule rule, std::string got) {
    const RuleText& text = text_for(rule);
    judgement.accusations.push_back({text.requirement, std::string(text.wanted), std::move(got)});
    judgement.meaningless = judgement.meaningless || text.meaningless;
}

}  // namespace fcgispec

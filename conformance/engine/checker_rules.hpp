// What the lifecycle checker can accuse somebody of, one rule for each requirement with proof = "checker", and the
// words for it. Which record breaks a rule is told in checker.hpp, checker_lifecycle.hpp and checker_record.hpp.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "conformance/engine/checker.hpp"

namespace fcgispec {

/// In the order of the register. Where both sides are bound, the two stand together.
enum class Rule : std::uint8_t {
    application_cuts_record,
    web_server_cuts_record,
    application_version,
    web_server_version,
    application_type,
    web_server_type,
    application_alignment,
    web_server_alignment,
    begins_active_id,
    web_server_inactive_id,
    application_inactive_id,
    output_after_end_request,
    large_request_id,
    application_management_id,
    web_server_management_id,
    application_null_id,
    web_server_null_id,
    std_out_unended,
    std_err_unended,
    input_unended,
    output_after_stream_end,
    input_after_stream_end,
    get_values_content,
    get_values_result_unasked,
    get_values_result_content,
    unknown_type_unasked,
    unknown_type_size,
    unknown_type_reserved,
    unknown_type_other,
    begin_request_size,
    begin_request_reserved,
    begin_request_role,
    begin_request_flags,
    params_cut,
    end_request_once,
    end_request_size,
    end_request_reserved,
    end_request_status,
    std_in_before_params_end,
    std_out_missing,
    input_missing,
    nul_in_value,
    responder_early_output,
    authorizer_early_output,
    data_before_std_in_end,
    data_for_other_role,
    filter_early_output,
    application_header_reserved,
    web_server_header_reserved,
    application_direction,
    web_server_direction,
};

struct RuleText {
    Rule rule{};
    std::string_view requirement;  ///< its id in the register
    Side binds{};
    bool meaningless = false;  ///< a record that breaks it means nothing where it stands
    std::string_view wanted;
};
/// All of them, in the order of Rule.
[[nodiscard]] std::span<const RuleText> rule_texts() noexcept;
[[nodiscard]] const RuleText& text_for(Rule rule) noexcept;

/// Adds to `judgement` that `rule` was broken, by what `got` says.
void accuse(Judgement& judgement, Rule rule, std::string got);

}  // namespace fcgispec

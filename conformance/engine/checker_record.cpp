#include "conformance/engine/checker_record.hpp"

#include <algorithm>

#include "codec/notation.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t alignment_size = 8;  // [§3.3]

bool any_set(Bytes reserved) {
    return std::any_of(reserved.begin(), reserved.end(), [](std::uint8_t byte) { return byte != 0; });
}

std::string name(RecordType type) {
    return (properties_of(type) == nullptr ? "type " : "") + print(type);
}

std::string with_id(const Record& record) {
    return name(record.type) + " with request id " + std::to_string(record.request_id);
}

/// A management type of a later version of the protocol, which an application can decline [§4.2].
bool is_later_management(Side from, const Record& record) {
    return from == Side::web_server && record.request_id == null_request_id &&
           static_cast<std::uint8_t>(record.type) > type_max;
}

/// Version, type, direction and id. The first that is wrong is all that is said of such a record.
void judge_header(Side from, const Record& record, Judgement& judgement) {
    const auto of = [&](Rule application, Rule web_server) {
        return from == Side::application ? application : web_server;
    };
    if (record.version != version_1)
        return accuse(judgement, of(Rule::application_version, Rule::web_server_version),
                      "version " + std::to_string(record.version));
    const TypeProperties* properties = properties_of(record.type);
    if (properties == nullptr) {
        if (!is_later_management(from, record))
            accuse(judgement, of(Rule::application_type, Rule::web_server_type), with_id(record));
        return;
    }
    if (properties->to_application != (from == Side::web_server))
        return accuse(judgement, of(Rule::application_direction, Rule::web_server_direction), print(record.type));
    if (properties->management && record.request_id != null_request_id)
        return accuse(judgement, of(Rule::application_management_id, Rule::web_server_management_id), with_id(record));
    if (!properties->management && record.request_id == null_request_id)
        accuse(judgement, of(Rule::application_null_id, Rule::web_server_null_id), with_id(record));
}

bool has_body(RecordType type) {
    return type == RecordType::begin_request || type == RecordType::end_request || type == RecordType::unknown_type;
}

void judge_reserved_and_size(Side from, const Record& record, Judgement& judgement) {
    const bool application = from == Side::application;
    if (record.reserved != 0)
        accuse(judgement, application ? Rule::application_header_reserved : Rule::web_server_header_reserved,
               describe(record) + " with reserved byte " + std::to_string(record.reserved));
    // A body of the wrong size is accused of that, and not of where it leaves the next record as well.
    if (has_body(record.type) && record.content.size() != body_size) return;
    const std::size_t size = header_size + record.content.size() + record.padding.size();
    if (size % alignment_size != 0)
        accuse(judgement, application ? Rule::application_alignment : Rule::web_server_alignment,
               describe(record) + " of " + std::to_string(size) + " bytes");
}

std::string with_size(const Record& record) {
    return describe(record) + " with a body of size " + std::to_string(record.content.size());
}
std::string with_reserved(const Record& record, Bytes reserved) {
    return describe(record) + " with reserved bytes " + print_raw(reserved).substr(std::string_view("raw ").size());
}

void judge_begin_request(const Record& record, Judgement& judgement) {
    const auto body = decode_begin_request(record.content);
    if (!body) return accuse(judgement, Rule::begin_request_size, with_size(record));
    if (any_set(body->reserved)) accuse(judgement, Rule::begin_request_reserved, with_reserved(record, body->reserved));
    if (name_of(body->role).empty())
        accuse(judgement, Rule::begin_request_role,
               describe(record) + " with role " + std::to_string(static_cast<unsigned>(body->role)));
    if ((body->flags & ~keep_conn) != 0)
        accuse(judgement, Rule::begin_request_flags, describe(record) + " with flags " + std::to_string(body->flags));
}

void judge_end_request(const Record& record, Judgement& judgement) {
    const auto body = decode_end_request(record.content);
    if (!body) return accuse(judgement, Rule::end_request_size, with_size(record));
    if (any_set(body->reserved)) accuse(judgement, Rule::end_request_reserved, with_reserved(record, body->reserved));
    if (name_of(body->protocol_status).empty())
        accuse(
            judgement, Rule::end_request_status,
            describe(record) + " with protocol status " + std::to_string(static_cast<unsigned>(body->protocol_status)));
}

void judge_unknown_type(const Record& record, Judgement& judgement) {
    const auto body = decode_unknown_type(record.content);
    if (!body) return accuse(judgement, Rule::unknown_type_size, with_size(record));
    if (any_set(body->reserved)) accuse(judgement, Rule::unknown_type_reserved, with_reserved(record, body->reserved));
}

/// The first thing that is wrong with the pairs of FCGI_GET_VALUES or its result, "" for nothing.
std::string fault_of_pairs(const Record& record, bool may_have_values) {
    Bytes left = record.content;
    while (!left.empty()) {
        const DecodedPair decoded = decode_pair(left);
        if (!decoded.pair)
            return describe(record) + " whose last pair lacks " + std::to_string(decoded.missing) + " or more bytes";
        if (!may_have_values && !decoded.pair->value.empty())
            return describe(record) + " with a value of " + std::to_string(decoded.pair->value.size()) + " bytes for " +
                   print(TextPattern{.text = std::string(text_of(decoded.pair->name))}, PrintStyle::brief);
        left = left.subspan(decoded.consumed);
    }
    return {};
}

}  // namespace

RecordJudgement judge_record(Side from, const Record& record) {
    RecordJudgement result;
    Judgement& judgement = result.judgement;
    judge_header(from, record, judgement);
    if (!judgement.accusations.empty()) {
        result.readable = result.defined = false;
        return result;
    }
    judge_reserved_and_size(from, record, judgement);
    if (record.type == RecordType::begin_request) judge_begin_request(record, judgement);
    if (record.type == RecordType::end_request) judge_end_request(record, judgement);
    if (record.type == RecordType::unknown_type) judge_unknown_type(record, judgement);
    const bool asks = record.type == RecordType::get_values;
    if (!asks && record.type != RecordType::get_values_result) return result;
    const std::string fault = fault_of_pairs(record, !asks);
    if (fault.empty()) return result;
    accuse(judgement, asks ? Rule::get_values_content : Rule::get_values_result_content, fault);
    result.defined = !asks;
    return result;
}

std::string describe(const Record& record) {
    if (record.request_id == null_request_id) return name(record.type);
    return name(record.type) + " for request " + std::to_string(record.request_id);
}

}  // namespace fcgispec

// What mutants of the reference application make of the records that go on one connection.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "codec/name_value_pair.hpp"
#include "conformance/peers/mutants.hpp"

namespace fcgispec {
namespace {

bool is_variable(Bytes name) {
    const std::string_view text = text_of(name);
    return text == "FCGI_MAX_CONNS" || text == "FCGI_MAX_REQS" || text == "FCGI_MPXS_CONNS";
}

void add_pair(std::string_view name, std::string_view value, Buffer& out) {
    encode_pair({.name = bytes_of(name), .value = bytes_of(value)}, out);
}

/// Appends `result` without the pair of that name, and with `value` in its place where there is one.
void replace_value(Bytes result, std::string_view name, std::optional<std::string_view> value, Buffer& out) {
    for (DecodedPair next = decode_pair(result); next.pair; next = decode_pair(result)) {
        result = result.subspan(next.consumed);
        if (text_of(next.pair->name) != name)
            encode_pair(*next.pair, out);
        else if (value)
            add_pair(name, *value, out);
    }
}

/// Those of all connections, for the mutants that confuse them.
std::set<RecordMutator*>& all_connections() {
    static std::set<RecordMutator*> all;
    return all;
}

}  // namespace

RecordMutator::RecordMutator() {
    all_connections().insert(this);
}

RecordMutator::~RecordMutator() {
    all_connections().erase(this);
}

std::unique_ptr<RecordMutator> RecordMutator::make() {
    return is_mutant(Mutant::none) ? nullptr : std::make_unique<RecordMutator>();
}

void RecordMutator::send(Record record, Buffer& out) {
    if (omits(record)) return;
    if (ends_too_early(record)) {
        encode_record(record, held_);
        active_.erase(record.request_id);
        return;
    }
    add_before(record, out);
    change_sent(record);
    encode_record(record, out);
    add_after(record, out);
    if (record.type != RecordType::end_request) return;
    active_.erase(record.request_id);
    lost_.erase(record.request_id);
    if (active_.empty()) append(out, std::exchange(held_, {}));
    if (is_mutant(Mutant::closes_on_active_requests) && is_receiving() && active_.begin()->first < record.request_id)
        closes_ = true;
    if (!is_mutant(Mutant::ends_requests_of_other_connections)) return;
    for (RecordMutator* other : all_connections())
        if (other != this && other->active(record.request_id) != nullptr) other->lost_.insert(record.request_id);
}

/// For who finishes requests in their order.
bool RecordMutator::ends_too_early(const Record& record) const {
    if (!is_mutant(Mutant::finishes_in_order) || record.type != RecordType::end_request) return false;
    return std::any_of(active_.begin(), active_.find(record.request_id),
                       [](const auto& earlier) { return earlier.second.has_all_input; });
}

bool RecordMutator::omits(const Record& record) {
    const bool ends_stream = record.content.empty();
    if (dropped_.contains(record.request_id) && record.request_id != null_request_id && !active(record.request_id)) {
        if (record.type == RecordType::end_request) dropped_.erase(record.request_id);
        return true;
    }
    const auto found = active_.find(record.request_id);
    switch (current_mutant) {
        case Mutant::leaves_std_out_open:
            return record.type == RecordType::std_out && ends_stream;
        case Mutant::leaves_std_err_open:
        case Mutant::leaves_std_err_open_of_a_missing_script:
            return record.type == RecordType::std_err && ends_stream;
        case Mutant::cuts_output_at_a_record:
            if (record.type != RecordType::std_out || found == active_.end()) return false;
            found->second.std_out_size += record.content.size();
            return !ends_stream && found->second.std_out_size > content_size_max;
        case Mutant::loses_std_err:
            return record.type == RecordType::std_err;
        case Mutant::omits_empty_std_out:
            if (record.type != RecordType::std_out || found == active_.end()) return false;
            found->second.std_out_size += record.content.size();
            return found->second.std_out_size == 0;
        default:
            return false;
    }
}

void RecordMutator::change_sent(Record& record) {
    switch (current_mutant) {
        case Mutant::answers_under_one_byte_of_the_id:
            record.request_id &= 0xff;
            return;
        case Mutant::does_not_align:
            record.padding = {};
            return;
        case Mutant::sets_header_reserved_byte:
            record.reserved = 0x5a;
            return;
        case Mutant::sends_short_unknown_type:
            if (record.type == RecordType::unknown_type) record.content = record.content.first(1);
            return;
        case Mutant::sets_unknown_type_reserved_bytes:
            if (record.type == RecordType::unknown_type) {
                content_ = {record.content[0], 'u', 'n', 'i', 'n', 'i', 't', 0};
                record.content = content_;
            }
            return;
        case Mutant::names_another_type:
            if (record.type == RecordType::unknown_type) {
                content_.assign(record.content.begin(), record.content.end());
                ++content_[0];
                record.content = content_;
            }
            return;
        case Mutant::mixes_std_err_into_std_out:
            if (record.type == RecordType::std_err && !record.content.empty()) record.type = RecordType::std_out;
            return;
        default:
            break;
    }
    if (record.type == RecordType::get_values_result) change_values(record);
    if (record.type == RecordType::end_request) change_end_request(record);
}

void RecordMutator::change_values(Record& record) {
    content_.clear();
    switch (current_mutant) {
        case Mutant::cuts_values:
            append(content_, record.content);
            append(content_, bytes_of("\017"));
            break;
        case Mutant::answers_unasked_variables:
            add_pair("FCGI_MAX_CONNS", "512", content_);
            add_pair("FCGI_MAX_REQS", "524288", content_);
            add_pair("FCGI_MPXS_CONNS", "1", content_);
            break;
        case Mutant::answers_unknown_variables:
            append(content_, record.content);
            for (Bytes asked = query_; !asked.empty();) {
                const DecodedPair next = decode_pair(asked);
                if (!next.pair) break;
                asked = asked.subspan(next.consumed);
                if (!is_variable(next.pair->name)) add_pair(text_of(next.pair->name), "", content_);
            }
            break;
        case Mutant::knows_no_max_reqs:
            replace_value(record.content, "FCGI_MAX_REQS", std::nullopt, content_);
            break;
        case Mutant::claims_no_connections:
            replace_value(record.content, "FCGI_MAX_CONNS", "0", content_);
            break;
        case Mutant::claims_many_requests:
            replace_value(record.content, "FCGI_MAX_REQS", "many", content_);
            break;
        case Mutant::claims_yes:
            replace_value(record.content, "FCGI_MPXS_CONNS", "yes", content_);
            break;
        default:
            return;
    }
    record.content = content_;
    record.padding = Bytes(zeros_).first((8 - content_.size() % 8) % 8);
}

void RecordMutator::change_end_request(Record& record) {
    EndRequestBody body = *decode_end_request(record.content);
    switch (current_mutant) {
        case Mutant::sends_long_end_request:
            content_.assign(record.content.begin(), record.content.end());
            content_.resize(2 * body_size);
            record.content = content_;
            return;
        case Mutant::sets_end_request_reserved_bytes:
            body.reserved = {'r', 'a', 'm'};
            break;
        case Mutant::invents_a_protocol_status:
            if (body.protocol_status != ProtocolStatus::unknown_role) return;
            body.protocol_status = ProtocolStatus{4};
            break;
        default:
            return;
    }
    const auto content = encode(body);
    content_.assign(content.begin(), content.end());
    record.content = content_;
}

void RecordMutator::add_before(const Record& record, Buffer& out) {
    if (record.type != RecordType::end_request) return;
    const std::uint16_t id = record.request_id;
    switch (current_mutant) {
        case Mutant::sends_another_version:
            return encode_record({.version = 2, .type = RecordType::std_err, .request_id = id}, out);
        case Mutant::sends_undefined_type:
            return encode_record({.type = RecordType{12}, .request_id = id}, out);
        case Mutant::sends_std_in:
            return encode_record({.type = RecordType::std_in, .request_id = id}, out);
        case Mutant::sends_management_record_under_an_id:
            return encode_record({.type = RecordType::unknown_type, .request_id = id, .content = Bytes(zeros_)}, out);
        case Mutant::sends_output_under_null_id:
            return encode_record({.type = RecordType::std_out}, out);
        case Mutant::sends_output_under_another_id: {
            std::uint16_t other = 60000;
            while (begun_.contains(other)) ++other;
            return encode_record({.type = RecordType::std_out, .request_id = other}, out);
        }
        default:
            return;
    }
}

void RecordMutator::add_after(const Record& record, Buffer& out) {
    const bool ends_std_out = record.type == RecordType::std_out && record.content.empty();
    const bool ends_request = record.type == RecordType::end_request;
    if ((is_mutant(Mutant::ends_std_out_twice) && ends_std_out) ||
        (is_mutant(Mutant::ends_requests_twice) && ends_request) ||
        (is_mutant(Mutant::answers_queries_twice) && record.type == RecordType::get_values_result))
        encode_record(record, out);
    if (is_mutant(Mutant::declines_what_it_answers) && record.type == RecordType::get_values_result)
        encode_record(
            {.type = RecordType::unknown_type, .content = encode(UnknownTypeBody{.type = RecordType::get_values})},
            out);
    if (is_mutant(Mutant::writes_after_end_request) && ends_request)
        encode_record({.type = RecordType::std_out, .request_id = record.request_id}, out);
    if (is_mutant(Mutant::closes_within_a_record) && ends_request && active_.size() == 1) {
        const Request* request = active(record.request_id);
        if (request != nullptr && (request->flags & keep_conn) == 0) append(out, Bytes(zeros_).first(4));
    }
}

}  // namespace fcgispec

// What mutants of the reference application make of the records that come on one connection.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "codec/name_value_pair.hpp"
#include "conformance/peers/mutants.hpp"

namespace fcgispec {
namespace {

bool is_defined(RecordType type) {
    return properties_of(type) != nullptr;
}

/// The bytes of `in` that are whole pairs.
Bytes whole_pairs(Bytes in) {
    std::size_t size = 0;
    for (DecodedPair next = decode_pair(in); next.pair; next = decode_pair(in.subspan(size))) size += next.consumed;
    return in.first(size);
}

bool has_value(Bytes query) {
    for (DecodedPair next = decode_pair(query); next.pair; next = decode_pair(query)) {
        if (!next.pair->value.empty()) return true;
        query = query.subspan(next.consumed);
    }
    return false;
}

bool is_variable(Bytes name) {
    const std::string_view text = text_of(name);
    return text == "FCGI_MAX_CONNS" || text == "FCGI_MAX_REQS" || text == "FCGI_MPXS_CONNS";
}

std::size_t num_known_names(Bytes query) {
    std::size_t result = 0;
    for (DecodedPair next = decode_pair(query); next.pair; next = decode_pair(query)) {
        query = query.subspan(next.consumed);
        if (is_variable(next.pair->name)) ++result;
    }
    return result;
}

bool has_repeated_name(Bytes query) {
    std::set<std::string_view> names;
    for (DecodedPair next = decode_pair(query); next.pair; next = decode_pair(query)) {
        query = query.subspan(next.consumed);
        if (is_variable(next.pair->name) && !names.insert(text_of(next.pair->name)).second) return true;
    }
    return false;
}

/// Into `out`: those pairs of `query` whose lengths have their usual forms.
Bytes usual_pairs(Bytes query, Buffer& out) {
    out.clear();
    for (DecodedPair next = decode_pair(query); next.pair; next = decode_pair(query)) {
        query = query.subspan(next.consumed);
        const NameValuePair& pair = *next.pair;
        if (pair.name_form == usual_form(pair.name.size()) && pair.value_form == usual_form(pair.value.size()))
            encode_pair(pair, out);
    }
    return out;
}

void send_end(std::uint16_t request_id, ProtocolStatus status, Buffer& out) {
    const auto body = encode(EndRequestBody{.app_status = 0, .protocol_status = status});
    encode_record({.type = RecordType::end_request, .request_id = request_id, .content = body}, out);
}

}  // namespace

const RecordMutator::Request* RecordMutator::active(std::uint16_t request_id) const {
    const auto found = active_.find(request_id);
    return found == active_.end() ? nullptr : &found->second;
}

bool dies_of_other_bytes(Bytes bytes) {
    const TypeProperties* type = bytes.size() > 1 ? properties_of(RecordType{bytes[1]}) : nullptr;
    const bool is_record = bytes.size() >= header_size && type != nullptr && type->to_application;
    return (is_mutant(Mutant::dies_of_another_version) && is_record) ||
           (is_mutant(Mutant::dies_of_garbage) && !is_record);
}

bool RecordMutator::receive(DecodedRecord& decoded, Buffer& out) {
    has_received_ = true;
    if (dies_of(*decoded.record)) is_mutant(Mutant::hangs_on_late_records) ? hang() : die();
    if (ignores(*decoded.record, out)) return false;
    change_received(decoded);
    note_received(*decoded.record, out);
    return true;
}

bool RecordMutator::dies_of(const Record& record) const {
    return dies_of_id(record) || dies_of_query(record) || dies_of_begin(record) || dies_of_input(record) ||
           dies_of_number(record) || dies_of_type(record);
}

/// Of records of ids that are inactive, or can't be.
bool RecordMutator::dies_of_id(const Record& record) const {
    const bool is_null = record.request_id == null_request_id;
    const bool begins = record.type == RecordType::begin_request;
    const bool begun = begun_.contains(record.request_id);
    const bool late = begun && active(record.request_id) == nullptr && !begins;
    switch (current_mutant) {
        case Mutant::dies_of_aborts_of_inactive_ids:
            return record.type == RecordType::abort_request && !is_null && !begun;
        case Mutant::dies_of_inactive_ids:
            return !is_null && !begins && !begun;
        case Mutant::dies_of_late_records:
            return late;
        case Mutant::hangs_on_late_records:
            return late && record.type == RecordType::std_in && !record.content.empty();
        case Mutant::dies_of_null_id:
            return is_null && is_defined(record.type) && !properties_of(record.type)->management &&
                   properties_of(record.type)->to_application;
        case Mutant::dies_of_query_under_an_id:
            return record.type == RecordType::get_values && !is_null;
        default:
            return false;
    }
}

bool RecordMutator::dies_of_query(const Record& record) const {
    if (record.type != RecordType::get_values || record.request_id != null_request_id) return false;
    switch (current_mutant) {
        case Mutant::dies_of_repeated_names:
            return has_repeated_name(record.content);
        case Mutant::dies_of_empty_queries:
            return record.content.empty();
        case Mutant::dies_of_cut_queries:
            return whole_pairs(record.content).size() < record.content.size();
        case Mutant::dies_of_values_in_queries:
            return has_value(record.content);
        default:
            return false;
    }
}

bool RecordMutator::dies_of_begin(const Record& record) const {
    if (record.type != RecordType::begin_request || record.request_id == null_request_id) return false;
    switch (current_mutant) {
        case Mutant::dies_of_second_begin:
            return active(record.request_id) != nullptr;
        case Mutant::dies_of_short_begin:
            return record.content.size() < body_size;
        case Mutant::dies_of_long_begin:
            return record.content.size() > body_size;
        default:
            return false;
    }
}

/// Of what comes for an active request.
bool RecordMutator::dies_of_input(const Record& record) const {
    const Request* request = active(record.request_id);
    if (request == nullptr) return false;
    switch (current_mutant) {
        case Mutant::dies_of_aborts:
            return record.type == RecordType::abort_request && !request->has_all_input;
        case Mutant::dies_of_late_params:
            return record.type == RecordType::params && request->awaits != RecordType::params;
        case Mutant::dies_of_early_std_in:
            return record.type == RecordType::std_in && request->awaits == RecordType::params;
        case Mutant::dies_of_unknown_types_under_an_id:
            return !is_defined(record.type);
        default:
            return false;
    }
}

/// Of the last one of many.
bool RecordMutator::dies_of_number(const Record& record) const {
    const bool is_null = record.request_id == null_request_id;
    switch (current_mutant) {
        case Mutant::dies_of_padding:
            return record.content.size() + record.padding.size() > content_size_max;
        case Mutant::dies_of_many_requests:
            return record.type == RecordType::begin_request && !is_null && num_begun_ >= 500;
        case Mutant::dies_of_many_queries:
            return record.type == RecordType::get_values && is_null && num_queries_ >= 1000;
        case Mutant::dies_of_many_records:
            return num_inactive_ >= 2000;
        default:
            return false;
    }
}

bool RecordMutator::dies_of_type(const Record& record) const {
    if (is_mutant(Mutant::dies_of_type_0)) return record.type == RecordType{} && record.request_id == null_request_id;
    return is_mutant(Mutant::dies_of_its_own_types) && is_defined(record.type) &&
           !properties_of(record.type)->to_application;
}

bool RecordMutator::is_receiving() const {
    return std::any_of(active_.begin(), active_.end(), [](const auto& one) { return !one.second.has_all_input; });
}

bool RecordMutator::ignores(const Record& record, Buffer& out) {
    const Request* request = active(record.request_id);
    if (lost_.contains(record.request_id) && request != nullptr) return true;
    if (request == nullptr && record.request_id != null_request_id) ++num_inactive_;
    const bool asks = record.type == RecordType::get_values && record.request_id == null_request_id;
    const bool aborts = record.type == RecordType::abort_request;
    if (asks) ++num_queries_;
    if (record.type == RecordType::begin_request && request == nullptr && ignores_begin(record, out)) return true;
    switch (current_mutant) {
        case Mutant::answers_inactive_ids:
            if (record.request_id == null_request_id || request != nullptr || record.type == RecordType::begin_request)
                return false;
            send_end(record.request_id, ProtocolStatus::request_complete, out);
            return true;
        case Mutant::keeps_records_for_later:
        case Mutant::keeps_late_records_for_later:
            if (request == nullptr && record.type == RecordType::std_in && record.request_id != null_request_id &&
                begun_.contains(record.request_id) == is_mutant(Mutant::keeps_late_records_for_later))
                append(kept_, record.content);
            return false;
        case Mutant::waits_for_params_with_pairs:
            return request != nullptr && request->num_params == 0 && record.content.empty() &&
                   (record.type == RecordType::params || record.type == RecordType::std_in);
        case Mutant::reads_two_records_of_params:
            return request != nullptr && record.type == RecordType::params && !record.content.empty() &&
                   request->num_params >= 2;
        case Mutant::ignores_queries:
            return asks;
        case Mutant::answers_first_query_only:
            return asks && num_queries_ > 1;
        case Mutant::expects_queries_in_order:
            return asks && num_known_names(record.content) > 1 &&
                   text_of(record.content).substr(2).starts_with("FCGI_MPXS_CONNS");
        case Mutant::ignores_queries_within_requests:
            return asks && is_receiving();
        case Mutant::ignores_queries_while_working:
            return asks && !active_.empty() && !is_receiving();
        case Mutant::ignores_unknown_types:
            return record.request_id == null_request_id && !is_defined(record.type);
        case Mutant::ignores_aborts:
            return aborts;
        case Mutant::ignores_aborts_while_working:
            return aborts && request != nullptr && request->has_all_input;
        case Mutant::demands_header_reserved_zero:
            return record.reserved != 0;
        default:
            return false;
    }
}

/// Of an inactive id.
bool RecordMutator::ignores_begin(const Record& record, Buffer& out) {
    const auto body = decode_begin_request(record.content);
    if (!body) return false;
    const auto refuse = [&](std::uint16_t request_id) {
        send_end(request_id, ProtocolStatus::cant_mpx_conn, out);
        return true;
    };
    switch (current_mutant) {
        case Mutant::ignores_falling_ids:
            return active_.empty() && record.request_id + 1000 < last_begun_;
        case Mutant::uses_no_earlier_id_again:
            return begun_.contains(record.request_id) && record.request_id != last_begun_;
        case Mutant::ignores_requests_after_two_at_once:
            return had_two_ && active_.empty();
        case Mutant::refuses_the_next_request:
            return active_.empty() && begun_.size() == 1 && !begun_.contains(record.request_id) &&
                   (body->flags & keep_conn) == 0 && refuse(record.request_id);
        case Mutant::claims_to_multiplex:
            return !active_.empty() && refuse(record.request_id);
        case Mutant::demands_reserved_zeros:
            return std::any_of(body->reserved.begin(), body->reserved.end(), [](auto byte) { return byte != 0; });
        case Mutant::drops_second_request:
            return !active_.empty();
        case Mutant::refuses_other_roles_as_busy:
            return (body->role == Role::authorizer || body->role == Role::filter) && (body->flags & keep_conn) == 0 &&
                   refuse(record.request_id);
        case Mutant::refuses_when_another_is_active: {
            if (active_.empty()) return false;
            const std::uint16_t other = active_.begin()->first;
            forget(other);
            refuse(other);
            return refuse(record.request_id);
        }
        default:
            return false;
    }
}

void RecordMutator::change_received(DecodedRecord& decoded) {
    Record& record = *decoded.record;
    const Request* request = active(record.request_id);
    switch (current_mutant) {
        case Mutant::mixes_up_requests:
            if (record.type == RecordType::std_in && !record.content.empty() && active_.size() >= 3)
                record.request_id = last_begun_;
            return;
        case Mutant::swaps_content_length_bytes: {
            const std::size_t size = record.content.size();
            if (record.type != RecordType::std_in || size < 256 || size > 513) return;
            const std::size_t swapped = (size & 0xff) << 8 | size >> 8;
            record.content = record.content.first(std::min(size, swapped));
            decoded.consumed -= size - record.content.size();
            return;
        }
        case Mutant::keeps_records_for_later:
        case Mutant::keeps_late_records_for_later:
            return prepend_kept(record);
        case Mutant::reads_padding_as_records:
            decoded.consumed -= record.padding.size();
            return;
        case Mutant::reads_padding_as_content:
            content_.assign(record.content.begin(), record.content.end());
            append(content_, record.padding.first(std::min(record.padding.size(), content_size_max - content_.size())));
            record.content = content_;
            return;
        case Mutant::takes_65535_for_minus_1:
            if (record.content.size() == content_size_max) record.content = {};
            return;
        case Mutant::compares_one_byte_of_the_id:
            for (const auto& [id, other] : active_)
                if (request == nullptr && record.type != RecordType::begin_request && record.request_id != 0 &&
                    (id & 0xff) == (record.request_id & 0xff))
                    record.request_id = id;
            return;
        case Mutant::loses_one_byte_records:
            if (record.type != RecordType::std_in && record.type != RecordType::data) return;
            if (std::exchange(last_was_one_byte_, record.content.size() == 1) && last_was_one_byte_) lose(record);
            return;
        case Mutant::closes_on_unknown_types:
            if (record.request_id == null_request_id && !is_defined(record.type)) closes_ = true;
            return;
        case Mutant::closes_after_queries:
            if (record.type == RecordType::get_values && record.request_id == null_request_id) closes_ = true;
            return;
        case Mutant::closes_after_aborts:
            if (record.type == RecordType::abort_request && request != nullptr) closes_ = true;
            return;
        case Mutant::wants_a_byte_behind_a_length:
            if (record.type == RecordType::params && text_of(record.content).ends_with(std::string_view("\200\0\0\0", 4))) closes_ = true;
            return;
        case Mutant::refuses_short_lengths_in_four_bytes:
            if (record.type == RecordType::get_values) record.content = usual_pairs(record.content, content_);
            return;
        case Mutant::stops_at_unknown_variables:
            if (record.type == RecordType::get_values) {
                content_.clear();
                for (DecodedPair next = decode_pair(record.content); next.pair && is_variable(next.pair->name);
                     next = decode_pair(record.content)) {
                    encode_pair(*next.pair, content_);
                    record.content = record.content.subspan(next.consumed);
                }
                record.content = content_;
            }
            return;
        case Mutant::aborts_another_request:
            if (record.type == RecordType::abort_request && request != nullptr)
                record.request_id = active_.begin()->first;
            return;
        case Mutant::takes_std_in_for_a_string:
            if (record.type == RecordType::std_in && !record.content.empty() && record.content[0] == 0) lose(record);
            return;
        case Mutant::decodes_params_by_record:
            if (record.type == RecordType::params && !record.content.empty()) {
                record.content = whole_pairs(record.content);
                if (record.content.empty()) lose(record);
            }
            return;
        default:
            break;
    }
    if (record.type == RecordType::begin_request && request == nullptr) change_begin(record);
    if (record.type == RecordType::get_values && record.request_id == null_request_id) {
        query_.assign(record.content.begin(), record.content.end());
    }
}

/// Of an inactive id.
void RecordMutator::change_begin(Record& record) {
    auto body = decode_begin_request(record.content);
    if (!body) return;
    const std::uint8_t flags = body->flags;
    switch (current_mutant) {
        case Mutant::compares_all_flags:
            body->flags = flags == keep_conn ? keep_conn : 0;
            break;
        case Mutant::takes_any_flag_for_keep_conn:
            body->flags = flags != 0 ? keep_conn : 0;
            break;
        case Mutant::never_closes:
            body->flags = keep_conn;
            break;
        case Mutant::always_closes:
            body->flags = 0;
            break;
        case Mutant::inverts_keep_conn:
            body->flags = flags ^ keep_conn;
            break;
        case Mutant::obeys_the_first_request:
            if (begun_.empty()) first_flags_ = flags;
            body->flags = first_flags_;
            break;
        case Mutant::closes_after_ninety_nine_requests:
            if (num_begun_ >= 98) body->flags = 0;
            break;
        case Mutant::plays_unknown_roles:
            if (name_of(body->role).empty()) body->role = Role::responder;
            break;
        default:
            return;
    }
    const auto content = encode(*body);
    content_.assign(content.begin(), content.end());
    record.content = content_;
}

void RecordMutator::note_received(const Record& record, Buffer& out) {
    if (record.request_id == null_request_id) return;
    const auto found = active_.find(record.request_id);
    if (found != active_.end()) return note_input_end(found->second, record);
    if (record.type != RecordType::begin_request) return;
    const auto body = decode_begin_request(record.content);
    begun_.insert(record.request_id);
    had_two_ |= !active_.empty();
    last_begun_ = record.request_id;
    if (!body || name_of(body->role).empty()) return;
    active_[record.request_id] = {.role = body->role, .flags = body->flags};
    ++num_begun_;
    const bool early = (is_mutant(Mutant::writes_before_params_end) && body->role == Role::responder) ||
                       (is_mutant(Mutant::writes_before_authorizers_params_end) && body->role == Role::authorizer) ||
                       (is_mutant(Mutant::writes_before_filters_std_in_ends) && body->role == Role::filter);
    if (early)
        encode_record({.type = RecordType::std_out,
                       .request_id = record.request_id,
                       .content = bytes_of("X-Early: 1\r\n"),
                       .padding = bytes_of("four")},
                      out);
}

void RecordMutator::note_input_end(Request& request, const Record& record) {
    if (record.type == RecordType::params && !record.content.empty()) ++request.num_params;
    if (record.type != request.awaits || !record.content.empty()) return;
    if (record.type == RecordType::params && request.role != Role::authorizer)
        request.awaits = RecordType::std_in;
    else if (record.type == RecordType::std_in && request.role == Role::filter)
        request.awaits = RecordType::data;
    else
        request.has_all_input = true;
}

/// What came under an inactive id comes to light in the FCGI_STDIN of a request.
void RecordMutator::prepend_kept(Record& record) {
    const Request* request = active(record.request_id);
    if (request == nullptr || record.type != RecordType::std_in || kept_.empty() || record.content.empty()) return;
    content_ = std::exchange(kept_, {});
    append(content_, record.content);
    record.content = content_;
}

/// The reference connection ignores it then.
void RecordMutator::lose(Record& record) {
    record.request_id = null_request_id;
}

void RecordMutator::forget(std::uint16_t request_id) {
    active_.erase(request_id);
    dropped_.insert(request_id);
}

}  // namespace fcgispec

// What mutants make of the records that come and go on one connection.
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

void send_end(std::uint16_t request_id, ProtocolStatus status, Buffer& out) {
    const auto body = encode(EndRequestBody{.app_status = 0, .protocol_status = status});
    encode_record({.type = RecordType::end_request, .request_id = request_id, .content = body}, out);
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

// ---- what comes -----------------------------------------------------------------------------------------------------

bool RecordMutator::receive(DecodedRecord& decoded, Buffer& out) {
    has_received_ = true;
    if (dies_of(*decoded.record)) is_mutant(Mutant::hangs_on_late_records) ? hang() : die();
    if (ignores(*decoded.record, out)) return false;
    change_received(decoded);
    note_received(*decoded.record, out);
    return true;
}

bool RecordMutator::dies_of(const Record& record) const {
    const Request* request = active(record.request_id);
    const bool begins = record.type == RecordType::begin_request && record.request_id != null_request_id;
    const bool asks = record.type == RecordType::get_values && record.request_id == null_request_id;
    const bool late = request != nullptr && record.type != RecordType::abort_request;
    switch (current_mutant) {
        case Mutant::dies_of_padding:
            return record.content.size() + record.padding.size() > content_size_max;
        case Mutant::dies_of_aborts_of_inactive_ids:
            return record.type == RecordType::abort_request && record.request_id != null_request_id &&
                   !begun_.contains(record.request_id);
        case Mutant::dies_of_inactive_ids:
            return record.request_id != null_request_id && !begins && !begun_.contains(record.request_id);
        case Mutant::dies_of_late_records:
            return begun_.contains(record.request_id) && request == nullptr && !begins;
        case Mutant::hangs_on_late_records:
            return begun_.contains(record.request_id) && request == nullptr && record.type == RecordType::std_in &&
                   !record.content.empty();
        case Mutant::dies_of_repeated_names:
            return asks && has_repeated_name(record.content);
        case Mutant::dies_of_null_id:
            return record.request_id == null_request_id && is_defined(record.type) &&
                   !properties_of(record.type)->management && properties_of(record.type)->to_application;
        case Mutant::dies_of_query_under_an_id:
            return record.type == RecordType::get_values && record.request_id != null_request_id;
        case Mutant::dies_of_empty_queries:
            return asks && record.content.empty();
        case Mutant::dies_of_cut_queries:
            return asks && whole_pairs(record.content).size() < record.content.size();
        case Mutant::dies_of_values_in_queries:
            return asks && has_value(record.content);
        case Mutant::dies_of_second_begin:
            return begins && request != nullptr;
        case Mutant::dies_of_short_begin:
            return begins && record.content.size() < body_size;
        case Mutant::dies_of_long_begin:
            return begins && record.content.size() > body_size;
        case Mutant::dies_of_aborts:
            return record.type == RecordType::abort_request && request != nullptr && !request->has_all_input;
        case Mutant::dies_of_late_params:
            return late && record.type == RecordType::params && request->awaits != RecordType::params;
        case Mutant::dies_of_early_std_in:
            return late && record.type == RecordType::std_in && request->awaits == RecordType::params;
        case Mutant::dies_of_type_0:
            return record.type == RecordType{} && record.request_id == null_request_id;
        case Mutant::dies_of_unknown_types_under_an_id:
            return request != nullptr && !is_defined(record.type);
        case Mutant::dies_of_many_requests:
            return begins && num_begun_ >= 500;
        case Mutant::dies_of_many_queries:
            return asks && num_queries_ >= 1000;
        case Mutant::dies_of_many_records:
            return num_inactive_ >= 2000;
        case Mutant::dies_of_its_own_types:
            return is_defined(record.type) && !properties_of(record.type)->to_application;
        default:
            return false;
    }
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

// ---- what goes ------------------------------------------------------------------------------------------------------

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

// What mutants of the reference Web server make of the records that come.
#include <algorithm>
#include <array>
#include <utility>

#include "codec/name_value_pair.hpp"
#include "conformance/peers/mutants_web_server.hpp"

namespace fcgispec {
namespace {

bool is_digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_value_we_ask_for(std::string_view name) {
    return name == "FCGI_MAX_CONNS" || name == "FCGI_MAX_REQS" || name == "FCGI_MPXS_CONNS";
}

/// What the pairs of FCGI_GET_VALUES_RESULT are like, as far as a mutant dies of it.
struct ValuesSeen {
    bool cut = false;
    bool zero = false;
    bool words = false;
    bool other_mpxs = false;
    bool twice = false;
    bool unasked = false;
};

ValuesSeen look_at(Bytes content) {
    ValuesSeen result;
    std::set<std::string_view> names;
    while (!content.empty()) {
        const DecodedPair next = decode_pair(content);
        if (!next.pair) {
            result.cut = true;
            return result;
        }
        content = content.subspan(next.consumed);
        const std::string_view name = text_of(next.pair->name);
        const std::string_view value = text_of(next.pair->value);
        const bool is_mpxs = name == "FCGI_MPXS_CONNS";
        result.twice |= !names.insert(name).second;
        result.unasked |= !is_value_we_ask_for(name);
        result.zero |= !is_mpxs && value == "0";
        result.words |= !is_digits(value);
        result.other_mpxs |= is_mpxs && is_digits(value) && value != "0" && value != "1";
    }
    return result;
}

bool has_empty_line(std::string_view text) {
    return text.find("\n\n") != std::string_view::npos || text.find("\n\r\n") != std::string_view::npos;
}

}  // namespace

std::unique_ptr<WebServerMutator> WebServerMutator::make() {
    return is_mutant(Mutant::none) ? nullptr : std::make_unique<WebServerMutator>();
}

WebServerMutator::Request* WebServerMutator::active(std::uint16_t request_id) {
    const auto found = requests_.find(request_id);
    return found == requests_.end() ? nullptr : &found->second;
}

std::uint16_t WebServerMutator::first_active() const {
    return requests_.empty() ? null_request_id : requests_.begin()->first;
}

WebServerMutator::Fate WebServerMutator::receive(DecodedRecord& decoded) {
    Record& record = *decoded.record;
    ++num_records_;
    change_framing(decoded);
    change_owner(record);
    Request* request = active(record.request_id);
    if (dies_of_values(record) || dies_of_end(record, request) || dies_of_output(record, request) ||
        dies_of_type(record, request))
        die();
    if (gives_up(record, request)) return Fate::give_up;
    if (ignores(record, request)) return Fate::ignore;
    if (request != nullptr) change_output(record, *request);
    note_received(record);
    return Fate::handle;
}

// ---- what it dies of ------------------------------------------------------------------------------------------------

bool WebServerMutator::dies_of_values(const Record& record) const {
    const bool is_result = record.type == RecordType::get_values_result;
    if (is_mutant(Mutant::dies_of_values_under_an_id)) return is_result && record.request_id != null_request_id;
    if (is_mutant(Mutant::dies_of_declined_queries))
        return record.type == RecordType::unknown_type && record.request_id == null_request_id;
    if (!is_result || record.request_id != null_request_id) return false;
    switch (current_mutant) {
        case Mutant::dies_of_large_values:
            return record.content.size() > 4096;
        case Mutant::dies_of_unasked_values:
            return num_values_ > 0;
        case Mutant::dies_of_empty_values:
            return record.content.empty();
        case Mutant::dies_of_cut_values:
            return look_at(record.content).cut;
        case Mutant::dies_of_zero_values:
            return look_at(record.content).zero;
        case Mutant::dies_of_words_for_values:
            return look_at(record.content).words;
        case Mutant::dies_of_another_mpxs_conns:
            return look_at(record.content).other_mpxs;
        case Mutant::dies_of_values_twice:
            return look_at(record.content).twice;
        case Mutant::dies_of_values_of_other_names:
            return look_at(record.content).unasked;
        default:
            return false;
    }
}

bool WebServerMutator::dies_of_end(const Record& record, const Request* request) const {
    if (record.type != RecordType::end_request || record.request_id == null_request_id) return false;
    const auto body = decode_end_request(record.content.first(std::min(record.content.size(), body_size)));
    switch (current_mutant) {
        case Mutant::dies_of_long_ends:
            return record.content.size() > body_size;
        case Mutant::dies_of_short_ends:
            return record.content.size() < body_size;
        case Mutant::dies_of_undefined_protocol_statuses:
            return body && name_of(body->protocol_status).empty();
        case Mutant::dies_of_rejections_behind_output:
            return body && request != nullptr && request->std_out_size > 0 &&
                   body->protocol_status != ProtocolStatus::request_complete;
        case Mutant::dies_of_second_ends:
            return request == nullptr && begun_.contains(record.request_id);
        default:
            return false;
    }
}

bool WebServerMutator::dies_of_output(const Record& record, const Request* request) const {
    const bool is_output = record.type == RecordType::std_out || record.type == RecordType::std_err;
    const bool begun = begun_.contains(record.request_id);
    switch (current_mutant) {
        case Mutant::dies_of_the_largest_records:
            return record.content.size() + record.padding.size() > content_size_max;
        case Mutant::hangs_on_errors_before_the_response:
            if (record.type == RecordType::std_err && request != nullptr && request->num_std_out == 0 &&
                request->std_err_size + record.content.size() >= content_size_max)
                hang();
            return false;
        case Mutant::dies_of_many_errors:
            return record.type == RecordType::std_err && request != nullptr && request->std_err_size > 1'000'000;
        case Mutant::dies_of_much_output:
            return record.type == RecordType::std_out && request != nullptr && request->std_out_size > 11'000'000;
        case Mutant::dies_of_nine_thousand_records:
            return num_records_ > 9000;
        case Mutant::dies_of_output_under_unknown_ids:
            return (is_output || record.type == RecordType::end_request) && request == nullptr && !begun;
        case Mutant::dies_of_late_output:
            return is_output && request == nullptr && begun;
        case Mutant::dies_of_control_characters_in_errors:
            return record.type == RecordType::std_err &&
                   std::find(record.content.begin(), record.content.end(), 0x1b) != record.content.end();
        default:
            return false;
    }
}

bool WebServerMutator::dies_of_type(const Record& record, const Request* request) const {
    const TypeProperties* type = properties_of(record.type);
    if (type == nullptr) {
        if (is_mutant(Mutant::dies_of_undefined_types_under_an_id)) return request != nullptr;
        return is_mutant(Mutant::dies_of_undefined_types) && record.request_id == null_request_id;
    }
    switch (current_mutant) {
        case Mutant::dies_of_streams_of_a_web_server:
            return type->to_application && type->stream;
        case Mutant::dies_of_requests_of_an_application:
            return record.type == RecordType::begin_request || record.type == RecordType::abort_request;
        case Mutant::dies_of_queries_of_an_application:
            return record.type == RecordType::get_values;
        default:
            return false;
    }
}

// ---- what it makes of them ------------------------------------------------------------------------------------------

/// Where the record ends, and its content.
void WebServerMutator::change_framing(DecodedRecord& decoded) {
    Record& record = *decoded.record;
    const std::size_t size = record.content.size();
    switch (current_mutant) {
        case Mutant::swaps_received_content_lengths:
            if (record.type != RecordType::std_out || size < 256 || size > 4660) return;
            record.content = record.content.first(std::min(size, (size & 0xff) << 8 | size >> 8));
            decoded.consumed -= size - record.content.size();
            return;
        case Mutant::takes_the_largest_records_for_empty_ones:
            if (size == content_size_max) record.content = {};
            return;
        case Mutant::takes_padding_for_content:
            content_.assign(record.content.begin(), record.content.end());
            append(content_, record.padding.first(std::min(record.padding.size(), content_size_max - size)));
            record.content = content_;
            return;
        case Mutant::takes_padding_for_records:
            decoded.consumed -= record.padding.size();
            return;
        case Mutant::reads_on_behind_eight_bytes_of_an_end:
            if (record.type != RecordType::end_request || size <= body_size) return;
            record.content = record.content.first(body_size);
            decoded.consumed -= size - body_size;
            return;
        default:
            return;
    }
}

/// Whose record it is, and of which type.
void WebServerMutator::change_owner(Record& record) {
    const bool is_std_out = record.type == RecordType::std_out;
    const bool is_management = properties_of(record.type) != nullptr && properties_of(record.type)->management;
    switch (current_mutant) {
        case Mutant::gives_output_to_the_request_that_writes:
            if (is_std_out && active(record.request_id) && active(writes_)) record.request_id = writes_;
            writes_ = is_std_out && !record.content.empty() ? record.request_id : null_request_id;
            return;
        case Mutant::takes_the_null_id_for_its_request:
            if (record.request_id == null_request_id && !is_management && properties_of(record.type) != nullptr)
                record.request_id = first_active();
            return;
        case Mutant::takes_any_id_for_its_request:
            if (record.request_id != null_request_id && !begun_.contains(record.request_id))
                record.request_id = first_active();
            return;
        case Mutant::passes_on_unasked_values:
            if (record.type != RecordType::get_values_result || num_values_ == 0) return;
            record.type = RecordType::std_out;
            record.request_id = first_active();
            return;
        case Mutant::passes_on_every_type:
            if (record.type == RecordType::std_err || record.type == RecordType::end_request || is_management) return;
            if (record.request_id == null_request_id) record.request_id = first_active();
            if (!record.content.empty()) record.type = RecordType::std_out;
            return;
        case Mutant::takes_errors_for_output:
            if (record.type == RecordType::std_err && !record.content.empty()) record.type = RecordType::std_out;
            return;
        case Mutant::ends_output_at_empty_errors:
            if (record.type == RecordType::std_err && record.content.empty()) record.type = RecordType::std_out;
            return;
        default:
            return;
    }
}

void WebServerMutator::change_output(Record& record, Request& request) {
    if (record.type != RecordType::std_out || record.content.empty()) return;
    const auto prepend = [&](std::string_view text) {
        content_.assign(text.begin(), text.end());
        append(content_, record.content);
        record.content = content_;
    };
    switch (current_mutant) {
        case Mutant::expects_the_header_block_in_one_record:
            if (request.num_std_out == 1 && !request.has_header_block) prepend("\r\n\r\n");
            return;
        case Mutant::skips_newlines_before_the_body: {
            if (!request.has_header_block) return;
            const std::size_t size = text_of(record.content).find_first_not_of("\r\n");
            record.content = record.content.subspan(std::min(size, record.content.size()));
            return;
        }
        case Mutant::gives_what_came_late_to_the_next:
        case Mutant::reads_on_behind_eight_bytes_of_an_end:
        case Mutant::gives_output_of_the_gone_to_the_next:
            if (kept_.empty()) return;
            prepend(text_of(std::exchange(kept_, {})));
            return;
        default:
            return;
    }
}

bool WebServerMutator::gives_up(const Record& record, const Request* request) const {
    if (out_of_step_ && !requests_.empty()) return true;
    const bool is_error = record.type == RecordType::std_err;
    const bool ends = record.type == RecordType::end_request && request != nullptr;
    const auto body = decode_end_request(record.content);
    switch (current_mutant) {
        case Mutant::demands_padding_of_errors:
            return is_error && !record.content.empty() && record.content.size() % 8 == 0 && record.padding.empty();
        case Mutant::takes_empty_errors_for_failures:
            return is_error && record.content.empty() && request != nullptr && request->num_std_out == 0;
        case Mutant::takes_late_empty_errors_for_failures:
            return is_error && record.content.empty() && request != nullptr && request->std_out_ended &&
                   request->std_err_size == 0;
        case Mutant::takes_late_errors_for_failures:
            return is_error && !record.content.empty() && request != nullptr && request->std_out_ended;
        case Mutant::fails_uploads_with_errors:
            return is_error && request != nullptr && request->std_in_size > 0 && request->role == Role::responder;
        case Mutant::demands_ends_without_padding:
            return ends && !record.padding.empty();
        case Mutant::demands_the_end_of_output:
            return ends && request->std_out_size > 0 && !request->std_out_ended;
        case Mutant::fails_with_the_app_status:
            return ends && body && body->app_status != 0 && request->std_out_size > 0;
        case Mutant::demands_zeros_in_ends:
            return ends && body && body->reserved != std::array<std::uint8_t, 3>{};
        case Mutant::fails_all_requests_with_one:
            return ends && requests_.size() > 1 && request->std_out_size == 0 && body &&
                   body->protocol_status == ProtocolStatus::request_complete;
        case Mutant::fails_when_output_ends_twice:
            return record.type == RecordType::std_out && record.content.empty() && request != nullptr &&
                   request->std_out_ended;
        default:
            return false;
    }
}

bool WebServerMutator::ignores(const Record& record, const Request* request) {
    const bool is_std_out = record.type == RecordType::std_out && request != nullptr;
    switch (current_mutant) {
        case Mutant::drops_early_output:
            return is_std_out && request->role == Role::responder && !request->input_complete;
        case Mutant::loses_output_of_one_byte:
            return is_std_out && record.content.size() == 1 && request->last_was_one_byte;
        case Mutant::passes_on_output_behind_its_end:
            return is_std_out && record.content.empty();
        case Mutant::waits_for_the_close:
            return record.type == RecordType::end_request;
        case Mutant::waits_for_the_close_from_the_fifth_on:
            return record.type == RecordType::end_request && request != nullptr && !request->aborted && num_ended_ > 3;
        case Mutant::gives_what_came_late_to_the_next:
        case Mutant::reads_on_behind_eight_bytes_of_an_end:
            if (record.type == RecordType::std_out && request == nullptr && begun_.contains(record.request_id))
                append(kept_, record.content);
            return false;
        case Mutant::gives_output_of_the_gone_to_the_next:
            if (is_std_out && request->aborted && record.content.size() < 64) append(kept_, record.content);
            return is_std_out && request->aborted;
        default:
            return false;
    }
}

void WebServerMutator::note_received(const Record& record) {
    if (record.type == RecordType::get_values_result) ++num_values_;
    Request* request = active(record.request_id);
    if (request == nullptr) return;
    if (record.type == RecordType::std_out) note_output(record, *request);
    if (record.type == RecordType::std_err) request->std_err_size += record.content.size();
    if (record.type != RecordType::end_request) return;
    const bool unread = request->method == "HEAD" || request->first_line.starts_with("Status: 304");
    if (is_mutant(Mutant::leaves_unwanted_bodies_unread) && unread && request->std_out_size > content_size_max)
        out_of_step_ = true;
    requests_.erase(record.request_id);
    ++num_ended_;
    if (is_mutant(Mutant::closes_within_a_header) && num_ended_ == 3 && requests_.empty()) closes_ = true;
}

void WebServerMutator::note_output(const Record& record, Request& request) {
    request.last_was_one_byte = record.content.size() == 1;
    request.std_out_ended |= record.content.empty();
    if (record.content.empty()) return;
    ++request.num_std_out;
    request.std_out_size += record.content.size();
    if (request.has_header_block) return;
    const std::string text = request.last_newlines + std::string(text_of(record.content));
    if (request.first_line.find('\n') == std::string::npos) request.first_line += text_of(record.content);
    request.has_header_block = has_empty_line(text);
    request.last_newlines = text.substr(text.size() - std::min<std::size_t>(text.size(), 2));
}

}  // namespace fcgispec

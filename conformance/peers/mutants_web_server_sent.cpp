// What mutants of the reference Web server send.
#include <algorithm>
#include <array>
#include <utility>

#include "codec/name_value_pair.hpp"
#include "conformance/peers/mutants_web_server.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t whole_buffer_size = 32 * 1024;  // in bytes, of FCGI_STDIN

std::string method_in(Bytes params) {
    for (DecodedPair next = decode_pair(params); next.pair; next = decode_pair(params)) {
        if (text_of(next.pair->name) == "REQUEST_METHOD") return std::string(text_of(next.pair->value));
        params = params.subspan(next.consumed);
    }
    return {};
}

}  // namespace

void WebServerMutator::send(const Record& record, Buffer& out) {
    note_sent(record);
    const Request* request = active(record.request_id);
    if (omits(record, request)) return;
    add_before(record, out);
    send_changed(record, out);
    add_after(record, out);
}

void WebServerMutator::note_sent(const Record& record) {
    if (record.type == RecordType::begin_request) {
        requests_[record.request_id] = {.role = decode_begin_request(record.content)->role};
        begun_.insert(record.request_id);
        return;
    }
    Request* request = active(record.request_id);
    if (request == nullptr) return;
    const bool ends = record.content.empty();
    if (record.type == RecordType::params && request->params_size == 0) request->method = method_in(record.content);
    if (record.type == RecordType::params) request->params_size += record.content.size();
    if (record.type == RecordType::std_in) request->std_in_size += record.content.size();
    if (record.type == RecordType::abort_request) request->aborted = true;
    if (record.type == RecordType::std_in && ends && request->role == Role::responder) request->input_complete = true;
}

bool WebServerMutator::omits(const Record& record, const Request* request) {
    if (request == nullptr) return false;
    const bool is_std_in = record.type == RecordType::std_in;
    const bool ends_std_in = is_std_in && record.content.empty();
    switch (current_mutant) {
        case Mutant::cuts_std_in_at_a_record:
            return is_std_in && !ends_std_in && request->std_in_size > content_size_max;
        case Mutant::cuts_params_at_a_record:
            return record.type == RecordType::params && !record.content.empty() &&
                   request->params_size > content_size_max;
        case Mutant::stops_sending_when_output_comes:
            return is_std_in && !ends_std_in && request->std_out_size > 0;
        case Mutant::omits_std_in_of_an_empty_body:
            return ends_std_in && request->std_in_size == 0 && request->method == "POST";
        case Mutant::omits_std_in_without_a_body:
            return ends_std_in && request->std_in_size == 0 && request->method != "GET" && request->method != "POST";
        case Mutant::loses_a_filters_body:
            return is_std_in && !ends_std_in && request->role == Role::filter;
        case Mutant::omits_a_filters_std_in:
            return ends_std_in && request->std_in_size == 0 && request->role == Role::filter;
        case Mutant::leaves_a_full_std_in_open:
            return ends_std_in && request->std_in_size == whole_buffer_size;
        case Mutant::leaves_a_filters_std_in_open:
            return ends_std_in && request->std_in_size > 0 && request->role == Role::filter;
        case Mutant::ends_params_behind_std_in:
            if (record.type != RecordType::params || !record.content.empty() || request->role != Role::responder ||
                request->method != "POST")
                return false;
            encode_record(record, held_params_);
            return true;
        default:
            return false;
    }
}

void WebServerMutator::send_changed(Record record, Buffer& out) {
    switch (current_mutant) {
        case Mutant::pads_nothing:
            record.padding = {};
            break;
        case Mutant::sets_reserved_bytes_of_headers:
            record.reserved = 0x5a;
            break;
        case Mutant::cuts_a_filters_file:
            if (record.type == RecordType::data && record.content.size() > 8)
                record.content = record.content.first(record.content.size() - 8);
            break;
        case Mutant::mixes_up_bodies:
            if (record.type == RecordType::std_in && !record.content.empty() && requests_.size() > 1)
                record.request_id = first_active();
            break;
        case Mutant::asks_for_values_with_values:
            if (record.type != RecordType::get_values) break;
            content_.clear();
            encode_pair({.name = bytes_of("FCGI_MPXS_CONNS"), .value = bytes_of("1")}, content_);
            record.content = content_;
            record.padding = bytes_of("padded");
            break;
        default:
            break;
    }
    if (record.type == RecordType::begin_request) change_begin(record);
    encode_record(record, out);
}

void WebServerMutator::change_begin(Record& record) {
    BeginRequestBody body = *decode_begin_request(record.content);
    switch (current_mutant) {
        case Mutant::leaves_reserved_bytes_of_begin_uninitialised:
            body.reserved = {'u', 'n', 'i', 'n', 't'};
            break;
        case Mutant::sets_other_flags:
            body.flags |= 0x80;
            break;
        case Mutant::invents_a_role:
            if (num_ended_ != 4) return;  // the others show that it serves at all
            body.role = Role{4};
            break;
        default:
            break;
    }
    const auto content = encode(body);
    content_.assign(content.begin(), content.end());
    if (is_mutant(Mutant::sends_a_long_begin) && num_ended_ == 4) content_.resize(2 * body_size);
    record.content = content_;
}

void WebServerMutator::add_before(const Record& record, Buffer& out) {
    if (record.type == RecordType::begin_request) {
        if (is_mutant(Mutant::sends_std_in_before_it_begins))
            encode_record({.type = RecordType::std_in, .request_id = 60000}, out);
        if (is_mutant(Mutant::answers_its_own_query)) encode_record({.type = RecordType::get_values_result}, out);
    }
    const bool ends_params = record.type == RecordType::params && record.content.empty();
    if (is_mutant(Mutant::sends_half_a_pair) && ends_params)
        encode_record({.type = RecordType::params,
                       .request_id = record.request_id,
                       .content = bytes_of("\015"),
                       .padding = bytes_of("padding")},
                      out);
    if (is_mutant(Mutant::sends_data_before_std_in) && record.type == RecordType::std_in &&
        active(record.request_id)->role == Role::filter)
        encode_record(
            {.type = RecordType::data, .request_id = record.request_id, .content = bytes_of("a line of eight\n")}, out);
    if (!held_params_.empty() && record.type == RecordType::std_in && record.content.empty())
        append(out, std::exchange(held_params_, {}));
}

void WebServerMutator::add_after(const Record& record, Buffer& out) {
    const std::uint16_t id = record.request_id;
    if (!held_params_.empty() && record.type == RecordType::std_in) append(out, std::exchange(held_params_, {}));
    if (is_mutant(Mutant::ends_params_twice) && record.type == RecordType::params && record.content.empty())
        encode_record(record, out);
    if (is_mutant(Mutant::sends_data_to_responders) && record.type == RecordType::params && record.content.empty() &&
        active(id)->role == Role::responder)
        encode_record({.type = RecordType::data, .request_id = id}, out);
    if (is_mutant(Mutant::begins_requests_twice) && record.type == RecordType::params && record.content.empty() &&
        requests_.size() == 1 && num_ended_ == 0 && active(id)->method == "GET")
        encode_record({.type = RecordType::begin_request,
                       .request_id = id,
                       .content = encode(BeginRequestBody{.role = active(id)->role, .flags = keep_conn})},
                      out);
    if (record.type != RecordType::begin_request) return;
    switch (current_mutant) {
        case Mutant::sends_version_2:
            return encode_record({.version = 2, .type = RecordType::params, .request_id = id}, out);
        case Mutant::sends_type_12:
            return encode_record({.type = RecordType{12}, .request_id = id}, out);
        case Mutant::asks_for_values_under_an_id:
            return encode_record({.type = RecordType::get_values, .request_id = id}, out);
        case Mutant::sends_params_under_the_null_id:
            return encode_record({.type = RecordType::params}, out);
        default:
            return;
    }
}

bool encode_changed_pair(std::string_view name, std::string_view value, Buffer& out) {
    const NameValuePair pair{.name = bytes_of(name), .value = bytes_of(value)};
    const auto write = [&](std::size_t name_length, bool short_name, std::size_t value_length, bool short_value) {
        for (const auto& [length, is_short] :
             {std::pair(name_length, short_name), std::pair(value_length, short_value)})
            if (is_short)
                out.push_back(static_cast<std::uint8_t>(length));
            else
                encode_pair_length(static_cast<std::uint32_t>(length), LengthForm::four_bytes, out);
        append(out, pair.name);
        append(out, pair.value);
        return true;
    };
    const bool short_name = name.size() <= short_length_max;
    const bool short_value = value.size() <= short_length_max;
    switch (current_mutant) {
        case Mutant::writes_long_names_with_short_lengths:
            return !short_name && write(name.size(), true, value.size(), short_value);
        case Mutant::writes_128_in_one_byte:
            return write(name.size(), name.size() <= 128, value.size(), value.size() <= 128);
        case Mutant::writes_values_as_long_as_names:
            return write(name.size(), short_name, short_name == short_value ? value.size() : name.size(), short_name);
        default:
            return false;
    }
}

}  // namespace fcgispec

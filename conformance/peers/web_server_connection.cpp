#include "conformance/peers/web_server_connection.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <span>
#include <string_view>

#include "codec/name_value_pair.hpp"
#include "conformance/peers/mutants_web_server.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t output_size_max = 64 * 1024;  // waiting output above which no more of a stream is made
constexpr std::size_t piece_size_max = 32 * 1024;   // of a stream in one record: requests take turns

/// The input streams of a role after FCGI_PARAMS, in the order in which they are sent [§6.1].
std::span<const RecordType> byte_streams_of(Role role) noexcept {
    static constexpr std::array filter{RecordType::std_in, RecordType::data};
    switch (role) {
        case Role::responder:
            return std::span(filter).first(1);  // [§6.2]
        case Role::authorizer:
            if (is_mutant(Mutant::gives_bodies_to_authorizers)) return std::span(filter).first(1);
            return {};  // [§6.3]
        case Role::filter:
            return filter;  // [§6.4]
    }
    return {};
}

/// What becomes of a record under an id that isn't the null request id:
///
///     the request is      STDOUT, STDERR   END_REQUEST   anything else
///     running             tell             end           ignore
///     aborted             ignore           end           ignore
///     inactive            ignore           ignore        ignore
///
/// Anything else: types that only the Web server sends [§A], management records with an id, unknown types.
enum class Action : std::uint8_t { ignore, tell, end };

Action action_of(RecordType type, bool active, bool aborted) noexcept {
    if (!active) return Action::ignore;  // [§3.3] as the application does
    switch (type) {
        case RecordType::std_out:
        case RecordType::std_err:
            return aborted ? Action::ignore : Action::tell;  // nobody is there to have it [§5.4]
        case RecordType::end_request:
            return Action::end;
        case RecordType::begin_request:
        case RecordType::abort_request:
        case RecordType::params:
        case RecordType::std_in:
        case RecordType::data:
        case RecordType::get_values:
        case RecordType::get_values_result:
        case RecordType::unknown_type:
            return Action::ignore;
    }
    return Action::ignore;
}

/// A positive number, or nothing.
std::optional<std::size_t> number_of(Bytes value) {
    const std::string_view text = text_of(value);
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number == 0) return std::nullopt;
    return number;
}

}  // namespace

WebServerConnection::WebServerConnection() : mutator_(WebServerMutator::make()) {
    Buffer query;
    for (const std::string_view name : {"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"})
        encode_pair({.name = bytes_of(name), .value = {}}, query);  // [§4.1] with empty values
    send(RecordType::get_values, null_request_id, query);
}

WebServerConnection::WebServerConnection(WebServerConnection&&) noexcept = default;
WebServerConnection& WebServerConnection::operator=(WebServerConnection&&) noexcept = default;
WebServerConnection::~WebServerConnection() = default;

bool WebServerConnection::takes_request(bool alone) const noexcept {
    if (over_ || (mutator_ && mutator_->closes())) return false;
    if (requests_.empty()) return true;
    if (alone || !values_.multiplexes) return false;  // [§4.1, §5.5]
    if (values_.num_requests_max && requests_.size() >= *values_.num_requests_max) return false;
    const bool shared =
        std::none_of(requests_.begin(), requests_.end(), [](const auto& entry) { return entry.second.sent.alone; });
    return shared && requests_.size() < 65535;
}

std::uint16_t WebServerConnection::begin(RequestToSend request) {
    assert(takes_request(request.alone));
    std::uint16_t request_id = 1;  // [§3.3] ids are kept small: the smallest that is inactive
    for (const auto& [active_id, active] : requests_) {
        if (active_id != request_id) break;
        ++request_id;
    }
    if (is_mutant(Mutant::uses_no_id_again)) request_id = last_begun_ += 100;
    // [§5.1] We keep the connection, and with it the right to close it.
    send(RecordType::begin_request, request_id, encode(BeginRequestBody{.role = request.role, .flags = keep_conn}));
    send_params(request_id, request.variables);
    request.variables.clear();
    requests_[request_id].sent = std::move(request);
    generate();
    return request_id;
}

void WebServerConnection::abort(std::uint16_t request_id) {
    const auto request = requests_.find(request_id);
    if (request == requests_.end() || request->second.aborted) return;  // it has ended, or the connection has
    request->second.aborted = true;
    request->second.sent = {.role = request->second.sent.role};  // what of it hasn't been sent is not sent any more
    ++num_aborted_;
    std::erase_if(events_, [&](const RequestEvent& event) { return event.request_id == request_id; });
    send(RecordType::abort_request, request_id, {});  // [§5.4]
    if (is_mutant(Mutant::closes_to_abort)) give_up("the HTTP client of a request on it has left");
}

void WebServerConnection::receive(Bytes bytes) {
    if (over_) return;
    append(input_, bytes);
    while (!over_ && handle_next_record()) continue;
    input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(input_handled_));
    input_handled_ = 0;
    if (mutator_) mistreat_what_is_left();
    generate();
}

/// Mutants that take the end of a read for the end of something.
void WebServerConnection::mistreat_what_is_left() {
    const auto type = input_.size() > 1 ? RecordType{input_[1]} : RecordType{};
    if ((is_mutant(Mutant::loses_cut_headers_of_an_application) && input_.size() < header_size) ||
        (is_mutant(Mutant::loses_cut_ends) && type == RecordType::end_request))
        input_.clear();
    if (mutator_->closes()) mutator_->take_last_words(output_);
    if (is_mutant(Mutant::skips_padding_that_has_come) && input_.size() > header_size) {
        const std::size_t content_end = header_size + (std::size_t{input_[4]} << 8 | input_[5]);
        if (input_.size() >= content_end) input_[6] = static_cast<std::uint8_t>(input_.size() - content_end);
    }
}

void WebServerConnection::receive_end() {
    if (is_mutant(Mutant::dies_of_cut_output) && !input_.empty()) die();
    if (is_mutant(Mutant::dies_without_values) && !mutator_->has_values() && num_running() > 0) die();
    give_up(input_.empty() ? "the application closed the connection before FCGI_END_REQUEST"
                           : "the application closed the connection in the middle of a record");
}

void WebServerConnection::give_up(const std::string& reason) {
    over_ = true;
    for (const auto& [request_id, request] : requests_) {
        if (!request.aborted) tell({.kind = RequestEvent::Kind::failed, .request_id = request_id, .reason = reason});
        if (is_mutant(Mutant::tells_one_client_of_a_break)) break;
    }
    requests_.clear();
    num_aborted_ = 0;
    output_.clear();
    output_sent_ = 0;
}

bool WebServerConnection::fail_ended(const std::string& reason) {
    bool any = false;
    for (RequestEvent& event : events_) {
        if (event.kind != RequestEvent::Kind::ended) continue;
        event = {.kind = RequestEvent::Kind::failed, .request_id = event.request_id, .reason = reason};
        any = true;
    }
    return any;
}

std::vector<RequestEvent> WebServerConnection::take_events() {
    return std::exchange(events_, {});
}

Bytes WebServerConnection::output() const noexcept {
    return Bytes(output_).subspan(output_sent_);
}

void WebServerConnection::consumed(std::size_t size) {
    assert(size <= output().size());
    output_sent_ += size;
    if (output_sent_ >= output_.size() / 2) {  // moves each byte once at most, on average
        output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(output_sent_));
        output_sent_ = 0;
    }
    generate();
    if (mutator_ && mutator_->closes() && output().empty()) give_up("it closes");
}

/// False where what has been received holds no further whole record.
bool WebServerConnection::handle_next_record() {
    const Bytes rest = Bytes(input_).subspan(input_handled_);
    if (!rest.empty() && rest[0] != version_1) {
        if (is_mutant(Mutant::dies_of_other_versions) && rest.size() >= header_size &&
            properties_of(RecordType{rest[1]}) != nullptr)
            die();
        if (is_mutant(Mutant::hangs_on_what_is_no_record) &&
            !(rest.size() >= header_size && properties_of(RecordType{rest[1]}) != nullptr))
            hang();
        // The framing of another version is not known: there is no next record to be found [§3.3].
        give_up("the application sent a record of version " + std::to_string(rest[0]));
        return false;
    }
    DecodedRecord decoded = decode_record(rest);
    if (!decoded.record) return false;
    if (is_mutant(Mutant::takes_reserved_for_padding))
        decoded.consumed = std::min(rest.size(), decoded.consumed + decoded.record->reserved);
    if (mutator_) {
        const WebServerMutator::Fate fate = mutator_->receive(decoded);
        if (fate == WebServerMutator::Fate::give_up) give_up("a record that a mutant can't bear");
        if (fate != WebServerMutator::Fate::handle) decoded.record.reset();
    }
    if (over_) return false;
    if (decoded.record) handle(*decoded.record);
    input_handled_ += decoded.consumed;
    return true;
}

void WebServerConnection::handle(const Record& record) {
    if (record.request_id == null_request_id) {
        // Management records that weren't asked for, or of a type that is unknown, say nothing to us [§3.3].
        if (record.type == RecordType::get_values_result) take_values(record.content);
        return;
    }
    const auto request = requests_.find(record.request_id);
    const bool active = request != requests_.end();
    switch (action_of(record.type, active, active && request->second.aborted)) {
        case Action::ignore:
            return;
        case Action::tell:
            return take_output(record, request->second);
        case Action::end:
            return end_request(request, record.content);
    }
}

/// The next bytes of a stream. Its empty record ends it [§3.3], but not the request [§5.5].
void WebServerConnection::take_output(const Record& record, Request& request) {
    const bool is_std_out = record.type == RecordType::std_out;
    bool& ended = is_std_out ? request.std_out_ended : request.std_err_ended;
    ended |= record.content.empty();
    if (ended) return;  // what follows the end is no part of the stream's value
    tell({.kind = is_std_out ? RequestEvent::Kind::std_out : RequestEvent::Kind::std_err,
          .request_id = record.request_id,
          .bytes = Buffer(record.content.begin(), record.content.end())});
}

/// [§4.1] Takes what can be understood, each name once. Names may be missing, and others may be there.
void WebServerConnection::take_values(Bytes content) {
    if (!std::exchange(awaits_values_, false)) return;
    ApplicationValues answered;
    std::optional<bool> multiplexes;
    while (!content.empty()) {
        const DecodedPair decoded = decode_pair(content);
        if (!decoded.pair) return;  // not whole pairs: nothing of it can be relied upon
        content = content.subspan(decoded.consumed);
        const std::string_view name = text_of(decoded.pair->name);
        const Bytes value = decoded.pair->value;
        if (name == "FCGI_MAX_CONNS" && !answered.num_connections_max) answered.num_connections_max = number_of(value);
        if (name == "FCGI_MAX_REQS" && !answered.num_requests_max) answered.num_requests_max = number_of(value);
        if (name == "FCGI_MPXS_CONNS" && !multiplexes) multiplexes = text_of(value) == "1";
    }
    answered.multiplexes = multiplexes.value_or(false);
    values_ = answered;
}

/// [§5.5] The id is inactive from here on. Input that the application didn't want isn't sent any more [§6.2].
void WebServerConnection::end_request(Requests::iterator request, Bytes content) {
    if (content.size() < body_size)
        return give_up("the application sent an FCGI_END_REQUEST of " + std::to_string(content.size()) + " bytes");
    const auto body = decode_end_request(content.first(body_size));  // what is beyond is left to later versions
    if (request->second.aborted)
        --num_aborted_;
    else
        tell({.kind = RequestEvent::Kind::ended, .request_id = request->first, .end = *body});
    // [§5.5] So the application doesn't multiplex: what it has answered isn't true, and no other value is relied upon.
    if (body->protocol_status == ProtocolStatus::cant_mpx_conn) values_ = {};
    requests_.erase(request);
}

/// [§5.2] The whole stream at once: it is small, and other requests have nothing to gain before it has ended.
void WebServerConnection::send_params(std::uint16_t request_id, const Variables& variables) {
    Buffer pairs;
    for (const auto& [name, value] : variables)
        if (!encode_changed_pair(name, value, pairs))
            encode_pair({.name = bytes_of(name), .value = bytes_of(value)}, pairs);
    for (Bytes rest = pairs; !rest.empty();) {
        const Bytes piece = rest.first(std::min(rest.size(), piece_size_max));
        send(RecordType::params, request_id, piece);
        rest = rest.subspan(piece.size());
    }
    send(RecordType::params, request_id, {});  // [§3.3] the empty record ends the stream
}

/// Goes on with the streams of active requests, one piece each in turn, while there is room.
void WebServerConnection::generate() {
    std::size_t num_without_more = 0;
    while (num_without_more < requests_.size() && output().size() < output_size_max) {
        auto next = requests_.upper_bound(last_generated_);
        if (next == requests_.end()) next = requests_.begin();
        last_generated_ = next->first;
        num_without_more = generate_piece(next->first, next->second) ? 0 : num_without_more + 1;
    }
}

/// False where the request has no more input for the application.
bool WebServerConnection::generate_piece(std::uint16_t request_id, Request& request) {
    const auto streams = byte_streams_of(request.sent.role);
    if (request.aborted || request.num_inputs_ended == streams.size()) return false;
    const RecordType type = streams[request.num_inputs_ended];  // [§6.1] one after the other
    if (type == RecordType::std_in)
        send_piece(type, request_id, request, request.sent.std_in.get(), request.std_in_size);
    else
        send_piece(type, request_id, request, request.sent.data.get(), request.data_size);
    return true;
}

/// The next record of a stream. The empty one ends it, and is sent for an empty stream too [§3.3, §6.1].
void WebServerConnection::send_piece(RecordType type, std::uint16_t request_id, Request& request, const Buffer* value,
                                     std::size_t& sent_size) {
    const Bytes rest = value != nullptr ? Bytes(*value).subspan(sent_size) : Bytes();
    const Bytes piece = rest.first(std::min(rest.size(), piece_size_max));
    send(type, request_id, piece);
    sent_size += piece.size();
    if (piece.empty()) ++request.num_inputs_ended;
}

/// Every record that is sent goes through here.
void WebServerConnection::send(RecordType type, std::uint16_t request_id, Bytes content) {
    // [§3.3] Records on boundaries that are multiples of eight bytes are recommended.
    static constexpr std::array<std::uint8_t, 7> zeros{};
    const Bytes padding = Bytes(zeros).first((8 - content.size() % 8) % 8);
    const Record record{.type = type, .request_id = request_id, .content = content, .padding = padding};
    mutator_ ? mutator_->send(record, output_) : encode_record(record, output_);
}

/// Every event that is told goes through here.
void WebServerConnection::tell(RequestEvent event) {
    events_.push_back(std::move(event));
}

}  // namespace fcgispec

#include "conformance/peers/reference_connection.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fcgispec {
namespace {

/// The input streams of a role, in the order in which the Web server sends them; none for a role that is unknown.
std::span<const RecordType> inputs_of(Role role) noexcept {
    static constexpr std::array responder{RecordType::params, RecordType::std_in};                 // [§6.2]
    static constexpr std::array authorizer{RecordType::params};                                    // [§6.3]
    static constexpr std::array filter{RecordType::params, RecordType::std_in, RecordType::data};  // [§6.4]
    switch (role) {
        case Role::responder:
            return responder;
        case Role::authorizer:
            return authorizer;
        case Role::filter:
            return filter;
    }
    return {};
}

/// What becomes of a record of an active request. A request is in the state of the first of its role's input streams
/// that hasn't ended [§6.1]:
///
///     receiving      BEGIN   ABORT   PARAMS  STDIN   DATA    anything else
///     FCGI_PARAMS    ignore  abort   take    early   early   ignore
///     FCGI_STDIN     ignore  abort   ignore  take    early   ignore
///     FCGI_DATA      ignore  abort   ignore  ignore  take    ignore
///     nothing more   ignore  abort   ignore  ignore  ignore  ignore
///
/// save that a stream which the role doesn't have is ignored in every state.
enum class Action : std::uint8_t { ignore, abort, take, early };

Action action_of(RecordType type, Role role, std::size_t num_inputs_ended) noexcept {
    switch (type) {
        case RecordType::abort_request:
            return Action::abort;  // [§5.4]
        case RecordType::params:
        case RecordType::std_in:
        case RecordType::data: {
            const auto inputs = inputs_of(role);
            const auto index = static_cast<std::size_t>(std::find(inputs.begin(), inputs.end(), type) - inputs.begin());
            if (index == inputs.size()) return Action::ignore;    // such as FCGI_STDIN to an Authorizer [§6.3]
            if (index < num_inputs_ended) return Action::ignore;  // its empty record ended it [§3.3]
            return index == num_inputs_ended ? Action::take : Action::early;
        }
        case RecordType::begin_request:  // the request goes on: see README.md
        case RecordType::end_request:    // only the application sends these three [§A]
        case RecordType::std_out:
        case RecordType::std_err:
        case RecordType::get_values:  // with a request id these three are no management records [§3.3]
        case RecordType::get_values_result:
        case RecordType::unknown_type:
            return Action::ignore;
    }
    return Action::ignore;  // FCGI_UNKNOWN_TYPE answers management records only [§4.2]
}

/// Ends a request that can't be handled, because its parameters can't be read.
class BadParams final : public RequestHandler {
public:
    void begin(Answer& answer) override {
        // [§7] Application-level errors go to FCGI_STDERR and the app status.
        append(answer.std_err, bytes_of("FCGI_PARAMS ends within a name-value pair\n"));
        answer.app_status = 1;
    }
    void receive(RecordType /*stream*/, Bytes /*content*/, Answer& /*answer*/) override {}
    void generate(Answer& /*answer*/) override {}
    std::uint32_t abort() override { return 1; }
};

}  // namespace

ReferenceConnection::ReferenceConnection(MakeHandler make_handler, const ConnectionLimits& limits)
    : make_handler_(std::move(make_handler)), limits_(limits) {}

bool ReferenceConnection::wants_input() const noexcept {
    return !input_ended_ && !finished() && output().size() < limits_.output_size_max;
}

void ReferenceConnection::receive(Bytes bytes) {
    if (input_ended_ || finished()) return;
    if (is_mutant(Mutant::loses_cut_headers) && bytes.size() < header_size) return;
    append(input_, bytes);
    work();
    if (is_mutant(Mutant::loses_cut_queries) && input_.size() >= 2 && RecordType{input_[1]} == RecordType::get_values)
        input_.clear();
}

void ReferenceConnection::receive_end() {
    if (is_mutant(Mutant::dies_of_cut_records) && !input_.empty()) die();
    input_ended_ = true;
    work();
}

Bytes ReferenceConnection::output() const noexcept {
    return Bytes(output_).subspan(output_sent_);
}

void ReferenceConnection::consumed(std::size_t size) {
    assert(size <= output().size());
    output_sent_ += size;
    if (output_sent_ >= output_.size() / 2) {  // moves each byte once at most, on average
        output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(output_sent_));
        output_sent_ = 0;
    }
    work();
}

bool ReferenceConnection::is_served_alone() const noexcept {
    if (!mutator_ || input_ended_) return false;
    const bool new_one = mutator_->num_begun() == 0 && input_.empty();
    return (is_mutant(Mutant::waits_for_the_first_bytes) && new_one && !mutator_->has_received()) ||
           (is_mutant(Mutant::serves_a_kept_connection_alone) && mutator_->num_begun() > 0 && requests_.empty()) ||
           (is_mutant(Mutant::waits_for_the_rest_of_a_record) && !input_.empty());
}

void ReferenceConnection::die_of_end(bool reset) const {
    if (!mutator_) return;
    if (is_mutant(Mutant::dies_when_a_request_is_cut) && !requests_.empty()) die();
    if (is_mutant(Mutant::hangs_when_a_connection_is_reset) && reset && !requests_.empty()) hang();
    if (is_mutant(Mutant::dies_of_connections_without_a_byte) && !mutator_->has_received() && input_.empty()) die();
}

bool ReferenceConnection::finished() const noexcept {
    // [§5.1] Without FCGI_KEEP_CONN the application closes the connection, but not on requests that are still active.
    if (mutator_ && mutator_->closes()) return true;
    return (closes_ || (input_ended_ && input_.empty())) && requests_.empty();
}

/// Handles what has been received, record by record, as far as there is room for what comes of it.
void ReferenceConnection::work() {
    while (!finished() && output().size() < limits_.output_size_max && handle_next_record()) generate();
    input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(input_handled_));
    input_handled_ = 0;
    generate();
    if (input_ended_ && input_.empty()) abort_waiting_requests();
}

/// False where what has been received holds no further whole record.
bool ReferenceConnection::handle_next_record() {
    const Bytes rest = Bytes(input_).subspan(input_handled_);
    if (!rest.empty() && rest[0] != version_1) {
        if (dies_of_other_bytes(rest)) die();
        // The framing of another version is not known: there is no next record to be found [§3.3]. What came before
        // stands: requests that have all their input are answered, then the connection is closed.
        input_ended_ = true;
        input_handled_ = input_.size();
        return false;
    }
    DecodedRecord decoded = decode_record(rest);
    if (!decoded.record) {
        if (input_ended_) input_handled_ = input_.size();  // a part of a record is none
        return false;
    }
    if (!mutator_ || mutator_->receive(decoded, output_)) handle(*decoded.record);
    input_handled_ += decoded.consumed;
    return true;
}

void ReferenceConnection::handle(const Record& record) {
    if (record.request_id == null_request_id) return handle_management(record);  // [§3.3]
    const auto active = requests_.find(record.request_id);
    if (active != requests_.end()) return handle_active(record, active->second);
    // [§3.3] While a request id is inactive, only FCGI_BEGIN_REQUEST is not ignored.
    if (record.type == RecordType::begin_request) begin_request(record.request_id, record.content);
}

void ReferenceConnection::handle_management(const Record& record) {
    if (record.type == RecordType::get_values) return send_values(record.content);
    // Types that the Web server can't send, or not with the null request id [§A]: there is nothing to answer.
    if (properties_of(record.type) != nullptr) return;
    send(RecordType::unknown_type, null_request_id, encode(UnknownTypeBody{.type = record.type}));  // [§4.2]
}

/// [§4.1] Answers with the variables that were asked for and are known, in the order of the query, each once. What a
/// pair has for a value is no part of the query; nor is a last pair that isn't whole.
void ReferenceConnection::send_values(Bytes query) {
    std::map<std::string, std::string, std::less<>> values{
        {"FCGI_MAX_CONNS", std::to_string(limits_.num_connections_max)},
        {"FCGI_MAX_REQS", std::to_string(limits_.num_connections_max * limits_.num_requests_max)},
        {"FCGI_MPXS_CONNS", "1"},
    };
    Buffer result;
    for (DecodedPair asked = decode_pair(query); asked.pair; asked = decode_pair(query)) {
        query = query.subspan(asked.consumed);
        const auto known = values.find(text_of(asked.pair->name));
        if (known == values.end()) continue;
        encode_pair({.name = asked.pair->name, .value = bytes_of(known->second)}, result);
        values.erase(known);
    }
    send(RecordType::get_values_result, null_request_id, result);
}

/// [§5.1]
void ReferenceConnection::begin_request(std::uint16_t request_id, Bytes content) {
    if (content.size() < body_size) return;  // no body, no request; what is beyond a body is left to later versions
    const auto body = decode_begin_request(content.first(body_size));
    const bool keeps_connection = (body->flags & keep_conn) != 0;  // no other bit has a meaning
    const auto reject = [&](ProtocolStatus status) {
        end_request(request_id, keeps_connection, {.app_status = 0, .protocol_status = status});
    };
    if (inputs_of(body->role).empty()) return reject(ProtocolStatus::unknown_role);  // [§5.5]
    // [§5.5] No room for more; or the connection is about to be closed, which new requests must not put off for ever.
    if (requests_.size() >= limits_.num_requests_max || closes_) return reject(ProtocolStatus::overloaded);
    Request& request = requests_[request_id];  // [§3.3] it is active now
    request.role = body->role;
    request.keeps_connection = keeps_connection;
}

void ReferenceConnection::handle_active(const Record& record, Request& request) {
    switch (action_of(record.type, request.role, request.num_inputs_ended)) {
        case Action::ignore:
            return;
        case Action::take:
            return take_input(record, request);
        case Action::abort:
            if (is_mutant(Mutant::rejects_aborted_requests))
                return end_request(record.request_id, request.keeps_connection,
                                   {.protocol_status = ProtocolStatus::overloaded});
            // [§5.4] As soon as possible: what of the answer hasn't been written is not written any more.
            return complete_request(record.request_id, request, request.handler ? request.handler->abort() : 1);
        case Action::early:
            // [§6.1] Inputs come one after the other. To keep this one for later we have no room, and to lose it could
            // be to wait for it for ever; so the request is rejected. Nothing has been written: it was too early too.
            return end_request(record.request_id, request.keeps_connection,
                               {.protocol_status = ProtocolStatus::overloaded});
    }
}

/// The next record of the stream that the request is receiving. The empty one ends it [§3.3].
void ReferenceConnection::take_input(const Record& record, Request& request) {
    if (record.content.empty()) ++request.num_inputs_ended;
    if (record.type == RecordType::params)
        take_params(record.request_id, request, record.content);
    else
        request.handler->receive(record.type, record.content, request.answer);
    // The request may be gone, with its parameters too large.
    const auto active = requests_.find(record.request_id);
    if (active != requests_.end()) send_answer(record.request_id, active->second);
}

/// [§5.2] Pairs may be cut anywhere by records, so they are decoded when all are there.
void ReferenceConnection::take_params(std::uint16_t request_id, Request& request, Bytes content) {
    if (request.params.size() + content.size() > limits_.params_size_max ||
        params_size_ + content.size() > limits_.all_params_size_max)
        return end_request(request_id, request.keeps_connection, {.protocol_status = ProtocolStatus::overloaded});
    append(request.params, content);
    request.params_size += content.size();
    params_size_ += content.size();
    if (!content.empty()) return;
    if (auto params = Params::decode(std::move(request.params)))
        request.handler = make_handler_(request.role, std::move(*params));
    else if (is_mutant(Mutant::dies_of_untrue_lengths))
        die();
    else
        request.handler = std::make_unique<BadParams>();
    request.handler->begin(request.answer);
}

/// Nothing more will come. A request that waits for it, for the rest of an input or for FCGI_ABORT_REQUEST, is aborted:
/// closing the connection is the other way to say so [§5.4].
void ReferenceConnection::abort_waiting_requests() {
    std::vector<std::uint16_t> waiting;
    for (const auto& [request_id, request] : requests_)
        if (!generating_.contains(request_id)) waiting.push_back(request_id);
    for (const std::uint16_t request_id : waiting) {
        Request& request = requests_.at(request_id);
        if (may_write(request))
            complete_request(request_id, request, request.handler->abort());
        else
            forget_request(request_id);  // it has no answer yet, and who would read one has gone
    }
}

/// Lets the answers that have more go on, one piece each in turn, while there is room.
void ReferenceConnection::generate() {
    while (!generating_.empty() && output().size() < limits_.generated_size_max) {
        auto next = generating_.upper_bound(last_generated_);
        if (next == generating_.end()) next = generating_.begin();
        last_generated_ = *next;
        Request& request = requests_.at(last_generated_);
        request.answer.has_more = false;
        request.handler->generate(request.answer);
        send_answer(last_generated_, request);
    }
}

/// Whether the role's protocol lets the application write to FCGI_STDOUT and FCGI_STDERR now.
bool ReferenceConnection::may_write(const Request& request) noexcept {
    const auto has_ended = [&](RecordType input) {
        const auto ended = inputs_of(request.role).first(request.num_inputs_ended);
        return std::find(ended.begin(), ended.end(), input) != ended.end();
    };
    switch (request.role) {
        case Role::responder:
            return has_ended(RecordType::params);  // [§6.2]
        case Role::authorizer:
            return has_ended(RecordType::params);  // [§6.3] as a Responder
        case Role::filter:
            return has_ended(RecordType::std_in);  // [§6.4]
    }
    return false;
}

/// Sends what the handler has written so far.
void ReferenceConnection::send_answer(std::uint16_t request_id, Request& request) {
    if (!may_write(request)) return;
    Answer& answer = request.answer;
    request.used_std_err |= !answer.std_err.empty();
    send_stream(RecordType::std_err, request_id, answer.std_err);
    send_stream(RecordType::std_out, request_id, answer.std_out);
    if (answer.app_status) {
        exits_ |= answer.exits;
        complete_request(request_id, request, *answer.app_status);
    } else if (answer.has_more) {
        generating_.insert(request_id);
    } else {
        generating_.erase(request_id);
    }
}

/// The next bytes of a stream, as many records as they take. None is empty: that would end the stream [§3.3].
void ReferenceConnection::send_stream(RecordType type, std::uint16_t request_id, Buffer& content) {
    for (Bytes rest = content; !rest.empty();) {
        const Bytes piece = rest.first(std::min(rest.size(), content_size_max));
        send(type, request_id, piece);
        rest = rest.subspan(piece.size());
    }
    content.clear();
}

/// Ends the output streams, then the request. It may have written nothing yet, and where it may not, doesn't now.
void ReferenceConnection::complete_request(std::uint16_t request_id, Request& request, std::uint32_t app_status) {
    if (may_write(request)) {
        send(RecordType::std_out, request_id, {});  // [§6.1] at least one record, even if the stream is empty
        if (request.used_std_err) send(RecordType::std_err, request_id, {});  // [§6.1] its use is optional
    }
    end_request(request_id, request.keeps_connection,
                {.app_status = app_status, .protocol_status = ProtocolStatus::request_complete});
}

/// [§5.5] The one place where a request ends, if it ever began: its id is inactive from here on [§3.3].
void ReferenceConnection::end_request(std::uint16_t request_id, bool keeps_connection, const EndRequestBody& body) {
    send(RecordType::end_request, request_id, encode(body));
    if (!keeps_connection) closes_ = true;  // [§5.1]
    forget_request(request_id);
}

void ReferenceConnection::forget_request(std::uint16_t request_id) {
    generating_.erase(request_id);
    const auto active = requests_.find(request_id);
    if (active == requests_.end()) return;
    params_size_ -= active->second.params_size;
    requests_.erase(active);
}

void ReferenceConnection::send(RecordType type, std::uint16_t request_id, Bytes content) {
    // [§3.3] Records on boundaries that are multiples of eight bytes are recommended.
    static constexpr std::array<std::uint8_t, 7> zeros{};
    const Bytes padding = Bytes(zeros).first((8 - content.size() % 8) % 8);
    const Record record{.type = type, .request_id = request_id, .content = content, .padding = padding};
    mutator_ ? mutator_->send(record, output_) : encode_record(record, output_);
}

}  // namespace fcgispec

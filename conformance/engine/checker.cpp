#include "conformance/engine/checker.hpp"

#include <algorithm>

#include "conformance/engine/checker_lifecycle.hpp"
#include "conformance/engine/checker_record.hpp"
#include "conformance/engine/checker_rules.hpp"

namespace fcgispec {
namespace {

constexpr std::uint16_t small_id_max = 255;  // [R-3.3-27]

bool has_nul(Bytes value) {
    return std::find(value.begin(), value.end(), std::uint8_t{0}) != value.end();
}

/// The input stream that is being waited for, in words.
std::string_view open_input(RequestState state) {
    return state == RequestState::reading_params ? "FCGI_PARAMS" : "FCGI_STDIN";
}

/// What a record did that is out of place in `state`.
std::string describe_misplaced(const Record& record, RequestState state, Rule rule) {
    const std::string what = describe(record);
    if (state == RequestState::inactive) return what + ", which was never begun";
    if (rule == Rule::end_request_once) return "a second " + what;
    if (state == RequestState::ended) return what + " after its FCGI_END_REQUEST";
    if (rule == Rule::begins_active_id) return what + ", which is active";
    if (rule == Rule::input_after_stream_end) return what + " after its empty record";
    if (rule == Rule::data_for_other_role) return what + ", which has another role";
    return what + " while " + std::string(open_input(state)) + " is open";
}

/// The last input stream of the role [§6.2, §6.3, §6.4].
RecordType last_input(Role role) {
    if (role == Role::authorizer) return RecordType::params;
    return role == Role::filter ? RecordType::data : RecordType::std_in;
}

}  // namespace

void LifecycleChecker::IdSet::insert(std::uint16_t id) {
    if (id >= bits_.size()) bits_.resize(std::size_t{id} + 1);
    bits_[id] = true;
}

Judgement LifecycleChecker::see_record(Side from, const Record& record) {
    const bool was_defined = defined_;
    RecordJudgement alone = judge_record(from, record);
    defined_ = defined_ && alone.defined;
    if (!alone.readable) {
        const std::string_view broken = alone.judgement.accusations.front().requirement;
        null_id_used_ = null_id_used_ || broken == text_for(Rule::web_server_null_id).requirement;
        if (null_id_used_ && broken == text_for(Rule::application_null_id).requirement)
            alone.judgement.accusations.clear();  // still meaningless
        return std::move(alone.judgement);
    }
    const TypeProperties* properties = properties_of(record.type);
    const bool management = properties == nullptr || properties->management;
    Judgement placed = management ? see_management(record) : see_application(record);
    // Who answers what nobody can give a meaning is judged by its framing alone.
    if (!was_defined) return std::move(alone.judgement);
    for (Accusation& accusation : placed.accusations) alone.judgement.accusations.push_back(std::move(accusation));
    alone.judgement.meaningless = alone.judgement.meaningless || placed.meaningless;
    return std::move(alone.judgement);
}

Judgement LifecycleChecker::see_management(const Record& record) {
    Judgement judgement;
    if (record.type == RecordType::get_values) {
        ++num_values_asked_;
    } else if (record.type == RecordType::unknown_type) {
        return see_unknown_type(record);
    } else if (record.type != RecordType::get_values_result) {
        ++num_unknown_types_asked_[record.type];
    } else if (num_values_asked_ > 0) {
        --num_values_asked_;
        num_values_declined_ = std::min(num_values_declined_, num_values_asked_);
    } else {
        accuse(judgement, Rule::get_values_result_unasked, "FCGI_GET_VALUES_RESULT without a query");
    }
    return judgement;
}

Judgement LifecycleChecker::see_unknown_type(const Record& record) {
    Judgement judgement;
    const auto body = decode_unknown_type(record.content);
    if (body && body->type == RecordType::get_values && num_values_declined_ < num_values_asked_) {
        ++num_values_declined_;
        return judgement;
    }
    if (num_unknown_types_asked_.empty()) {
        accuse(judgement, Rule::unknown_type_unasked, "FCGI_UNKNOWN_TYPE without a record of unknown type");
        return judgement;
    }
    // Which record an answer without its type is for, nobody knows: it counts for one of them.
    auto asked = num_unknown_types_asked_.begin();
    if (body) {
        const auto found = num_unknown_types_asked_.find(body->type);
        if (found != num_unknown_types_asked_.end()) {
            asked = found;
        } else {
            const auto number = std::to_string(static_cast<unsigned>(body->type));
            accuse(judgement, Rule::unknown_type_other, "type " + number + ", which was not asked");
        }
    }
    if (--asked->second == 0) num_unknown_types_asked_.erase(asked);
    return judgement;
}

Judgement LifecycleChecker::see_application(const Record& record) {
    const auto found = requests_.find(record.request_id);
    if (found == requests_.end()) return see_of_inactive(record);
    Request& request = found->second;
    const RequestState before = request.state;
    const Transition step = transition(before, request.role, record.type, record.content.empty());
    Judgement judgement;
    // Of a request that isn't defined nothing is asked of the application but framing.
    if (step.broken && (request.defined || text_for(*step.broken).binds == Side::web_server))
        accuse(judgement, *step.broken, describe_misplaced(record, before, *step.broken));
    if (record.type == RecordType::end_request) {
        judge_end(request, record, judgement);
        forget(found);
        return judgement;
    }
    request.state = step.next;
    if (!properties_of(record.type)->to_application) {
        see_output(request, record, judgement);
    } else if (!judgement.meaningless) {
        see_input(request, before, record, judgement);
    }
    if (step.broken && text_for(*step.broken).binds == Side::web_server) leave_undefined(request);
    return judgement;
}

Judgement LifecycleChecker::see_of_inactive(const Record& record) {
    Judgement judgement;
    const std::uint16_t id = record.request_id;
    const bool defined = !undefined_ids_.contains(id);
    const RequestState state = begun_.contains(id) ? RequestState::ended : RequestState::inactive;
    const Transition step = transition(state, Role{}, record.type, record.content.empty());
    if (step.broken && defined) accuse(judgement, *step.broken, describe_misplaced(record, state, *step.broken));
    if (step.broken == Rule::output_after_end_request) answered_on_ids_.insert(id);
    if (step.broken == Rule::end_request_once) answered_on_ids_.erase(id);
    if (record.type != RecordType::begin_request) return judgement;
    if (id > small_id_max && requests_.size() < small_id_max)
        accuse(judgement, Rule::large_request_id,
               describe(record) + ", active requests: " + std::to_string(requests_.size()));
    Request& request = requests_[id];
    begun_.insert(id);
    request.state = step.next;
    const auto body = decode_begin_request(record.content);
    if (body) request.role = body->role;
    if (body) request.keep_conn = (body->flags & keep_conn) != 0;
    // What still comes under the id belongs to the request before, or to this one: nobody knows.
    const bool ambiguous = answered_on_ids_.contains(id);
    if (body && !name_of(body->role).empty() && defined && !ambiguous) return judgement;
    request.state = RequestState::undefined;
    leave_undefined(request);
    return judgement;
}

void LifecycleChecker::see_input(Request& request, RequestState before, const Record& record, Judgement& judgement) {
    const bool empty = record.content.empty();
    if (record.type == RecordType::params && before == RequestState::reading_params)
        see_params(request, record, judgement);
    if (record.type == RecordType::std_in) request.std_in = empty ? Stream::ended : Stream::open;
    // Streams come one after the other [§6.1]: at the end of the last one the ends of the others have been sent.
    const bool others_lack = before == RequestState::reading_params || before == RequestState::reading_std_in;
    if (!empty || !others_lack || record.type != last_input(request.role)) return;
    if (before == RequestState::reading_params && record.type != RecordType::params)
        judge_unended(record, "FCGI_PARAMS", request.params.offset() > 0 ? Stream::open : Stream::untouched, judgement);
    if (record.type == RecordType::data) judge_unended(record, "FCGI_STDIN", request.std_in, judgement);
}

void LifecycleChecker::judge_unended(const Record& record, std::string_view name, Stream stream, Judgement& judgement) {
    const std::string got = "the end of " + describe(record);
    if (stream == Stream::open)
        accuse(judgement, Rule::input_unended, got + " while " + std::string(name) + " is open");
    if (stream == Stream::untouched) accuse(judgement, Rule::input_missing, got + " without " + std::string(name));
}

void LifecycleChecker::see_params(Request& request, const Record& record, Judgement& judgement) {
    bool nul = false;
    Bytes in = record.content;
    while (const auto event = request.params.next(in))
        nul = nul || (event->kind == PairEvent::Kind::value && has_nul(event->bytes));
    if (nul) accuse(judgement, Rule::nul_in_value, describe(record) + " with a NUL byte in a value");
    if (!record.content.empty() || request.params.between_pairs()) return;
    accuse(judgement, Rule::params_cut,
           "FCGI_PARAMS of request " + std::to_string(record.request_id) + " ends where its last pair lacks " +
               std::to_string(request.params.missing()) + " or more bytes");
    leave_undefined(request);
}

void LifecycleChecker::see_output(Request& request, const Record& record, Judgement& judgement) {
    Stream& stream = record.type == RecordType::std_out ? request.std_out : request.std_err;
    if (stream != Stream::ended) {
        stream = record.content.empty() ? Stream::ended : Stream::open;
    } else if (request.defined) {
        accuse(judgement, Rule::output_after_stream_end, describe(record) + " after its empty record");
    }
}

void LifecycleChecker::judge_end(const Request& request, const Record& record, Judgement& judgement) {
    const auto body = decode_end_request(record.content);
    // A request that is rejected [§5.5] or aborted [§5.4] needs no streams, and what isn't defined can't lack any.
    if (!body || body->protocol_status != ProtocolStatus::request_complete) return;
    if (!request.defined || request.state == RequestState::aborted) return;
    const std::string got = describe(record);
    if (request.std_out == Stream::open) accuse(judgement, Rule::std_out_unended, got + " while FCGI_STDOUT is open");
    // Whoever ends a request before it may write can't have written.
    if (request.std_out == Stream::untouched && may_write(request.state, request.role))
        accuse(judgement, Rule::std_out_missing, got + " without FCGI_STDOUT");
    if (request.std_err == Stream::open) accuse(judgement, Rule::std_err_unended, got + " while FCGI_STDERR is open");
}

void LifecycleChecker::forget(Requests::iterator ended) {
    const Request& request = ended->second;
    close_delegated_ = close_delegated_ || !request.keep_conn;
    cut_short_ = cut_short_ || request.state != RequestState::input_complete;
    if (!request.defined) undefined_ids_.insert(ended->first);
    requests_.erase(ended);
}

void LifecycleChecker::leave_undefined(Request& request) noexcept {
    request.defined = false;
    provoked_ = true;
}

Judgement LifecycleChecker::see_end(Side from, std::size_t missing) {
    Judgement judgement;
    bool& already = from == Side::application ? application_ended_ : web_server_ended_;
    if (already) return judgement;
    if (from == Side::application) {
        judge_application_end(missing, judgement);
    } else {
        judge_web_server_end(missing, judgement);
        for (auto& [id, request] : requests_) request.state = RequestState::aborted;
    }
    already = true;
    return judgement;
}

void LifecycleChecker::judge_application_end(std::size_t missing, Judgement& judgement) {
    // Nobody needs the rest of what the other side doesn't wait for, and on a protocol error the application may exit
    // [§7].
    if (web_server_ended_ || !defined_ || provoked_) return;
    if (missing > 0)
        return accuse(judgement, Rule::application_cuts_record,
                      "the connection closes " + std::to_string(missing) + " or more bytes before the end of a record");
    if (close_delegated_) return;
    const auto answered = std::find_if(requests_.begin(), requests_.end(), [](const Requests::value_type& active) {
        const Request& request = active.second;
        const bool begun = request.std_out != Stream::untouched || request.std_err != Stream::untouched;
        return begun && request.state != RequestState::aborted;
    });
    if (answered == requests_.end()) return;
    accuse(judgement, Rule::end_request_once,
           "the connection closes while request " + std::to_string(answered->first) + " is being answered");
}

void LifecycleChecker::judge_web_server_end(std::size_t missing, Judgement& judgement) {
    // With an active request it is an abort, at any byte [§5.4]; what an ended request was still to read is needless.
    if (missing == 0 || !requests_.empty() || application_ended_ || cut_short_ || !defined_) return;
    accuse(judgement, Rule::web_server_cuts_record,
           "the connection closes " + std::to_string(missing) + " or more bytes before the end of a record");
}

}  // namespace fcgispec

// The lifecycle checker: knows what each side may say, when, on one transport connection, and accuses a record of the
// requirement that it breaks (conformance/requirements.toml, the entries with proof = "checker"). It watches both
// directions and sends nothing; what a scenario is about is asserted there and not here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "codec/body.hpp"
#include "codec/name_value_pair.hpp"
#include "codec/record.hpp"
#include "conformance/engine/script.hpp"

namespace fcgispec {

/// One breach of a requirement, by the record or the end that was just seen.
struct Accusation {
    std::string_view requirement;  ///< "R-3.3-4"; static
    std::string wanted;            ///< a phrase
    std::string got;               ///< a phrase
};
/// What the checker says to one record or end.
struct Judgement {
    std::vector<Accusation> accusations;
    /// The record means nothing here (wrong direction, inactive id, after its stream's end, ...): who matches what a
    /// peer said leaves it out, since it stands accused already.
    bool meaningless = false;
};

/// Where a request stands, as far as what was sent tells [§3.3, §6.1].
enum class RequestState : std::uint8_t {
    inactive,        ///< never begun
    reading_params,  ///< begun; FCGI_PARAMS hasn't ended
    reading_std_in,  ///< FCGI_PARAMS has ended (an Authorizer goes to input_complete)
    reading_data,    ///< a Filter whose FCGI_STDIN has ended
    input_complete,  ///< the last input stream has ended
    aborted,         ///< FCGI_ABORT_REQUEST was sent, or the Web server has closed [§5.4]
    ended,           ///< FCGI_END_REQUEST was sent: inactive again
    undefined,       ///< the Web server has begun it so that nobody knows what it is: no order is asked of either side
};

class LifecycleChecker {
public:
    /// A whole record that `from` said. For our own side call it no later than the record is handed to the system, so
    /// that an answer can't be seen before its cause. Accusations are of `from`.
    [[nodiscard]] Judgement see_record(Side from, const Record& record);
    /// `from` has closed its direction in order; `missing`: bytes that the record it had begun still lacks, 0 for none.
    /// Not for a reset of the application: what it threw away, an end perhaps, nobody knows.
    [[nodiscard]] Judgement see_end(Side from, std::size_t missing);
    [[nodiscard]] bool is_active(std::uint16_t request_id) const { return requests_.contains(request_id); }
    [[nodiscard]] bool is_aborted(std::uint16_t request_id) const {
        const auto found = requests_.find(request_id);
        return found != requests_.end() && found->second.state == RequestState::aborted;
    }
    /// Requests begun and not ended.
    [[nodiscard]] std::size_t num_active() const noexcept { return requests_.size(); }

private:
    enum class Stream : std::uint8_t { untouched, open, ended };
    struct Request {
        RequestState state = RequestState::reading_params;
        Role role = Role::responder;
        bool keep_conn = true;
        bool defined =
            true;  // else the Web server broke the rules here: nothing but framing is asked of the application
        Stream std_in = Stream::untouched;
        Stream std_out = Stream::untouched;
        Stream std_err = Stream::untouched;
        PairReader params;
    };
    /// Request ids, a bit each up to the largest in it.
    class IdSet {
    public:
        [[nodiscard]] bool contains(std::uint16_t id) const noexcept { return id < bits_.size() && bits_[id]; }
        void insert(std::uint16_t id);
        void erase(std::uint16_t id) noexcept {
            if (contains(id)) bits_[id] = false;
        }

    private:
        std::vector<bool> bits_;
    };

    using Requests = std::map<std::uint16_t, Request>;

    Judgement see_management(const Record& record);
    Judgement see_unknown_type(const Record& record);
    Judgement see_application(const Record& record);
    Judgement see_of_inactive(const Record& record);
    void see_input(Request& request, RequestState before, const Record& record, Judgement& judgement);
    void see_params(Request& request, const Record& record, Judgement& judgement);
    void see_output(Request& request, const Record& record, Judgement& judgement);
    static void judge_unended(const Record& record, std::string_view name, Stream stream, Judgement& judgement);
    static void judge_end(const Request& request, const Record& record, Judgement& judgement);
    void judge_application_end(std::size_t missing, Judgement& judgement);
    void judge_web_server_end(std::size_t missing, Judgement& judgement);
    void forget(Requests::iterator ended);
    void leave_undefined(Request& request) noexcept;

    Requests requests_;      // the active ones
    IdSet begun_;            // ever
    IdSet undefined_ids_;    // of ended requests that were not defined, or undefined
    IdSet answered_on_ids_;  // of ended requests whose answer goes on behind FCGI_END_REQUEST, and hasn't ended again
    bool defined_ = true;    // else somebody broke the framing or the management: lifecycles aren't judged any more
    bool null_id_used_ = false;  // by the Web server, for an application record: may be answered alike [R-3.3-33]
    bool provoked_ = false;  // the Web server broke a rule of some request: the application may close
    bool close_delegated_ = false;  // a request without FCGI_KEEP_CONN has ended: the application may close [§3.5]
    bool cut_short_ = false;        // a request has ended before its input: the Web server may drop the rest
    bool application_ended_ = false;
    bool web_server_ended_ = false;
    std::size_t num_values_asked_ = 0;                           // FCGI_GET_VALUES without a result
    std::size_t num_values_declined_ = 0;                        // of these, answered by FCGI_UNKNOWN_TYPE
    std::map<RecordType, std::size_t> num_unknown_types_asked_;  // records of unknown type not yet answered, by type
};

}  // namespace fcgispec

// What the mutants of the reference Web server make of what goes in and out, at its seams (README.md). Nothing here is
// called of the reference Web server itself but what returns at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "codec/body.hpp"
#include "codec/record.hpp"
#include "conformance/peers/cgi.hpp"
#include "conformance/peers/mutants.hpp"

namespace fcgispec {

/// What a mutant makes of the records of one connection to the application, those that come and those that go.
class WebServerMutator {
public:
    /// Nothing where this process is no mutant.
    [[nodiscard]] static std::unique_ptr<WebServerMutator> make();

    enum class Fate : std::uint8_t { handle, ignore, give_up };
    /// What becomes of the record that has come; it may be changed.
    [[nodiscard]] Fate receive(DecodedRecord& decoded);
    /// Appends what is sent in the place of `record`.
    void send(const Record& record, Buffer& out);
    /// Whether the connection is closed once all that goes out is sent.
    [[nodiscard]] bool closes() const noexcept { return closes_; }
    /// Appends, once, the half of a header with which it closes.
    void take_last_words(Buffer& out) { append(out, std::exchange(last_words_, {})); }
    /// Whether the application's values have come.
    [[nodiscard]] bool has_values() const noexcept { return num_values_ > 0; }

private:
    /// An active request, as far as a mutant wants to know it.
    struct Request {
        Role role{};
        std::string method;
        bool aborted = false;
        bool input_complete = false;
        std::size_t params_size = 0;  // sent, in bytes, as the next
        std::size_t std_in_size = 0;
        std::size_t std_out_size = 0;  // received, in bytes, as the next
        std::size_t std_err_size = 0;
        std::size_t num_std_out = 0;  // records that are not empty
        bool std_out_ended = false;
        bool last_was_one_byte = false;
        std::string first_line;     // of FCGI_STDOUT, or what of it has come
        std::string last_newlines;  // of the header block, until it has ended
        bool has_header_block = false;
    };

    [[nodiscard]] bool dies_of_values(const Record& record) const;
    [[nodiscard]] bool dies_of_end(const Record& record, const Request* request) const;
    [[nodiscard]] bool dies_of_output(const Record& record, const Request* request) const;
    [[nodiscard]] bool dies_of_type(const Record& record, const Request* request) const;
    void change_framing(DecodedRecord& decoded);
    void change_owner(Record& record);
    void change_output(Record& record, Request& request);
    [[nodiscard]] bool gives_up(const Record& record, const Request* request) const;
    [[nodiscard]] bool ignores(const Record& record, const Request* request);
    void note_received(const Record& record);
    void note_output(const Record& record, Request& request);

    [[nodiscard]] bool omits(const Record& record, const Request* request);
    void send_changed(Record record, Buffer& out);
    void change_begin(Record& record);
    void add_before(const Record& record, Buffer& out);
    void add_after(const Record& record, Buffer& out);
    void note_sent(const Record& record);

    [[nodiscard]] Request* active(std::uint16_t request_id);
    [[nodiscard]] std::uint16_t first_active() const;

    std::map<std::uint16_t, Request> requests_;
    std::set<std::uint16_t> begun_;
    std::size_t num_ended_ = 0;
    std::size_t num_values_ = 0;
    std::size_t num_records_ = 0;  // received
    bool out_of_step_ = false;     // what was to be read has not been read
    bool closes_ = false;
    Buffer last_words_ = {1, 4, 0, 1};
    Buffer content_;                          // of a record that was changed
    Buffer kept_;                             // output that nobody was to have
    std::uint16_t writes_ = null_request_id;  // whose FCGI_STDOUT has begun and not ended
    Buffer held_params_;                      // the end of FCGI_PARAMS, for later
};

/// Encodes the pair as the mutant does. False: it does that as everybody.
[[nodiscard]] bool encode_changed_pair(std::string_view name, std::string_view value, Buffer& out);

/// The variables of a request, in the place of `variables`.
[[nodiscard]] Variables changed_variables(Variables variables, const HttpRequest& request, const HttpTarget& target,
                                          Role role);
/// The request's body as it is sent; nothing: as it came.
[[nodiscard]] std::shared_ptr<const Buffer> changed_body(const HttpRequest& request);

/// The value of FCGI_STDOUT that is read in the place of `std_out`. Throws BadResponse.
[[nodiscard]] Buffer changed_output(Buffer std_out);
/// What was read of it, changed. Throws BadResponse.
void change_response(ApplicationResponse& response, const HttpRequest& request, Role role);
/// The answer to the HTTP client, changed.
void change_answer(HttpResponse& response, const HttpRequest& request);
/// The answer that a client gets while `num_running` others wait; `gone`: it has reset.
void mix_up_answers(HttpResponse& response, std::size_t num_running, bool gone);

}  // namespace fcgispec

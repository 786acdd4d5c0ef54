// The Web server's end of one transport connection, without any input or output: bytes from the application go in,
// bytes for it come out, and events tell what became of the requests. It is our reading of FastCGI 1.0 for a Web
// server, each rule at one place beside its section; what the specification leaves open is decided in README.md. It
// doesn't know what requests are for, nor HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codec/body.hpp"
#include "codec/record.hpp"

namespace fcgispec {

/// Name-value pairs in the order in which they are sent.
using Variables = std::vector<std::pair<std::string, std::string>>;

/// A request as the application is to get it.
struct RequestToSend {
    Role role = Role::responder;
    Variables variables;                             ///< the value of FCGI_PARAMS
    std::shared_ptr<const Buffer> std_in = nullptr;  ///< of FCGI_STDIN; nothing: empty
    std::shared_ptr<const Buffer> data = nullptr;    ///< of FCGI_DATA, a Filter's [§6.4]; nothing: empty
    bool alone = false;                              ///< no other request shares the connection with it
};

/// What came of a request. After `ended` and `failed` nothing more comes, and the id is used again.
struct RequestEvent {
    enum class Kind : std::uint8_t {
        std_out,  ///< the next bytes of FCGI_STDOUT, at least one
        std_err,  ///< the next bytes of FCGI_STDERR, at least one
        ended,    ///< FCGI_END_REQUEST
        failed,   ///< the connection is lost, and the request with it
    };
    Kind kind{};
    std::uint16_t request_id = null_request_id;
    Buffer bytes = {};        ///< std_out, std_err
    EndRequestBody end = {};  ///< ended
    std::string reason = {};  ///< failed
};

/// What the application has answered to FCGI_GET_VALUES, as far as it has and as far as it can be understood [§4.1].
struct ApplicationValues {
    std::optional<std::size_t> num_connections_max;  ///< FCGI_MAX_CONNS, positive
    std::optional<std::size_t> num_requests_max;     ///< FCGI_MAX_REQS, positive
    bool multiplexes = false;                        ///< FCGI_MPXS_CONNS
};

class WebServerMutator;

/// Memory is bounded by what is sent, a piece of which is copied at a time, and by one record of the application's, as
/// long as the events are taken after each call.
class WebServerConnection {
public:
    /// Asks for the application's values [§4.1] and doesn't wait for the answer.
    WebServerConnection();
    WebServerConnection(WebServerConnection&&) noexcept;
    WebServerConnection& operator=(WebServerConnection&&) noexcept;
    ~WebServerConnection();

    /// Whether another request may be begun here now: `alone`, one that shares the connection with no other.
    [[nodiscard]] bool takes_request(bool alone) const noexcept;
    /// Begins a request under the smallest id that is inactive [§3.3], which is returned. Only where `takes_request`.
    std::uint16_t begin(RequestToSend request);
    /// Aborts an active request [§5.4]: no event of it comes any more. Its id is used again after FCGI_END_REQUEST.
    void abort(std::uint16_t request_id);

    /// Takes the next bytes, cut anywhere.
    void receive(Bytes bytes);
    /// The application has closed the connection. Without active requests that is no error [§3.5].
    void receive_end();
    /// The connection is lost: its active requests fail.
    void give_up(const std::string& reason);
    /// Of a mutant: what has ended has failed. Whether anything has.
    [[nodiscard]] bool fail_ended(const std::string& reason);
    /// What has come of requests since the last call.
    [[nodiscard]] std::vector<RequestEvent> take_events();

    /// The bytes to be sent next; valid until the next call of another member.
    [[nodiscard]] Bytes output() const noexcept;
    /// The first `size` bytes of `output()` have been sent.
    void consumed(std::size_t size);

    /// No longer of use: it is to be closed.
    [[nodiscard]] bool is_over() const noexcept { return over_; }
    /// Requests that haven't been aborted.
    [[nodiscard]] std::size_t num_running() const noexcept { return requests_.size() - num_aborted_; }
    [[nodiscard]] std::size_t num_aborted() const noexcept { return num_aborted_; }
    [[nodiscard]] const ApplicationValues& values() const noexcept { return values_; }

private:
    /// An active request. It leaves `requests_` with FCGI_END_REQUEST.
    struct Request {
        RequestToSend sent;           // without its variables
        std::size_t std_in_size = 0;  // how much of it has been sent
        std::size_t data_size = 0;
        std::size_t num_inputs_ended = 0;  // FCGI_STDIN, FCGI_DATA: those of them that the role has
        bool std_out_ended = false;
        bool std_err_ended = false;
        bool aborted = false;
    };
    using Requests = std::map<std::uint16_t, Request>;

    bool handle_next_record();
    void mistreat_what_is_left();
    void handle(const Record& record);
    void take_output(const Record& record, Request& request);
    void take_values(Bytes content);
    void end_request(Requests::iterator request, Bytes content);
    void send_params(std::uint16_t request_id, const Variables& variables);
    void generate();
    [[nodiscard]] bool generate_piece(std::uint16_t request_id, Request& request);
    void send_piece(RecordType type, std::uint16_t request_id, Request& request, const Buffer* value,
                    std::size_t& sent_size);
    void send(RecordType type, std::uint16_t request_id, Bytes content);
    void tell(RequestEvent event);

    Buffer input_;                   // received; the first input_handled_ bytes of it have been handled
    std::size_t input_handled_ = 0;  // nonzero only within receive()
    Buffer output_;                  // the first output_sent_ bytes of it have been sent
    std::size_t output_sent_ = 0;
    Requests requests_;  // the active ones [§3.3]
    std::size_t num_aborted_ = 0;
    std::uint16_t last_begun_ = 0;      // of a mutant
    std::uint16_t last_generated_ = 0;  // turns of sending go round
    std::vector<RequestEvent> events_;
    ApplicationValues values_;
    bool awaits_values_ = true;
    bool over_ = false;
    std::unique_ptr<WebServerMutator> mutator_;  // of a mutant
};

}  // namespace fcgispec

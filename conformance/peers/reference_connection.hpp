// The application's end of one transport connection, without any input or output: bytes from the Web server go in,
// bytes for it come out. It is our reading of FastCGI 1.0 for an application, each rule at one place beside its
// section; what the specification leaves open is decided in README.md. It doesn't know what requests are for: a handler
// answers them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>

#include "codec/body.hpp"
#include "codec/record.hpp"
#include "conformance/peers/mutants.hpp"
#include "conformance/peers/request_handler.hpp"

namespace fcgispec {

/// What one connection takes. All limits are ours: the specification has none.
struct ConnectionLimits {
    std::size_t num_connections_max = 512;                       ///< said as FCGI_MAX_CONNS, kept by the server
    std::size_t num_requests_max = 1024;                         ///< active at once on this connection
    std::size_t params_size_max = std::size_t{1024} * 1024;      ///< FCGI_PARAMS of one request, in bytes
    std::size_t all_params_size_max = std::size_t{4096} * 1024;  ///< of all active requests together
    std::size_t output_size_max = std::size_t{256} * 1024;       ///< waiting output above which no record is handled
    std::size_t generated_size_max = std::size_t{64} * 1024;     ///< waiting output above which handlers wait
};

/// Memory is bounded, whatever the Web server sends and however little it reads, as long as `receive` is called only
/// while `wants_input`: what is then given at once, a record, the parameters, and a little more than the output limit.
class ReferenceConnection {
public:
    explicit ReferenceConnection(MakeHandler make_handler, const ConnectionLimits& limits = {});

    /// Whether bytes should be read from the transport connection. False while too much output waits, and for ever
    /// once nothing that comes can matter.
    [[nodiscard]] bool wants_input() const noexcept;
    /// Takes the next bytes, cut anywhere. (When not wanted they are kept, or dropped where they can't matter.)
    void receive(Bytes bytes);
    /// The Web server has ended its side: no more bytes will come.
    void receive_end();

    /// The bytes to be sent next; valid until the next call of another member.
    [[nodiscard]] Bytes output() const noexcept;
    /// The first `size` bytes of `output()` have been sent.
    void consumed(std::size_t size);

    /// Whether the connection is to be closed as soon as the output has been sent.
    [[nodiscard]] bool finished() const noexcept;
    /// Whether the application is to exit as soon as the output has been sent [§7].
    [[nodiscard]] bool exits() const noexcept { return exits_; }
    [[nodiscard]] std::size_t num_active_requests() const noexcept { return requests_.size(); }

    /// Whether a mutant serves no other connection before something comes on this one.
    [[nodiscard]] bool is_served_alone() const noexcept;
    /// The connection has ended, by a reset or in order, and with what it was at its end.
    void die_of_end(bool reset) const;

private:
    /// An active request. It leaves `requests_` when FCGI_END_REQUEST is sent.
    struct Request {
        Role role{};
        bool keeps_connection = false;     // FCGI_KEEP_CONN [§5.1]
        std::size_t num_inputs_ended = 0;  // of the role's input streams
        Buffer params;                     // as far as received, until FCGI_PARAMS ends
        std::size_t params_size = 0;       // counted in params_size_
        std::unique_ptr<RequestHandler> handler;
        Answer answer;
        bool used_std_err = false;
    };

    void work();
    bool handle_next_record();
    void handle(const Record& record);
    void handle_management(const Record& record);
    void send_values(Bytes query);
    void begin_request(std::uint16_t request_id, Bytes content);
    void handle_active(const Record& record, Request& request);
    void take_input(const Record& record, Request& request);
    void take_params(std::uint16_t request_id, Request& request, Bytes content);
    void abort_waiting_requests();
    void generate();

    [[nodiscard]] static bool may_write(const Request& request) noexcept;
    void send_answer(std::uint16_t request_id, Request& request);
    void send_stream(RecordType type, std::uint16_t request_id, Buffer& content);
    void complete_request(std::uint16_t request_id, Request& request, std::uint32_t app_status);
    void end_request(std::uint16_t request_id, bool keeps_connection, const EndRequestBody& body);
    void forget_request(std::uint16_t request_id);
    void send(RecordType type, std::uint16_t request_id, Bytes content);

    MakeHandler make_handler_;
    ConnectionLimits limits_;
    Buffer input_;                   // received; the first input_handled_ bytes of it have been handled
    std::size_t input_handled_ = 0;  // nonzero only within work()
    bool input_ended_ = false;       // no more bytes will be taken
    Buffer output_;                  // the first output_sent_ bytes of it have been sent
    std::size_t output_sent_ = 0;
    std::map<std::uint16_t, Request> requests_;  // the active ones [§3.3]
    std::set<std::uint16_t> generating_;         // those whose answer has more
    std::uint16_t last_generated_ = 0;           // their turns go round
    std::size_t params_size_ = 0;
    bool closes_ = false;  // a request without FCGI_KEEP_CONN is done
    bool exits_ = false;
    std::unique_ptr<RecordMutator> mutator_ = RecordMutator::make();  // of a mutant
};

}  // namespace fcgispec

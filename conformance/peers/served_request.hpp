// One HTTP request on its way to its HTTP response, without any input or output: which FastCGI requests it takes
// (an Authorizer's before the Responder's, one more for a local redirect), and what answer is made of what they come
// to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "conformance/peers/cgi.hpp"
#include "conformance/peers/http_message.hpp"
#include "conformance/peers/web_server_connection.hpp"

namespace fcgispec {

struct ResponseLimits {
    std::size_t response_size_max = std::size_t{64} * 1024 * 1024;  ///< of FCGI_STDOUT, and as much of FCGI_STDERR
    std::size_t log_size_max = std::size_t{64} * 1024;              ///< of FCGI_STDERR, what is logged of a request; a line counts 64 at least
    std::size_t num_redirects_max = 10;
};

/// What is to be done next: wait for more, begin that FastCGI request, or send that answer, the last step. Where a
/// request is still active then, it is to be aborted.
using NextStep = std::variant<std::monostate, RequestToSend, HttpResponse>;

/// Takes one line for the server's log, without its end.
using Log = std::function<void(const std::string& line)>;

class ServedRequest {
public:
    ServedRequest(HttpRequest request, HttpEndpoints endpoints, Log log, const ResponseLimits& limits = {});

    [[nodiscard]] NextStep start();
    /// What came of the FastCGI request that is being executed.
    [[nodiscard]] NextStep take(const RequestEvent& event);
    /// There is no response to be had: the answer says so. `reason` goes to the log.
    [[nodiscard]] HttpResponse fail(std::uint16_t status, const std::string& reason) const;

    /// Bytes held.
    [[nodiscard]] std::size_t held_size() const noexcept { return request_->body.size() + std_out_.size(); }

private:
    [[nodiscard]] NextStep begin(Role role);
    [[nodiscard]] NextStep end(const EndRequestBody& end);
    [[nodiscard]] NextStep complete();
    [[nodiscard]] NextStep refuse(std::uint16_t status, const std::string& reason);
    [[nodiscard]] bool grants(ApplicationResponse& response) const;
    void change_body(RequestToSend& request) const;
    void keep_associated();
    void add_what_was_granted(ApplicationResponse& response) const;
    [[nodiscard]] NextStep authorized(const ApplicationResponse& response);
    [[nodiscard]] NextStep redirect(const std::string& location);
    [[nodiscard]] HttpResponse answer(ApplicationResponse response) const;
    [[nodiscard]] bool has_no_body(std::uint16_t status) const noexcept;
    void log_std_err(Bytes bytes);

    std::shared_ptr<const HttpRequest> request_;
    bool is_head_;  // the HTTP client asked so, whatever a redirect made of it
    HttpEndpoints endpoints_;
    Log log_;
    ResponseLimits limits_;
    HttpTarget target_;
    Variables associated_;                           // by an Authorizer [§6.3]
    std::optional<ApplicationResponse> authorized_;  // what granted, for mutants
    Role role_ = Role::responder;
    bool alone_ = false;  // the FastCGI request was sent again, on a connection of its own
    std::size_t num_redirects_ = 0;
    Buffer std_out_;
    std::size_t std_err_size_ = 0;
    std::size_t log_used_size_ = 0;  // of log_size_max
};

/// The answer that the server makes itself: a line of text that says `status`.
[[nodiscard]] HttpResponse error_response(std::uint16_t status);

}  // namespace fcgispec

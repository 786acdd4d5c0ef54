// What CGI/1.1 says between an HTTP message and a FastCGI request: the variables that are made of an HTTP request
// [CGI §4.1], and the header block that an application's answer begins with [CGI §6]. Nothing here knows of records.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/peers/http_message.hpp"
#include "conformance/peers/web_server_connection.hpp"

namespace fcgispec {

/// Who talks to whom.
struct HttpEndpoints {
    std::string server_name;  ///< where the request names none
    std::uint16_t server_port = 0;
    std::string remote_address;  ///< a number
};

/// A request target [CGI §3.3]: what comes before "?" decoded, what comes after as it is.
struct HttpTarget {
    std::string path;  ///< begins with "/", decoded
    std::string query;
    std::string authority;  ///< of a target "http://host:port/path"; else empty
    /// Nothing where `text` is no path with a query, or has a "%" without two digits or with NUL [§6.1].
    [[nodiscard]] static std::optional<HttpTarget> parse(std::string_view text);
};

/// The variables of a request for that target in that role [CGI §4.1, §6.3, §6.4], each name once. `associated`: those
/// of an Authorizer's answer [§6.3]; they replace what the HTTP client sent, but not what the server itself knows.
[[nodiscard]] Variables variables_of(const HttpRequest& request, const HttpTarget& target,
                                     const HttpEndpoints& endpoints, Role role, const Variables& associated);

/// The host and port that the HTTP client asks for: of the target, or of the Host field. Nothing where a Host field is
/// missing though HTTP/1.1 wants one, or is there twice, or holds what can't be a host.
[[nodiscard]] std::optional<std::string> authority_of(const HttpRequest& request, const HttpTarget& target);

/// Why an application's answer is none [CGI §6.2, §6.3].
struct BadResponse : std::runtime_error {
    using std::runtime_error::runtime_error;
};
/// The value of an FCGI_STDOUT stream, read as CGI has it.
struct ApplicationResponse {
    std::optional<std::uint16_t> status;  ///< of the Status field
    std::string reason;                   ///< behind it; may be empty
    std::optional<std::string> location;
    std::optional<std::string> content_type;
    std::optional<std::size_t> content_length;
    std::vector<HttpField> other_fields;  ///< to be passed on, in their order
    Buffer body;
    /// The status for the HTTP client [CGI §6.2.1, §6.2.3, §6.3.3].
    [[nodiscard]] std::uint16_t http_status() const noexcept { return status.value_or(location ? 302 : 200); }
    /// Whether the server is to answer as it would a request for `location` [CGI §6.2.2].
    [[nodiscard]] bool is_local_redirect() const noexcept { return location && !status && location->starts_with('/'); }
};
/// Reads the header block and what follows it. Throws BadResponse. Does not hold the body against Content-Length.
[[nodiscard]] ApplicationResponse parse_application_response(Buffer std_out);

}  // namespace fcgispec

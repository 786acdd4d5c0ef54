// HTTP messages as values, read from bytes and written to bytes. Nothing here does input or output or knows of FastCGI.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codec/record.hpp"

namespace fcgispec {

struct HttpField {
    std::string name;
    std::string value;
};

struct HttpRequest {
    std::string method;
    std::string target;     ///< as it came
    unsigned version = 11;  ///< 10 or 11
    std::vector<HttpField> fields;
    bool has_body = false;  ///< though it may be empty
    Buffer body;            ///< without any transfer coding
};

struct HttpResponse {
    std::uint16_t status = 200;
    std::string reason;  ///< empty: the usual one
    std::vector<HttpField> fields;
    Buffer body;
};

/// Whether two names of header fields are the same.
[[nodiscard]] bool same_field_name(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] bool is_token(std::string_view text) noexcept;

struct HttpLimits {
    std::size_t header_size_max = std::size_t{64} * 1024;
    std::size_t body_size_max = std::size_t{100} * 1024 * 1024;
};

/// Puts one request together from bytes cut anywhere.
class HttpRequestReader {
public:
    explicit HttpRequestReader(const HttpLimits& limits = {});
    HttpRequestReader(HttpRequestReader&&) noexcept;
    HttpRequestReader& operator=(HttpRequestReader&&) noexcept;
    ~HttpRequestReader();

    /// What follows the request is dropped.
    void receive(Bytes bytes);
    [[nodiscard]] bool complete() const noexcept;
    /// The status of the answer to a request that can't be read or is refused: 400, 413, 431, 501; 0 as long as it can.
    [[nodiscard]] std::uint16_t error_status() const noexcept;
    /// Once true after the header of a request that waits for a word before it sends its body ("Expect: 100-continue").
    [[nodiscard]] bool take_expects_continue() noexcept;
    /// Bytes held.
    [[nodiscard]] std::size_t held_size() const noexcept;
    /// The request, once it is complete.
    [[nodiscard]] HttpRequest take();

private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
};

/// The status line and the header fields of `response`, and the empty line: what its body follows. Names are tokens and
/// values without control characters, neither of 64 KiB or more.
[[nodiscard]] std::string header_of(const HttpResponse& response);

}  // namespace fcgispec

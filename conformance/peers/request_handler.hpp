// What an application does with one request, as against how it speaks FastCGI: the seam between the reference
// connection, which keeps the protocol, and the contract, which answers. Nothing here knows of records or request ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "codec/body.hpp"
#include "codec/name_value_pair.hpp"

namespace fcgispec {

/// The value of an FCGI_PARAMS stream [§5.2]: whole name-value pairs, kept as they came. (As strings, a million empty
/// pairs would take thirty times the room.)
class Params {
public:
    /// Nothing where `bytes` end within a pair.
    [[nodiscard]] static std::optional<Params> decode(Buffer bytes);

    [[nodiscard]] Bytes bytes() const noexcept { return bytes_; }
    /// The pair that begins at `offset`, which must be the start of one.
    [[nodiscard]] NameValuePair pair_at(std::size_t offset) const noexcept;
    /// The value of the first pair of that name. A view into this object.
    [[nodiscard]] std::optional<std::string_view> value_of(std::string_view name) const noexcept;

private:
    explicit Params(Buffer bytes) : bytes_(std::move(bytes)) {}
    Buffer bytes_;
};

/// What a handler has for the Web server; the connection takes the bytes as soon as the role lets it write.
struct Answer {
    Buffer std_out;
    Buffer std_err;
    bool has_more = false;                    ///< call `generate` when there is room
    std::optional<std::uint32_t> app_status;  ///< set: the answer is complete [§5.5]
    bool exits = false;                       ///< the application exits after this request [§7]
};

/// An application's part in one request. It is made when FCGI_PARAMS has ended, and told of the role's other input
/// streams in their order [§6.1]. What it writes before its role may write is kept in memory: let it be little.
class RequestHandler {
public:
    virtual ~RequestHandler() = default;
    /// The request has begun: the parameters are there, other input is not.
    virtual void begin(Answer& answer) = 0;
    /// The next bytes of FCGI_STDIN or FCGI_DATA; none: this stream has ended [§3.3].
    virtual void receive(RecordType stream, Bytes content, Answer& answer) = 0;
    /// There is room: some more of the answer, up to about `answer_piece_size`. Called only after `has_more`.
    virtual void generate(Answer& answer) = 0;
    /// The Web server has aborted the request: the app status to end it with. Asked of the application, because the
    /// answer to an abort is its own, not the library's [§5.4].
    [[nodiscard]] virtual std::uint32_t abort() = 0;
};
inline constexpr std::size_t answer_piece_size = 32 * 1024;

using MakeHandler = std::function<std::unique_ptr<RequestHandler>(Role role, Params params)>;

}  // namespace fcgispec

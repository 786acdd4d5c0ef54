// The bytes of what a scenario says: its lines, whole requests and responses in their plainest form, and how a write is cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/engine/script.hpp"

namespace fcgispec {

/// How what we say is cut into writes: whole groups of lines at a time, single bytes (the first and last 1,024 of a
/// group), or each header and each content apart.
enum class Splitting : std::uint8_t { whole, bytes, header };
[[nodiscard]] std::string_view name_of(Splitting splitting) noexcept;
/// Offsets into `bytes`, ascending, each of which ends a write.
[[nodiscard]] std::vector<std::size_t> cuts_of(Bytes bytes, Splitting splitting);

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// The variables that a plain request needs [CGI §4.1], with the user's added.
[[nodiscard]] Pairs base_params(const Pairs& params);
/// The bytes of one line; `base` in it stands for base_params(params). Throws std::runtime_error where these are too long for
/// the record that it says.
[[nodiscard]] Buffer encode_line(const NotationLine& line, const Pairs& params);
/// A record of name-value pairs as its notation tells it, with `base` for base_params(params) where that gives the same record; else,
/// or where it isn't notation of a record, as it is.
[[nodiscard]] std::string with_base_named(const std::string& record, const Pairs& params);
/// A record of name-value pairs as its notation tells it, with `...` for all whose names aren't among `names`. As it is where
/// none is.
[[nodiscard]] std::string with_others_left_out(const std::string& record, const std::vector<std::string>& names);
/// A whole request, and how many records encode_request makes of it.
struct WholeRequest {
    SendRequest request;
    std::size_t num_records = 0;
};
/// The one with which `records` begin, as notation tells them: where encode_request says exactly these. Nothing otherwise.
[[nodiscard]] std::optional<WholeRequest> whole_request(std::span<const std::string> records, const Pairs& params);
/// The bytes of a whole request.
[[nodiscard]] Buffer encode_request(const SendRequest& request, const Pairs& params);
/// The bytes of a whole response to the request of that id; `url_path`: what comes before a local location.
[[nodiscard]] Buffer encode_response(const SendResponse& response, std::uint16_t request_id, const std::string& url_path);

/// FCGI_GET_VALUES_RESULT with those of `values` whose names `asked` has, the content of FCGI_GET_VALUES [§4.1].
[[nodiscard]] Buffer encode_values_result(std::string_view asked, const Pairs& values);

}  // namespace fcgispec

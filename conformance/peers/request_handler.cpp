#include "conformance/peers/request_handler.hpp"

#include <cassert>

namespace fcgispec {

std::optional<Params> Params::decode(Buffer bytes) {
    for (Bytes rest = bytes; !rest.empty();) {
        const DecodedPair decoded = decode_pair(rest);
        if (!decoded.pair) return std::nullopt;
        rest = rest.subspan(decoded.consumed);
    }
    return Params(std::move(bytes));
}

NameValuePair Params::pair_at(std::size_t offset) const noexcept {
    const DecodedPair decoded = decode_pair(bytes().subspan(offset));
    assert(decoded.pair);
    return *decoded.pair;
}

std::optional<std::string_view> Params::value_of(std::string_view name) const noexcept {
    for (Bytes rest = bytes_; !rest.empty();) {
        const DecodedPair decoded = decode_pair(rest);
        if (text_of(decoded.pair->name) == name) return text_of(decoded.pair->value);
        rest = rest.subspan(decoded.consumed);
    }
    return std::nullopt;
}

}  // namespace fcgispec

#include "codec/body.hpp"

#include <algorithm>

namespace fcgispec {
namespace {

constexpr std::array<std::string_view, 4> role_names{"", "FCGI_RESPONDER", "FCGI_AUTHORIZER", "FCGI_FILTER"};
constexpr std::array<std::string_view, 4> protocol_status_names{"FCGI_REQUEST_COMPLETE", "FCGI_CANT_MPX_CONN",
                                                                "FCGI_OVERLOADED", "FCGI_UNKNOWN_ROLE"};

template <std::size_t num_names>
std::optional<std::size_t> index_named(const std::array<std::string_view, num_names>& names, std::string_view name) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (name.empty() || found == names.end()) return std::nullopt;
    return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

std::optional<BeginRequestBody> decode_begin_request(Bytes content) noexcept {
    if (content.size() != body_size) return std::nullopt;
    BeginRequestBody body{.role = static_cast<Role>(content[0] << 8 | content[1]), .flags = content[2]};
    std::copy(content.begin() + 3, content.end(), body.reserved.begin());
    return body;
}

std::optional<EndRequestBody> decode_end_request(Bytes content) noexcept {
    if (content.size() != body_size) return std::nullopt;
    EndRequestBody body{.app_status = std::uint32_t{content[0]} << 24 | std::uint32_t{content[1]} << 16 |
                                      std::uint32_t{content[2]} << 8 | std::uint32_t{content[3]},
                        .protocol_status = static_cast<ProtocolStatus>(content[4])};
    std::copy(content.begin() + 5, content.end(), body.reserved.begin());
    return body;
}

std::optional<UnknownTypeBody> decode_unknown_type(Bytes content) noexcept {
    if (content.size() != body_size) return std::nullopt;
    UnknownTypeBody body{.type = static_cast<RecordType>(content[0])};
    std::copy(content.begin() + 1, content.end(), body.reserved.begin());
    return body;
}

std::array<std::uint8_t, body_size> encode(const BeginRequestBody& body) noexcept {
    const auto role = static_cast<std::uint16_t>(body.role);
    std::array<std::uint8_t, body_size> bytes{static_cast<std::uint8_t>(role >> 8),
                                              static_cast<std::uint8_t>(role & 0xff), body.flags};
    std::copy(body.reserved.begin(), body.reserved.end(), bytes.begin() + 3);
    return bytes;
}

std::array<std::uint8_t, body_size> encode(const EndRequestBody& body) noexcept {
    std::array<std::uint8_t, body_size> bytes{
        static_cast<std::uint8_t>(body.app_status >> 24), static_cast<std::uint8_t>(body.app_status >> 16 & 0xff),
        static_cast<std::uint8_t>(body.app_status >> 8 & 0xff), static_cast<std::uint8_t>(body.app_status & 0xff),
        static_cast<std::uint8_t>(body.protocol_status)};
    std::copy(body.reserved.begin(), body.reserved.end(), bytes.begin() + 5);
    return bytes;
}

std::array<std::uint8_t, body_size> encode(const UnknownTypeBody& body) noexcept {
    std::array<std::uint8_t, body_size> bytes{static_cast<std::uint8_t>(body.type)};
    std::copy(body.reserved.begin(), body.reserved.end(), bytes.begin() + 1);
    return bytes;
}

std::string_view name_of(Role role) noexcept {
    const auto number = static_cast<std::size_t>(role);
    return number < role_names.size() ? role_names[number] : std::string_view{};
}

std::string_view name_of(ProtocolStatus status) noexcept {
    const auto number = static_cast<std::size_t>(status);
    return number < protocol_status_names.size() ? protocol_status_names[number] : std::string_view{};
}

std::optional<Role> role_named(std::string_view name) noexcept {
    const auto index = index_named(role_names, name);
    return index ? std::optional(static_cast<Role>(*index)) : std::nullopt;
}

std::optional<ProtocolStatus> protocol_status_named(std::string_view name) noexcept {
    const auto index = index_named(protocol_status_names, name);
    return index ? std::optional(static_cast<ProtocolStatus>(*index)) : std::nullopt;
}

}  // namespace fcgispec

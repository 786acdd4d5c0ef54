// The three fixed eight-byte bodies [§5.1, §5.5, §4.2], their roles, flags and statuses. Nothing here judges.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "codec/record.hpp"

namespace fcgispec {

inline constexpr std::size_t body_size = 8;

/// [§8]; any other value may come from the wire.
enum class Role : std::uint16_t { responder = 1, authorizer = 2, filter = 3 };
inline constexpr std::uint8_t keep_conn = 1;  // FCGI_KEEP_CONN, a mask for `flags` [§8]

/// [§8]; any other value may come from the wire.
enum class ProtocolStatus : std::uint8_t { request_complete = 0, cant_mpx_conn = 1, overloaded = 2, unknown_role = 3 };

/// FCGI_BeginRequestBody [§5.1].
struct BeginRequestBody {
    Role role{};
    std::uint8_t flags = 0;
    std::array<std::uint8_t, 5> reserved{};
    bool operator==(const BeginRequestBody&) const = default;
};
/// FCGI_EndRequestBody [§5.5].
struct EndRequestBody {
    std::uint32_t app_status = 0;
    ProtocolStatus protocol_status{};
    std::array<std::uint8_t, 3> reserved{};
    bool operator==(const EndRequestBody&) const = default;
};
/// FCGI_UnknownTypeBody [§4.2].
struct UnknownTypeBody {
    RecordType type{};
    std::array<std::uint8_t, 7> reserved{};
    bool operator==(const UnknownTypeBody&) const = default;
};

/// Size in bytes of what stands last in the body of such a record and means nothing; 0 for a type without a fixed body.
[[nodiscard]] constexpr std::size_t reserved_size_of(RecordType type) noexcept {
    return type == RecordType::begin_request  ? std::tuple_size_v<decltype(BeginRequestBody::reserved)>
           : type == RecordType::end_request  ? std::tuple_size_v<decltype(EndRequestBody::reserved)>
           : type == RecordType::unknown_type ? std::tuple_size_v<decltype(UnknownTypeBody::reserved)>
                                              : 0;
}

/// Each reads a whole content; nothing where it hasn't exactly `body_size` bytes.
[[nodiscard]] std::optional<BeginRequestBody> decode_begin_request(Bytes content) noexcept;
[[nodiscard]] std::optional<EndRequestBody> decode_end_request(Bytes content) noexcept;
[[nodiscard]] std::optional<UnknownTypeBody> decode_unknown_type(Bytes content) noexcept;

[[nodiscard]] std::array<std::uint8_t, body_size> encode(const BeginRequestBody& body) noexcept;
[[nodiscard]] std::array<std::uint8_t, body_size> encode(const EndRequestBody& body) noexcept;
[[nodiscard]] std::array<std::uint8_t, body_size> encode(const UnknownTypeBody& body) noexcept;

/// The names of [§8], "FCGI_RESPONDER", "FCGI_CANT_MPX_CONN"; empty where the specification defines none.
[[nodiscard]] std::string_view name_of(Role role) noexcept;
[[nodiscard]] std::string_view name_of(ProtocolStatus status) noexcept;
[[nodiscard]] std::optional<Role> role_named(std::string_view name) noexcept;
[[nodiscard]] std::optional<ProtocolStatus> protocol_status_named(std::string_view name) noexcept;

}  // namespace fcgispec

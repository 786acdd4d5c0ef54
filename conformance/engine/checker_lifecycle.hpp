// The lifecycle of one request: which application record may follow which [§3.3, §6.1]. Pure: what streams hold and how
// the output streams stand is the checker's business.
#pragma once

#include <optional>

#include "codec/body.hpp"
#include "codec/record.hpp"
#include "conformance/engine/checker_rules.hpp"

namespace fcgispec {

/// Where a record takes its request, and which rule it breaks by its place.
struct Transition {
    RequestState next{};
    std::optional<Rule> broken = std::nullopt;
    bool operator==(const Transition&) const = default;
};
/// `type` is an application record's; `empty`: its content is. `role` matters in the active states only.
[[nodiscard]] Transition transition(RequestState state, Role role, RecordType type, bool empty) noexcept;

/// Whether FCGI_STDOUT and FCGI_STDERR may be written: from the end of FCGI_PARAMS on, for a Filter from that of
/// FCGI_STDIN [§6.2, §6.3, §6.4].
[[nodiscard]] bool may_write(RequestState state, Role role) noexcept;

}  // namespace fcgispec

// The co-operating application's contract (../contract/README.md), for all three roles: what the query string
// `fcgispec.OP` or `fcgispec.OP=ARG` asks of an application under test. It answers requests and knows no protocol.
#pragma once

#include <memory>

#include "conformance/peers/request_handler.hpp"

namespace fcgispec {

/// Answers one request as the contract says; one without `fcgispec.` gets a plain page.
[[nodiscard]] std::unique_ptr<RequestHandler> answer_by_contract(Role role, Params params);

}  // namespace fcgispec

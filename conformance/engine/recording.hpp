// What a tap has recorded between a Web server and an application, made into a scenario for the one or the other. For an
// application it is one as it stands.
#pragma once

#include "conformance/engine/http_exchange.hpp"
#include "conformance/engine/script.hpp"

namespace fcgispec {

/// The recording `read` as a scenario for an application, turned round: each request is asked for by HTTP as its variables say
/// [CGI §4.1], without the path of `url` where REQUEST_URI begins with it; what the application said is said again,
/// behind the request where it was said before its input had ended. A request that was aborted is one whose HTTP client leaves.
/// Requests whose input was not recorded to its end are left out, and variables with control characters.
[[nodiscard]] Scenario for_web_server(const Scenario& read, const HttpUrl& url);

}  // namespace fcgispec

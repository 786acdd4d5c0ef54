// Plays one scenario with the peer: says our lines, waits for the peer's, watches all with the lifecycle checker.
// Knows nothing of verdicts by requirement, health or repetition: those are the runner's.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conformance/engine/checker.hpp"
#include "conformance/engine/evidence.hpp"
#include "conformance/engine/observation.hpp"
#include "conformance/engine/http_exchange.hpp"
#include "conformance/engine/listener.hpp"
#include "conformance/engine/process.hpp"
#include "conformance/engine/said.hpp"
#include "conformance/engine/script.hpp"
#include "conformance/engine/transport.hpp"

namespace fcgispec {

struct PlayOptions {
    Address address;                   ///< of an application under test
    Listener* listener = nullptr;      ///< where a Web server under test finds us
    HttpUrl url;                       ///< what it forwards to us
    bool notices_close = true;         ///< it closes an idle connection that we have closed, so that its close can be waited for
    Pairs params;                      ///< the user's --param, part of `base`
    std::vector<std::string> command;  ///< how a scenario's own peer is started; empty: it can't be
    Splitting splitting = Splitting::whole;
    int deadline_ms = 1000;  ///< of silence, for what the peer must say; nothing waits for it that succeeds
    int unended_ms = 0;      ///< of silence, until a Web server's request whose input doesn't end is taken as it is; 0: deadline_ms
    const std::atomic<bool>* interrupted = nullptr;
    int peer_end_fd = -1;  ///< readable once the peer's process has ended: then nothing is waited for any more
};

/// What the checker accused, by requirement: how often, and the first time.
struct Observed {
    std::string requirement;
    std::string wanted;
    std::string got;
    std::size_t count = 0;
    Excerpt records;  ///< the lines around it, the accused one marked
};

/// An alternative that is poor but allowed.
struct Tolerated {
    std::string taken;   ///< it, as print() gives it
    std::string better;  ///< the others that aren't poor, "this (...) or that (...)"; "" where there is none
};

/// What became of a scenario.
struct Played {
    enum class Outcome : std::uint8_t {
        as_expected,
        contradicted,  ///< the peer said something else
        silent,        ///< the deadline passed
        closed,        ///< the peer closed or reset the connection, or didn't take one
        flooded,       ///< the peer said more than we are willing to keep
        interrupted,   ///< by the user
    };
    Outcome outcome = Outcome::as_expected;
    std::vector<std::string> alternatives;  ///< those taken
    std::optional<Tolerated> tolerated;     ///< the last of them that is poor but allowed
    bool unjudged = false;                  ///< it went a way of which the scenario tells nothing
    std::string wanted;                     ///< the line that wasn't met
    std::string got;
    std::size_t line = 0;
    int waited_ms = 0;  ///< for it, where the peer was silent
    std::vector<Observed> accusations;
    std::vector<std::string> trace;   ///< all that was said, in notation; long contents are shortened
    Excerpt around;                   ///< what tells most of it
    std::shared_ptr<const Evidence> raw;  ///< the bytes of both sides
    std::map<std::string, ConnectionSeen> seen;  ///< by connection: all that the peer said and that meant something
    std::optional<ExitStatus> died;   ///< the scenario's own peer ended without being asked to
    /// A Web server's own answer to a request that is larger than its administrator allows: 413, 414 or 431 [RFC 9110 §15.5,
    /// RFC 6585 §5]; 0: none, or the request was small, or it is what the scenario's application said.
    unsigned refused_as_too_large = 0;
    /// A Web server told its client that the application, which is us, was too slow (504).
    bool given_up = false;
    bool http_answered = false;       ///< a Web server gave an HTTP client a response, whatever it was, or the beginning of one
};

/// Plays it. The machine's failures are exceptions (std::system_error); the peer's conduct is in the result.
[[nodiscard]] Played play(const Scenario& scenario, const PlayOptions& options);

}  // namespace fcgispec

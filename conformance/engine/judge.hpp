// Judges cases against one peer: what is said, whether the peer lives behind it, whether it is slow or we are.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "conformance/engine/conversation.hpp"
#include "conformance/engine/peer.hpp"
#include "conformance/engine/requirements.hpp"
#include "conformance/engine/results.hpp"
#include "conformance/engine/run_options.hpp"

namespace fcgispec {

/// One case in one splitting.
struct Case {
    const Scenario* scenario;
    Splitting splitting;
};

/// What a case gave: its result, and what the checker saw meanwhile.
struct Outcome {
    Result result;
    std::string wanted;
    std::string got;
    Excerpt records;
    std::vector<Observed> accusations;
    std::shared_ptr<const Evidence> raw;
    std::size_t reading_size = 0;  // of its scenario, where anything is held against the peer
    bool unanswered = false;  // nothing came in place of what was wanted: silence, or the end of the connection
    bool once = false;  // it was tried again, and didn't happen
    bool gone = false;  // not played: there was no peer any more
};

/// As results give durations.
[[nodiscard]] inline double milliseconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

/// Whether the scenario is about that requirement.
[[nodiscard]] bool proves(const Result& result, const std::string& requirement);

/// What a case that didn't come out as expected says of the peer; "" where it did.
[[nodiscard]] std::string reason_of(const Played& played);
/// What the peer did in place of what was wanted, and how long that was waited for.
[[nodiscard]] std::string got_of(const Played& played);

/// Judges cases against one peer; each thread has one of its own.
class Judge {
public:
    Judge(const RunOptions& options, const Register& requirements, Peer& peer)
        : options_(options), requirements_(requirements), peer_(peer) {}

    /// As judge() for each, in their order; fewer where the run is interrupted. That a peer lives costs as much to know as a case:
    /// here it is asked behind the first case of which anything is held against it, or the last.
    std::vector<Outcome> judge_all(std::span<const Case> cases);
    /// Plays it as often as asked; the gravest outcome counts.
    Outcome judge(const Case& one);
    /// Whether a plain request is answered.
    [[nodiscard]] bool finds_peer_alive() { return check_health(); }

private:
    [[nodiscard]] bool interrupted() const { return options_.interrupted != nullptr && *options_.interrupted; }

    [[nodiscard]] PlayOptions play_options(const Case& one, int factor = 1) const;
    /// The first of `cases`, at least one.
    std::vector<Outcome> judge_some(std::span<const Case> cases);
    /// The peer doesn't serve any more behind several cases, of which `outcome` is the last. Whose fault that is isn't known, nor
    /// what the last would have been with one that does. Starts it anew.
    Outcome suspected(Outcome outcome, Played played);
    /// Each for itself. `suspect` is told where none of them shows what it does.
    std::vector<Outcome> judge_alone(std::span<const Case> cases, std::optional<Outcome> suspect);
    [[nodiscard]] Outcome unjudged(const Case& one) const;
    Outcome judge_once(const Case& one);
    [[nodiscard]] Played play_case(const Case& one, int factor = 1) const;
    void play_and_judge(const Case& one, Outcome& outcome);
    void judge_played(Played& played, Outcome& outcome);
    /// A plain request on a fresh connection is answered. The peer that we started and that has ended isn't healthy.
    bool check_health();
    /// One that ends closes its connections first, and may well end on purpose [§7]: how is known a moment later.
    void await_end();
    /// With status 0, as some do after so many requests [§7].
    [[nodiscard]] bool ended_on_purpose();
    /// How a plain request on a fresh connection goes; where the first may have come too early, how a second one does.
    [[nodiscard]] Played::Outcome play_plain_request();
    void judge_unhealthy(Outcome& outcome);
    void recover();
    /// The command that plays these.
    [[nodiscard]] std::string again(std::span<const Case> cases) const;

    const RunOptions& options_;
    const Register& requirements_;
    Peer& peer_;
    bool gone_ = false;
    std::set<std::string> confirmed_;  // requirements for which a silence was looked at twice
};

}  // namespace fcgispec

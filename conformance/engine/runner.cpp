#include "conformance/engine/runner.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <thread>
#include <tuple>
#include <utility>

#include "conformance/engine/findings.hpp"
#include "conformance/engine/judge.hpp"
#include "conformance/engine/peer.hpp"
#include "conformance/engine/probe.hpp"
#include "conformance/engine/selection.hpp"

namespace fcgispec {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t traces_size_max = 4U << 20;  // of all cases together: each may have some hundred KiB
constexpr std::size_t trace_size_min = 2U << 10;   // of each, beyond that
constexpr int deadline_round_trips = 100;
constexpr std::size_t num_together_max = 8;  // cases, before we ask whether the peer lives

/// All cases of a run, played by several threads, each with its own judge.
class Run {
public:
    Run(const RunOptions& options, const Register& requirements, std::vector<Case> cases)
        : options_(options), requirements_(requirements), cases_(std::move(cases)), outcomes_(cases_.size()) {}

    void play(Peer& first_peer, std::size_t num_jobs) {
        // Only one that can be started anew shows which of several has harmed it.
        if (first_peer.is_ours() && options_.num_repeats == 1) num_together_ = std::clamp<std::size_t>(cases_.size() / num_jobs, 1, num_together_max);
        std::vector<std::thread> threads;
        try {
            for (std::size_t i = 1; i < std::min(num_jobs, cases_.size()); ++i) threads.emplace_back([this, &first_peer] { work_beside(first_peer); });
        } catch (const std::system_error&) {
            // No more threads: those that there are play all.
        }
        work(first_peer);
        for (std::thread& thread : threads) thread.join();
        if (num_jobs > 1) play_breaches_alone(first_peer);
    }

    /// The outcomes of those played, in the order of the cases.
    std::vector<Outcome> take() {
        std::vector<Outcome> result;
        for (auto& outcome : outcomes_)
            if (outcome) result.push_back(std::move(*outcome));
        return result;
    }

    /// What findings show of them.
    [[nodiscard]] const Examples& examples() const noexcept { return examples_; }

private:
    [[nodiscard]] bool interrupted() const { return options_.interrupted != nullptr && *options_.interrupted; }

    void work_beside(Peer& first_peer) {
        if (!first_peer.is_ours()) return work(first_peer);
        try {
            Peer own(options_);  // so that one's death isn't another's
            work(own);
        } catch (const std::system_error&) {
            // No second process: the first thread plays what is left.
        }
    }

    void work(Peer& peer) {
        Judge judge(options_, requirements_, peer);
        for (std::size_t begin = next_.fetch_add(num_together_); begin < cases_.size() && !interrupted(); begin = next_.fetch_add(num_together_)) {
            std::size_t index = begin;
            for (Outcome& outcome : judge.judge_all(std::span(cases_).subspan(begin, std::min(num_together_, cases_.size() - begin)))) keep(index++, std::move(outcome));
        }
    }

    void keep(std::size_t index, Outcome outcome) {
        const std::lock_guard lock(mutex_);
        examples_.take_from(index, outcome);
        shorten(outcome.result.trace);
        outcomes_[index] = std::move(outcome);
        if (options_.progress) options_.progress(++num_done_, cases_.size(), outcomes_[index]->result);
    }

    /// All traces together have a limit.
    void shorten(std::vector<std::string>& trace) {
        std::size_t size = 0;
        for (const std::string& line : trace) size += line.size();
        if (traces_size_ + size > traces_size_max) {
            std::size_t num_left = 0;
            for (size = 0; num_left < trace.size() && size + trace[num_left].size() <= trace_size_min; ++num_left) size += trace[num_left].size();
            if (num_left < trace.size()) trace[num_left] = "# " + std::to_string(trace.size() - num_left) + " more";
            trace.resize(std::min(trace.size(), num_left + 1));
            trace.shrink_to_fit();
        }
        traces_size_ += size;
    }

    /// Beside others a case may suffer from what another did to the peer: what was held against it is looked at again
    /// alone, and that counts. What the checker accuses in many cases need not be seen again in each of them.
    void play_breaches_alone(Peer& peer) {
        Judge judge(options_, requirements_, peer);
        if (!judge.finds_peer_alive()) return;  // what was seen stands
        std::set<std::string> confirmed;
        // Only what is seen alone is shown, where that is seen again.
        Examples beside_others = std::exchange(examples_, Examples(requirements_, options_.baseline));
        for (std::size_t i = 0; i < cases_.size() && !interrupted(); ++i) {
            if (!outcomes_[i] || outcomes_[i]->once) continue;
            const Verdict verdict = outcomes_[i]->result.verdict;
            const auto& accusations = outcomes_[i]->accusations;
            const bool held_against = verdict != Verdict::pass && verdict != Verdict::skipped;
            if (!held_against && std::all_of(accusations.begin(), accusations.end(), [&](const Observed& a) { return confirmed.contains(a.requirement); })) continue;
            Outcome outcome = judge.judge(cases_[i]);
            if (outcome.result.verdict == Verdict::inconclusive) continue;
            for (const Observed& accusation : outcome.accusations) confirmed.insert(accusation.requirement);
            examples_.take_from(i, outcome);
            shorten(outcome.result.trace);
            outcomes_[i] = std::move(outcome);
        }
        examples_.fill_from(std::move(beside_others));
    }

    const RunOptions& options_;
    const Register& requirements_;
    std::vector<Case> cases_;
    std::vector<std::optional<Outcome>> outcomes_;
    std::size_t num_together_ = 1;  // cases that a thread takes at once
    std::atomic<std::size_t> next_{0};
    std::size_t num_done_ = 0;
    Examples examples_{requirements_, options_.baseline};
    std::size_t traces_size_ = 0;
    std::mutex mutex_;
};

/// The capability that is lacking, or "".
std::string lacking(const Scenario& scenario, const std::set<std::string>& offered) {
    for (const std::string& capability : scenario.needs)
        if (!offered.contains(capability)) return capability;
    return {};
}

std::string command_line(const std::vector<std::string>& command) {
    std::string result;
    for (const std::string& word : command) result += (result.empty() ? "" : " ") + shell_quoted(word);
    return result;
}

/// A peer that does not answer even a plain request: that is all that can be said of it.
void report_no_answer(Report& report, const Played& plain, const std::optional<ExitStatus>& ended, const RunOptions& options) {
    if (plain.outcome == Played::Outcome::interrupted) {
        report.interrupted = true;
        return;
    }
    report.unanswered = true;
    // A Web server that doesn't ask us is one that isn't set up to.
    const bool not_asked = options.side == Side::web_server && plain.seen.empty();
    if (plain.wanted == "the peer takes a connection" || not_asked) {
        report.unreachable = (not_asked ? "no FastCGI request came: wanted " + plain.wanted + ", got " : "") + plain.got;
        return;
    }
    std::string got = plain.got + (ended ? "; the peer ended with " + ended->print() : "");
    if (ended && options.side == Side::application) got += " (if it wrote why, then to a standard error that is closed [§2.2]: start it by hand to read it)";
    const std::string requirement = options.side == Side::application ? "R-5.5-1" : "R-B-2";
    Result result{.scenario = plain_request(options.side).name, .title = "A plain request is answered", .requirements = {requirement},
                  .verdict = Verdict::crash, .splitting = "whole", .reason = reason_of(plain) + ": wanted " + plain.wanted + ", got " + got,
                  .again = options.again, .trace = plain.trace};
    report.findings.push_back({.requirement = requirement, .verdict = Verdict::crash, .count = 1, .wanted = plain.wanted, .got = got,
                               .scenario = result.scenario, .again = result.again, .records = plain.around, .scenarios = {result.scenario}, .known = std::nullopt});
    report.results.push_back(std::move(result));
}

}  // namespace

Report run_scenarios(const RunOptions& asked, const std::vector<Scenario>& scenarios, const Register& requirements) {
    const auto begin = Clock::now();
    RunOptions options = asked;
    if (asked.deadline_ms == 0) options.deadline_ms = deadline_ms_max;
    Report report{.version = FCGISPEC_VERSION, .side = options.side};
    report.address = options.address ? options.address->print() : options.url ? options.url->print() : command_line(options.command);
    report.name = options.name.empty() ? report.address : options.name;
    report.seed = options.seed;

    Peer peer(options);
    PlayOptions first = peer.play_options();
    if (peer.is_ours()) first.deadline_ms = std::max(first.deadline_ms, deadline_ms_max);  // it is only starting
    const Probe probe = probe_peer(options.side, first);
    report.capabilities = probe.shown;
    peer.set_notices_close(probe.notices_close);
    if (probe.plain.outcome != Played::Outcome::as_expected) {
        report_no_answer(report, probe.plain, peer.exit_status(), options);
        report.duration_ms = milliseconds_since(begin);
        return report;
    }

    if (asked.deadline_ms == 0)
        options.deadline_ms = std::clamp(static_cast<int>(deadline_round_trips * probe.round_trip_ms), deadline_ms_min, deadline_ms_max);

    std::vector<Case> cases;
    for (const Scenario& scenario : scenarios) {
        const std::string capability = lacking(scenario, probe.offered);
        for (const Splitting splitting : options.splittings) {
            if (capability.empty()) {
                cases.push_back({&scenario, splitting});
            } else {
                report.results.push_back({.scenario = scenario.name, .title = scenario.title, .requirements = scenario.proves, .verdict = Verdict::skipped,
                                          .splitting = std::string(name_of(splitting)), .reason = why_skipped(capability)});
            }
        }
    }
    // The probe leaves connections with requests begun: one that dies of that doesn't do so in the first scenario.
    if (peer.is_ours() && play(plain_request(options.side), peer.play_options()).outcome != Played::Outcome::as_expected) peer.restart();
    const std::size_t num_cases = cases.size();
    Run run(options, requirements, std::move(cases));
    // An attached peer serves only so many at once; of our own each thread has one. Web servers come to one place.
    run.play(peer, options.side == Side::web_server ? 1 : peer.is_ours() ? options.num_jobs : std::min(options.num_jobs, probe.num_connections));
    Findings findings(requirements);
    std::vector<Outcome> outcomes = run.take();
    report.num_unplayed = num_cases - outcomes.size();
    for (Outcome& outcome : outcomes) {
        report.gone = report.gone || outcome.gone;
        findings.add(outcome);
        report.results.push_back(std::move(outcome.result));
    }
    report.findings = findings.take(run.examples());
    if (options.side == Side::web_server && options.listener_kind == Listener::Kind::handed_over)
        report.capabilities.push_back({"asks its application to exit (SIGTERM)", "", peer.asks_to_exit()});
    std::sort(report.results.begin(), report.results.end(), [](const Result& a, const Result& b) {
        return std::tie(a.scenario, a.splitting) < std::tie(b.scenario, b.splitting);
    });
    report.interrupted = options.interrupted != nullptr && *options.interrupted;
    report.duration_ms = milliseconds_since(begin);
    return report;
}

}  // namespace fcgispec

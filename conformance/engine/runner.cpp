#include "conformance/engine/runner.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <tuple>

#include "conformance/engine/peer.hpp"
#include "conformance/engine/probe.hpp"

namespace fcgispec {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t traces_size_max = 4U << 20;  // of all cases together: each may have some hundred KiB
constexpr std::size_t trace_size_min = 2U << 10;   // of each, beyond that
constexpr int interval_ms = 50;  // between two looks, whether it has come back or has ended
constexpr int second_look_factor = 3;      // a silence is looked at again with so much more time
constexpr int deadline_round_trips = 100;
constexpr int deadlines_of_a_timer = 33;  // how long a Web server's own timer may last
constexpr int timer_ms_max = 10000;
constexpr int end_ms_max = 2000;  // to end, when all connections are closed
constexpr std::size_t num_together_max = 8;  // cases, before we ask whether the peer lives

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
    std::vector<std::string> records;
    std::vector<Observed> accusations;
    std::shared_ptr<const Evidence> raw;
    bool once = false;  // it was tried again, and didn't happen
};

double milliseconds_since(Clock::time_point begin) { return std::chrono::duration<double, std::milli>(Clock::now() - begin).count(); }

std::string reason_of(const Played& played) {
    const std::string where = played.line > 0 ? "line " + std::to_string(played.line) + ": " : "";
    switch (played.outcome) {
        case Played::Outcome::as_expected: return {};
        case Played::Outcome::contradicted: return where + "the peer said something else";
        case Played::Outcome::silent: return where + "the peer was silent";
        case Played::Outcome::closed: return where + "the peer ended the connection";
        case Played::Outcome::flooded: return where + "the peer floods";
        case Played::Outcome::interrupted: return "interrupted";
    }
    return {};
}

/// Judges cases against one peer; each thread has one of its own.
class Judge {
public:
    Judge(const RunOptions& options, const Register& requirements, Peer& peer)
        : options_(options), requirements_(requirements), peer_(peer) {}

    /// As judge() for each, in their order; fewer where the run is interrupted. That a peer lives costs as much to know as a case:
    /// here it is asked behind the first case of which anything is held against it, or the last.
    std::vector<Outcome> judge_all(std::span<const Case> cases) {
        std::vector<Outcome> result;
        while (result.size() < cases.size() && !interrupted())
            for (Outcome& outcome : judge_some(cases.subspan(result.size()))) result.push_back(std::move(outcome));
        return result;
    }

    /// Plays it as often as asked; the gravest outcome counts.
    Outcome judge(const Case& one) {
        Outcome gravest = judge_once(one);
        for (std::size_t i = 1; i < options_.num_repeats && !interrupted(); ++i) {
            Outcome next = judge_once(one);
            if (next.result.verdict > gravest.result.verdict) gravest = std::move(next);
        }
        return gravest;
    }

    [[nodiscard]] bool finds_peer_alive() { return check_health(); }

private:
    [[nodiscard]] bool interrupted() const { return options_.interrupted != nullptr && *options_.interrupted; }

    [[nodiscard]] PlayOptions play_options(const Case& one, int factor = 1) const {
        PlayOptions result = peer_.play_options();
        result.splitting = one.splitting;
        result.deadline_ms *= factor;
        return result;
    }

    /// The first of `cases`, at least one.
    std::vector<Outcome> judge_some(std::span<const Case> cases) {
        if (gone_ || cases.size() == 1) return {judge(cases.front())};
        std::vector<Outcome> outcomes;
        try {
            Played last;
            bool clean = true;
            while (clean && outcomes.size() < cases.size()) {
                const Case& one = cases[outcomes.size()];
                Outcome& outcome = outcomes.emplace_back(unjudged(one));
                const auto begin = Clock::now();
                last = play_case(one);
                clean = is_clean(last) && !interrupted() && !peer_.exit_status();
                if (clean) judge_played(last, outcome);
                if (clean) outcome.raw.reset();
                outcome.result.duration_ms = milliseconds_since(begin);
            }
            const std::size_t num_clean = outcomes.size() - (clean ? 0 : 1);
            const bool healthy = check_health();
            if (interrupted()) {
                // It lived behind those that a clean one follows.
                for (std::size_t i = std::max<std::size_t>(num_clean, 1) - 1; i < outcomes.size(); ++i) outcomes[i] = inconclusive(std::move(outcomes[i]), "interrupted");
                return outcomes;
            }
            if (!healthy) return judge_alone(cases.first(outcomes.size()), suspected(std::move(outcomes.back()), std::move(last)));
            // Behind another scenario it may suffer from what that has left behind. Behind a plain request it doesn't.
            if (!clean) outcomes.back() = judge(cases[num_clean]);
            return outcomes;
        } catch (const std::exception&) {
            // Each alone tells what the trouble is.
        }
        return judge_alone(cases.first(std::max<std::size_t>(outcomes.size(), 1)), std::nullopt);
    }

    /// Nothing at all is held against the peer, as far as can be seen without asking it.
    static bool is_clean(const Played& played) {
        return played.outcome == Played::Outcome::as_expected && !played.tolerated && !played.died && played.accusations.empty();
    }

    /// The peer doesn't serve any more behind several cases, of which `outcome` is the last. Whose fault that is isn't known, nor
    /// what the last would have been with one that does. Starts it anew.
    Outcome suspected(Outcome outcome, Played played) {
        outcome.result.trace = std::move(played.trace);
        outcome.records = std::move(played.around);
        outcome.raw = std::move(played.raw);
        judge_unhealthy(outcome);
        outcome.once = true;
        return outcome;
    }

    /// Each for itself. `suspect` is told where none of them shows what it does.
    std::vector<Outcome> judge_alone(std::span<const Case> cases, std::optional<Outcome> suspect) {
        std::vector<Outcome> outcomes;
        for (const Case& one : cases)
            if (!interrupted()) outcomes.push_back(judge(one));
        if (!suspect || outcomes.size() < cases.size()) return outcomes;
        const auto shows_it = [&](const Outcome& one) { return one.result.verdict >= suspect->result.verdict && one.result.verdict != Verdict::inconclusive; };
        if (std::any_of(outcomes.begin(), outcomes.end(), shows_it)) return outcomes;
        const std::string_view remark = cases.size() == 1 ? ", and not again when it was played alone" : ", here or in one of the scenarios before, and not again when each was played alone";
        suspect->result.reason += remark;
        suspect->got += remark;
        suspect->result.again = again(cases);
        if (!is_new_evidence(*suspect)) suspect->raw.reset();
        outcomes.back() = std::move(*suspect);
        return outcomes;
    }

    [[nodiscard]] Outcome unjudged(const Case& one) const {
        Outcome outcome;
        outcome.result = {.scenario = one.scenario->name, .title = one.scenario->title, .requirements = one.scenario->proves,
                          .splitting = std::string(name_of(one.splitting))};
        outcome.result.again = again({&one, 1});
        return outcome;
    }

    Outcome judge_once(const Case& one) {
        Outcome outcome = unjudged(one);
        if (gone_) return inconclusive(std::move(outcome), "the peer died in an earlier scenario and has not come back");
        const auto begin = Clock::now();
        try {
            play_and_judge(one, outcome);
        } catch (const std::exception& error) {
            outcome = inconclusive(std::move(outcome), std::string("our own trouble: ") + error.what());
        }
        outcome.result.duration_ms = milliseconds_since(begin);
        return outcome;
    }

    [[nodiscard]] Played play_case(const Case& one, int factor = 1) const {
        const PlayOptions options = play_options(one, factor);
        Played played = one.scenario->unread ? play(whole(*one.scenario), options) : play(*one.scenario, options);
        played.seen.clear();  // it may be much, and nobody asks for it here
        return played;
    }

    void play_and_judge(const Case& one, Outcome& outcome) {
        Played played = play_case(one);
        bool healthy = check_health();
        const auto ended = peer_.exit_status();
        if (played.outcome != Played::Outcome::as_expected && ended && !ended->by_signal && ended->number == 0) {
            // It ended on purpose [§7], perhaps after an earlier scenario: what a fresh one does counts.
            peer_.restart();
            played = play_case(one);
            healthy = check_health();
        }
        if (healthy && too_late(played) && !confirmed_.contains(one.scenario->proves.front())) {
            // The peer lives. Was it silent, or is the machine slow, or are we? Once told, the same silence needs no second look.
            played = play_case(one, second_look_factor);
            healthy = check_health();
            if (too_late(played)) confirmed_.insert(one.scenario->proves.front());
        }
        judge_played(played, outcome);
        if (interrupted()) {
            outcome = inconclusive(std::move(outcome), "interrupted");
        } else if (!healthy) {
            judge_unhealthy(outcome);
        } else if (played.died && played.died->by_signal) {
            crash(outcome, "the peer ended by " + played.died->print());
        }
        if (outcome.result.verdict != Verdict::pass) outcome.result.trace = std::move(played.trace);
        if (!is_new_evidence(outcome)) outcome.raw.reset();
    }

    /// What was waited for didn't come in time, to us or to a Web server.
    static bool too_late(const Played& played) {
        return played.outcome == Played::Outcome::silent || (played.outcome == Played::Outcome::contradicted && played.given_up);
    }

    /// The bytes of one conversation for each accusation are enough: they are many.
    bool is_new_evidence(const Outcome& outcome) {
        const Verdict verdict = outcome.result.verdict;
        bool result = verdict != Verdict::pass && evidenced_.emplace(outcome.result.requirements.front(), verdict).second;
        for (const Observed& accusation : outcome.accusations) result = evidenced_.emplace(accusation.requirement, Verdict::pass).second || result;
        return result;
    }

    void judge_played(Played& played, Outcome& outcome) {
        Result& result = outcome.result;
        for (const std::string& alternative : played.alternatives) result.alternative += (result.alternative.empty() ? "" : ", ") + alternative;
        outcome.wanted = played.wanted;
        outcome.got = played.got;
        outcome.records = std::move(played.around);
        outcome.accusations = std::move(played.accusations);
        outcome.raw = std::move(played.raw);
        result.reason = reason_of(played);
        if (!result.reason.empty() && played.refused_as_too_large != 0) {
            result.verdict = Verdict::skipped;
            result.reason = "the Web server's configuration does not take so large a request (" + std::to_string(played.refused_as_too_large) + ")";
            return;
        }
        if (!result.reason.empty()) {
            result.reason += ": wanted " + outcome.wanted + ", got " + outcome.got;
            result.verdict = verdict_of_breach(requirements_.find(result.requirements.front()));
            return;
        }
        if (played.tolerated) {
            result.verdict = Verdict::tolerated;
            result.reason = "tolerated: " + result.alternative;
            outcome.wanted = played.tolerated->better.empty() ? result.title : played.tolerated->better;
            outcome.got = played.tolerated->taken + ", which is poor but allowed";
        }
        for (const Observed& accusation : outcome.accusations) {
            const auto& proves = result.requirements;
            if (std::find(proves.begin(), proves.end(), accusation.requirement) == proves.end()) continue;
            const Verdict verdict = verdict_of_breach(requirements_.find(accusation.requirement));
            if (verdict <= result.verdict) continue;
            result.verdict = verdict;
            result.reason = accusation.requirement + ": wanted " + accusation.wanted + ", got " + accusation.got;
        }
    }

    /// A plain request on a fresh connection is answered. The peer that we started and that has ended isn't healthy.
    bool check_health() {
        if (peer_.exit_status()) return false;
        const Played::Outcome outcome = play_plain_request();
        const bool healthy = outcome == Played::Outcome::as_expected;
        if (!healthy && outcome != Played::Outcome::silent) await_end();
        return healthy;
    }

    /// One that ends closes its connections first, and may well end on purpose [§7]: how is known a moment later.
    void await_end() {
        const auto begin = Clock::now();
        const int patience_ms = std::min(options_.deadline_ms, end_ms_max);
        while (peer_.end_fd() >= 0 && !interrupted() && milliseconds_since(begin) < patience_ms && !peer_.wait_for_exit(interval_ms)) continue;
    }

    /// How a plain request on a fresh connection goes; where the first may have come too early, how a second one does.
    [[nodiscard]] Played::Outcome play_plain_request() {
        PlayOptions options = peer_.play_options();
        const int second_look_ms = options.deadline_ms * second_look_factor;
        // A Web server may wait for a timer of its own before it gives up what a scenario has left behind; that which we start is ours.
        const int timers_ms = peer_.is_ours() ? 0 : std::min(options.deadline_ms * deadlines_of_a_timer, timer_ms_max);
        options.unended_ms = options.deadline_ms;
        const int patient_ms = std::max(second_look_ms, timers_ms);
        options.deadline_ms = options_.side == Side::web_server ? patient_ms : second_look_ms;
        const Played played = play(plain_request(options_.side), options);
        // Of an application that is merely slow on a busy machine we mustn't say that it crashed: that would be our worst error.
        const bool may_be_slow = options_.side == Side::application && played.outcome == Played::Outcome::silent && !peer_.exit_status();
        // A Web server that answers lives. It may have asked on a connection that it had kept, and that we closed at this moment,
        // or that brought what a scenario before had left behind: its second answer counts.
        const bool lives = options_.side == Side::web_server && played.http_answered;
        if (played.outcome == Played::Outcome::as_expected || !(may_be_slow || lives)) return played.outcome;
        options.deadline_ms = patient_ms;
        return play(plain_request(options_.side), options).outcome;
    }

    void judge_unhealthy(Outcome& outcome) {
        const auto status = peer_.exit_status();
        if (status && !status->by_signal) {
            // An application may end on purpose, and with nonzero status on a protocol error [§7].
            if (outcome.result.verdict < Verdict::tolerated) outcome.result.verdict = Verdict::tolerated;
            const std::string ended = "the peer ended with " + status->print();
            outcome.result.reason += (outcome.result.reason.empty() ? "" : "; ") + ended;
            if (outcome.wanted.empty()) outcome.wanted = outcome.result.title;
            outcome.got += (outcome.got.empty() ? "" : "; ") + ended;
        } else {
            crash(outcome, status ? "the peer ended by " + status->print() : "a plain request on a fresh connection is not answered any more");
        }
        recover();
    }

    static void crash(Outcome& outcome, const std::string& what) {
        outcome.result.verdict = Verdict::crash;
        outcome.result.reason += (outcome.result.reason.empty() ? "" : "; ") + what;
        if (outcome.wanted.empty()) outcome.wanted = "the peer goes on serving";
        outcome.got += (outcome.got.empty() ? "" : "; ") + what;
    }

    void recover() {
        if (peer_.is_ours()) {
            gone_ = true;  // also where it can't be started: our own trouble
            peer_.restart();
            gone_ = !check_health();
            return;
        }
        const auto begin = Clock::now();
        while (!check_health() && !interrupted()) {
            if (milliseconds_since(begin) > options_.come_back_ms) {
                gone_ = true;
                return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(interval_ms));
        }
    }

    static Outcome inconclusive(Outcome outcome, const std::string& reason) {
        outcome.result.verdict = Verdict::inconclusive;
        outcome.result.reason = reason;
        outcome.accusations.clear();
        return outcome;
    }

    /// The command that plays these.
    [[nodiscard]] std::string again(std::span<const Case> cases) const {
        std::string result = options_.again;
        for (std::size_t i = 0; i < cases.size(); ++i)
            if (i == 0 || cases[i].scenario != cases[i - 1].scenario) result += " --select " + shell_quoted(cases[i].scenario->name);
        const Splitting splitting = cases.front().splitting;
        const bool alike = std::all_of(cases.begin(), cases.end(), [&](const Case& one) { return one.splitting == splitting; });
        if (!alike || splitting != Splitting::whole) result += " --splitting " + (alike ? std::string(name_of(splitting)) : "all");
        if (options_.seed != 1) result += " --seed " + std::to_string(options_.seed);
        return result;
    }

    const RunOptions& options_;
    const Register& requirements_;
    Peer& peer_;
    bool gone_ = false;
    std::set<std::string> confirmed_;  // requirements for which a silence was looked at twice
    std::set<std::pair<std::string, Verdict>> evidenced_;  // of what the bytes are kept; Verdict::pass: accused by the checker
};

/// Brings what cases accuse the peer of together, a finding for each requirement.
class Findings {
public:
    explicit Findings(const Register& requirements) : requirements_(requirements) {}

    void add(const Outcome& outcome) {
        const Result& result = outcome.result;
        bool accused_here = false;
        for (const Observed& accusation : outcome.accusations) {
            const Requirement* requirement = requirements_.find(accusation.requirement);
            if (requirement != nullptr && requirement->level == Level::may) continue;
            add(accusation.requirement, verdict_of_breach(requirement), accusation.wanted, accusation.got, accusation.records, accusation.count, outcome);
            const auto& proves = result.requirements;
            accused_here = accused_here || std::find(proves.begin(), proves.end(), accusation.requirement) != proves.end();
        }
        const bool by_scenario = result.verdict == Verdict::crash || (!outcome.wanted.empty() && result.verdict != Verdict::inconclusive);
        const bool breach = result.verdict == Verdict::fail || result.verdict == Verdict::crash || result.verdict == Verdict::tolerated;
        if (breach && (by_scenario || !accused_here))
            add(result.requirements.front(), result.verdict, outcome.wanted, outcome.got, outcome.records, 1, outcome);
    }

    std::vector<Finding> take() {
        std::vector<Finding> result;
        for (auto& [requirement, finding] : findings_) result.push_back(std::move(finding));
        std::sort(result.begin(), result.end(), [](const Finding& a, const Finding& b) {
            return a.verdict != b.verdict ? a.verdict > b.verdict : a.requirement < b.requirement;
        });
        return result;
    }

private:
    void add(const std::string& requirement, Verdict verdict, const std::string& wanted, const std::string& got,
             const std::vector<std::string>& records, std::size_t count, const Outcome& outcome) {
        const Result& result = outcome.result;
        Finding& finding = findings_[requirement];
        const bool first = finding.count == 0;
        finding.requirement = requirement;
        finding.count += count;
        if (finding.scenarios.empty() || finding.scenarios.back() != result.scenario) finding.scenarios.push_back(result.scenario);
        if (!first && verdict <= finding.verdict) return;
        finding.verdict = verdict;
        finding.wanted = wanted;
        finding.got = got;
        finding.records = records;
        finding.scenario = result.scenario;
        if (outcome.raw || !finding.evidence) finding.evidence = outcome.raw;
        finding.again = result.again;
    }

    const Register& requirements_;
    std::map<std::string, Finding> findings_;
};

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
        shorten(index, outcome);
        outcomes_[index] = std::move(outcome);
        if (options_.progress) options_.progress(++num_done_, cases_.size(), outcomes_[index]->result);
    }

    /// Of many cases much comes together. Findings show the records of the first case only, and all traces have a limit.
    void shorten(std::size_t index, Outcome& outcome) {
        const auto is_first = [&](const std::string& requirement, Verdict verdict) {
            const auto [found, is_new] = first_.try_emplace({requirement, verdict}, index);
            if (index < found->second) found->second = index;
            return is_new || index <= found->second;
        };
        for (Observed& accusation : outcome.accusations)
            if (!is_first(accusation.requirement, Verdict::pass)) accusation.records.clear();
        const Verdict verdict = outcome.result.verdict;
        if (verdict == Verdict::pass || !is_first(outcome.result.requirements.front(), verdict)) outcome.records.clear();
        shorten(outcome.result.trace);
    }

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
        first_.clear();
        for (std::size_t i = 0; i < cases_.size() && !interrupted(); ++i) {
            if (!outcomes_[i] || outcomes_[i]->once) continue;
            const Verdict verdict = outcomes_[i]->result.verdict;
            const auto& accusations = outcomes_[i]->accusations;
            const bool held_against = verdict != Verdict::pass && verdict != Verdict::skipped;
            if (!held_against && std::all_of(accusations.begin(), accusations.end(), [&](const Observed& a) { return confirmed.contains(a.requirement); })) continue;
            Outcome outcome = judge.judge(cases_[i]);
            if (outcome.result.verdict == Verdict::inconclusive) continue;
            for (const Observed& accusation : outcome.accusations) confirmed.insert(accusation.requirement);
            shorten(i, outcome);
            outcomes_[i] = std::move(outcome);
        }
    }

    const RunOptions& options_;
    const Register& requirements_;
    std::vector<Case> cases_;
    std::vector<std::optional<Outcome>> outcomes_;
    std::size_t num_together_ = 1;  // cases that a thread takes at once
    std::atomic<std::size_t> next_{0};
    std::size_t num_done_ = 0;
    std::map<std::pair<std::string, Verdict>, std::size_t> first_;  // case of what findings show; Verdict::pass: accused by the checker
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

bool picks(const std::string& pattern, const Scenario& scenario) {
    const bool is_shell_pattern = pattern.find('*') != std::string::npos || pattern.find('?') != std::string::npos;
    const std::size_t side_size = scenario.name.find('/') + 1;
    for (const char* const begin : {scenario.name.c_str(), scenario.name.c_str() + side_size}) {
        const std::string_view name = begin;
        if (name == pattern || (is_shell_pattern && fnmatch(pattern.c_str(), begin, 0) == 0)) return true;
        if (name.starts_with(pattern) && (pattern.ends_with('/') || begin[pattern.size()] == '/' || begin[pattern.size()] == '[')) return true;
    }
    return std::find(scenario.proves.begin(), scenario.proves.end(), pattern) != scenario.proves.end();
}

std::string shell_quoted(const std::string& text) {
    static constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%";
    if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

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
    Run run(options, requirements, std::move(cases));
    // An attached peer serves only so many at once; of our own each thread has one. Web servers come to one place.
    run.play(peer, options.side == Side::web_server ? 1 : peer.is_ours() ? options.num_jobs : std::min(options.num_jobs, probe.num_connections));
    Findings findings(requirements);
    for (Outcome& outcome : run.take()) {
        findings.add(outcome);
        report.results.push_back(std::move(outcome.result));
    }
    report.findings = findings.take();
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

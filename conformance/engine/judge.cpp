#include "conformance/engine/judge.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "conformance/engine/probe.hpp"
#include "conformance/engine/selection.hpp"

namespace fcgispec {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int interval_ms = 50;           // between two looks, whether it has come back or has ended
constexpr int second_look_factor = 3;     // a silence is looked at again with so much more time
constexpr int deadlines_of_a_timer = 33;  // how long a Web server's own timer may last
constexpr int timer_ms_max = 10000;
constexpr int end_ms_max = 2000;          // to end, when all connections are closed

/// Nothing at all is held against the peer, as far as can be seen without asking it.
bool is_clean(const Played& played) {
    return played.outcome == Played::Outcome::as_expected && !played.tolerated && !played.died && played.accusations.empty();
}

/// What was waited for didn't come in time, to us or to a Web server.
bool too_late(const Played& played) {
    return played.outcome == Played::Outcome::silent || (played.outcome == Played::Outcome::contradicted && played.given_up);
}

void crash(Outcome& outcome, const std::string& what) {
    outcome.result.verdict = Verdict::crash;
    outcome.result.reason += (outcome.result.reason.empty() ? "" : "; ") + what;
    if (outcome.wanted.empty()) outcome.wanted = "the peer goes on serving";
    outcome.got += (outcome.got.empty() ? "" : "; ") + what;
}

Outcome inconclusive(Outcome outcome, const std::string& reason) {
    outcome.result.verdict = Verdict::inconclusive;
    outcome.result.reason = reason;
    outcome.accusations.clear();
    return outcome;
}

}  // namespace

bool proves(const Result& result, const std::string& requirement) {
    return std::find(result.requirements.begin(), result.requirements.end(), requirement) != result.requirements.end();
}

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

std::string got_of(const Played& played) {
    return played.got + (played.waited_ms > 0 ? " (waited " + std::to_string(played.waited_ms) + " ms)" : "");
}

std::vector<Outcome> Judge::judge_all(std::span<const Case> cases) {
    std::vector<Outcome> result;
    while (result.size() < cases.size() && !interrupted())
        for (Outcome& outcome : judge_some(cases.subspan(result.size()))) result.push_back(std::move(outcome));
    return result;
}

Outcome Judge::judge(const Case& one) {
    Outcome gravest = judge_once(one);
    for (std::size_t i = 1; i < options_.num_repeats && !interrupted(); ++i) {
        Outcome next = judge_once(one);
        if (next.result.verdict > gravest.result.verdict) gravest = std::move(next);
    }
    return gravest;
}

PlayOptions Judge::play_options(const Case& one, int factor) const {
    PlayOptions result = peer_.play_options();
    result.splitting = one.splitting;
    result.deadline_ms *= factor;
    return result;
}

std::vector<Outcome> Judge::judge_some(std::span<const Case> cases) {
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
            if (clean) {
                judge_played(last, outcome);
                outcome.raw.reset();
            }
            outcome.result.duration_ms = milliseconds_since(begin);
        }
        const std::size_t num_clean = outcomes.size() - (clean ? 0 : 1);
        const bool healthy = check_health();
        if (interrupted()) {
            // It lived behind those that a clean one follows.
            for (std::size_t i = std::max<std::size_t>(num_clean, 1) - 1; i < outcomes.size(); ++i) outcomes[i] = inconclusive(std::move(outcomes[i]), "interrupted");
            return outcomes;
        }
        if (!healthy) {
            const bool on_purpose = ended_on_purpose();
            Outcome suspect = suspected(std::move(outcomes.back()), std::move(last));
            suspect.reading_size = reading_size(*cases[outcomes.size() - 1].scenario);
            return judge_alone(cases.first(outcomes.size()), on_purpose ? std::nullopt : std::optional(std::move(suspect)));
        }
        // Behind another scenario it may suffer from what that has left behind. Behind a plain request it doesn't.
        if (!clean) outcomes.back() = judge(cases[num_clean]);
        return outcomes;
    } catch (const std::exception&) {
        // Each alone tells what the trouble is.
    }
    return judge_alone(cases.first(std::max<std::size_t>(outcomes.size(), 1)), std::nullopt);
}

Outcome Judge::suspected(Outcome outcome, Played played) {
    outcome.result.trace = std::move(played.trace);
    outcome.records = std::move(played.around);
    outcome.raw = std::move(played.raw);
    judge_unhealthy(outcome);
    outcome.once = true;
    return outcome;
}

std::vector<Outcome> Judge::judge_alone(std::span<const Case> cases, std::optional<Outcome> suspect) {
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
    outcomes.back() = std::move(*suspect);
    return outcomes;
}

Outcome Judge::unjudged(const Case& one) const {
    Outcome outcome;
    outcome.result = {.scenario = one.scenario->name, .title = one.scenario->title, .requirements = one.scenario->proves,
                      .splitting = std::string(name_of(one.splitting))};
    outcome.result.again = again({&one, 1});
    return outcome;
}

Outcome Judge::judge_once(const Case& one) {
    Outcome outcome = unjudged(one);
    outcome.gone = gone_;
    if (gone_) return inconclusive(std::move(outcome), "the peer died in an earlier scenario, or was stopped, and has not come back");
    const auto begin = Clock::now();
    try {
        play_and_judge(one, outcome);
    } catch (const std::exception& error) {
        outcome = inconclusive(std::move(outcome), std::string("our own trouble: ") + error.what());
    }
    outcome.result.duration_ms = milliseconds_since(begin);
    return outcome;
}

Played Judge::play_case(const Case& one, int factor) const {
    const PlayOptions options = play_options(one, factor);
    Played played = one.scenario->unread ? play(whole(*one.scenario), options) : play(*one.scenario, options);
    played.seen.clear();  // it may be much, and nobody asks for it here
    return played;
}

void Judge::play_and_judge(const Case& one, Outcome& outcome) {
    Played played = play_case(one);
    bool healthy = check_health();
    if (ended_on_purpose()) {
        // Perhaps after an earlier scenario: what a fresh one does counts.
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
    if (outcome.result.verdict != Verdict::pass || !outcome.accusations.empty()) outcome.reading_size = reading_size(*one.scenario);
}

void Judge::judge_played(Played& played, Outcome& outcome) {
    Result& result = outcome.result;
    for (const std::string& alternative : played.alternatives) result.alternative += (result.alternative.empty() ? "" : ", ") + alternative;
    outcome.wanted = played.wanted;
    outcome.got = got_of(played);
    outcome.records = std::move(played.around);
    outcome.accusations = std::move(played.accusations);
    outcome.raw = std::move(played.raw);
    outcome.unanswered = played.outcome == Played::Outcome::silent || played.outcome == Played::Outcome::closed;
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
    if (played.unjudged) {
        result.verdict = Verdict::skipped;
        result.reason = "the peer went the way '" + played.alternatives.back() + "', on which the scenario tells nothing";
    } else if (played.tolerated) {
        result.verdict = Verdict::tolerated;
        result.reason = "tolerated: " + result.alternative;
        outcome.wanted = played.tolerated->better.empty() ? result.title : played.tolerated->better;
        outcome.got = played.tolerated->taken;
    }
    for (const Observed& accusation : outcome.accusations) {
        if (!proves(result, accusation.requirement)) continue;
        const Verdict verdict = verdict_of_breach(requirements_.find(accusation.requirement));
        if (verdict <= result.verdict) continue;
        result.verdict = verdict;
        result.reason = accusation.requirement + ": wanted " + accusation.wanted + ", got " + accusation.got;
    }
}

bool Judge::check_health() {
    if (peer_.exit_status()) return false;
    const Played::Outcome outcome = play_plain_request();
    const bool healthy = outcome == Played::Outcome::as_expected;
    if (!healthy && outcome != Played::Outcome::silent) await_end();
    return healthy;
}

bool Judge::ended_on_purpose() {
    const auto status = peer_.exit_status();
    return status && !status->by_signal && status->number == 0;
}

void Judge::await_end() {
    const auto begin = Clock::now();
    const int patience_ms = std::min(options_.deadline_ms, end_ms_max);
    while (peer_.end_fd() >= 0 && !interrupted() && milliseconds_since(begin) < patience_ms && !peer_.wait_for_exit(interval_ms)) continue;
}

Played::Outcome Judge::play_plain_request() {
    PlayOptions options = peer_.play_options();
    const int second_look_ms = options.deadline_ms * second_look_factor;
    // A Web server may wait for a timer of its own before it gives up what a scenario has left behind. That which we start is
    // our reference, and has none.
    const bool is_reference = options_.side == Side::web_server && peer_.is_ours();
    const int timers_ms = is_reference ? 0 : std::min(options.deadline_ms * deadlines_of_a_timer, timer_ms_max);
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

void Judge::judge_unhealthy(Outcome& outcome) {
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


void Judge::recover() {
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


std::string Judge::again(std::span<const Case> cases) const {
    std::string result = options_.again;
    for (std::size_t i = 0; i < cases.size(); ++i)
        if (i == 0 || cases[i].scenario != cases[i - 1].scenario) result += " --select " + shell_quoted(cases[i].scenario->name);
    const Splitting splitting = cases.front().splitting;
    const bool alike = std::all_of(cases.begin(), cases.end(), [&](const Case& one) { return one.splitting == splitting; });
    if (!alike || splitting != Splitting::whole) result += " --splitting " + (alike ? std::string(name_of(splitting)) : "all");
    if (options_.seed != 1) result += " --seed " + std::to_string(options_.seed);
    return result;
}

}  // namespace fcgispec

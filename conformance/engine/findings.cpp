#include "conformance/engine/findings.hpp"

#include <algorithm>
#include <utility>

namespace fcgispec {
namespace {

Remoteness remoteness(std::size_t index, const Outcome& outcome, const std::string& requirement) {
    return {!proves(outcome.result, requirement), outcome.reading_size, index};
}

}  // namespace

void Examples::shorten(std::size_t index, Outcome& outcome) {
    bool any = false;
    for (Observed& accusation : outcome.accusations) {
        const bool plainest = is_plainest(accusation.requirement, Verdict::pass, remoteness(index, outcome, accusation.requirement));
        if (!plainest) accusation.records.clear();
        any = any || plainest;
    }
    const std::string& first = outcome.result.requirements.front();
    const Verdict verdict = outcome.result.verdict;
    const bool plainest = verdict != Verdict::pass && is_plainest(first, verdict, remoteness(index, outcome, first));
    if (!plainest) outcome.records.clear();
    if (!plainest && !any) outcome.raw.reset();
}

bool Examples::is_plainest(const std::string& requirement, Verdict verdict, const Remoteness& here) {
    const auto [known, is_first] = plainest_.try_emplace({requirement, verdict}, here);
    if (!is_first && known->second < here) return false;
    known->second = here;
    return true;
}

void Findings::add(const Outcome& outcome) {
    const Result& result = outcome.result;
    bool accused_here = false;
    for (const Observed& accusation : outcome.accusations) {
        const Requirement* requirement = requirements_.find(accusation.requirement);
        if (requirement != nullptr && requirement->level == Level::may) continue;
        add(accusation.requirement, verdict_of_breach(requirement), accusation.wanted, accusation.got, accusation.records, accusation.count, outcome);
        accused_here = accused_here || proves(result, accusation.requirement);
    }
    const bool by_scenario = result.verdict == Verdict::crash || (!outcome.wanted.empty() && result.verdict != Verdict::inconclusive);
    const bool breach = result.verdict == Verdict::fail || result.verdict == Verdict::crash || result.verdict == Verdict::tolerated;
    if (breach && (by_scenario || !accused_here))
        add(result.requirements.front(), result.verdict, outcome.wanted, outcome.got, outcome.records, 1, outcome);
    ++num_added_;
}

std::vector<Finding> Findings::take() {
    std::vector<Finding> result;
    for (auto& [requirement, entry] : entries_) result.push_back(std::move(entry.finding));
    std::sort(result.begin(), result.end(), [](const Finding& a, const Finding& b) {
        return a.verdict != b.verdict ? a.verdict > b.verdict : a.requirement < b.requirement;
    });
    return result;
}

void Findings::add(const std::string& requirement, Verdict verdict, const std::string& wanted, const std::string& got,
                   const std::vector<std::string>& records, std::size_t count, const Outcome& outcome) {
    const Result& result = outcome.result;
    Entry& entry = entries_[requirement];
    Finding& finding = entry.finding;
    const bool first = finding.count == 0;
    finding.requirement = requirement;
    finding.count += count;
    if (finding.scenarios.empty() || finding.scenarios.back() != result.scenario) finding.scenarios.push_back(result.scenario);
    const std::pair example{outcome.raw == nullptr, remoteness(num_added_, outcome, requirement)};
    if (!first && (verdict < finding.verdict || (verdict == finding.verdict && example >= entry.example))) return;
    entry.example = example;
    finding.verdict = verdict;
    finding.wanted = wanted;
    finding.got = got;
    finding.records = records;
    finding.scenario = result.scenario;
    finding.evidence = outcome.raw;
    finding.again = result.again;
}

}  // namespace fcgispec

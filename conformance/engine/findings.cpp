#include "conformance/engine/findings.hpp"

#include <algorithm>
#include <utility>

namespace fcgispec {

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
}

std::vector<Finding> Findings::take() {
    std::vector<Finding> result;
    for (auto& [requirement, finding] : findings_) result.push_back(std::move(finding));
    std::sort(result.begin(), result.end(), [](const Finding& a, const Finding& b) {
        return a.verdict != b.verdict ? a.verdict > b.verdict : a.requirement < b.requirement;
    });
    return result;
}

void Findings::add(const std::string& requirement, Verdict verdict, const std::string& wanted, const std::string& got,
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

}  // namespace fcgispec

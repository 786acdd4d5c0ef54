#include "conformance/engine/findings.hpp"

#include <algorithm>
#include <utility>

namespace fcgispec {
namespace {

/// What an outcome holds against the peer, of one requirement. Views of the outcome.
struct Charge {
    const std::string& requirement;
    Verdict verdict;
    const std::string& wanted;
    const std::string& got;
    const Excerpt& records;
    std::size_t count;
    bool unanswered;
};

constexpr std::string_view examples_folder = "/B-examples/";

std::vector<Charge> charges_of(const Outcome& outcome, const Register& requirements) {
    const Result& result = outcome.result;
    std::vector<Charge> charges;
    bool accused_here = false;
    for (const Observed& accusation : outcome.accusations) {
        const Requirement* requirement = requirements.find(accusation.requirement);
        if (requirement != nullptr && requirement->level == Level::may) continue;
        charges.push_back({accusation.requirement, verdict_of_breach(requirement), accusation.wanted, accusation.got, accusation.records, accusation.count, false});
        accused_here = accused_here || proves(result, accusation.requirement);
    }
    const bool by_scenario = result.verdict == Verdict::crash || (!outcome.wanted.empty() && result.verdict != Verdict::inconclusive);
    const bool breach = result.verdict == Verdict::fail || result.verdict == Verdict::crash || result.verdict == Verdict::tolerated;
    if (breach && (by_scenario || !accused_here)) charges.push_back({result.requirements.front(), result.verdict, outcome.wanted, outcome.got, outcome.records, 1, outcome.unanswered});
    return charges;
}

}  // namespace

void Examples::take_from(std::size_t index, Outcome& outcome) {
    const Result& result = outcome.result;
    for (const Charge& charge : charges_of(outcome, *requirements_)) {
        const bool is_known = baseline_ != nullptr && baseline_->covers(charge.requirement, result.scenario);
        const bool is_elsewhere = !proves(result, charge.requirement);
        const Rank rank{.known = is_known, .lightness = -static_cast<int>(charge.verdict), .once = outcome.once, .elsewhere = is_elsewhere, .unanswered = charge.unanswered,
                        .made_up = is_elsewhere || result.scenario.find(examples_folder) == std::string::npos, .num_requirements = result.requirements.size(), .reading_size = outcome.reading_size, .index = index};
        const auto known = examples_.find(charge.requirement);
        if (known != examples_.end() && known->second.rank <= rank) continue;
        examples_.insert_or_assign(charge.requirement,
                                   Example{rank, Finding{.requirement = charge.requirement, .verdict = charge.verdict, .count = charge.count, .wanted = charge.wanted, .got = charge.got,
                                                         .scenario = result.scenario, .again = result.again, .records = charge.records, .scenarios = {result.scenario},
                                                         .evidence = outcome.raw, .known = std::nullopt}});
    }
    for (Observed& accusation : outcome.accusations) accusation.records = {};
    outcome.records = {};
    outcome.raw.reset();
}

void Examples::fill_from(Examples others) {
    for (auto& [requirement, other] : others.examples_) {
        const auto known = examples_.find(requirement);
        if (known == examples_.end() || (other.rank.once && other.rank < known->second.rank)) examples_.insert_or_assign(requirement, std::move(other));
    }
}

const Finding* Examples::find(const std::string& requirement) const {
    const auto found = examples_.find(requirement);
    return found == examples_.end() ? nullptr : &found->second.finding;
}

void Findings::add(const Outcome& outcome) {
    for (const Charge& charge : charges_of(outcome, requirements_)) {
        Finding& finding = findings_[charge.requirement];
        const bool first = finding.count == 0;
        finding.requirement = charge.requirement;
        finding.verdict = first ? charge.verdict : std::max(finding.verdict, charge.verdict);
        finding.count += charge.count;
        if (finding.scenarios.empty() || finding.scenarios.back() != outcome.result.scenario) finding.scenarios.push_back(outcome.result.scenario);
    }
}

std::vector<Finding> Findings::take(const Examples& examples) {
    std::vector<Finding> result;
    for (auto& [requirement, finding] : findings_) {
        if (const Finding* example = examples.find(requirement)) {
            Finding shown = *example;
            shown.verdict = finding.verdict;
            shown.count = finding.count;
            shown.scenarios = std::move(finding.scenarios);
            finding = std::move(shown);
        }
        result.push_back(std::move(finding));
    }
    std::sort(result.begin(), result.end(), [](const Finding& a, const Finding& b) {
        return a.verdict != b.verdict ? a.verdict > b.verdict : a.requirement < b.requirement;
    });
    return result;
}

}  // namespace fcgispec

#include "conformance/engine/results.hpp"

#include <algorithm>

namespace fcgispec {
namespace {

bool contains(const std::vector<std::string>& all, const std::string& one) noexcept {
    return std::find(all.begin(), all.end(), one) != all.end();
}

/// Whether `result` failed of what `finding` accuses. A scenario fails only for what it proves; a peer that died
/// stands accused of whatever it died of.
bool explains(const Finding& finding, const Result& result) noexcept {
    if (!is_violation(finding.verdict) || !contains(finding.scenarios, result.scenario)) return false;
    return contains(result.requirements, finding.requirement) ||
           (finding.verdict == Verdict::crash && result.verdict == Verdict::crash);
}

}  // namespace

std::string_view name_of(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::pass:
            return "pass";
        case Verdict::skipped:
            return "skipped";
        case Verdict::tolerated:
            return "tolerated";
        case Verdict::inconclusive:
            return "inconclusive";
        case Verdict::fail:
            return "fail";
        case Verdict::crash:
            return "crash";
    }
    return {};
}

bool is_violation(Verdict verdict) noexcept {
    return verdict == Verdict::fail || verdict == Verdict::crash;
}

bool is_conclusive(Verdict verdict) noexcept {
    return verdict != Verdict::skipped && verdict != Verdict::inconclusive;
}

std::array<std::size_t, 6> summary_of(const Report& report) noexcept {
    std::array<std::size_t, 6> counts{};
    for (const Result& result : report.results) ++counts[static_cast<std::size_t>(result.verdict)];
    return counts;
}

const Finding* finding_of(const Report& report, const Result& result) noexcept {
    const Finding* known = nullptr;
    if (!is_violation(result.verdict)) return known;
    for (const Finding& finding : report.findings) {
        if (!explains(finding, result)) continue;
        if (!finding.known) return &finding;
        if (known == nullptr) known = &finding;
    }
    return known;
}

bool is_shown_by(const Finding* finding, const Result& result) noexcept {
    return finding != nullptr && finding->scenario == result.scenario && finding->again == result.again;
}

int exit_code_of(const Report& report) noexcept {
    const auto& results = report.results;
    const bool accused = std::any_of(report.findings.begin(), report.findings.end(), [](const Finding& finding) {
        return is_violation(finding.verdict) && !finding.known;
    });
    const bool failed = std::any_of(results.begin(), results.end(), [&](const Result& result) {
        const Finding* finding = finding_of(report, result);
        return is_violation(result.verdict) && (finding == nullptr || !finding->known);
    });
    if (accused || failed) return 1;
    const bool unsure = std::any_of(results.begin(), results.end(),
                                    [](const Result& result) { return result.verdict == Verdict::inconclusive; });
    const bool tested =
        std::any_of(results.begin(), results.end(), [](const Result& result) { return is_conclusive(result.verdict); });
    return unsure || !tested || report.interrupted || !report.unreachable.empty() ? 3 : 0;
}

}  // namespace fcgispec

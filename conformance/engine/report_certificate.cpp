#include "conformance/engine/report_certificate.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "conformance/engine/report_text.hpp"

namespace fcgispec {
namespace {

constexpr std::string_view unregistered = "unregistered";

std::string profile_of(const Register& requirements, std::string_view id) {
    const Requirement* requirement = requirements.find(id);
    return requirement != nullptr ? requirement->profile : std::string(unregistered);
}

/// The line of `profile`; one for what is not registered is added when it is needed.
ProfileStanding& line_of(std::vector<ProfileStanding>& lines, const std::string& profile) {
    const auto found =
        std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.profile == profile; });
    if (found != lines.end()) return *found;
    return lines.emplace_back(ProfileStanding{.profile = profile});
}

void add_once(std::vector<std::string>& ids, const std::string& id) {
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
}

void count(const Result& result, ProfileStanding& line) {
    if (is_conclusive(result.verdict)) ++line.num_conclusive;
    if (result.verdict == Verdict::inconclusive) ++line.num_inconclusive;
    if (result.verdict == Verdict::skipped) ++line.num_skipped;
}

void accuse(const Finding& finding, ProfileStanding& line) {
    if (!is_violation(finding.verdict))
        add_once(line.tolerated, printable(finding.requirement));
    else
        add_once(finding.known ? line.known : line.broken, printable(finding.requirement));
}

/// What was interrupted has not been tested to its end.
Standing standing_of(const ProfileStanding& line, bool interrupted) {
    if (!line.broken.empty() || !line.known.empty()) return Standing::deviates;
    if (interrupted) return Standing::not_tested;
    return line.num_conclusive > 0 && line.num_inconclusive == 0 ? Standing::conforms : Standing::not_tested;
}

/// A failing case that no finding speaks for deviates as well.
void accuse_unexplained(const Result& result, std::vector<ProfileStanding>& lines, const Register& requirements,
                        const Report& report) {
    if (!is_violation(result.verdict) || finding_of(report, result) != nullptr) return;
    if (result.requirements.empty())
        add_once(line_of(lines, std::string(unregistered)).broken, printable(result.scenario));
    for (const std::string& id : result.requirements)
        add_once(line_of(lines, profile_of(requirements, id)).broken, printable(id));
}

std::string times(std::size_t count) {
    if (count == 1) return "once";
    return count == 2 ? "twice" : std::to_string(count) + " times";
}

std::size_t num_broken(const Report& report) {
    std::set<std::string> broken;
    for (const Finding& finding : report.findings)
        if (is_violation(finding.verdict) && !finding.known) broken.insert(finding.requirement);
    for (const Result& result : report.results)
        if (is_violation(result.verdict) && finding_of(report, result) == nullptr)
            broken.insert(result.requirements.empty() ? result.scenario : result.requirements.front());
    return broken.size();
}

/// "R-3.3-25, R-3.3-26: read from one sentence ...": who counts faults must know.
std::vector<std::string> shared_sentences(const std::vector<Finding>& findings, const Register& requirements) {
    std::map<std::string_view, std::vector<std::string>> broken_by_sentence;
    for (const Finding& finding : findings)
        if (const Requirement* requirement = requirements.find(finding.requirement)) broken_by_sentence[requirement->quote].push_back(requirement->id);
    std::vector<std::string> shared;
    for (auto& [sentence, ids] : broken_by_sentence) {
        if (ids.size() < 2) continue;
        std::sort(ids.begin(), ids.end());
        shared.push_back(joined(ids) + ": readings of the same sentence of the specification");
    }
    std::sort(shared.begin(), shared.end());
    return shared;
}

/// A profile that conforms where it was played has said nothing of these.
void name_untested(const Report& report, const Register& requirements, std::vector<ProfileStanding>& lines) {
    std::map<std::string, bool> told;  // whether something is known of it, by requirement
    for (const Result& result : report.results)
        for (const std::string& id : result.requirements) told[id] |= result.verdict != Verdict::skipped;
    for (const Finding& finding : report.findings) told[finding.requirement] = true;
    for (const Requirement& requirement : requirements.all())
        if (const auto found = told.find(requirement.id); found != told.end() && !found->second && requirement.level != Level::may)
            line_of(lines, requirement.profile).untested.push_back(requirement.id);
}

/// " of 3 scenarios", where cases are of several, and fewer: one table may be one fault.
std::string of_scenarios(const Finding& finding) {
    std::set<std::string> names;
    for (const std::string& name : finding.scenarios) names.insert(name_of_table(name));
    return names.size() > 1 && names.size() < finding.scenarios.size() ? " of " + counted(names.size(), "scenario") : "";
}

}  // namespace

std::string_view name_of(Standing standing) noexcept {
    switch (standing) {
        case Standing::conforms:
            return "conforms";
        case Standing::deviates:
            return "deviates";
        case Standing::not_tested:
            return "not tested";
    }
    return {};
}

std::string ProfileStanding::print() const {
    std::vector<std::string> parts;
    if (!broken.empty()) parts.push_back(joined(broken));
    if (!known.empty()) parts.push_back("known " + joined(known));
    if (!tolerated.empty()) parts.push_back((standing == Standing::not_tested ? "seen beside other cases: tolerated " : "tolerated ") + joined(tolerated));
    if (num_inconclusive > 0) parts.push_back(counted(num_inconclusive, "case") + " inconclusive");
    if (num_skipped > 0 && num_conclusive > 0) parts.push_back((standing == Standing::conforms ? "in the " : "") + counted(num_conclusive, "case") + " played");
    const std::string all_of = untested.empty() || num_conclusive == 0 ? "" : ", all of " + joined(untested) + " among them";
    if (num_skipped > 0) parts.push_back(counted(num_skipped, "case") + " skipped" + all_of);
    return std::string(name_of(standing)) + (parts.empty() ? "" : ": ") + joined(parts, "; ");
}

std::vector<ProfileStanding> certificate_of(const Report& report, const Register& requirements) {
    std::vector<ProfileStanding> lines;
    for (const std::string& profile : profiles()) lines.push_back({.profile = profile});
    for (const Result& result : report.results) {
        std::set<std::string> counted_for;
        for (const std::string& id : result.requirements) counted_for.insert(profile_of(requirements, id));
        for (const std::string& profile : counted_for) count(result, line_of(lines, profile));
        accuse_unexplained(result, lines, requirements, report);
    }
    for (const Finding& finding : report.findings)
        accuse(finding, line_of(lines, profile_of(requirements, finding.requirement)));
    name_untested(report, requirements, lines);
    for (ProfileStanding& line : lines) line.standing = standing_of(line, report.interrupted);
    return lines;
}

std::string conclusion_of(const Report& report) {
    const int code = exit_code_of(report);
    std::string result = code == 0 ? "conforms" : code == 1 ? "does not conform" : "inconclusive";
    const bool deviates = std::any_of(report.findings.begin(), report.findings.end(), [](const Finding& finding) {
        return finding.known && is_violation(finding.verdict);
    });
    if (code == 0 && report.partial) result += " in what was selected";
    if (code == 0 && deviates) result += ", save for known deviations";
    if (code == 1) result += ": " + counted(num_broken(report), "requirement") + " broken";
    if (!report.unreachable.empty())
        return result + ": the peer could not be reached: " + printable(report.unreachable);
    if (report.unanswered && code == 1) result += "; no plain request was answered: is this a FastCGI peer?";
    const std::string separator = code == 1 ? "; " : ": ";
    if (report.interrupted && report.num_unplayed > 0)
        return result + separator + "the run was interrupted, " + counted(report.num_unplayed, "case") + " not played";
    if (report.interrupted) return result + separator + "the run was interrupted";
    if (report.gone) return result + separator + "the peer went away and did not come back: crashed, or stopped";
    if (code == 3 && summary_of(report)[static_cast<std::size_t>(Verdict::inconclusive)] == 0)
        result += ": nothing was tested";
    return result;
}

std::string why_nothing_is_tested(const Report& report) {
    const auto came_to_its_end = [](const Result& result) { return is_conclusive(result.verdict); };
    if (!report.unreachable.empty() || std::any_of(report.results.begin(), report.results.end(), came_to_its_end))
        return {};
    return report.results.empty() ? "no case was played" : "no case came to its end";
}

const std::array<Verdict, 6>& counted_verdicts() noexcept {
    static constexpr std::array<Verdict, 6> order{Verdict::pass,  Verdict::tolerated,    Verdict::fail,
                                                  Verdict::crash, Verdict::inconclusive, Verdict::skipped};
    return order;
}

std::string counts_of(const Report& report) {
    const std::array<std::size_t, 6> counts = summary_of(report);
    std::vector<std::string> parts;
    for (const Verdict verdict : counted_verdicts())
        parts.push_back(std::to_string(counts[static_cast<std::size_t>(verdict)]) + ' ' +
                        std::string(name_of(verdict)));
    return counted(report.results.size(), "case") + ": " + joined(parts);
}

std::vector<const Finding*> findings_of(const Report& report, bool known) {
    std::vector<const Finding*> result;
    for (const Finding& finding : report.findings)
        if (finding.known.has_value() == known) result.push_back(&finding);
    // The place in the report decides between equals. (Clang 19 warns of what GCC 12's std::stable_sort uses.)
    std::sort(result.begin(), result.end(), [](const Finding* a, const Finding* b) {
        return a->verdict != b->verdict ? a->verdict > b->verdict : a < b;
    });
    return result;
}

std::vector<const Finding*> findings_without_case(const Report& report) {
    std::set<const Finding*> with_case;
    for (const Result& result : report.results) with_case.insert(finding_of(report, result));
    std::vector<const Finding*> result;
    for (const Finding& finding : report.findings)
        if (is_violation(finding.verdict) && !with_case.contains(&finding)) result.push_back(&finding);
    return result;
}

std::vector<std::pair<std::string, std::size_t>> counted_by_reason(const Report& report, Verdict verdict) {
    std::map<std::string, std::size_t> counts;
    for (const Result& result : report.results)
        if (result.verdict == verdict) ++counts[printable(result.reason)];
    std::vector<std::pair<std::string, std::size_t>> sorted(counts.begin(), counts.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    return sorted;
}

std::string frequency_of(const Finding& finding) {
    std::string result = finding.count == finding.scenarios.size() ? "" : times(finding.count) + ' ';
    if (!finding.scenarios.empty()) result += "in " + counted(finding.scenarios.size(), "case") + of_scenarios(finding);
    if (!finding.scenario.empty())
        result += (finding.scenarios.size() > 1 ? ", here in " : ": ") + printable(finding.scenario);
    return result;
}

std::vector<std::string> legend_of(const std::vector<Finding>& findings, const Register& requirements) {
    const auto any_line = [&](const auto& is_such) {
        return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) { return std::any_of(finding.records.begin(), finding.records.end(), is_such); });
    };
    const auto any_says = [&](std::string_view sign) { return any_line([&](const ExcerptLine& line) { return line.text.find(sign) != std::string::npos; }); };
    const auto is_tolerated = [](const Finding& finding) { return finding.verdict == Verdict::tolerated; };
    std::vector<std::string> result;
    if (any_says("")) result.emplace_back("> we said, < the peer said, ! broke the requirement");
    const auto names_connection = [](const ExcerptLine& line) { return !line.text.empty() && std::isalpha(static_cast<unsigned char>(line.text.front())) != 0 && !line.text.starts_with("http"); };
    if (any_line(names_connection)) result.emplace_back("a> a< b> b<: on connections of their own; that something was answered there shows that there was time");
    if (any_says("# ")) result.emplace_back("#: our remark");
    if (any_says("> request ")) result.emplace_back("request: all records of one, in its plainest form, with FCGI_KEEP_CONN where no flags are told");
    if (any_says("[base") || any_says(" base ") || any_says(" base]")) result.emplace_back("base: the CGI variables of a plain request, and those of --param");
    if (any_says("=long ") || any_says("long \"")) result.emplace_back("long: the length before it is told in four bytes");
    if (any_says(" ...]")) result.emplace_back("...: variables that it isn't about");
    if (std::any_of(findings.begin(), findings.end(), is_tolerated)) result.emplace_back("tolerated: a recommendation that is not followed, or a poor way that is allowed");
    if (findings.size() > 1) result.emplace_back("one fault may break several requirements, and show in cases that pass: those are about others");
    for (std::string& shared : shared_sentences(findings, requirements)) result.push_back(std::move(shared));
    return result;
}

std::pair<std::string, std::string> folder_and_name(const Result& result) {
    const std::string name = printable(result.scenario);
    const std::size_t slash = name.rfind('/', name.find('['));
    if (slash == std::string::npos) return {"", name};
    return {name.substr(0, slash), name.substr(slash + 1)};
}

std::string statement_of(const Register& requirements, std::string_view id) {
    const Requirement* requirement = requirements.find(id);
    return requirement != nullptr ? requirement->statement : std::string();
}

}  // namespace fcgispec

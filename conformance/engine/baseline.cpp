#include "conformance/engine/baseline.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "conformance/engine/report_text.hpp"
#include "conformance/engine/requirements.hpp"
#include "conformance/engine/text_file.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t reason_part_size_max = 160;  // characters, of what was wanted and got
constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
    return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

[[noreturn]] void fail(const std::string& file, std::size_t line, const std::string& message) {
    throw std::runtime_error(file + ':' + std::to_string(line) + ": " + message);
}

/// The colon before the reason: the first that a blank or the line's end follows.
std::size_t colon_of(std::string_view text) {
    std::size_t at = text.find(':');
    while (at != std::string_view::npos && at + 1 < text.size() && blanks.find(text[at + 1]) == std::string_view::npos)
        at = text.find(':', at + 1);
    return at;
}

/// REQUIREMENT [in SCENARIO]: REASON.
BaselineLine read_line(std::string_view text, const std::string& file, std::size_t line) {
    const std::size_t colon = colon_of(text);
    std::istringstream head{std::string(text.substr(0, colon))};
    std::vector<std::string> words;
    for (std::string word; head >> word;) words.push_back(word);
    const bool whole_form = words.size() == 1 || (words.size() == 3 && words[1] == "in");
    if (colon == std::string_view::npos || !whole_form)
        fail(file, line, "expected REQUIREMENT: REASON or REQUIREMENT in SCENARIO: REASON");
    if (!is_requirement_id(words[0]))
        fail(file, line, "expected a requirement like R-5.5-2, not \"" + printable(words[0]) + '"');
    const std::string_view reason = trimmed(text.substr(colon + 1));
    if (reason.empty()) fail(file, line, "a deviation wants a reason behind the colon");
    return {.requirement = words[0],
            .scenario = words.size() == 3 ? words[2] : std::string(),
            .reason = std::string(reason),
            .number = line};
}

bool same_place(const BaselineLine& a, const BaselineLine& b) {
    return a.requirement == b.requirement && a.scenario == b.scenario;
}

/// Whether `line` is of `scenario`, by its full name or as a case of its table.
bool names(const BaselineLine& line, const std::string& scenario) {
    return scenario == line.scenario || (!line.scenario.empty() && scenario.starts_with(line.scenario + '['));
}

/// The line that covers the requirement in that scenario: of that very case, of its table, of all; nothing for none.
const BaselineLine* line_of(const std::vector<BaselineLine>& lines, const std::string& requirement,
                            const std::string& scenario) {
    const BaselineLine* best = nullptr;
    for (const BaselineLine& line : lines) {
        const bool covers = line.requirement == requirement && (line.scenario.empty() || names(line, scenario));
        if (covers && (best == nullptr || line.scenario.size() > best->scenario.size())) best = &line;
    }
    return best;
}

/// What the lines make of one finding: the scenarios that they cover and those that they don't, and their reasons.
struct Cover {
    std::vector<std::string> known;
    std::vector<std::string> unknown;
    std::vector<std::string> reasons;
};

Cover cover_of(const std::vector<BaselineLine>& lines, const Finding& finding) {
    Cover cover;
    // A finding that names no scenario is covered by a line of its requirement.
    const std::vector<std::string> nowhere{std::string()};
    for (const std::string& scenario : finding.scenarios.empty() ? nowhere : finding.scenarios) {
        const BaselineLine* line = line_of(lines, finding.requirement, scenario);
        (line != nullptr ? cover.known : cover.unknown).push_back(scenario);
        if (line != nullptr &&
            std::find(cover.reasons.begin(), cover.reasons.end(), line->reason) == cover.reasons.end())
            cover.reasons.push_back(line->reason);
    }
    return cover;
}

/// How to see it in `scenario`, where a case of that name says it.
std::string again_of(const Report& report, const std::string& scenario) {
    for (const Result& result : report.results)
        if (result.scenario == scenario) return result.again;
    return {};
}

/// The part of `finding` that was seen in `scenarios`. How often it was seen is only known for the whole: `count`.
Finding part_of(const Report& report, const Finding& finding, const std::vector<std::string>& scenarios,
                std::size_t count) {
    Finding part = finding;
    part.scenarios = scenarios;
    part.count = std::max(count, scenarios.size());
    if (std::find(scenarios.begin(), scenarios.end(), finding.scenario) != scenarios.end()) return part;
    part.scenario = scenarios.front();
    part.again = again_of(report, part.scenario);
    part.records = {"# wanted and got are those of " + finding.scenario};
    part.evidence = nullptr;  // it is of that one
    return part;
}

void mark(const std::vector<BaselineLine>& lines, Report& report) {
    std::vector<Finding> marked;
    for (const Finding& finding : report.findings) {
        const Cover cover = cover_of(lines, finding);
        if (cover.known.empty()) {
            marked.push_back(finding);
        } else if (cover.unknown.empty()) {
            marked.push_back(finding);
            marked.back().known = joined(cover.reasons, "; ");
        } else {
            const std::size_t num_known = cover.known.size();
            marked.push_back(
                part_of(report, finding, cover.unknown, finding.count - std::min(finding.count, num_known)));
            marked.back().records.push_back("# " + counted(num_known, "further case") +
                                            ": known deviations of the baseline");
            marked.push_back(part_of(report, finding, cover.known, num_known));
            marked.back().known = joined(cover.reasons, "; ");
        }
    }
    report.findings = std::move(marked);
}

bool occurred(const BaselineLine& line, const Report& report) {
    return std::any_of(report.findings.begin(), report.findings.end(), [&](const Finding& finding) {
        if (finding.requirement != line.requirement) return false;
        return line.scenario.empty() || std::any_of(finding.scenarios.begin(), finding.scenarios.end(),
                                                    [&](const std::string& each) { return names(line, each); });
    });
}

bool is_about(const BaselineLine& line, const Result& result) {
    const auto& proves = result.requirements;
    if (!line.scenario.empty()) return names(line, result.scenario);
    return std::find(proves.begin(), proves.end(), line.requirement) != proves.end();
}

/// Whether the run was such that the deviation would have shown.
bool was_played(const BaselineLine& line, const Report& report) {
    const bool whole = !report.partial && !report.interrupted && report.unreachable.empty();
    std::vector<const Result*> about_it;
    for (const Result& result : report.results)
        if (is_about(line, result)) about_it.push_back(&result);
    if (!whole && (about_it.empty() || line.scenario.empty())) return false;
    // A requirement that no scenario proves is the checker's, and shows in any conversation.
    if (about_it.empty())
        for (const Result& result : report.results) about_it.push_back(&result);
    const auto is_unsure = [](const Result* result) { return result->verdict == Verdict::inconclusive; };
    const auto was_to_its_end = [](const Result* result) { return is_conclusive(result->verdict); };
    return std::none_of(about_it.begin(), about_it.end(), is_unsure) &&
           std::any_of(about_it.begin(), about_it.end(), was_to_its_end);
}

bool is_stale(const BaselineLine& line, const Report& report) {
    return was_played(line, report) && !occurred(line, report);
}

BaselineLine line_for(const Finding& finding) {
    const std::string seen = "wanted " + shortened(finding.wanted, reason_part_size_max) + ", got " +
                             shortened(finding.got, reason_part_size_max);
    return {.requirement = printable(finding.requirement), .scenario = {}, .reason = finding.known.value_or(seen), .number = 0};
}

void add_once(std::vector<BaselineLine>& lines, BaselineLine line) {
    const auto is_same = [&](const BaselineLine& each) { return same_place(each, line); };
    if (std::none_of(lines.begin(), lines.end(), is_same)) lines.push_back(std::move(line));
}

}  // namespace

std::string print(const BaselineLine& line) {
    return line.requirement + (line.scenario.empty() ? "" : " in " + line.scenario) + ": " + line.reason;
}

Baseline Baseline::parse(std::string_view text, const std::string& file) {
    Baseline result;
    for (std::size_t line = 1; !text.empty(); ++line) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view content = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (content.empty() || content.starts_with('#')) continue;
        BaselineLine read = read_line(content, file, line);
        if (std::any_of(result.lines_.begin(), result.lines_.end(),
                        [&](const BaselineLine& each) { return same_place(each, read); }))
            fail(file, line, "this deviation is listed already");
        result.lines_.push_back(std::move(read));
    }
    return result;
}

Baseline Baseline::load(const std::filesystem::path& path) {
    return parse(read_text(path), path.string());
}

bool Baseline::covers(const std::string& requirement, const std::string& scenario) const { return line_of(lines_, requirement, scenario) != nullptr; }

void Baseline::apply(Report& report) const {
    mark(lines_, report);
    for (const BaselineLine& line : lines_)
        if (is_stale(line, report)) report.stale.push_back(print(line));
}

std::string write_baseline(const Report& report, const Baseline& old) {
    std::vector<BaselineLine> lines;
    for (const BaselineLine& line : old.lines())
        if (!is_stale(line, report)) lines.push_back(line);
    const std::vector<BaselineLine> kept = lines;
    for (const Finding& finding : report.findings)
        if (!cover_of(kept, finding).unknown.empty()) add_once(lines, line_for(finding));
    std::sort(lines.begin(), lines.end(), [](const BaselineLine& a, const BaselineLine& b) {
        return std::tie(a.requirement, a.scenario) < std::tie(b.requirement, b.scenario);
    });
    std::string text = "# Known deviations of " + printable(report.name.empty() ? report.address : report.name) +
                       ". REQUIREMENT: REASON, or REQUIREMENT in SCENARIO: REASON.\n";
    for (const BaselineLine& line : lines) text += print(line) + '\n';
    return text;
}

}  // namespace fcgispec

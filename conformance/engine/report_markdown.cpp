#include <algorithm>

#include "conformance/engine/report_certificate.hpp"
#include "conformance/engine/report_text.hpp"
#include "conformance/engine/reports.hpp"

namespace fcgispec {
namespace {

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Prose that means nothing to Markdown. What a peer said belongs into code: there, names and addresses aren't linked.
std::string prose(std::string_view text) {
    const std::string shown = printable(text);
    std::string result;
    for (std::size_t i = 0; i < shown.size(); ++i) {
        const char c = shown[i];
        const bool within_word =
            i > 0 && i + 1 < shown.size() && is_letter_or_digit(shown[i - 1]) && is_letter_or_digit(shown[i + 1]);
        if (c == '&')
            result += "&amp;";
        else if (c == '<')
            result += "&lt;";
        else if (c == '>')
            result += "&gt;";
        else if (std::string_view("\\`*[]|~#").find(c) != std::string_view::npos || (c == '_' && !within_word))
            result += {'\\', c};
        else
            result += c;
    }
    return result;
}

/// Longest run of backticks: a fence must be longer.
std::size_t longest_run(std::string_view text) {
    std::size_t longest = 0;
    std::size_t run = 0;
    for (const char c : text) longest = std::max(longest, run = c == '`' ? run + 1 : 0);
    return longest;
}

/// Text as it is, within a line; a table wants its bars escaped even there.
std::string code(std::string_view text, bool in_table = false) {
    if (text.empty()) return {};
    std::string shown = printable(text);
    const std::string fence(longest_run(shown) + 1, '`');
    for (std::size_t at = 0; in_table && (at = shown.find('|', at)) != std::string::npos; at += 2)
        shown.insert(at, "\\");
    return fence.size() > 1 || shown.find_first_not_of(' ') != 0 ? fence + ' ' + shown + ' ' + fence
                                                                 : fence + shown + fence;
}

/// Lines that are shown as they are.
std::string fenced(const std::vector<std::string>& lines) {
    if (lines.empty()) return {};
    std::string text;
    for (const std::string& line : lines) text += printable(line) + '\n';
    const std::string fence(std::max<std::size_t>(longest_run(text) + 1, 3), '`');
    return fence + "text\n" + text + fence + "\n\n";
}

std::string row(const std::vector<std::string>& cells) {
    return "| " + joined(cells, " | ") + " |\n";
}

/// `content` is Markdown already.
std::string point(std::string_view label, const std::string& content) {
    return content.empty() ? std::string() : "- **" + std::string(label) + "** " + content + '\n';
}

std::string head(const Report& report) {
    std::string text = "# FastCGI conformance of " + prose(report.name.empty() ? report.address : report.name) + "\n\n";
    text += "**" + prose(conclusion_of(report)) + "**\n\n";
    text += point("peer", std::string(name_of(report.side)) + " at " + code(report.address));
    text += point("tool", "fcgispec " + prose(report.version) + ", seed " + std::to_string(report.seed));
    return text + point("cases", counts_of(report)) + '\n';
}

std::string capabilities(const Report& report) {
    if (report.capabilities.empty()) return {};
    std::string text = "## Capabilities\n\n" + row({"", "claimed", "observed"}) + row({"---", "---", "---"});
    for (const Capability& each : report.capabilities)
        text += row({prose(each.name), code(each.claimed, true), code(each.observed, true)});
    return text + '\n';
}

std::string certificate(const Report& report, const Register& requirements) {
    std::string text = "## Certificate\n\n" + row({"profile", "standing"}) + row({"---", "---"});
    for (const ProfileStanding& each : certificate_of(report, requirements))
        text += row({prose(each.profile), prose(each.print())});
    return text + '\n' + std::string(how_cases_count) + "\n\n";
}

std::string accusation(const Finding& finding, const Register& requirements) {
    const Requirement* requirement = requirements.find(finding.requirement);
    std::string text = "### " + prose(finding.requirement) + ": " + std::string(name_of(finding.verdict)) + "\n\n";
    if (requirement != nullptr) {
        text += prose(requirement->statement) + " (§" + requirement->section + ", " +
                std::string(name_of(requirement->level)) + ")\n\n" + point("our reading", prose(requirement->reading)) +
                point("against it", prose(requirement->against)) + point("in the field", prose(requirement->field));
    }
    text += point("wanted", code(finding.wanted)) + point("got", code(finding.got)) +
            point("seen", prose(frequency_of(finding)));
    if (finding.known) text += point("known deviation", prose(*finding.known));
    text += '\n' + fenced(texts_of(finding.records));
    return finding.again.empty() ? text : text + "Again:\n\n" + fenced({finding.again});
}

std::string findings(const Report& report, const Register& requirements, bool known) {
    const auto all = findings_of(report, known);
    if (all.empty()) return {};
    std::string text = known ? "## Known deviations\n\n" : "## Findings\n\n";
    if (const std::string legend = joined(legend_of(report.findings, requirements), "; "); !legend.empty()) text += prose(legend) + "\n\n";
    for (const Finding* finding : all) text += accusation(*finding, requirements);
    return text;
}

std::string stale(const Report& report) {
    if (report.stale.empty()) return {};
    std::string text = "## Lines of the baseline whose deviation did not occur\n\n";
    for (const std::string& each : report.stale) text += "- " + code(each) + '\n';
    return text + '\n';
}

std::string skipped(const Report& report) {
    const auto reasons = counted_by_reason(report, Verdict::skipped);
    if (reasons.empty()) return {};
    std::string text = "## Skipped\n\n" + row({"cases", "reason"}) + row({"---:", "---"});
    for (const auto& [reason, count] : reasons) text += row({std::to_string(count), prose(reason)});
    return text + '\n';
}

}  // namespace

std::string markdown_report(const Report& report, const Register& requirements) {
    std::string text = head(report) + certificate(report, requirements) + capabilities(report) +
                       findings(report, requirements, false) + findings(report, requirements, true) + stale(report) +
                       skipped(report);
    text.pop_back();  // one newline ends the last paragraph, not two
    return text;
}

}  // namespace fcgispec

#include "conformance/engine/report_certificate.hpp"
#include "conformance/engine/report_text.hpp"
#include "conformance/engine/reports.hpp"

namespace fcgispec {
namespace {

/// A description or a reason: a bare # would begin a directive.
std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : printable(text)) {
        if (c == '#' || c == '\\') result += '\\';
        result += c;
    }
    return result;
}

/// A JSON string is a YAML one.
std::string json_text(std::string_view text) {
    return nlohmann::json(printable(text)).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string field(std::string_view name, std::string_view value) {
    return value.empty() ? std::string() : "  " + std::string(name) + ": " + json_text(value) + '\n';
}

/// What a finding shows; its evidence is that of one case.
std::string fields_of(const Finding* finding) {
    if (finding == nullptr) return {};
    std::string text = field("requirement", finding->requirement) + field("wanted", finding->wanted) +
                       field("got", finding->got) + field("seen", frequency_of(*finding));
    if (!finding->records.empty()) text += "  records:\n";
    for (const std::string& record : texts_of(finding->records)) text += "    - " + json_text(record) + '\n';
    return text;
}

/// Where the evidence is that of another case.
std::string of_another_case(const Finding* finding) {
    if (finding == nullptr) return {};
    return field("requirement", finding->requirement) + field("evidence", finding->scenario);
}

std::string line_of(bool ok, std::size_t number, const std::string& description, const std::string& directive) {
    return std::string(ok ? "ok " : "not ok ") + std::to_string(number) + " - " + escaped(description) + directive +
           '\n';
}

std::string todo(const Finding* finding) {
    return finding != nullptr && finding->known ? " # TODO known deviation: " + escaped(*finding->known)
                                                : std::string();
}

std::string case_of(const Report& report, const Result& result, std::size_t number) {
    const bool plain = result.splitting.empty() || result.splitting == "whole";
    const std::string name = result.scenario + (plain ? "" : " (" + result.splitting + ')');
    if (result.verdict == Verdict::skipped) return line_of(true, number, name, " # SKIP " + escaped(result.reason));
    const bool ok = result.verdict == Verdict::pass || result.verdict == Verdict::tolerated;
    const Finding* finding = finding_of(report, result);
    std::string text = line_of(ok, number, name, todo(finding));
    if (result.verdict == Verdict::pass) return text;
    return text + "  ---\n" + field("verdict", name_of(result.verdict)) + field("reason", result.reason) +
           (is_shown_by(finding, result) ? fields_of(finding) : of_another_case(finding)) +
           field("again", result.again) + "  ...\n";
}

std::string case_of(const Finding& finding, const Register& requirements, std::size_t number) {
    const std::string name = finding.requirement + ' ' + statement_of(requirements, finding.requirement);
    return line_of(false, number, name, todo(&finding)) + "  ---\n" + field("verdict", name_of(finding.verdict)) +
           fields_of(&finding) + field("again", finding.again) + "  ...\n";
}

}  // namespace

std::string tap_report(const Report& report, const Register& requirements) {
    const std::vector<const Finding*> findings = findings_without_case(report);
    std::string text = "TAP version 14\n1.." + std::to_string(report.results.size() + findings.size()) + '\n';
    std::size_t number = 0;
    for (const Result& result : report.results) text += case_of(report, result, ++number);
    for (const Finding* finding : findings) text += case_of(*finding, requirements, ++number);
    for (const std::string& each : report.stale) text += "# stale: " + escaped(each) + '\n';
    text += "# " + printable(report.name) + ": " + conclusion_of(report) + '\n';
    // A harness takes what it has seen for all there is, unless it is told.
    if (!report.unreachable.empty())
        text += "Bail out! " + printable(report.unreachable) + '\n';
    else if (report.interrupted)
        text += "Bail out! interrupted\n";
    else if (const std::string why = why_nothing_is_tested(report); !why.empty())
        text += "Bail out! " + why + '\n';
    return text;
}

}  // namespace fcgispec

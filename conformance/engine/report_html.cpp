#include <map>
#include <set>
#include <stdexcept>

#include "conformance/engine/report_certificate.hpp"
#include "conformance/engine/report_text.hpp"
#include "conformance/engine/reports.hpp"
#include "conformance/engine/text_file.hpp"

namespace fcgispec {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view mark_start = "<!--fcgispec:";
constexpr std::string_view mark_end = "-->";

Json to_json(const Requirement& requirement) {
    return {{"section", requirement.section}, {"level", name_of(requirement.level)},
            {"profile", requirement.profile}, {"statement", requirement.statement},
            {"quote", requirement.quote},     {"reading", requirement.reading},
            {"against", requirement.against}, {"field", requirement.field}};
}

/// The requirements of which the report speaks.
Json requirements_json(const Report& report, const Register& requirements) {
    std::set<std::string> ids;
    for (const Finding& finding : report.findings) ids.insert(finding.requirement);
    for (const Result& result : report.results) ids.insert(result.requirements.begin(), result.requirements.end());
    Json result = Json::object();
    for (const std::string& id : ids)
        if (const Requirement* requirement = requirements.find(id)) result[valid_utf8(id)] = to_json(*requirement);
    return result;
}

Json certificate_json(const Report& report, const Register& requirements) {
    Json result = Json::array();
    for (const ProfileStanding& each : certificate_of(report, requirements))
        result.push_back({{"profile", each.profile},
                          {"standing", name_of(each.standing)},
                          {"text", each.print()},
                          {"conclusive", each.num_conclusive}});
    return result;
}

/// All strings in `json` made printable: what stands on the page is meant to be looked at.
void make_printable(Json& json) {
    if (json.is_string()) json = printable(json.get<std::string>());
    if (json.is_structured())
        for (Json& each : json) make_printable(each);
}

/// For a <script> element: no "<" of a peer ends it or begins a comment.
std::string script_data(const Json& json) {
    std::string text;
    for (const char c : json.dump(-1, ' ', true, Json::error_handler_t::replace)) {
        if (c == '<')
            text += "\\u003c";
        else if (c == '>')
            text += "\\u003e";
        else if (c == '&')
            text += "\\u0026";
        else
            text += c;
    }
    return text;
}

std::string data_of(const Report& report, const Register& requirements) {
    Json image = to_json(report);
    image["seed"] = std::to_string(report.seed);  // JavaScript's numbers hold 53 bits
    make_printable(image);
    return script_data({{"report", std::move(image)},
                        {"conclusion", conclusion_of(report)},
                        {"counts", counts_of(report)},
                        {"legend", joined(legend_of(report.findings, requirements), "; ")},
                        {"certificate", certificate_json(report, requirements)},
                        {"how_cases_count", how_cases_count},
                        {"requirements", requirements_json(report, requirements)}});
}

/// The terminal's report for who has no JavaScript.
std::string plain_text(const Report& report, const Register& requirements) {
    std::string text;
    std::string all = terminal_report(report, requirements);
    for (std::size_t begin = 0; begin < all.size();) {
        const std::size_t end = all.find('\n', begin);
        text += markup(all.substr(begin, end - begin)) + '\n';
        begin = end + 1;
    }
    return text;
}

/// Replaces each mark <!--fcgispec:NAME--> of the template by its text, in one pass: what is put in is not read again.
std::string filled(const std::string& page, std::map<std::string, std::string> texts, const std::string& file) {
    std::string result;
    std::set<std::string> missing;
    for (const auto& [name, text] : texts) missing.insert(name);
    std::size_t begin = 0;
    for (std::size_t at; (at = page.find(mark_start, begin)) != std::string::npos;) {
        const std::size_t name_at = at + mark_start.size();
        const std::size_t end = page.find(mark_end, name_at);
        const std::string name = page.substr(name_at, end == std::string::npos ? end : end - name_at);
        if (end == std::string::npos || !texts.contains(name))
            throw std::runtime_error(file + ": unknown mark \"" + printable(name.substr(0, 40)) + '"');
        result.append(page, begin, at - begin).append(texts[name]);
        missing.erase(name);
        begin = end + mark_end.size();
    }
    if (!missing.empty())
        throw std::runtime_error(file + ": the mark <!--fcgispec:" + *missing.begin() + "--> is missing");
    return result.append(page, begin);
}

}  // namespace

std::string html_report(const Report& report, const Register& requirements,
                        const std::filesystem::path& template_path) {
    return filled(read_text(template_path),
                  {{"name", markup(report.name.empty() ? report.address : report.name)},
                   {"conclusion", markup(conclusion_of(report))},
                   {"counts", markup(counts_of(report))},
                   {"plain", plain_text(report, requirements)},
                   {"data", data_of(report, requirements)}},
                  template_path.string());
}

}  // namespace fcgispec

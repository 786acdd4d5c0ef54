#include <cmath>

#include "conformance/engine/report_certificate.hpp"
#include "conformance/engine/report_text.hpp"
#include "conformance/engine/reports.hpp"

namespace fcgispec {
namespace {

using Json = nlohmann::ordered_json;

Json texts(const std::vector<std::string>& all) {
    Json result = Json::array();
    for (const std::string& one : all) result.push_back(valid_utf8(one));
    return result;
}

/// JSON has no infinity, and nobody wants more than microseconds.
double milliseconds(double value) {
    return std::isfinite(value) ? std::round(value * 1000) / 1000 : 0;
}

Json peer_of(const Report& report) {
    return {{"side", name_of(report.side)}, {"address", valid_utf8(report.address)}, {"name", valid_utf8(report.name)}};
}

Json summary_json(const Report& report) {
    const std::array<std::size_t, 6> counts = summary_of(report);
    Json result = Json::object();
    for (const Verdict verdict : counted_verdicts())
        result[std::string(name_of(verdict))] = counts[static_cast<std::size_t>(verdict)];
    return result;
}

Json to_json(const Capability& capability) {
    return {{"name", valid_utf8(capability.name)},
            {"claimed", valid_utf8(capability.claimed)},
            {"observed", valid_utf8(capability.observed)}};
}

Json to_json(const RawPiece& piece) {
    const std::string_view from = !piece.http ? name_of(piece.from) : piece.from == Side::web_server ? "web-server-http" : "http-client";
    std::string hex;
    for (const char c : piece.bytes) {
        constexpr std::string_view digits = "0123456789abcdef";
        hex += digits[static_cast<unsigned char>(c) >> 4];
        hex += digits[static_cast<unsigned char>(c) & 15];
    }
    return {{"connection", piece.connection}, {"from", from}, {"end", piece.end}, {"bytes", hex}};
}

Json evidence_of(const Finding& finding) {
    Json result = Json::array();
    if (finding.evidence)
        for (const RawPiece& piece : finding.evidence->pieces) result.push_back(to_json(piece));
    return result;
}

Json to_json(const Finding& finding) {
    return {{"requirement", valid_utf8(finding.requirement)},
            {"verdict", name_of(finding.verdict)},
            {"count", finding.count},
            {"wanted", valid_utf8(finding.wanted)},
            {"got", valid_utf8(finding.got)},
            {"scenario", valid_utf8(finding.scenario)},
            {"again", valid_utf8(finding.again)},
            {"records", texts(texts_of(finding.records))},
            {"scenarios", texts(finding.scenarios)},
            {"evidence", evidence_of(finding)},
            {"evidence_cut", finding.evidence && finding.evidence->cut},
            {"known", finding.known ? Json(valid_utf8(*finding.known)) : Json(nullptr)}};
}

Json to_json(const Result& result) {
    return {{"scenario", valid_utf8(result.scenario)},   {"requirements", texts(result.requirements)},
            {"verdict", name_of(result.verdict)},        {"alternative", valid_utf8(result.alternative)},
            {"splitting", valid_utf8(result.splitting)}, {"reason", valid_utf8(result.reason)},
            {"again", valid_utf8(result.again)},         {"trace", texts(result.trace)},
            {"title", valid_utf8(result.title)},         {"duration_ms", milliseconds(result.duration_ms)}};
}

template <typename Value>
Json array_of(const std::vector<Value>& all) {
    Json result = Json::array();
    for (const Value& one : all) result.push_back(to_json(one));
    return result;
}

}  // namespace

nlohmann::ordered_json to_json(const Report& report) {
    return {{"tool", "fcgispec"},
            {"version", valid_utf8(report.version)},
            {"peer", peer_of(report)},
            {"duration_ms", milliseconds(report.duration_ms)},
            {"summary", summary_json(report)},
            {"exit_code", exit_code_of(report)},
            {"seed", report.seed},
            {"interrupted", report.interrupted},
            {"partial", report.partial},
            {"unreachable", valid_utf8(report.unreachable)},
            {"capabilities", array_of(report.capabilities)},
            {"findings", array_of(report.findings)},
            {"stale", texts(report.stale)},
            {"results", array_of(report.results)}};
}

std::string json_report(const Report& report, const Register&) {
    return to_json(report).dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace fcgispec

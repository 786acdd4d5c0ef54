#include <cstdio>
#include <map>

#include "conformance/engine/report_certificate.hpp"
#include "conformance/engine/report_text.hpp"
#include "conformance/engine/reports.hpp"

namespace fcgispec {
namespace {

/// One test suite while it is filled.
struct Suite {
    std::size_t num_tests = 0;
    std::size_t num_failures = 0;
    std::size_t num_errors = 0;
    std::size_t num_skipped = 0;
    double duration_ms = 0;
    std::string cases;
};

std::string seconds(double milliseconds) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.6f", milliseconds / 1000);
    return text.data();
}

std::string attribute(std::string_view name, std::string_view value) {
    return ' ' + std::string(name) + "=\"" + markup(value) + '"';
}

/// What an accusation tells, in lines; each is escaped by itself, since markup() makes one line of all.
std::string text_of(const Finding& finding, const Register& requirements) {
    std::string text =
        markup(finding.requirement) + ": " + markup(statement_of(requirements, finding.requirement)) + '\n';
    text += "wanted: " + markup(finding.wanted) + '\n';
    text += "got: " + markup(finding.got) + '\n';
    for (const std::string& record : texts_of(finding.records)) text += markup(record) + '\n';
    text += "seen: " + markup(frequency_of(finding)) + '\n';
    return text + "again: " + markup(finding.again) + '\n';
}

/// Where the evidence is that of another case.
std::string of_another_case(const Finding* finding) {
    if (finding == nullptr) return {};
    return markup(finding->requirement) + ", with evidence: " + markup(finding->scenario) + '\n';
}

std::string text_of(const Result& result) {
    std::string text = markup(result.reason) + '\n';
    for (const std::string& line : result.trace) text += markup(line) + '\n';
    return text + "again: " + markup(result.again) + '\n';
}

class Writer {
public:
    Writer(const Report& report, const Register& requirements) : report_(report), requirements_(requirements) {}

    std::string write() {
        for (const Result& result : report_.results) add(result);
        for (const Finding* finding : findings_without_case(report_)) add(*finding);
        if (!report_.unreachable.empty()) add_error("the peer can be reached", report_.unreachable);
        if (report_.interrupted) add_error("the run comes to its end", "interrupted");
        if (const std::string why = why_nothing_is_tested(report_); !why.empty()) add_error("something is tested", why);
        return document();
    }

private:
    void add(const Result& result) {
        const auto [folder, name] = folder_and_name(result);
        const bool plain = result.splitting.empty() || result.splitting == "whole";
        Suite& suite = suites_[folder];
        suite.duration_ms += result.duration_ms;
        begin(suite, folder, plain ? name : name + " (" + result.splitting + ')', result.duration_ms);
        outcome(suite, result);
        suite.cases += "  </testcase>\n";
    }

    void outcome(Suite& suite, const Result& result) {
        const Finding* finding = finding_of(report_, result);
        if (finding != nullptr && finding->known) {
            skip(suite, "known deviation: " + *finding->known);
            return;
        }
        const std::string text = (is_shown_by(finding, result) ? text_of(*finding, requirements_) : of_another_case(finding)) + text_of(result);
        switch (result.verdict) {
            case Verdict::pass:
                break;
            case Verdict::tolerated:
                suite.cases += "   <system-out>tolerated: " + text_of(result) + "</system-out>\n";
                break;
            case Verdict::skipped:
                skip(suite, result.reason);
                break;
            case Verdict::fail:
                fail(suite, result.reason, text);
                break;
            case Verdict::crash:
                err(suite, "crash", result.reason, text);
                break;
            case Verdict::inconclusive:
                err(suite, "inconclusive", result.reason, text);
                break;
        }
    }

    /// A finding of the checker, in a suite of its own: no case failed of it.
    void add(const Finding& finding) {
        Suite& suite = suites_["findings"];
        begin(suite, "findings", finding.requirement + ' ' + statement_of(requirements_, finding.requirement), 0);
        if (finding.known)
            skip(suite, "known deviation: " + *finding.known);
        else if (finding.verdict == Verdict::crash)
            err(suite, "crash", finding.got, text_of(finding, requirements_));
        else
            fail(suite, finding.got, text_of(finding, requirements_));
        suite.cases += "  </testcase>\n";
    }

    void add_error(const std::string& name, const std::string& reason) {
        Suite& suite = suites_["run"];
        begin(suite, "run", name, 0);
        err(suite, "inconclusive", reason, markup(reason));
        suite.cases += "  </testcase>\n";
    }

    static void begin(Suite& suite, const std::string& folder, const std::string& name, double duration_ms) {
        ++suite.num_tests;
        suite.cases += "  <testcase" + attribute("classname", folder) + attribute("name", name) +
                       attribute("time", seconds(duration_ms)) + ">\n";
    }

    static void skip(Suite& suite, const std::string& reason) {
        ++suite.num_skipped;
        suite.cases += "   <skipped" + attribute("message", reason) + "/>\n";
    }

    static void fail(Suite& suite, const std::string& message, const std::string& text) {
        ++suite.num_failures;
        suite.cases +=
            "   <failure" + attribute("type", "fail") + attribute("message", message) + '>' + text + "</failure>\n";
    }

    static void err(Suite& suite, const std::string& type, const std::string& message, const std::string& text) {
        ++suite.num_errors;
        suite.cases +=
            "   <error" + attribute("type", type) + attribute("message", message) + '>' + text + "</error>\n";
    }

    static std::string numbers(const Suite& suite) {
        return attribute("tests", std::to_string(suite.num_tests)) +
               attribute("failures", std::to_string(suite.num_failures)) +
               attribute("errors", std::to_string(suite.num_errors)) +
               attribute("skipped", std::to_string(suite.num_skipped)) + attribute("time", seconds(suite.duration_ms));
    }

    std::string document() const {
        Suite all;
        std::string text;
        for (const auto& [folder, suite] : suites_) {
            all.num_tests += suite.num_tests;
            all.num_failures += suite.num_failures;
            all.num_errors += suite.num_errors;
            all.num_skipped += suite.num_skipped;
            text +=
                " <testsuite" + attribute("name", folder) + numbers(suite) + ">\n" + suite.cases + " </testsuite>\n";
        }
        all.duration_ms = report_.duration_ms;
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" +
               attribute("name", "fcgispec " + report_.version + ": " + report_.name) + numbers(all) + ">\n" + text +
               "</testsuites>\n";
    }

    const Report& report_;
    const Register& requirements_;
    std::map<std::string, Suite> suites_;
};

}  // namespace

std::string junit_report(const Report& report, const Register& requirements) {
    return Writer(report, requirements).write();
}

}  // namespace fcgispec

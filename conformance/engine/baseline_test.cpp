#include "conformance/engine/baseline.hpp"

#include <boost/test/unit_test.hpp>
#include <stdexcept>

#include "conformance/engine/report_example.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_TEST_DONT_PRINT_LOG_VALUE(std::vector<std::string>)
BOOST_TEST_DONT_PRINT_LOG_VALUE(fcgispec::BaselineLine)

BOOST_AUTO_TEST_SUITE(baseline)

namespace {

using Texts = std::vector<std::string>;

std::string error_of(const std::string& text) {
    try {
        (void)Baseline::parse(text, "known.txt");
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "no error";
}

/// Three cases of one table that fail of R-5.5-2, and one that passes.
Report failing_report() {
    Report report;
    Finding finding;
    finding.requirement = "R-5.5-2";
    finding.count = 10;
    finding.wanted = "an answer";
    finding.got = "nothing";
    finding.records = {"! < close"};
    for (const char* name : {"a/s/t[N=1]", "a/s/t[N=2]", "a/s/u", "a/s/v"}) {
        Result result;
        result.scenario = name;
        result.requirements = {"R-5.5-2"};
        result.verdict = result.scenario == "a/s/v" ? Verdict::pass : Verdict::fail;
        result.again = "again " + result.scenario;
        report.results.push_back(result);
        if (result.verdict == Verdict::fail) finding.scenarios.push_back(name);
    }
    finding.scenario = finding.scenarios[0];
    finding.again = report.results[0].again;
    report.findings = {finding};
    return report;
}

Report applied(const std::string& text, Report report = failing_report()) {
    Baseline::parse(text, "known.txt").apply(report);
    return report;
}

}  // namespace

BOOST_AUTO_TEST_CASE(lines_are_read_and_printed) {
    const Baseline read = Baseline::parse(
        "# a comment\n\nR-5.5-2: one at a time\r\n  R-A-1 \tin  application/x/y[N=3,M=4] :\treported: see 7 # not a "
        "comment  \n"
        "R-7-1 in a:b: c",
        "known.txt");
    const std::vector<BaselineLine> wanted{{"R-5.5-2", "", "one at a time"},
                                           {"R-A-1", "application/x/y[N=3,M=4]", "reported: see 7 # not a comment"},
                                           {"R-7-1", "a:b", "c"}};
    BOOST_TEST((read.lines() == wanted));
    for (const BaselineLine& line : wanted) BOOST_TEST((Baseline::parse(print(line), "f").lines().at(0) == line));
    BOOST_TEST(Baseline::parse("", "f").lines().empty());
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_told_with_its_line) {
    const std::string form = "expected REQUIREMENT: REASON or REQUIREMENT in SCENARIO: REASON";
    BOOST_TEST(error_of("\n# x\nR-5.5-2") == "known.txt:3: " + form);
    BOOST_TEST(error_of("R-5.5-2 a/b: c") == "known.txt:1: " + form);
    BOOST_TEST(error_of("R-5.5-2 in: c") == "known.txt:1: " + form);
    BOOST_TEST(error_of(": c") == "known.txt:1: " + form);
    BOOST_TEST(error_of("R-5.5-2:c") == "known.txt:1: " + form);
    BOOST_TEST(error_of("R-5.5-2:") == "known.txt:1: a deviation wants a reason behind the colon");
    BOOST_TEST(error_of("R-5.5-2 in a/b:  ") == "known.txt:1: a deviation wants a reason behind the colon");
    BOOST_TEST(error_of("R-5.5\033: x") == "known.txt:1: expected a requirement like R-5.5-2, not \"R-5.5\\033\"");
    BOOST_TEST(error_of("R-5-2: x\nR-5-2 in a: x\nR-5-2: y") == "known.txt:3: this deviation is listed already");
    BOOST_CHECK_EXCEPTION((void)Baseline::load("no/such/file"), std::runtime_error, [](const auto& error) {
        return std::string_view(error.what()) == "can't open no/such/file: No such file or directory";
    });
}

BOOST_AUTO_TEST_CASE(a_line_of_a_requirement_covers_all_its_scenarios) {
    BOOST_TEST(exit_code_of(failing_report()) == 1);
    const Report report = applied("R-5.5-2: one at a time");
    BOOST_TEST_REQUIRE(report.findings.size() == 1U);
    BOOST_TEST(report.findings[0].known.value_or("") == "one at a time");
    BOOST_TEST(report.stale.empty());
    BOOST_TEST(exit_code_of(report) == 0);
}

BOOST_AUTO_TEST_CASE(lines_of_scenarios_cover_these) {
    const Report report = applied("R-5.5-2 in a/s/t: the table\nR-5.5-2 in a/s/u: the other\n");
    BOOST_TEST_REQUIRE(report.findings.size() == 1U);
    BOOST_TEST(report.findings[0].known.value_or("") == "the table; the other");
    BOOST_TEST(exit_code_of(report) == 0);
    // The nearest line's reason counts.
    const Report nearest = applied("R-5.5-2: all\nR-5.5-2 in a/s/t: table\nR-5.5-2 in a/s/t[N=2]: case\n");
    BOOST_TEST(nearest.findings[0].known.value_or("") == "table; case; all");
}

BOOST_AUTO_TEST_CASE(a_line_covers_no_other_requirement_and_no_other_scenario) {
    BOOST_TEST(!applied("R-5.5-3: x").findings[0].known);
    const Report report = applied("R-5.5-2 in a/s: x\nR-5.5-2 in a/s/t[N=: y\nR-5.5-2 in a/s/t[N=10]: z");
    BOOST_TEST_REQUIRE(report.findings.size() == 1U);
    BOOST_TEST(!report.findings[0].known);
    BOOST_TEST(exit_code_of(report) == 1);
}

BOOST_AUTO_TEST_CASE(a_finding_that_is_covered_in_part_stays_with_the_rest) {
    const Report report = applied("R-5.5-2 in a/s/t: the table");
    BOOST_TEST_REQUIRE(report.findings.size() == 2U);
    const Finding& rest = report.findings[0];
    BOOST_TEST(!rest.known);
    BOOST_TEST((rest.scenarios == Texts{"a/s/u"}));
    BOOST_TEST(rest.count == 8U);
    BOOST_TEST(rest.scenario == "a/s/u");
    BOOST_TEST(rest.again == "again a/s/u");
    BOOST_TEST((texts_of(rest.records) == Texts{"# wanted and got are those of a/s/t[N=1]",
                                      "# 2 further cases: known deviations of the baseline"}));
    const Finding& known = report.findings[1];
    BOOST_TEST(known.known.value_or("") == "the table");
    BOOST_TEST((known.scenarios == Texts{"a/s/t[N=1]", "a/s/t[N=2]"}));
    BOOST_TEST((texts_of(known.records) == Texts{"! < close"}));
    BOOST_TEST(exit_code_of(report) == 1);
}

BOOST_AUTO_TEST_CASE(tolerated_findings_may_be_known) {
    Report report = failing_report();
    report.findings[0].verdict = Verdict::tolerated;
    BOOST_TEST(applied("R-5.5-2: we know", report).findings[0].known.has_value());
}

BOOST_AUTO_TEST_CASE(lines_go_stale_where_the_deviation_could_have_shown) {
    const auto stale_of = [](const std::string& text, const Report& report) { return applied(text, report).stale; };
    const Report report = failing_report();
    BOOST_TEST((stale_of("R-5.5-2 in a/s/v: mended", report) == Texts{"R-5.5-2 in a/s/v: mended"}));
    BOOST_TEST((stale_of("R-5.5-2 in a/s/t[N=9]: no such case", report).size() == 1U));
    BOOST_TEST((stale_of("R-3.3-4: the checker sees it no more", report).size() == 1U));
    Report mended = report;
    mended.findings.clear();
    BOOST_TEST((stale_of("R-5.5-2: mended", mended).size() == 1U));
}

BOOST_AUTO_TEST_CASE(lines_do_not_go_stale_where_it_could_not_show) {
    const auto stale_of = [](const std::string& text, const Report& report) { return applied(text, report).stale; };
    Report mended = failing_report();
    mended.findings.clear();
    Report skipped = mended;
    for (Result& result : skipped.results) result.verdict = Verdict::skipped;
    Report unsure = mended;
    unsure.results[2].verdict = Verdict::inconclusive;
    Report selected = mended;
    selected.partial = true;
    Report interrupted = mended;
    interrupted.interrupted = true;
    Report unreachable;
    unreachable.unreachable = "Connection refused";
    for (const Report& report : {skipped, unsure, selected, interrupted, unreachable, Report{}}) {
        BOOST_TEST(stale_of("R-5.5-2: x", report).empty());
        BOOST_TEST(stale_of("R-3.3-4: x", report).empty());
        BOOST_TEST(stale_of("R-5.5-2 in a/not/played: x", report).empty());
    }
    // What was played is judged, whatever was not.
    BOOST_TEST(stale_of("R-5.5-2 in a/s/v: x", selected).size() == 1U);
    BOOST_TEST(stale_of("R-5.5-2 in a/s/u: x", unsure).empty());
}

BOOST_AUTO_TEST_CASE(what_is_written_makes_the_run_conform) {
    Report report = example_report();
    std::erase_if(report.results, [](const Result& each) { return each.verdict == Verdict::inconclusive; });
    BOOST_TEST(exit_code_of(report) == 1);
    report.findings[3].known.reset();
    report.findings[1].got += std::string(100000, 'x');
    const Baseline written = Baseline::parse(write_baseline(report), "written");
    BOOST_TEST(written.lines().size() == report.findings.size());
    BOOST_TEST(std::is_sorted(written.lines().begin(), written.lines().end(),
                              [](const auto& a, const auto& b) { return a.requirement < b.requirement; }));
    written.apply(report);
    BOOST_TEST(exit_code_of(report) == 0);
    BOOST_TEST(report.findings[0].known.value_or("") ==
               "wanted FCGI_END_REQUEST for request 1, got the process was killed by signal 11 (SIGSEGV)");
}

BOOST_AUTO_TEST_CASE(a_known_finding_keeps_its_reason_without_the_old_baseline) {
    const Report report = applied("R-5.5-2: one at a time");
    BOOST_TEST((Baseline::parse(write_baseline(report), "new").lines() ==
                std::vector<BaselineLine>{{"R-5.5-2", "", "one at a time"}}));
}

BOOST_AUTO_TEST_CASE(lines_of_the_old_baseline_are_kept_and_stale_ones_left_out) {
    const Baseline old = Baseline::parse("R-5.5-2 in a/s/t: the table\nR-5.5-2 in a/s/v: mended\nR-1-1 in b: x", "old");
    Report report = failing_report();
    report.partial = true;
    old.apply(report);
    const std::vector<BaselineLine> wanted{
        {"R-1-1", "b", "x"}, {"R-5.5-2", "", "wanted an answer, got nothing"}, {"R-5.5-2", "a/s/t", "the table"}};
    BOOST_TEST((Baseline::parse(write_baseline(report, old), "new").lines() == wanted));
}

BOOST_AUTO_TEST_SUITE_END()

#include "conformance/engine/results.hpp"

#include <boost/test/unit_test.hpp>

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(results)

namespace {

Result played(const std::string& scenario, Verdict verdict, const std::string& requirement = "R-5.5-2") {
    Result result;
    result.scenario = scenario;
    result.requirements = {requirement};
    result.verdict = verdict;
    return result;
}

Finding accused(Verdict verdict, std::vector<std::string> scenarios, const std::string& requirement = "R-5.5-2") {
    Finding finding;
    finding.requirement = requirement;
    finding.verdict = verdict;
    finding.scenarios = std::move(scenarios);
    return finding;
}

Finding known(Finding finding) {
    finding.known = "a reason";
    return finding;
}

int code_of(std::vector<Result> all, std::vector<Finding> findings = {}) {
    Report report;
    report.results = std::move(all);
    report.findings = std::move(findings);
    return exit_code_of(report);
}

}  // namespace

BOOST_AUTO_TEST_CASE(verdicts_are_counted) {
    Report report;
    report.results = {played("a", Verdict::pass), played("b", Verdict::crash), played("c", Verdict::pass)};
    const auto counts = summary_of(report);
    BOOST_TEST(counts[static_cast<std::size_t>(Verdict::pass)] == 2U);
    BOOST_TEST(counts[static_cast<std::size_t>(Verdict::crash)] == 1U);
    BOOST_TEST(counts[static_cast<std::size_t>(Verdict::fail)] == 0U);
    BOOST_TEST(name_of(Verdict::inconclusive) == "inconclusive");
}

BOOST_AUTO_TEST_CASE(what_conforms) {
    const Result pass = played("a", Verdict::pass);
    BOOST_TEST(code_of({pass}) == 0);
    BOOST_TEST(code_of({played("a", Verdict::tolerated)}, {accused(Verdict::tolerated, {"a"})}) == 0);
    BOOST_TEST(code_of({pass, played("b", Verdict::skipped)}) == 0);
    BOOST_TEST(code_of({played("a", Verdict::fail)}, {known(accused(Verdict::fail, {"a"}))}) == 0);
    BOOST_TEST(code_of({played("a", Verdict::crash)}, {known(accused(Verdict::crash, {"a"}, "R-7-1"))}) == 0);
}

BOOST_AUTO_TEST_CASE(what_does_not) {
    const Result pass = played("a", Verdict::pass);
    const Result fail = played("a", Verdict::fail);
    BOOST_TEST(code_of({pass}, {accused(Verdict::fail, {"a"})}) == 1);
    BOOST_TEST(code_of({pass}, {accused(Verdict::crash, {})}) == 1);
    // A case that failed is a violation even where no finding speaks for it, and a known finding speaks only for its
    // own scenarios and requirement.
    BOOST_TEST(code_of({fail}) == 1);
    BOOST_TEST(code_of({fail}, {known(accused(Verdict::fail, {"b"}))}) == 1);
    BOOST_TEST(code_of({fail}, {known(accused(Verdict::fail, {"a"}, "R-3.3-4"))}) == 1);
    BOOST_TEST(code_of({fail}, {known(accused(Verdict::tolerated, {"a"}))}) == 1);
    BOOST_TEST(code_of({fail}, {known(accused(Verdict::fail, {"a"})), accused(Verdict::fail, {"a"})}) == 1);
    // It outweighs what couldn't be told.
    BOOST_TEST(code_of({fail, played("b", Verdict::inconclusive)}) == 1);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_told) {
    const Result pass = played("a", Verdict::pass);
    BOOST_TEST(code_of({pass, played("b", Verdict::inconclusive)}) == 3);
    BOOST_TEST(code_of({}) == 3);
    BOOST_TEST(code_of({played("a", Verdict::skipped)}) == 3);
    Report report;
    report.results = {pass};
    report.interrupted = true;
    BOOST_TEST(exit_code_of(report) == 3);
    report.interrupted = false;
    report.unreachable = "Connection refused";
    BOOST_TEST(exit_code_of(report) == 3);
}

BOOST_AUTO_TEST_CASE(a_failure_belongs_to_the_finding_that_explains_it) {
    Report report;
    report.results = {played("a", Verdict::fail), played("b", Verdict::pass)};
    report.findings = {accused(Verdict::fail, {"a", "b"}, "R-3.3-4"), known(accused(Verdict::fail, {"a"})),
                       accused(Verdict::fail, {"a"})};
    BOOST_TEST(finding_of(report, report.results[0]) == &report.findings[2]);
    BOOST_TEST(finding_of(report, report.results[1]) == nullptr);
    report.findings.pop_back();
    BOOST_TEST(finding_of(report, report.results[0]) == &report.findings[1]);
}

BOOST_AUTO_TEST_SUITE_END()

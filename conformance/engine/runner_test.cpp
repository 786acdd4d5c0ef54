#include "conformance/engine/baseline.hpp"
#include "conformance/engine/runner.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <map>
#include <set>

#include "conformance/engine/probe.hpp"
#include "conformance/engine/test_application.hpp"
#include "conformance/engine/test_memory.hpp"
#include "conformance/engine/test_web_server.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

#if defined(__SANITIZE_ADDRESS__)
// Boost.Test's library grows vectors without the annotations that ours have (_GLIBCXX_SANITIZE_VECTOR), with code that the
// linker takes from here: what it says of them would be wrong, before the first test.
extern "C" const char* __asan_default_options() { return "detect_container_overflow=0"; }  // NOLINT: the sanitizer's name
#endif

BOOST_AUTO_TEST_SUITE(runner)

namespace {

using Clock = std::chrono::steady_clock;

Scenario scenario_of(const std::string& name, const std::string& lines, const std::string& requirement = "R-6.2-1") {
    ParsedScript parsed = parse_script("scenario What it shows\nproves " + requirement + "\n" + lines, name, name + ".fcs", Side::application);
    if (!parsed.errors.empty()) BOOST_FAIL(parsed.errors.front().print());
    return parsed.scenarios.front();
}

Scenario good(const std::string& name) { return scenario_of(name, "> request 1\n< response 1 \"good\"\n"); }
Scenario asking(const std::string& name, const std::string& what, const std::string& requirement = "R-6.2-2") {
    return scenario_of(name, "> request 1 [QUERY_STRING=\"" + what + "\"]\n< response 1 \"good\"\n", requirement);
}

constexpr int come_back_ms = 1000;

RunOptions attached(const Address& address, int deadline_ms) {
    RunOptions options;
    options.address = address;
    options.deadline_ms = deadline_ms;
    options.come_back_ms = come_back_ms;
    options.again = "fcgispec app " + address.print();
    return options;
}

RunOptions spawned(int deadline_ms = 5000) {
    RunOptions options;
    options.command = perl_application();
    options.name = "in Perl";
    options.deadline_ms = deadline_ms;
    return options;
}

/// "a pass, b fail, ..."
std::string verdicts(const Report& report) {
    std::string all;
    for (const Result& result : report.results) all += (all.empty() ? "" : ", ") + result.scenario + " " + std::string(name_of(result.verdict));
    return all;
}

const Result& result_of(const Report& report, const std::string& scenario) {
    for (const Result& result : report.results)
        if (result.scenario == scenario) return result;
    throw std::runtime_error("no result of " + scenario);
}

/// A run over a scenario that is met, one in which the application does `conduct`, and one that is met again.
Report run_beside_good(const Conduct& conduct, int deadline_ms = 5000, const std::string& before = {}) {
    const TestApplication application(good_but_for(conduct));
    const std::string bad = before + "> request 1 [QUERY_STRING=\"bad\"]\n< response 1 \"good\"\n";
    return run_scenarios(attached(application.address(), deadline_ms), {good("a"), scenario_of("b", bad, "R-6.2-2"), good("c")}, {});
}

constexpr int short_ms = 300;

}  // namespace

// An application that does one thing wrong is accused of that, and of nothing else.

BOOST_AUTO_TEST_CASE(one_that_conforms) {
    const Report report = run_beside_good([](Visit& visit) { visit.answer(1); visit.stay(); });
    BOOST_TEST(verdicts(report) == "a pass, b pass, c pass");
    BOOST_TEST(report.findings.empty());
    BOOST_TEST(exit_code_of(report) == 0);
    BOOST_TEST(!report.interrupted);
    BOOST_TEST(!report.gone);
    BOOST_TEST(report.num_unplayed == 0U);
    BOOST_TEST(report.unreachable.empty());
    BOOST_TEST(report.results.front().trace.empty());  // of a pass nobody wants it
    BOOST_TEST(report.results.front().duration_ms > 0);
}

BOOST_AUTO_TEST_CASE(hostile_conduct_fails_where_it_shows) {
    struct Case {
        std::string name;
        Conduct conduct;
        int deadline_ms;
        std::string reason;  // part of it
    };
    const Buffer zero{0};
    const std::vector<Case> table{
        {"answers otherwise", [](Visit& visit) { visit.answer(1, "other"); visit.stay(); }, 5000, "the peer said something else"},
        {"closes", [](Visit&) {}, 5000, "the peer ended the connection"},
        {"falls silent", [](Visit& visit) { visit.stay(); }, short_ms, "the peer was silent: wanted < response 1 \"good\", got nothing (waited " + std::to_string(3 * short_ms) + " ms)"},
        {"claims 65,535 bytes and closes", [](Visit& visit) { visit.say("{FCGI_STDOUT, 1, \"abc\", length=65535}"); }, 5000, "the peer ended the connection"},
        {"says random bytes", [](Visit& visit) { visit.say(bytes_of(random_bytes(3000, 7))); }, 5000, "the peer "},
        {"floods one stream", [](Visit& visit) { const Buffer many = parse_notation("{FCGI_STDERR, 1, \"x\"*65000}").bytes; while (visit.say(many)) continue; }, 5000, "the peer floods"},
        {"says garbage for ever", [](Visit& visit) { const std::string many = random_bytes(65536, 3); while (visit.say(bytes_of(many))) continue; }, short_ms, "the peer "},
        {"drips for ever", [&](Visit& visit) { while (visit.say(zero)) visit.stay(5); }, short_ms, "the peer was silent: wanted < response 1 \"good\", got nothing (waited " + std::to_string(10 * 3 * short_ms) + " ms)"},
    };
    for (const Case& one : table) {
        BOOST_TEST_INFO_SCOPE(one.name);
        const auto begin = Clock::now();
        const MemoryPeak peak;
        const Report report = run_beside_good(one.conduct, one.deadline_ms);
        BOOST_TEST(verdicts(report) == "a pass, b fail, c pass");
        BOOST_TEST(exit_code_of(report) == 1);
        const Result& result = result_of(report, "b");
        BOOST_TEST(result.reason.find(one.reason) != std::string::npos, result.reason);
        BOOST_TEST(result.reason.starts_with("line 4: "), result.reason);
        BOOST_TEST(result.again.ends_with(" --select b"), result.again);
        BOOST_TEST(!result.trace.empty());
        BOOST_TEST((Clock::now() - begin < std::chrono::seconds(60)));
        if (const auto size = peak.growth_size()) BOOST_TEST(*size <= std::size_t{64} << 20);
    }
}

BOOST_AUTO_TEST_CASE(one_that_never_reads) {
    const TestApplication application([](Visit& visit) {
        while (visit.received().find("unread") == std::string::npos)
            if (const std::uint16_t request_id = visit.read_request(); request_id == 0 || !visit.answer(request_id) || !visit.keeps_connection()) break;
        if (visit.received().find("unread") != std::string::npos) visit.stay();
    });
    const MemoryPeak peak;
    const Report report = run_scenarios(attached(application.address(), short_ms),
                                          {scenario_of("a", "> request 1 [QUERY_STRING=\"unread\"]\n< response 1\n> {FCGI_STDIN, 2, \"x\"*10485760}\n> close\n")}, {});
    BOOST_TEST(verdicts(report) == "a fail");
    BOOST_TEST(result_of(report, "a").reason.find("wanted the peer reads what is written") != std::string::npos, result_of(report, "a").reason);
    if (const auto size = peak.growth_size()) BOOST_TEST(*size <= std::size_t{64} << 20);
}

BOOST_AUTO_TEST_CASE(slow_answers_are_answers) {
    const Report slow = run_beside_good([](Visit& visit) { visit.stay(100); visit.answer(1); visit.stay(); });
    BOOST_TEST(verdicts(slow) == "a pass, b pass, c pass");
    // One that is too slow for the first request that asks for its health has not died.
    std::atomic<bool> asked{false};
    std::atomic<bool> was_slow{false};
    const TestApplication slow_once([&](Visit& visit) {
        while (const std::uint16_t request_id = visit.read_request()) {
            if (visit.request_has("bad")) asked = true;
            if (!visit.request_has("bad") && asked && !was_slow.exchange(true)) visit.stay(short_ms * 4);
            if (!visit.answer(request_id) || !visit.keeps_connection()) break;
        }
    });
    BOOST_TEST(verdicts(run_scenarios(attached(slow_once.address(), short_ms), {asking("a", "bad"), good("b")}, {})) == "a pass, b pass");
    BOOST_TEST(was_slow);
    // A silence is looked at again, with more time: the machine may have been busy.
    std::atomic<int> num_asked{0};
    const Report second_look = run_beside_good([&](Visit& visit) {
        if (num_asked++ > 0) visit.answer(1);
        visit.stay();
    }, short_ms);
    BOOST_TEST(verdicts(second_look) == "a pass, b pass, c pass");
    BOOST_TEST(num_asked == 2);
}

BOOST_AUTO_TEST_CASE(one_that_dies_and_stays_away_is_a_crash_and_the_rest_inconclusive) {
    TestApplication* there = nullptr;
    TestApplication application(good_but_for([&](Visit&) { there->vanish(); }));
    there = &application;
    const auto begin = Clock::now();
    const Report report = run_scenarios(attached(application.address(), short_ms), {good("a"), asking("b", "bad"), good("c"), good("d")}, {});
    BOOST_TEST(verdicts(report) == "a pass, b crash, c inconclusive, d inconclusive");
    BOOST_TEST(exit_code_of(report) == 1);
    BOOST_TEST(result_of(report, "b").reason.find("a plain request on a fresh connection is not answered any more") != std::string::npos);
    BOOST_TEST(result_of(report, "c").reason == "the peer died in an earlier scenario, or was stopped, and has not come back");
    BOOST_TEST(report.gone);
    BOOST_TEST_REQUIRE(report.findings.size() == 1U);
    BOOST_TEST(report.findings.front().requirement == "R-6.2-2");
    BOOST_TEST((Clock::now() - begin < std::chrono::seconds(60)));
}

// A peer that answers not even a plain request.

BOOST_AUTO_TEST_CASE(one_that_is_not_there_is_unreachable) {
    const TestFolder folder;
    const Address nobody = Address::parse("unix:" + (folder.path() / "nobody").string());
    const Report absent = run_scenarios(attached(nobody, 5000), {good("a")}, {});
    BOOST_TEST(absent.unreachable == "no connection: " + nobody.print() + ": No such file or directory");
    BOOST_TEST(absent.results.empty());
    BOOST_TEST(absent.findings.empty());
    BOOST_TEST(exit_code_of(absent) == 3);
    { const FileDescriptor gone = listen_on(nobody); }
    const Report refuses = run_scenarios(attached(nobody, 5000), {good("a")}, {});
    BOOST_TEST(refuses.unreachable == "no connection: " + nobody.print() + ": Connection refused");
    BOOST_TEST(exit_code_of(refuses) == 3);
}

BOOST_AUTO_TEST_CASE(one_that_never_answers_is_never_passed) {
    const std::vector<std::pair<std::string, Conduct>> table{
        {"closes at once", [](Visit&) {}},
        {"is silent", [](Visit& visit) { visit.stay(); }},
        {"reads and is silent", [](Visit& visit) { visit.read_to_end(); }},
        {"says random bytes", [](Visit& visit) { visit.say(bytes_of(random_bytes(3000, 9))); visit.stay(); }},
        {"floods", [](Visit& visit) { const std::string many = random_bytes(65536, 3); while (visit.say(bytes_of(many))) continue; }},
    };
    for (const auto& [name, conduct] : table) {
        BOOST_TEST_INFO_SCOPE(name);
        const TestApplication application(conduct);
        const Report report = run_scenarios(attached(application.address(), short_ms), {good("a")}, {});
        BOOST_TEST_REQUIRE(report.results.size() == 1U);
        BOOST_TEST((report.results.front().verdict == Verdict::crash));
        BOOST_TEST(report.results.front().title == "A plain request is answered");
        BOOST_TEST(report.findings.size() == 1U);
        BOOST_TEST(exit_code_of(report) == 1);
    }
}

// A peer that we start [§2.2, §7].

BOOST_AUTO_TEST_CASE(one_that_ends_is_judged_by_how_and_started_again) {
    const Report report = run_scenarios(spawned(), {good("a"), asking("b", "exit-0"), good("c"), asking("d", "exit-1"), good("e"), asking("f", "signal-11"), good("g")}, {});
    BOOST_TEST(verdicts(report) == "a pass, b fail, c pass, d fail, e pass, f crash, g pass");
    BOOST_TEST(result_of(report, "b").reason.ends_with("; the peer ended with exit status 0"), result_of(report, "b").reason);
    BOOST_TEST(result_of(report, "d").reason.ends_with("; the peer ended with exit status 1"), result_of(report, "d").reason);
    BOOST_TEST(result_of(report, "f").reason.ends_with("; the peer ended by signal 11 (SIGSEGV)"), result_of(report, "f").reason);
    BOOST_TEST(report.name == "in Perl");
    BOOST_TEST(exit_code_of(report) == 1);
    BOOST_TEST(!report.findings.empty());
    BOOST_TEST((report.findings.front().verdict == Verdict::crash));
}

BOOST_AUTO_TEST_CASE(one_that_closes_before_it_ends_is_judged_by_how_it_ends) {
    const Report report = run_scenarios(spawned(), {good("a"), asking("b", "closing-0"), asking("c", "closing-1"), good("d")}, {});
    BOOST_TEST(verdicts(report) == "a pass, b fail, c fail, d pass");
    BOOST_TEST(result_of(report, "b").reason.ends_with("; the peer ended with exit status 0"), result_of(report, "b").reason);
    BOOST_TEST(result_of(report, "c").reason.ends_with("; the peer ended with exit status 1"), result_of(report, "c").reason);
}

BOOST_AUTO_TEST_CASE(one_that_ends_on_purpose_after_its_answer_spoils_no_other_scenario) {
    // [§7]: exit status 0 after some requests is a crude form of garbage collection. When we notice depends on the
    // machine, so on which scenario it falls: none may fail for it.
    std::vector<Scenario> scenarios;
    for (char name = 'a'; name <= 'p'; ++name) scenarios.push_back(name % 2 != 0 ? good(std::string(1, name)) : asking(std::string(1, name), "afterwards-0"));
    const Report report = run_scenarios(spawned(1000), scenarios, {});
    BOOST_TEST(report.results.size() == scenarios.size());
    for (const Result& result : report.results)
        BOOST_TEST((result.verdict == Verdict::pass || result.verdict == Verdict::tolerated), result.scenario << ": " << result.reason);
    BOOST_TEST(exit_code_of(report) == 0);
}

BOOST_AUTO_TEST_CASE(of_several_played_together_only_the_guilty_is_accused) {
    // What they do happens behind an answer that is right: the next one finds nobody.
    std::vector<Scenario> scenarios;
    for (char name = 'a'; name <= 'z'; ++name) scenarios.push_back(good(std::string(1, name)));
    scenarios.at(2) = asking("c", "sleeping");
    scenarios.at(7) = asking("h", "dying-11");  // the last of eight
    scenarios.at(25) = asking("z", "sleeping");
    const Report report = run_scenarios(spawned(short_ms), scenarios, {});
    BOOST_TEST(report.results.size() == scenarios.size());
    const std::set<std::string> guilty{"c", "h", "z"};
    for (const Result& result : report.results)
        BOOST_TEST((result.verdict == (guilty.contains(result.scenario) ? Verdict::crash : Verdict::pass)), result.scenario << ": " << result.reason);
}

namespace {

/// "a pass, b crash": the only result that isn't "pass", and "" where all are.
std::string only_breach(const Report& report) {
    std::string all;
    for (const Result& result : report.results)
        if (result.verdict != Verdict::pass) all += (all.empty() ? "" : ", ") + result.scenario + " " + std::string(name_of(result.verdict));
    return all;
}

std::vector<Scenario> asking_often(const std::string& what) {
    std::vector<Scenario> result;
    for (char name = 'a'; name <= 'p'; ++name) result.push_back(asking(std::string(1, name), what));
    return result;
}

constexpr std::string_view not_again = ", here or in one of the scenarios before, and not again when each was played alone";

}  // namespace

BOOST_AUTO_TEST_CASE(a_death_that_does_not_happen_again_is_told_once) {
    for (const std::size_t num_jobs : {1U, 4U}) {
        const TestFolder folder;
        RunOptions options = spawned();
        options.num_jobs = num_jobs;
        options.splittings = {Splitting::whole, Splitting::bytes, Splitting::header};
        std::vector<Scenario> scenarios = asking_often("nothing");
        scenarios.at(1) = asking("b", "once-" + (folder.path() / "died").string());
        const Report report = run_scenarios(options, scenarios, {});
        BOOST_TEST_CONTEXT(num_jobs << " jobs: " << only_breach(report)) {
            BOOST_TEST(report.results.size() == scenarios.size() * 3);
            std::size_t num_crashes = 0;
            for (const Result& result : report.results) num_crashes += result.verdict == Verdict::crash ? 1U : 0U;
            BOOST_TEST(num_crashes == 1U);
            BOOST_TEST_REQUIRE(report.findings.size() == 1U);
            const Finding& finding = report.findings.front();
            BOOST_TEST(finding.got == "the peer ended by signal 11 (SIGSEGV)" + std::string(not_again));
            BOOST_TEST(!finding.records.empty());
            BOOST_TEST(finding.again.find(" --select ") != std::string::npos, finding.again);
            BOOST_TEST(finding.again.find(" --splitting ") != std::string::npos, finding.again);
            BOOST_TEST(exit_code_of(report) == 1);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_only_many_requests_bring_about_is_told) {
    // Started anew, it would have to be asked ten times again.
    const Report tired = run_scenarios(spawned(short_ms), asking_often("tired"), {});
    BOOST_TEST(only_breach(tired).ends_with(" crash"), only_breach(tired));
    BOOST_TEST_REQUIRE(tired.findings.size() == 1U);
    BOOST_TEST(tired.findings.front().got == "a plain request on a fresh connection is not answered any more" + std::string(not_again));
    BOOST_TEST(tired.findings.front().again.find("--select i --select j") != std::string::npos, tired.findings.front().again);
    const Report worn = run_scenarios(spawned(), asking_often("worn-1"), {});
    BOOST_TEST(only_breach(worn).ends_with(" tolerated"), only_breach(worn));
    BOOST_TEST_REQUIRE(worn.findings.size() == 1U);
    BOOST_TEST(worn.findings.front().got == "the peer ended with exit status 1" + std::string(not_again));
    // [§7] That is garbage collection.
    const Report renewed = run_scenarios(spawned(), asking_often("worn-0"), {});
    BOOST_TEST(only_breach(renewed) == "");
    BOOST_TEST(renewed.findings.empty());
}

BOOST_AUTO_TEST_CASE(one_that_ends_before_its_first_answer_is_told_with_its_status) {
    RunOptions options = spawned(short_ms);
    options.command = {"/usr/bin/perl", "-e", "exit 3"};
    const Report report = run_scenarios(options, {good("a")}, {});
    BOOST_TEST_REQUIRE(report.results.size() == 1U);
    BOOST_TEST((report.results.front().verdict == Verdict::crash));
    BOOST_TEST(report.results.front().reason.find("; the peer ended with exit status 3 (if it wrote why") != std::string::npos, report.results.front().reason);
    options.command = {"/no/such/command"};
    BOOST_CHECK_THROW((void)run_scenarios(options, {good("a")}, {}), std::system_error);
}

BOOST_AUTO_TEST_CASE(beside_others_only_the_guilty_scenario_is_accused) {
    std::vector<Scenario> scenarios;
    for (char name = 'a'; name <= 'z'; ++name) scenarios.push_back(name == 'm' ? asking("m", "signal-9") : good(std::string(1, name)));
    RunOptions options = spawned();
    options.num_jobs = 4;
    std::size_t num_reported = 0;
    options.progress = [&](std::size_t done, std::size_t all, const Result&) {
        BOOST_TEST(done == ++num_reported);
        BOOST_TEST(all == 26U);
    };
    const Report report = run_scenarios(options, scenarios, {});
    BOOST_TEST(num_reported == 26U);
    BOOST_TEST(report.results.size() == 26U);
    for (const Result& result : report.results)
        BOOST_TEST((result.verdict == (result.scenario == "m" ? Verdict::crash : Verdict::pass)), result.scenario << ": " << result.reason);
    BOOST_TEST_REQUIRE(report.findings.size() == 1U);
    BOOST_TEST((report.findings.front().scenarios == std::vector<std::string>{"m"}));
}

BOOST_AUTO_TEST_CASE(what_was_seen_beside_others_stands_where_the_peer_has_gone) {
    TestApplication* there = nullptr;
    TestApplication application([&](Visit& visit) {
        const std::uint16_t request_id = visit.read_request();
        const bool last = visit.received().find("last") != std::string::npos;
        if (last) there->vanish();
        if (request_id != 0) visit.answer(request_id, visit.received().find("bad") != std::string::npos ? "other" : "good");
    });
    there = &application;
    std::vector<Scenario> scenarios;
    for (char name = 'a'; name <= 'z'; ++name) scenarios.push_back(good(std::string(1, name)));
    scenarios.at(1) = asking("b", "bad");
    scenarios.at(25) = asking("z", "last", "R-6.2-12");
    RunOptions options = attached(application.address(), short_ms);
    options.num_jobs = 4;
    const Report report = run_scenarios(options, scenarios, {});
    BOOST_TEST((result_of(report, "b").verdict == Verdict::fail), verdicts(report));
    BOOST_TEST((result_of(report, "z").verdict == Verdict::crash), verdicts(report));
}

BOOST_AUTO_TEST_CASE(beside_others_on_an_attached_peer) {
    const TestApplication application(good_but_for([](Visit& visit) { visit.answer(1, "other"); }));
    std::vector<Scenario> scenarios;
    for (char name = 'a'; name <= 'z'; ++name) scenarios.push_back(name == 'm' ? asking("m", "bad") : good(std::string(1, name)));
    RunOptions options = attached(application.address(), 5000);
    options.num_jobs = 8;
    const Report report = run_scenarios(options, scenarios, {});
    for (const Result& result : report.results)
        BOOST_TEST((result.verdict == (result.scenario == "m" ? Verdict::fail : Verdict::pass)), result.scenario << ": " << result.reason);
    BOOST_TEST(report.results.size() == 26U);
}

// Our own trouble is not the peer's.

BOOST_AUTO_TEST_CASE(what_we_cannot_do_is_inconclusive) {
    const TestApplication application(always_good());
    const Report report = run_scenarios(attached(application.address(), 5000), {good("a"), scenario_of("b", "process start\n> connect\n"), good("c")}, {});
    BOOST_TEST(verdicts(report) == "a pass, b inconclusive, c pass");
    BOOST_TEST(result_of(report, "b").reason.starts_with("our own trouble: "));
    BOOST_TEST(exit_code_of(report) == 3);
}

BOOST_AUTO_TEST_CASE(what_does_not_apply_is_skipped_with_the_reason) {
    const TestApplication application(always_good());
    const Report report = run_scenarios(attached(application.address(), 2000), {good("a"), scenario_of("b", "needs echo\n> connect\n"), scenario_of("c", "needs spawn\n> connect\n")}, {});
    BOOST_TEST(verdicts(report) == "a pass, b skipped, c skipped");
    BOOST_TEST(result_of(report, "b").reason == why_skipped("echo"));
    BOOST_TEST(result_of(report, "c").reason == why_skipped("spawn"));
    BOOST_TEST(exit_code_of(report) == 0);
}

// What the checker sees belongs to its own requirement.

BOOST_AUTO_TEST_CASE(what_the_checker_sees_does_not_fail_the_scenario_in_which_it_shows) {
    const Report report = run_beside_good([](Visit& visit) {
        visit.say("{FCGI_STDOUT, 1, \"\\r\\ngood\"}\n{FCGI_END_REQUEST, 1, {0, 0}}");  // without the stream's end
        visit.stay();
    });
    BOOST_TEST((result_of(report, "a").verdict == Verdict::pass));
    BOOST_TEST_REQUIRE(!report.findings.empty());
    for (const Finding& finding : report.findings) {
        BOOST_TEST(finding.requirement != "R-6.2-2");
        BOOST_TEST((finding.scenarios == std::vector<std::string>{"b"}));
        BOOST_TEST(std::any_of(finding.records.begin(), finding.records.end(), [](const ExcerptLine& line) { return line.text.starts_with("! < "); }));
    }
    BOOST_TEST(exit_code_of(report) == 1);
}

BOOST_AUTO_TEST_CASE(the_plainest_case_is_shown) {
    // Each of them shows both: that the stream isn't ended, and what it proves itself.
    const TestApplication application(good_but_for([](Visit& visit) {
        visit.say("{FCGI_STDOUT, 1, \"\\r\\nbad\"}\n{FCGI_END_REQUEST, 1, {0, 0}}");
        visit.stay();
    }));
    const auto bad = [](const std::string& name, const std::string& lines) { return scenario_of(name, "> request 1 [QUERY_STRING=\"bad\"" + lines + "]\n< response 1 \"good\"\n"); };
    std::string pairs;
    for (int i = 10; i < 40; ++i) pairs += " A" + std::to_string(i) + "=\"\"";
    std::vector<Scenario> scenarios{bad("a", pairs), bad("b", ""), bad("c", ""), bad("d", " A=\"longest\"" + pairs)};
    scenarios.back().proves.emplace_back("R-3.3-34");
    for (const std::size_t num_jobs : {1U, 4U}) {
        RunOptions options = attached(application.address(), 5000);
        options.num_jobs = num_jobs;
        const Report report = run_scenarios(options, scenarios, {});
        std::size_t num_looked_at = 0;
        for (const Finding& finding : report.findings) {
            if (finding.requirement != "R-3.3-34" && finding.requirement != report.results.front().requirements.front()) continue;
            ++num_looked_at;
            const bool by_checker = finding.requirement == "R-3.3-34";
            BOOST_TEST(finding.scenario == (by_checker ? "d" : "b"));
            BOOST_TEST(finding.scenarios.size() == 4U);
            BOOST_TEST(finding.again.ends_with(by_checker ? "--select d" : "--select b"));
            BOOST_TEST(!finding.records.empty());
            BOOST_TEST_REQUIRE(finding.evidence != nullptr);
            const std::string said = finding.evidence->pieces.front().bytes;
            BOOST_TEST((said.find("longest") != std::string::npos) == by_checker);
        }
        BOOST_TEST(num_looked_at == 2U);
    }
}

BOOST_AUTO_TEST_CASE(an_example_of_the_specification_is_shown_before_ours_where_it_is_about_the_same) {
    const TestApplication application(good_but_for([](Visit& visit) {
        visit.say("{FCGI_STDOUT, 1, \"\\r\\nbad\"}\n{FCGI_END_REQUEST, 1, {0, 0}}");
        visit.stay();
    }));
    const Report report = run_scenarios(attached(application.address(), 5000), {asking("a", "bad"), asking("application/B-examples/b", "bad and longer to read")}, {});
    const auto scenario_of_finding = [&](std::string_view requirement) {
        for (const Finding& finding : report.findings)
            if (finding.requirement == requirement) return finding.scenario;
        return std::string();
    };
    BOOST_TEST(scenario_of_finding("R-6.2-2") == "application/B-examples/b");
    BOOST_TEST(scenario_of_finding("R-3.3-34") == "a");  // neither is about it
}

BOOST_AUTO_TEST_CASE(a_wrong_answer_is_shown_before_none_and_what_is_about_it_alone_before_what_is_about_more) {
    const TestApplication application(good_but_for([](Visit& visit) {
        if (visit.request_has("wrong")) visit.say("{FCGI_STDOUT, 1, \"\\r\\nother\"}\n{FCGI_STDOUT, 1, \"\"}\n{FCGI_END_REQUEST, 1, {0, 0}}");
    }));
    std::vector<Scenario> scenarios{asking("a", "bad"), asking("b", "bad, wrong"), asking("c", "bad, wrong and longer to read"), asking("d", "bad and longer to read")};
    scenarios[1].proves.emplace_back("R-5.1-8");
    const Report report = run_scenarios(attached(application.address(), 5000), scenarios, {});
    BOOST_TEST(verdicts(report) == "a fail, b fail, c fail, d fail");
    const auto finding = std::find_if(report.findings.begin(), report.findings.end(), [](const Finding& one) { return one.requirement == "R-6.2-2"; });
    BOOST_TEST_REQUIRE((finding != report.findings.end()));
    BOOST_TEST(finding->scenario == "c");
    BOOST_TEST(finding->scenarios.size() == 4U);
}

BOOST_AUTO_TEST_CASE(what_the_baseline_does_not_know_is_shown_with_its_records) {
    const TestApplication application(always_good());
    const auto bad = [](const std::string& name) { return scenario_of(name, "> request 1 [QUERY_STRING=\"" + name + "\"]\n< response 1 \"bad\"\n"); };
    RunOptions options = attached(application.address(), 5000);
    const Baseline baseline = Baseline::parse(bad("a").proves.front() + " in a: as ever", "baseline");
    options.baseline = &baseline;
    for (const std::size_t num_jobs : {1U, 4U}) {
        options.num_jobs = num_jobs;
        Report report = run_scenarios(options, {bad("a"), bad("longer")}, {});
        baseline.apply(report);
        BOOST_TEST_REQUIRE(report.findings.size() == 2U);
        BOOST_TEST(!report.findings[0].known);
        BOOST_TEST(report.findings[0].scenario == "longer");
        BOOST_TEST(report.findings[0].records.front().text.find("longer") != std::string::npos);
        BOOST_TEST_REQUIRE(report.findings[0].evidence != nullptr);
        BOOST_TEST(report.findings[1].known.has_value());
    }
}

BOOST_AUTO_TEST_CASE(what_only_the_checker_holds_against_a_case_is_no_example_of_its_own_requirement) {
    // The first case fails for what the checker accuses, a second requirement that it is about; the second for its own.
    const TestApplication application(good_but_for([](Visit& visit) {
        visit.say(std::string("{FCGI_STDOUT, 1, \"\\r\\n") + (visit.request_has("wrong") ? "other" : "good") + "\"}\n{FCGI_END_REQUEST, 1, {0, 0}}");
        visit.stay();
    }));
    std::vector<Scenario> scenarios{asking("a", "bad"), asking("b", "bad, wrong and longer to read")};
    scenarios.front().proves.emplace_back("R-3.3-34");
    const Report report = run_scenarios(attached(application.address(), 5000), scenarios, {});
    BOOST_TEST(verdicts(report) == "a fail, b fail");
    const std::string own = scenarios.front().proves.front();
    const auto finding = std::find_if(report.findings.begin(), report.findings.end(), [&](const Finding& one) { return one.requirement == own; });
    BOOST_TEST_REQUIRE((finding != report.findings.end()));
    BOOST_TEST(finding->scenario == "b");
    BOOST_TEST((finding->scenarios == std::vector<std::string>{"b"}));
    BOOST_TEST(!finding->records.empty());
    BOOST_TEST(finding->evidence != nullptr);
}

BOOST_AUTO_TEST_CASE(what_is_kept_of_many_cases_is_bounded) {
    // A trace of a quarter MiB in each of forty cases, and as long records under an id that was never begun.
    const Buffer strange = parse_notation("{FCGI_STDOUT, 999, random(4000)}\n").bytes;
    for (const std::size_t num_jobs : {1U, 4U}) {
        const TestApplication application(good_but_for([&](Visit& visit) {
            for (int i = 0; i < 40; ++i) visit.say(strange);
        }));
        std::vector<Scenario> scenarios;
        for (int i = 10; i < 50; ++i) scenarios.push_back(asking("case-" + std::to_string(i), "bad"));
        RunOptions options = attached(application.address(), 5000);
        options.num_jobs = num_jobs;
        const Report report = run_scenarios(options, scenarios, {});
        BOOST_TEST(report.results.size() == 40U);
        std::size_t size = 0;
        for (const Result& result : report.results) {
            BOOST_TEST((result.verdict == Verdict::fail));
            BOOST_TEST(!result.trace.empty());
            for (const std::string& line : result.trace) size += line.size();
        }
        BOOST_TEST(size <= std::size_t{5} << 20);
        BOOST_TEST(report.results.back().trace.back().ends_with(" more"));
        BOOST_TEST(!report.findings.empty());
        for (const Finding& finding : report.findings) BOOST_TEST(!finding.records.empty(), finding.requirement);
    }
}

BOOST_AUTO_TEST_CASE(an_unjudged_alternative_is_skipped) {
    const TestApplication application(always_good());
    const Report report = run_scenarios(attached(application.address(), 5000), {good("a"), scenario_of("b", "> request 1\neither unjudged elsewhere\n< response 1\nend\n")}, {});
    BOOST_TEST(verdicts(report) == "a pass, b skipped");
    BOOST_TEST(result_of(report, "b").alternative == "elsewhere");
    BOOST_TEST(report.findings.empty());
    BOOST_TEST(exit_code_of(report) == 0);
}

BOOST_AUTO_TEST_CASE(a_tolerated_alternative) {
    const TestApplication application(always_good());
    const Report report = run_scenarios(attached(application.address(), 5000),
                                          {scenario_of("a", "> request 1\neither tolerated meagre\n< response 1\nend\n")}, {});
    BOOST_TEST(verdicts(report) == "a tolerated");
    BOOST_TEST(report.results.front().alternative == "meagre");
    BOOST_TEST_REQUIRE(report.findings.size() == 1U);
    BOOST_TEST(report.findings.front().wanted == report.results.front().title);
    BOOST_TEST(exit_code_of(report) == 0);
    const Report meagre = run_scenarios(attached(application.address(), 5000),
                                        {scenario_of("a", "> request 1\neither tolerated meagre\n< response 1\nor good\n< close\nend\n")}, {});
    BOOST_TEST_REQUIRE(meagre.findings.size() == 1U);
    BOOST_TEST(meagre.findings.front().wanted == "good (< close)");
    BOOST_TEST(meagre.findings.front().got == "meagre (< response 1)");
}

// How often, how cut, how long.

BOOST_AUTO_TEST_CASE(the_gravest_of_several_counts) {
    std::atomic<int> num_asked{0};
    const TestApplication application(good_but_for([&](Visit& visit) {
        visit.answer(1, ++num_asked == 3 ? "other" : "good");
        visit.stay();
    }));
    RunOptions options = attached(application.address(), 5000);
    options.num_repeats = 5;
    const Report report = run_scenarios(options, {asking("b", "bad")}, {});
    BOOST_TEST(verdicts(report) == "b fail");
    BOOST_TEST(num_asked == 5);
}

BOOST_AUTO_TEST_CASE(every_splitting_is_a_case) {
    const TestApplication application(always_good());
    RunOptions options = attached(application.address(), 5000);
    options.splittings = {Splitting::whole, Splitting::bytes, Splitting::header};
    options.seed = 7;
    const Report report = run_scenarios(options, {good("a"), good("b")}, {});
    BOOST_TEST(report.results.size() == 6U);
    BOOST_TEST(report.results[0].splitting == "bytes");
    BOOST_TEST(report.results[0].again == "fcgispec app " + application.address().print() + " --select a --splitting bytes --seed 7");
    BOOST_TEST(report.results[2].again == "fcgispec app " + application.address().print() + " --select a --seed 7");
    BOOST_TEST(exit_code_of(report) == 0);
}

BOOST_AUTO_TEST_CASE(an_interrupt_ends_a_run_with_the_results_so_far) {
    const TestApplication application(always_good());
    std::atomic<bool> interrupted{false};
    RunOptions options = attached(application.address(), 5000);
    options.interrupted = &interrupted;
    options.progress = [&](std::size_t done, std::size_t, const Result&) { interrupted = done == 2; };
    const Report report = run_scenarios(options, {good("a"), good("b"), good("c"), good("d")}, {});
    BOOST_TEST(verdicts(report) == "a pass, b pass");
    BOOST_TEST(report.interrupted);
    BOOST_TEST(report.num_unplayed == 2U);
    BOOST_TEST(exit_code_of(report) == 3);
}

BOOST_AUTO_TEST_CASE(what_was_not_yet_measured_at_an_interrupt_is_not_told) {
    std::atomic<bool> interrupted{false};
    std::atomic<int> num_visits{0};
    const TestApplication application([&](Visit& visit) {
        if (++num_visits > 2) interrupted = true;  // the plain request and its repetition have been answered
        if (interrupted) return visit.read_to_end();
        visit.answer(1, "good");
        visit.stay();
    });
    RunOptions options = attached(application.address(), 60'000);
    options.interrupted = &interrupted;
    const Report report = run_scenarios(options, {good("a")}, {});
    BOOST_TEST(report.interrupted);
    BOOST_TEST_REQUIRE(report.capabilities.size() == 1U);
    BOOST_TEST(report.capabilities.front().name == "answers a plain request");
}

BOOST_AUTO_TEST_CASE(an_interrupt_before_the_first_answer_accuses_nobody) {
    std::atomic<bool> interrupted{false};
    const TestApplication application([&](Visit& visit) {
        interrupted = true;
        visit.read_to_end();
    });
    RunOptions options = attached(application.address(), 60'000);
    options.interrupted = &interrupted;
    const Report report = run_scenarios(options, {good("a")}, {});
    BOOST_TEST(report.interrupted);
    BOOST_TEST(report.results.empty());
    BOOST_TEST(report.findings.empty());
    BOOST_TEST(exit_code_of(report) == 3);
}

// Web servers.

namespace {

Scenario web_scenario_of(const std::string& name, const std::string& lines) {
    ParsedScript parsed = parse_script("scenario What it shows\nproves R-6.2-2\n" + lines, name, name + ".fcs", Side::web_server);
    if (!parsed.errors.empty()) BOOST_FAIL(parsed.errors.front().print());
    return parsed.scenarios.front();
}
Scenario web_good(const std::string& name, const std::string& path = "/good") {
    return web_scenario_of(name, "http> GET " + path + "\n> request 1\n< response 1 \"good\"\nhttp< 200 \"good\"\n");
}

/// Runs scenarios with a Web server that finds us at `listen`.
Report run_web_server(const HttpConduct& conduct, const std::vector<Scenario>& scenarios, int deadline_ms = 5000) {
    const TestFolder folder;
    RunOptions options;
    options.side = Side::web_server;
    options.listen = Address::parse("unix:" + (folder.path() / "socket").string());
    options.deadline_ms = deadline_ms;
    options.come_back_ms = come_back_ms;
    options.num_jobs = 8;
    options.again = "fcgispec server";
    const TestWebServer web_server(conduct, *options.listen);
    options.url = web_server.url();
    return run_scenarios(options, scenarios, {});
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_web_server_that_conforms) {
    std::atomic<int> num_at_once{0};
    std::atomic<bool> beside_another{false};
    // Jobs are for applications: a Web server is asked one thing at a time. Its own probe may ask it for two at once.
    const Report report = run_web_server(with_request([&](HttpVisit& visit) {
        if (visit.asks_for("/good")) beside_another = beside_another || ++num_at_once > 1;
        Link link = visit.connect();
        link.ask(1, visit.target(), visit.body());
        const Answer answer = link.read_answer(1);
        if (visit.asks_for("/good")) --num_at_once;  // before the client can see that it is over, and ask again
        visit.answer(answer);
        visit.read_to_end();
    }), {web_good("a"), web_good("b"), web_good("c"), web_good("d")});
    BOOST_TEST(verdicts(report) == "a pass, b pass, c pass, d pass");
    BOOST_TEST(exit_code_of(report) == 0);
    BOOST_TEST((report.side == Side::web_server));
    BOOST_TEST(report.address.starts_with("http://127.0.0.1:"));
    BOOST_TEST(!beside_another);
}

BOOST_AUTO_TEST_CASE(web_servers_fail_where_it_shows) {
    struct Case {
        std::string name;
        HttpConduct conduct;
        int deadline_ms;
        std::string reason;
    };
    const std::vector<Case> table{
        {"answers by itself", [](HttpVisit& visit) { visit.answer("cached"); }, 5000, "line 4: the peer said something else: wanted > request 1, got no request; the Web server answered"},
        {"gives the client something else", [](HttpVisit& visit) { Link link = visit.connect(); link.ask(1, "/bad"); (void)link.read_answer(1); visit.answer("other"); }, 5000,
         "line 6: the peer said something else"},
        {"drops the client", [](HttpVisit& visit) { Link link = visit.connect(); link.ask(1, "/bad"); (void)link.read_answer(1); }, 5000, "line 6: the peer ended the connection"},
        {"falls silent", [](HttpVisit& visit) { visit.stay(); }, short_ms, "line 4: the peer was silent"},
        {"floods", [](HttpVisit& visit) {
             Link link = visit.connect();
             const Buffer many = parse_notation("{FCGI_STDIN, 1, \"x\"*65000}").bytes;
             link.begin(1, "/bad");
             while (link.say(many)) continue;
         }, 5000, "line 4: the peer floods"},
    };
    for (const Case& one : table) {
        BOOST_TEST_INFO_SCOPE(one.name);
        const auto begin = Clock::now();
        const Report report = run_web_server(passes_on_but_for(one.conduct), {web_good("a"), web_good("b", "/bad"), web_good("c")}, one.deadline_ms);
        BOOST_TEST(verdicts(report) == "a pass, b fail, c pass");
        BOOST_TEST(exit_code_of(report) == 1);
        const Result& result = result_of(report, "b");
        BOOST_TEST(result.reason.starts_with(one.reason), result.reason);
        BOOST_TEST(!result.trace.empty());
        BOOST_TEST((Clock::now() - begin < std::chrono::seconds(60)));
    }
}

BOOST_AUTO_TEST_CASE(what_a_web_servers_limits_keep_from_us_is_not_held_against_it) {
    for (const unsigned status : {413U, 414U, 431U}) {
        const std::string line = std::to_string(status) + " Too Large";
        const HttpConduct refuses = passes_on_but_for([&](HttpVisit& visit) { visit.answer("", line); });
        const auto begin = Clock::now();
        const Report report = run_web_server(refuses, {web_good("a"), web_good("b", "/bad/" + std::string(5000, 'x')), web_good("c"), web_good("d", "/bad")});
        BOOST_TEST(verdicts(report) == "a pass, b skipped, c pass, d fail");  // a small one is never too large
        BOOST_TEST(result_of(report, "b").reason == "the Web server's configuration does not take so large a request (" + std::to_string(status) + ")");
        BOOST_TEST(report.findings.size() == 1U);
        BOOST_TEST((Clock::now() - begin < std::chrono::seconds(5)));  // nothing is waited for that can't come
        // The same from an application is an answer as any other, and so is what is made of it.
        const Report asked_for = run_web_server(passes_on(), {web_scenario_of("b", "http> GET /" + std::string(5000, 'x') + "\n> request 1\n< {FCGI_STDOUT, 1, \"Status: " + line + "\\r\\n\\r\\n\"}\n"
                                                                                        "< {FCGI_STDOUT, 1, \"\"}\n< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}\nhttp< 200\n")});
        BOOST_TEST(verdicts(asked_for) == "b fail");
    }
}

BOOST_AUTO_TEST_CASE(what_waited_before_we_came_is_not_held_against_a_web_server) {
    // It brings what another client has wanted, and tells its own client that this went wrong; then all is well.
    for (const int num_waiting : {1, 3}) {
        std::atomic<int> num_asked{0};
        const Report report = run_web_server([&](HttpVisit& visit) {
            while (visit.read_request()) {
                if (num_asked++ >= num_waiting) {
                    pass_on(visit);
                    continue;
                }
                Link link = visit.connect();
                link.ask(1, "/before");
                (void)link.read_answer(1);
                visit.answer("", "500 Internal Server Error");
            }
        }, {web_good("a")});
        BOOST_TEST(verdicts(report) == "a pass");
        BOOST_TEST(report.findings.empty());
    }
}

BOOST_AUTO_TEST_CASE(a_web_server_that_finds_us_too_slow_once_is_asked_again) {
    for (const bool always : {false, true}) {
        std::atomic<int> num_asked{0};
        const HttpConduct impatient = passes_on_but_for([&](HttpVisit& visit) {
            if (num_asked++ == 0 || always) {
                Link link = visit.connect();
                link.ask(1, visit.target());
                (void)link.read_answer(1);
                visit.answer("", "504 Gateway Timeout");
            } else {
                pass_on(visit);
            }
        });
        const Report report = run_web_server(impatient, {web_good("a"), web_good("b", "/bad"), web_good("c")});
        BOOST_TEST(verdicts(report) == (always ? "a pass, b fail, c pass" : "a pass, b pass, c pass"));
        BOOST_TEST(num_asked == 2);
    }
}

BOOST_AUTO_TEST_CASE(a_web_server_that_dies_is_a_crash) {
    std::atomic<bool> dead{false};
    const Report report = run_web_server(with_request([&](HttpVisit& visit) {
        dead = dead || visit.asks_for("bad");
        if (!dead) pass_on(visit);
    }), {web_good("a"), web_good("b", "/bad"), web_good("c")}, short_ms);
    BOOST_TEST(verdicts(report) == "a pass, b crash, c inconclusive");
    BOOST_TEST(exit_code_of(report) == 1);
}

// A connection that it kept, and that we close, may be the one that it asks on.
BOOST_AUTO_TEST_CASE(one_request_that_is_lost_on_its_way_to_us_is_no_crash) {
    const auto run_losing = [](int num_lost) {
        std::atomic<int> num_left{0};
        return run_web_server(with_request([&](HttpVisit& visit) {
            if (visit.asks_for("/health") && num_left > 0) {
                --num_left;
                return (void)visit.answer("lost", "502 Bad Gateway");
            }
            if (visit.asks_for("/bad")) num_left = num_lost;
            pass_on(visit);
        }), {web_good("a"), web_good("b", "/bad"), web_good("c")});
    };
    BOOST_TEST(verdicts(run_losing(1)) == "a pass, b pass, c pass");
    BOOST_TEST(verdicts(run_losing(2)) == "a pass, b crash, c pass");
}

BOOST_AUTO_TEST_CASE(a_web_server_that_does_not_ask_us_is_not_set_up_to) {
    const Report by_itself = run_web_server(with_request([](HttpVisit& visit) { visit.answer("by itself"); }), {web_good("a")});
    BOOST_TEST(by_itself.unreachable.starts_with("no FastCGI request came: wanted > request 1, got no request; the Web server answered"), by_itself.unreachable);
    BOOST_TEST(by_itself.results.empty());
    BOOST_TEST(by_itself.findings.empty());
    BOOST_TEST(exit_code_of(by_itself) == 3);
    const Report silent = run_web_server(with_request([](HttpVisit& visit) { visit.stay(); }), {web_good("a")}, short_ms);
    BOOST_TEST(silent.unreachable.starts_with("no FastCGI request came: "), silent.unreachable);
    BOOST_TEST(exit_code_of(silent) == 3);
    // One that asks, and then has no use for the answer, is accused.
    const Report asks = run_web_server(with_request([](HttpVisit& visit) {
        Link link = visit.connect();
        link.ask(1, visit.target());
        (void)link.read_answer(1);
        visit.answer("no", "500 Error");
    }), {web_good("a")});
    BOOST_TEST(asks.unreachable.empty());
    BOOST_TEST_REQUIRE(asks.findings.size() == 1U);
    BOOST_TEST(asks.findings.front().requirement == "R-B-2");
    BOOST_TEST(exit_code_of(asks) == 1);
}

BOOST_AUTO_TEST_CASE(what_a_web_server_does_not_have_is_skipped_with_the_reason) {
    const Report report = run_web_server(passes_on(), {web_good("a"), web_scenario_of("b", "needs authorizer\nhttp> GET /a\n"), web_scenario_of("c", "needs starts-application\nhttp> GET /a\n")});
    BOOST_TEST(verdicts(report) == "a pass, b skipped, c skipped");
    BOOST_TEST(result_of(report, "b").reason == why_skipped("authorizer"));
    BOOST_TEST(result_of(report, "c").reason == why_skipped("starts-application"));
    BOOST_TEST(exit_code_of(report) == 0);
}

BOOST_AUTO_TEST_CASE(a_web_server_that_never_ends_its_input_is_accused_of_that_alone) {
    const Report report = run_web_server(with_request([](HttpVisit& visit) {
        Link link = visit.connect();
        link.begin(1, visit.target());
        visit.answer(link.read_answer(1));
    }), {web_good("a"), web_good("b")}, short_ms);
    BOOST_TEST(verdicts(report) == "a pass, b pass");
    std::vector<std::string> accused;
    for (const Finding& finding : report.findings) accused.push_back(finding.requirement);
    BOOST_TEST((accused == std::vector<std::string>{"R-6.1-8"}));
    BOOST_TEST(exit_code_of(report) == 1);
}

BOOST_AUTO_TEST_SUITE_END()

// Every form of report, of one made-up run, against reports/golden/. FCGISPEC_REBASE=1 in the environment writes these
// files anew, to be read before they are committed.
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <sstream>
#include <stdexcept>

#include "conformance/engine/evidence.hpp"
#include "conformance/engine/report_certificate.hpp"
#include "conformance/engine/report_example.hpp"
#include "conformance/engine/report_text.hpp"
#include "conformance/engine/reports.hpp"
#include "conformance/engine/text_file.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(report)

namespace {

const std::filesystem::path html_template = FCGISPEC_SOURCE_DIR "/reports/report.html";

/// The first line that differs tells more than two long texts.
void check_golden(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(FCGISPEC_SOURCE_DIR "/reports/golden") / name;
    if (std::getenv("FCGISPEC_REBASE") != nullptr) write_report(path, text);
    std::istringstream wanted(read_text(path));
    std::istringstream got(text);
    std::string wanted_line;
    std::string got_line;
    for (std::size_t line = 1; std::getline(wanted, wanted_line) && std::getline(got, got_line); ++line)
        BOOST_TEST_REQUIRE(got_line == wanted_line, name << ':' << line << ":\n"
                                                         << got_line << "\ninstead of\n"
                                                         << wanted_line);
    BOOST_TEST((read_text(path) == text), name << " is longer or shorter");
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

std::size_t num_lines(std::string_view text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// Every text that a peer or its name could have had a hand in.
Report with_text(const std::string& text) {
    Report report = example_report();
    std::string without_slashes = text;
    std::erase(without_slashes, '/');
    for (std::string* each : {&report.version, &report.address, &report.name}) *each = text;
    report.capabilities.push_back({text, text, text});
    report.stale.push_back(text);
    for (Finding& finding : report.findings) {
        for (std::string* each : {&finding.wanted, &finding.got, &finding.scenario, &finding.again}) *each = text;
        finding.records.push_back(text);
        finding.scenarios.push_back(text);
        if (finding.known) finding.known = text;
    }
    for (Result& result : report.results) {
        for (std::string* each : {&result.title, &result.alternative, &result.splitting, &result.reason, &result.again})
            *each = text;
        result.scenario += without_slashes;  // which would make folders
        result.trace.push_back(text);
    }
    return report;
}

std::map<std::string, std::string> all_forms(const Report& report) {
    const Register requirements = example_register();
    return {{"terminal", terminal_report(report, requirements, {.color = false, .verbose = true, .quiet = false})},
            {"junit", junit_report(report, requirements)},
            {"tap", tap_report(report, requirements)},
            {"markdown", markdown_report(report, requirements)},
            {"html", html_report(report, requirements, html_template)}};
}

/// The message of the error that a template makes.
std::string template_error(const std::string& text) {
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("fcgispec-template-" + std::to_string(::getpid()));
    write_report(path, text);
    std::string message = "no error";
    try {
        (void)html_report(example_report(), example_register(), path);
    } catch (const std::runtime_error& error) {
        message = error.what();
    }
    std::filesystem::remove(path);
    return message.starts_with(path.string()) ? message.substr(path.string().size()) : message;
}

std::string standing_of(const Report& report, std::string_view profile) {
    for (const ProfileStanding& each : certificate_of(report, example_register()))
        if (each.profile == profile) return each.print();
    return "no such line";
}

}  // namespace

BOOST_AUTO_TEST_CASE(golden_json) {
    check_golden("results.json", json_report(example_report(), example_register()));
}

BOOST_AUTO_TEST_CASE(golden_terminal) {
    check_golden("terminal.txt", terminal_report(example_report(), example_register()));
    check_golden("terminal-verbose.txt", terminal_report(example_report(), example_register(), {.verbose = true}));
    check_golden("terminal-quiet.txt", terminal_report(example_report(), example_register(), {.quiet = true}));
    check_golden("terminal-conforms.txt", terminal_report(conforming_report(), example_register()));
}

BOOST_AUTO_TEST_CASE(golden_forms) {
    check_golden("junit.xml", junit_report(example_report(), example_register()));
    check_golden("report.tap", tap_report(example_report(), example_register()));
    check_golden("report.md", markdown_report(example_report(), example_register()));
    check_golden("report.html", html_report(example_report(), example_register(), html_template));
}

BOOST_AUTO_TEST_CASE(json_holds_what_the_report_holds) {
    const Report report = example_report();
    const nlohmann::ordered_json json = to_json(report);
    BOOST_TEST(json["tool"] == "fcgispec");
    BOOST_TEST(json["peer"]["side"] == "application");
    BOOST_TEST(json["summary"]["fail"] == 3);
    BOOST_TEST(json["exit_code"] == 1);
    BOOST_TEST(json["seed"] == report.seed);
    BOOST_TEST(json["findings"].size() == report.findings.size());
    BOOST_TEST(json["results"].size() == report.results.size());
    BOOST_TEST(json["findings"][0]["known"].is_null());
    BOOST_TEST(json["findings"][3]["known"] == "mended in the next version");
    // Nothing is lost on the way through the text.
    BOOST_TEST((nlohmann::ordered_json::parse(json_report(report, example_register())) == json));
}

BOOST_AUTO_TEST_CASE(json_takes_any_bytes_in_any_string) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
    Report report = example_report();
    for (std::string* each : {&report.version, &report.address, &report.name, &report.unreachable,
                              &report.capabilities[0].claimed, &report.findings[0].got, &report.findings[0].records[0].text,
                              &report.results[0].reason, &report.results[0].trace[0], &report.stale[0]})
        *each = bytes;
    report.findings[0].known = bytes;
    report.duration_ms = std::numeric_limits<double>::infinity();
    const auto json = nlohmann::json::parse(json_report(report, example_register()));
    const std::string got = json["findings"][0]["got"];
    BOOST_TEST((got.substr(0, 128) == bytes.substr(0, 128)));
    BOOST_TEST(got.substr(128, 8) == "\\200\\201");
    BOOST_TEST(got.ends_with("\\377"));
    BOOST_TEST(json["duration_ms"] == 0);
}

BOOST_AUTO_TEST_CASE(no_byte_of_a_peer_reaches_a_form_raw) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
    for (const auto& [form, text] : all_forms(with_text(bytes + "\xe2\x80\xae\xc2\x9b"))) {
        BOOST_TEST(valid_utf8(text) == text, form << " is no UTF-8");
        const bool has_control = std::any_of(text.begin(), text.end(),
                                             [](char c) { return (c >= 0 && c < 0x20 && c != '\n') || c == 0x7f; });
        BOOST_TEST(!has_control, form << " has control characters");
        BOOST_TEST(!contains(text, "\xe2\x80\xae"), form);
        BOOST_TEST(!contains(text, "\xc2\x9b"), form);
    }
}

BOOST_AUTO_TEST_CASE(what_a_peer_says_is_no_syntax) {
    // Each would end what it stands in, or begin something of its own.
    const std::string harm =
        "\n</script><script>alert(1)</script>\n]]>\"'>\nok 1 - x # SKIP\nBail out!\n```\n# head\n| cell";
    const auto forms = all_forms(with_text(harm));
    const auto plain = all_forms(with_text("harmless"));
    for (const auto& [form, text] : forms) {
        if (form != "terminal" && form != "markdown" && form != "tap")
            BOOST_TEST(!contains(text, "<script>alert"), form);
        for (const char* start : {"\nok 1 - x", "\nBail out!", "\n# head", "\n| cell", "\n```\n\\n"})
            BOOST_TEST(!contains(text, start), form << " has a line with" << start);
        // Escaped on its line, it makes no lines; the terminal wraps it.
        if (form != "terminal" && form != "html") BOOST_TEST(num_lines(text) == num_lines(plain.at(form)), form);
    }
}

BOOST_AUTO_TEST_CASE(no_form_is_green_where_the_run_is_not) {
    Report report = conforming_report();
    BOOST_TEST(contains(junit_report(report, example_register()), " failures=\"0\" errors=\"0\""));
    BOOST_TEST(!contains(tap_report(report, example_register()), "not ok"));
    report.findings = {example_report().findings[2]};  // the checker's; no case failed
    BOOST_TEST_REQUIRE(exit_code_of(report) == 1);
    BOOST_TEST(contains(junit_report(report, example_register()), "<failure"));
    BOOST_TEST(contains(tap_report(report, example_register()), "not ok 4 - R-3.3-4"));
    report.findings[0].known = "we know";
    BOOST_TEST_REQUIRE(exit_code_of(report) == 0);
    BOOST_TEST(!contains(junit_report(report, example_register()), "<failure"));
    BOOST_TEST(contains(tap_report(report, example_register()),
                        "not ok 4 - R-3.3-4 The application sends only records "
                        "that an application may send. # TODO known deviation: we know"));
    report.interrupted = true;
    BOOST_TEST(contains(junit_report(report, example_register()), "<error"));
    BOOST_TEST(contains(tap_report(report, example_register()), "\nBail out! interrupted\n"));
    Report none;
    BOOST_TEST(contains(junit_report(none, example_register()), "<error"));
    BOOST_TEST(contains(tap_report(none, example_register()), "\nBail out! no case was played\n"));
    Report skipped = conforming_report();
    for (Result& result : skipped.results) result.verdict = Verdict::skipped;
    BOOST_TEST_REQUIRE(exit_code_of(skipped) == 3);
    BOOST_TEST(contains(junit_report(skipped, example_register()), "no case came to its end</error>"));
    BOOST_TEST(contains(tap_report(skipped, example_register()), "\nBail out! no case came to its end\n"));
    none.unreachable = "Connection refused";
    BOOST_TEST(contains(junit_report(none, example_register()), "Connection refused"));
    BOOST_TEST(contains(tap_report(none, example_register()), "\nBail out! Connection refused\n"));
}

BOOST_AUTO_TEST_CASE(a_template_must_have_its_marks) {
    const std::string most =
        "<!--fcgispec:name--><!--fcgispec:conclusion--><!--fcgispec:counts--><!--fcgispec:plain-->";
    BOOST_TEST(template_error(most + "<!--fcgispec:data--> <!--other-->") == "no error");
    BOOST_TEST(template_error(most) == ": the mark <!--fcgispec:data--> is missing");
    BOOST_TEST(template_error("<!--fcgispec:date-->") == ": unknown mark \"date\"");
    BOOST_TEST(template_error("<!--fcgispec:data") == ": unknown mark \"data\"");
    BOOST_CHECK_THROW((void)html_report(example_report(), example_register(), "no/such/file"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(what_is_put_into_a_template_is_not_read_again) {
    const std::string mark = "<!--fcgispec:data-->";
    const std::string text = html_report(with_text(mark), example_register(), html_template);
    BOOST_TEST(!contains(text, mark));
    BOOST_TEST(contains(text, "&lt;!--fcgispec:data--&gt;"));
}

BOOST_AUTO_TEST_CASE(a_finding_has_at_most_a_dozen_lines_of_100_columns) {
    Report report = conforming_report();
    report.findings = {example_report().findings[1]};
    constexpr std::size_t num_lines_of_ours = 1 + 2;  // an empty line behind it; where our reading is to be found, and another
    const std::size_t without = num_lines(terminal_report(conforming_report(), example_register())) + num_lines_of_ours;
    Finding& finding = report.findings[0];
    for (int i = 0; i < 200; ++i) {
        finding.wanted += " wanted";
        finding.got += std::string(i == 3 ? 500 : 3, 'x') + " ";
        finding.records.insert(finding.records.begin(), "> {FCGI_STDIN, 1, \"" + std::string(300, 'y') + "\"}");
        finding.scenarios.push_back("application/" + std::to_string(i));
    }
    finding.again.clear();  // it is to be copied, so it stays on its line however long it is
    const std::string text = terminal_report(report, example_register());
    BOOST_TEST(num_lines(text) - without <= 12U);
    BOOST_TEST(contains(text, "\n          ! < {FCGI_END_REQUEST, 1, {0, 9}}\n"));
    std::istringstream lines(text.substr(text.find("fail ")));
    for (std::string line; std::getline(lines, line) && !line.empty();)
        BOOST_TEST((num_characters(line) <= 104U || contains(line, " seen ")), line);
}

BOOST_AUTO_TEST_CASE(where_not_all_lines_fit_those_that_tell_most_stay) {
    Report report = conforming_report();
    report.findings = {example_report().findings[1]};
    report.findings[0].records = {{"> {FCGI_PARAMS, 1, [TELLING=\"1\"]}", 3}};
    for (int i = 0; i < 5; ++i) report.findings[0].records.emplace_back("< half-close", 1);
    report.findings[0].records.emplace_back("http< 200", 4);
    BOOST_TEST(contains(terminal_report(report, example_register()), "\n            > {FCGI_PARAMS, 1, [TELLING=\"1\"]}\n          : < half-close\n"));
}

BOOST_AUTO_TEST_CASE(the_margin_shows_where_records_are_left_out) {
    Report report = conforming_report();
    report.findings = {example_report().findings[1]};
    report.findings[0].records = {"> {FCGI_STDIN, 1, \"a\"}", "> {FCGI_STDIN, 1, \"b\"}", "! < {FCGI_END_REQUEST, 1, {0, 9}}"};
    report.findings[0].records[0].num_left_out = 3;
    BOOST_TEST(contains(terminal_report(report, example_register()), "\n          : > {FCGI_STDIN, 1, \"a\"}\n            > {FCGI_STDIN, 1, \"b\"}\n          ! < {FCGI_END_REQUEST, 1, {0, 9}}\n"));
    BOOST_TEST(contains(markdown_report(report, example_register()), "# 3 records left out"));
}

BOOST_AUTO_TEST_CASE(colour_only_where_it_is_asked_for_and_none_from_the_peer) {
    const std::string plain = terminal_report(example_report(), example_register(), {.verbose = true});
    BOOST_TEST(!contains(plain, "\033"));
    std::string coloured = terminal_report(example_report(), example_register(), {.color = true, .verbose = true});
    BOOST_TEST(contains(coloured, "\033[31mfail"));
    for (std::size_t at = 0; (at = coloured.find('\033')) != std::string::npos;)
        coloured.erase(at, coloured.find('m', at) - at + 1);
    BOOST_TEST(coloured == plain);
}

BOOST_AUTO_TEST_CASE(the_certificate) {
    const Report report = example_report();
    BOOST_TEST(standing_of(report, "framing") == "deviates: R-3.3-4; tolerated R-3.3-9");
    BOOST_TEST(standing_of(report, "management") == "deviates: known R-4.1-2");
    BOOST_TEST(standing_of(report, "responder") == "deviates: R-5.4-1; 1 case inconclusive");
    BOOST_TEST(standing_of(report, "filter") == "not tested: 2 cases skipped");
    BOOST_TEST(standing_of(report, "process") == "not tested");
    BOOST_TEST(standing_of(conforming_report(), "management") == "conforms");
    Report unsure = conforming_report();
    unsure.results[0].verdict = Verdict::inconclusive;
    BOOST_TEST(standing_of(unsure, "management") == "not tested: 1 case inconclusive");
    Report interrupted = conforming_report();
    interrupted.interrupted = true;
    BOOST_TEST(standing_of(interrupted, "management") == "not tested");
}

BOOST_AUTO_TEST_CASE(the_certificate_names_what_no_case_was_played_for) {
    Report report = conforming_report();
    Result skipped = report.results[0];
    skipped.verdict = Verdict::skipped;
    report.results.push_back(skipped);
    BOOST_TEST(standing_of(report, "management") == "conforms: in the 2 cases played; 1 case skipped");
    const auto requirement = [](const std::string& id, const std::string& level) {
        return "[[requirement]]\nid = \"" + id + "\"\nsection = \"4.1\"\nbinds = \"application\"\nlevel = \"" + level +
               "\"\nprofile = \"management\"\nproof = \"scenario\"\nstatement = \"a\"\nquote = \"b\"\nreading = \"c\"\nagainst = \"d\"\nfield = \"e\"\n\n";
    };
    const Register two = Register::parse(requirement("R-4.1-2", "must") + requirement("R-4.1-9", "must") + requirement("R-4.1-10", "should") + requirement("R-4.1-11", "must") + requirement("R-4.1-12", "may"), "register");
    report.results.back().requirements = {"R-4.1-9", "R-4.1-10", "R-4.1-11", "R-4.1-12"};
    const auto standing = [&] {
        for (const ProfileStanding& line : certificate_of(report, two))
            if (line.profile == "management") return line.print();
        return std::string();
    };
    BOOST_TEST(standing() == "conforms: in the 2 cases played; 1 case skipped, all of R-4.1-9, R-4.1-10, R-4.1-11 among them");
    // What a finding tells of it is something.
    report.findings = {example_report().findings[4]};
    report.findings[0].requirement = "R-4.1-9";
    BOOST_TEST(standing() == "conforms: tolerated R-4.1-9; in the 2 cases played; 1 case skipped, all of R-4.1-10, R-4.1-11 among them");
    report.results.erase(report.results.begin(), report.results.end() - 1);
    BOOST_TEST(standing() == "not tested: seen beside other cases: tolerated R-4.1-9; 1 case skipped");
}

BOOST_AUTO_TEST_CASE(the_certificate_forgets_no_violation) {
    Report report = conforming_report();
    report.results[0].verdict = Verdict::fail;  // no finding speaks for it
    BOOST_TEST(standing_of(report, "management") == "deviates: R-4.1-2");
    report.findings = {example_report().findings[1]};
    report.findings[0].requirement = "R-9-9";
    BOOST_TEST(standing_of(report, "unregistered") == "deviates: R-9-9");
    report.results[0].requirements.clear();
    BOOST_TEST(contains(standing_of(report, "unregistered"), report.results[0].scenario));
}

BOOST_AUTO_TEST_CASE(who_counts_faults_is_told_what_is_of_one_sentence) {
    Report report = example_report();
    const auto requirement = [](const std::string& id, const std::string& sentence) {
        return "[[requirement]]\nid = \"" + id + "\"\nsection = \"3.3\"\nbinds = \"application\"\nlevel = \"must\"\nprofile = \"framing\"\nproof = \"scenario\"\nstatement = \"a\"\nquote = \"" +
               sentence + "\"\nreading = \"b\"\nagainst = \"c\"\nfield = \"d\"\n\n";
    };
    report.findings.resize(3);
    const std::vector<std::string> ids{"R-3.3-9", "R-3.3-10", "R-3.3-11"};
    for (std::size_t i = 0; i < ids.size(); ++i) report.findings[i].requirement = ids[i];
    const Register one = Register::parse(requirement(ids[0], "same") + requirement(ids[1], "other") + requirement(ids[2], "same"), "register");
    BOOST_TEST(contains(joined(legend_of(report.findings, one)), "R-3.3-11, R-3.3-9: readings of the same sentence of the specification"));
    report.findings.pop_back();
    BOOST_TEST(!contains(joined(legend_of(report.findings, one)), "same sentence"));
}

BOOST_AUTO_TEST_CASE(the_conclusion) {
    Report report = conforming_report();
    BOOST_TEST(conclusion_of(report) == "conforms");
    report.partial = true;
    report.findings = {example_report().findings[3]};
    BOOST_TEST(conclusion_of(report) == "conforms in what was selected, save for known deviations");
    report.interrupted = true;
    BOOST_TEST(conclusion_of(report) == "inconclusive: the run was interrupted");
    report.findings[0].known.reset();
    BOOST_TEST(conclusion_of(report) == "does not conform: 1 requirement broken; the run was interrupted");
    BOOST_TEST(conclusion_of(example_report()) == "does not conform: 3 requirements broken");
    Report none;
    BOOST_TEST(conclusion_of(none) == "inconclusive: nothing was tested");
    none.unreachable = "Connection refused";
    BOOST_TEST(conclusion_of(none) == "inconclusive: the peer could not be reached: Connection refused");
}

BOOST_AUTO_TEST_SUITE_END()

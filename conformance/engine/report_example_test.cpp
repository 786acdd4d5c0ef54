#include "conformance/engine/report_example.hpp"

#include "conformance/engine/selection.hpp"

namespace fcgispec::test {
namespace {

constexpr const char* example_toml = R"(
[[requirement]]
id = "R-3.3-4"
section = "3.3"
binds = "application"
level = "must"
profile = "framing"
proof = "checker"
statement = "The application sends only records that an application may send."
quote = "records of this type can only be sent by the Web server to the application"
reading = "The direction is a property of the type."
field = "The web server closes the connection."

[[requirement]]
id = "R-3.3-9"
section = "3.3"
binds = "application"
level = "should"
profile = "framing"
proof = "checker"
statement = "The application places records on multiples of eight bytes."
quote = "We recommend that records be placed on boundaries that are multiples of eight bytes."
reading = "A recommendation: whoever doesn't follow it is tolerated."
field = "Nothing breaks."

[[requirement]]
id = "R-4.1-2"
section = "4.1"
binds = "application"
level = "must"
profile = "management"
proof = "scenario"
statement = "The application answers a query with the variables that it understands."
quote = "The application responds by sending a record {FCGI_GET_VALUES_RESULT, 0, ...} with the values supplied."
reading = "An empty answer passes."
field = "A health check that asks for values waits for ever."

[[requirement]]
id = "R-5.4-1"
section = "5.4"
binds = "application"
level = "must"
profile = "responder"
proof = "scenario"
statement = "The application answers FCGI_ABORT_REQUEST with FCGI_END_REQUEST."
quote = "the application responds as soon as possible with {FCGI_END_REQUEST, R, ...}"
reading = "Whenever the answer comes before the deadline it passes."
field = "Requests of clients that have left go on."

[[requirement]]
id = "R-5.5-2"
section = "5.5"
binds = "application"
level = "must"
profile = "multiplexing"
proof = "scenario"
statement = "A second request on a busy connection is processed or rejected with FCGI_END_REQUEST, never lost."
quote = "either because the application has processed the request or because the application has rejected the request"
reading = "Processed at once, after the first, or refused: all pass; silence fails."
against = "A blocking library doesn't read the record until the first request is over."
field = "The second HTTP client waits for ever."

[[requirement]]
id = "R-6.4-1"
section = "6.4"
binds = "application"
level = "must"
profile = "filter"
proof = "scenario"
statement = "A Filter reads FCGI_DATA."
quote = "Next the Filter application receives the file data from the Web server over FCGI_DATA."
reading = "What the contract echoes must be what was sent."
field = "The page is empty."
)";

std::vector<Finding> example_findings() {
    return {
        {.requirement = "R-5.4-1",
         .verdict = Verdict::crash,
         .count = 1,
         .wanted = "FCGI_END_REQUEST for request 1",
         .got = "the process was killed by signal 11 (SIGSEGV)",
         .scenario = "application/5.4-abort-request/abort-in-params",
         .again = "fcgispec app unix:/run/made-up.sock --select application/5.4-abort-request/abort-in-params",
         .records = {"> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}",
                     "> {FCGI_PARAMS, 1, [REQUEST_METHOD=\"GET\"]}", "> {FCGI_ABORT_REQUEST, 1, \"\"}", "! < reset"},
         .scenarios = {"application/5.4-abort-request/abort-in-params"},
         .known = {}},
        {.requirement = "R-5.5-2",
         .verdict = Verdict::fail,
         .count = 3,
         .wanted = "multiplexed: < response 2; or refused: < {FCGI_END_REQUEST, 2, {*, FCGI_CANT_MPX_CONN}}",
         // What a hostile peer would like to do to a terminal, a page and an issue.
         .got = "</script><img src=x onerror=alert(1)> \033[31m ]]> @everyone `x` \xff\xfe\n# | \xe2\x80\xae turned",
         .scenario = "application/5.5-end-request/second-request-is-not-lost[N=1]",
         .again = "fcgispec app unix:/run/made-up.sock --select "
                  "'application/5.5-end-request/second-request-is-not-lost[N=1]'",
         .records = {"> {FCGI_BEGIN_REQUEST, 2, {FCGI_RESPONDER, FCGI_KEEP_CONN}}", "> {FCGI_PARAMS, 2, \"\"}",
                     "> {FCGI_STDIN, 2, \"\"}", "< {FCGI_STDOUT, 1, \"<b>```one\"}",
                     "! < {FCGI_END_REQUEST, 1, {0, 9}}", "< close"},
         .scenarios = {"application/5.5-end-request/second-request-is-not-lost[N=1]",
                       "application/5.5-end-request/second-request-is-not-lost[N=255]"},
         .known = {}},
        {.requirement = "R-3.3-4",
         .verdict = Verdict::fail,
         .count = 12,
         .wanted = "a record that an application may send",
         .got = "FCGI_STDIN",
         .scenario = "application/4.1-get-values/known-names-are-answered",
         .again = "fcgispec app unix:/run/made-up.sock --select application/4.1-get-values/known-names-are-answered",
         .records = {"! < {FCGI_STDIN, 1, \"\"}"},
         .scenarios = {"application/4.1-get-values/known-names-are-answered",
                       "application/4.1-get-values/unknown-names-are-left-out"},
         .known = {}},
        {.requirement = "R-4.1-2",
         .verdict = Verdict::fail,
         .count = 1,
         .wanted = "{FCGI_GET_VALUES_RESULT, 0, [...]}",
         .got = "the connection was closed",
         .scenario = "application/4.1-get-values/asked-on-a-busy-connection",
         .again = "fcgispec app unix:/run/made-up.sock --select application/4.1-get-values/asked-on-a-busy-connection",
         .records = {"> {FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS=\"\"]}", "! < close"},
         .scenarios = {"application/4.1-get-values/asked-on-a-busy-connection"},
         .known = "mended in the next version"},
        {.requirement = "R-3.3-9",
         .verdict = Verdict::tolerated,
         .count = 250,
         .wanted = "records on multiples of eight bytes",
         .got = "a record of 13 bytes",
         .scenario = "application/4.1-get-values/known-names-are-answered",
         .again = "fcgispec app unix:/run/made-up.sock --select application/4.1-get-values/known-names-are-answered",
         .records = {"! < {FCGI_STDOUT, 1, \"hello\"}"},
         .scenarios = {"application/4.1-get-values/known-names-are-answered",
                       "application/5.5-end-request/the-end-comes-once"},
         .known = {}},
    };
}

Result result(const std::string& scenario, const std::string& title, const std::string& requirement, Verdict verdict,
              const std::string& reason = "") {
    Result made{.scenario = scenario,
                .title = title,
                .requirements = {requirement},
                .verdict = verdict,
                .alternative = {},
                .splitting = "whole",
                .reason = reason,
                .again = "fcgispec app unix:/run/made-up.sock --select " + shell_quoted(scenario),
                .trace = {},
                .duration_ms = 1.25};
    if (verdict != Verdict::pass) made.trace = {"> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}", "< close"};
    return made;
}

std::vector<Result> example_results() {
    const std::string values = "application/4.1-get-values/";
    const std::string second = "application/5.5-end-request/second-request-is-not-lost";
    const std::string second_title = "A second request on a busy connection is multiplexed or refused, never lost";
    std::vector<Result> all{
        result(values + "asked-on-a-busy-connection", "A query on a busy connection is answered", "R-4.1-2",
               Verdict::fail, "the connection was closed"),
        result(values + "known-names-are-answered", "The three names of the specification are answered", "R-4.1-2",
               Verdict::pass),
        result(values + "unknown-names-are-left-out", "Names that the application doesn't know are left out", "R-4.1-2",
               Verdict::pass),
        result("application/5.4-abort-request/abort-in-params", "An abort in the middle of FCGI_PARAMS is answered",
               "R-5.4-1", Verdict::crash, "the process was killed by signal 11 (SIGSEGV)"),
        result("application/5.4-abort-request/abort-of-a-waiting-request", "An abort of a waiting request is answered",
               "R-5.4-1", Verdict::inconclusive, "can't open a connection: Too many open files"),
        result(second + "[N=1]", second_title, "R-5.5-2", Verdict::fail, "</script> came # instead"),
        result(second + "[N=2]", second_title, "R-5.5-2", Verdict::tolerated, "closed-politely"),
        result(second + "[N=255]", second_title, "R-5.5-2", Verdict::fail, "nothing came"),
        result("application/5.5-end-request/the-end-comes-once", "A request ends once", "R-5.4-1", Verdict::pass),
        result("application/6.4-filter/data-is-read", "A Filter reads FCGI_DATA", "R-6.4-1", Verdict::skipped,
               "the peer has no Filter"),
        result("application/6.4-filter/data-may-be-empty", "A Filter takes an empty FCGI_DATA", "R-6.4-1",
               Verdict::skipped, "the peer has no Filter"),
    };
    all[6].alternative = "closed-politely";
    all[7].splitting = "bytes";
    return all;
}

}  // namespace

Register example_register() {
    return Register::parse(example_toml, "example.toml");
}

Report example_report() {
    return {.version = "0.1.0",
            .side = Side::application,
            .address = "unix:/run/made-up.sock",
            .name = "made-up 1.0",
            .capabilities = {{"FCGI_MAX_CONNS", "10", "10"},
                             {"FCGI_MPXS_CONNS", "1", "refused with <b>"},
                             {"get-values", "", "yes"}},
            .duration_ms = 1432.5,
            .seed = 18446744073709551615U,
            .findings = example_findings(),
            .results = example_results(),
            .stale = {"R-5.5-9 in application/5.5-end-request/the-end-comes-once: mended long ago"},
            .unreachable = {}};
}

Report conforming_report() {
    Report report = example_report();
    report.findings.clear();
    report.stale.clear();
    std::erase_if(report.results, [](const Result& each) { return each.verdict != Verdict::pass; });
    return report;
}

}  // namespace fcgispec::test

#include "conformance/engine/conversation.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <numeric>
#include <ostream>
#include <stdexcept>

#include "conformance/engine/test_application.hpp"
#include "conformance/engine/test_memory.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

namespace fcgispec {
inline std::ostream& operator<<(std::ostream& out, Played::Outcome outcome) {
    static constexpr const char* names[] = {"as_expected", "contradicted", "silent", "closed", "flooded", "interrupted"};
    return out << names[static_cast<std::size_t>(outcome)];
}
}  // namespace fcgispec

BOOST_AUTO_TEST_SUITE(conversation)

namespace {

using enum Played::Outcome;
using Clock = std::chrono::steady_clock;

constexpr int long_ms = 20'000;  // a deadline that nothing waits for
constexpr int short_ms = 200;    // one that passes

Scenario scenario_of(const std::string& lines) {
    ParsedScript parsed = parse_script("scenario a\nproves R-1-1\n" + lines, "a/b", "b.fcs", Side::application);
    if (!parsed.errors.empty()) BOOST_FAIL(parsed.errors.front().print());
    return parsed.scenarios.front();
}

PlayOptions options_for(const TestApplication& application, int deadline_ms = long_ms) {
    return {.address = application.address(), .params = {}, .command = {}, .deadline_ms = deadline_ms};
}

Played played(const Conduct& conduct, const std::string& lines, int deadline_ms = long_ms) {
    const TestApplication application(conduct);
    return play(scenario_of(lines), options_for(application, deadline_ms));
}

const std::string good = "> request 1\n< response 1 \"good\"\n";
const std::string bad = "> request 1 [QUERY_STRING=\"bad\"]\n< response 1 \"good\"\n";

/// What an application gets when a scenario is played.
struct Got {
    std::string bytes;
    std::vector<std::size_t> reads;
    int end_error = -1;
};
/// Reads all that one connection says, at once, then answers nothing.
Got got_from(const std::string& lines, Splitting splitting = Splitting::whole, const Pairs& params = {}) {
    std::promise<Got> promise;
    const TestApplication application([&](Visit& visit) {
        visit.read_to_end();
        promise.set_value({visit.received(), visit.reads(), visit.end_error()});
    });
    PlayOptions options = options_for(application);
    options.splitting = splitting;
    options.params = params;
    const Played result = play(scenario_of(lines), options);
    BOOST_TEST(result.outcome == as_expected);
    return promise.get_future().get();
}

/// The same until the pieces came apart. A busy machine may keep the reader from reading at once, and we don't wait for
/// one that doesn't: then it is played again, a bounded number of times.
template <class Apart>
Got got_apart(const std::string& lines, Splitting splitting, Apart&& apart) {
    Got got = got_from(lines, splitting);
    for (int i = 0; i < 50 && !apart(got.reads); ++i) got = got_from(lines, splitting);
    BOOST_TEST(apart(got.reads), name_of(splitting) << ": " << got.reads.size() << " reads");
    return got;
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// The most that this process has taken of memory while `what` ran, beyond what it had; nothing where that can't be told.
template <class What>
void within_64_mib(What&& what) {
    const MemoryPeak peak;
    what();
    if (const auto size = peak.growth_size()) BOOST_TEST(*size <= std::size_t{64} << 20);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_good_application) {
    const Played result = played(always_good(), "> request 1\n< response 1 \"good\"\n> request 2 flags=0\n< {FCGI_STDOUT, 2, \"...good\"}\n< response 2\n< close\n");
    BOOST_TEST(result.outcome == as_expected, result.got);
    BOOST_TEST(result.wanted.empty());
    BOOST_TEST(result.accusations.empty());
    BOOST_TEST(result.trace.front() == "> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}");
    BOOST_TEST(result.trace.back() == "< close");
    BOOST_TEST(result.seen.at("").requests.at(1).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_wrong_answer) {
    const Played result = played(good_but_for([](Visit& visit) { visit.answer(1, "other"); }), bad);
    BOOST_TEST(result.outcome == contradicted);
    BOOST_TEST(result.wanted == "< response 1 \"good\"");
    BOOST_TEST(result.got == "body \"other\"");
    BOOST_TEST(result.line == 4U);
    BOOST_TEST(!result.around.empty());
}

BOOST_AUTO_TEST_CASE(memory_that_is_taken_is_seen) {
    const MemoryPeak peak;
    std::vector<char> taken(std::size_t{80} << 20, 'x');
    BOOST_TEST(std::count(taken.begin(), taken.end(), 'x') == std::ssize(taken));
    if (const auto size = peak.growth_size()) BOOST_TEST(*size > std::size_t{64} << 20);
}

// The ways in which an application fails us.

BOOST_AUTO_TEST_CASE(one_that_closes) {
    const Played at_once = played([](Visit&) {}, good);
    BOOST_TEST(at_once.outcome == closed);
    BOOST_TEST((at_once.got == "the peer closed the connection" || at_once.got == "the peer reset the connection"), at_once.got);
    const Played later = played(good_but_for([](Visit&) {}), bad);
    BOOST_TEST(later.outcome == closed);
    BOOST_TEST(later.got == "the peer closed the connection");
    BOOST_TEST(later.trace.back() == "< close");
}

BOOST_AUTO_TEST_CASE(one_that_resets) {
    // A unix socket that is closed with bytes unread resets: it reads some, so that the rest has come.
    const Played result = played([](Visit& visit) { (void)visit.read_some(); }, "> raw \"x\"*100000\n< response 1\n");
    BOOST_TEST(result.outcome == closed);
    BOOST_TEST(result.got == "the peer reset the connection");
    BOOST_TEST(result.trace.back() == "< reset");
}

BOOST_AUTO_TEST_CASE(one_that_falls_silent) {
    const auto begin = Clock::now();
    const Played result = played(good_but_for([](Visit& visit) { visit.stay(); }), bad, short_ms);
    BOOST_TEST(result.outcome == silent);
    BOOST_TEST(result.got == "nothing");
    BOOST_TEST(result.wanted == "< response 1 \"good\"");
    BOOST_TEST(seconds_since(begin) >= short_ms / 1000.0);
}

BOOST_AUTO_TEST_CASE(while_the_machine_stands_still_nobody_is_silent) {
    // A process of its own, lest a shell take us for stopped. It stops itself while its application owes an answer.
    const pid_t child = fork();
    BOOST_TEST_REQUIRE(child >= 0);
    if (child == 0) {
        int status = 2;
        try {
            const Played result = played(good_but_for([](Visit& visit) {
                visit.stay(50);
                kill(getpid(), SIGSTOP);
                visit.stay(100);
                visit.answer(1);
            }), bad, short_ms);
            status = result.outcome == as_expected ? 0 : 1;
        } catch (...) {
        }
        _exit(status);
    }
    int status = -1;
    waitpid(child, &status, WUNTRACED);
    BOOST_TEST_REQUIRE(WIFSTOPPED(status));
    usleep(500'000);
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(one_that_answers_slowly_is_waited_for) {
    const Played result = played(good_but_for([](Visit& visit) {
        visit.stay(100);
        visit.answer(1);
    }), bad);
    BOOST_TEST(result.outcome == as_expected);
}

BOOST_AUTO_TEST_CASE(one_that_answers_a_byte_at_a_time) {
    const Played result = played(good_but_for([](Visit& visit) {
        const Buffer answer = parse_notation("{FCGI_STDOUT, 1, \"\\r\\ngood\", padding=3}\n{FCGI_STDOUT, 1, \"\"}\n{FCGI_END_REQUEST, 1, {0, 0}}").bytes;
        for (std::size_t i = 0; i < answer.size(); ++i) visit.say(Bytes(answer).subspan(i, 1));
    }), bad);
    BOOST_TEST(result.outcome == as_expected);
}

BOOST_AUTO_TEST_CASE(one_that_floods_is_not_heard_to_its_end) {
    for (const std::string record : {
             "{FCGI_STDOUT, 1, \"x\"*65000}",
             "{FCGI_STDERR, 1, random(4096)}",
             "{FCGI_END_REQUEST, 9, {0, 0}}",
             "{FCGI_GET_VALUES_RESULT, 0, \"\"}",
             "raw 00",
         }) {
        const Conduct floods = good_but_for([&](Visit& visit) {
            Buffer many;
            const Buffer one = parse_notation(record).bytes;
            while (many.size() < 65536) append(many, one);
            while (visit.say(many)) continue;
        });
        const auto begin = Clock::now();
        within_64_mib([&] {
            // Also where the checker leaves requests undefined, and so keeps what would mean nothing.
            for (const std::string provoked : {"", "> {FCGI_STDIN, 9, \"x\"}\n> raw 07 07 00 09 00 00 00 00\n"}) {
                const Played result = played(floods, provoked + "> request 1 [QUERY_STRING=\"bad\"]\n< {FCGI_STDOUT, 1, \"...never\"}\n");
                BOOST_TEST((result.outcome == flooded || result.outcome == closed), record << ": " << result.outcome);
                BOOST_TEST(result.trace.size() <= 1100U);
                BOOST_TEST(result.got.size() < 300U);
            }
        });
        BOOST_TEST(seconds_since(begin) < 60, record);
    }
}

BOOST_AUTO_TEST_CASE(one_that_drips_for_ever_is_left) {
    // Always within the deadline, and never done.
    const auto begin = Clock::now();
    const Played result = played(good_but_for([](Visit& visit) {
        const Buffer byte{0};
        do visit.say(byte);
        while (visit.stay(1), visit.say(byte));
    }), bad, short_ms);
    BOOST_TEST(result.outcome == silent);
    BOOST_TEST(seconds_since(begin) < 20);
}

BOOST_AUTO_TEST_CASE(one_that_never_reads) {
    within_64_mib([] {
        const Played result = played([](Visit& visit) { visit.stay(); }, "> {FCGI_STDIN, 1, \"x\"*10485760}\n> half-close\n", short_ms);
        BOOST_TEST(result.outcome == silent);
        BOOST_TEST(result.wanted == "the peer reads what is written");
        BOOST_TEST(result.got == "the peer doesn't read what was written");
    });
}

BOOST_AUTO_TEST_CASE(one_that_takes_no_connection) {
    const TestFolder folder;
    PlayOptions options{.address = Address::parse("unix:" + (folder.path() / "nobody").string()), .params = {}, .command = {}};
    const Played result = play(scenario_of(good), options);
    BOOST_TEST(result.outcome == closed);
    BOOST_TEST(result.wanted == "the peer takes a connection");
    BOOST_TEST(result.got == "no connection: " + options.address.print() + ": No such file or directory");
}

BOOST_AUTO_TEST_CASE(one_that_claims_more_than_it_says) {
    const Played result = played(good_but_for([](Visit& visit) { visit.say("{FCGI_STDOUT, 1, \"abc\", length=65535}"); }), bad);
    BOOST_TEST(result.outcome == closed);
    BOOST_TEST(result.got == "the peer closed the connection");
    BOOST_TEST(!result.accusations.empty());  // a record that is cut
}

BOOST_AUTO_TEST_CASE(one_that_says_random_bytes) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const Played result = played(good_but_for([&](Visit& visit) { visit.say(bytes_of(random_bytes(5000, seed))); }), bad);
        BOOST_TEST((result.outcome == closed || result.outcome == contradicted), "seed " << seed << ": " << result.outcome);
    }
}

BOOST_AUTO_TEST_CASE(one_that_answers_on_the_wrong_connection) {
    std::mutex mutex;
    std::condition_variable changed;
    Visit* first = nullptr;
    const TestApplication application([&](Visit& visit) {
        if (visit.number() == 0) {
            { const std::lock_guard lock(mutex); first = &visit; }
            changed.notify_all();
            visit.read_to_end();
            const std::lock_guard lock(mutex);
            first = nullptr;
            return;
        }
        (void)visit.read_request();
        {
            std::unique_lock lock(mutex);
            if (changed.wait_for(lock, std::chrono::seconds(10), [&] { return first != nullptr; })) first->answer(1);
        }
        visit.read_to_end();
    });
    const Played result = play(scenario_of("a> connect\nb> request 1\nb< response 1\n"), options_for(application, short_ms));
    BOOST_TEST(result.outcome == silent);
    BOOST_TEST(!result.accusations.empty());  // an answer to what nobody asked
}

// Alternatives.

namespace {

const std::string either_of_three =
    "> request 1 [QUERY_STRING=\"bad\"]\neither tolerated refused\n< {FCGI_END_REQUEST, 1, {*, FCGI_OVERLOADED}}\nor answered\n< {FCGI_STDOUT, 1, \"...good\"}\n< response 1\n"
    "or closed\n< close\nend\n";

Played with_alternatives(const Conduct& conduct, const std::string& lines, int deadline_ms = long_ms) {
    return played(good_but_for(conduct), lines, deadline_ms);
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_decided_is_shown_last_whatever_ended_later) {
    const TestApplication application([](Visit& visit) {
        if (visit.read_request() == 1 && visit.request_has("other")) visit.answer(1, "good");
    });
    const Played result = play(scenario_of("b> request 1 [QUERY_STRING=\"other\"] flags=0\nb< response 1\n> request 1\n< response 1\n"), options_for(application, short_ms));
    BOOST_TEST(result.outcome == closed);
    BOOST_TEST_REQUIRE(!result.around.empty());
    BOOST_TEST(result.around.back().text == "< close");
    BOOST_TEST(result.trace.size() > result.around.size());
}

BOOST_AUTO_TEST_CASE(the_alternative_that_is_met_is_taken) {
    const Played answered = with_alternatives([](Visit& visit) { visit.answer(1); visit.stay(); }, either_of_three);
    BOOST_TEST(answered.outcome == as_expected);
    BOOST_TEST((answered.alternatives == std::vector<std::string>{"answered"}));
    BOOST_TEST(!answered.tolerated.has_value());
    const Played refused = with_alternatives([](Visit& visit) { visit.say("{FCGI_END_REQUEST, 1, {0, FCGI_OVERLOADED}}"); visit.stay(); }, either_of_three);
    BOOST_TEST((refused.alternatives == std::vector<std::string>{"refused"}));
    BOOST_TEST_REQUIRE(refused.tolerated.has_value());
    BOOST_TEST(refused.tolerated->taken == "refused (< {FCGI_END_REQUEST, 1, {*, FCGI_OVERLOADED}})");
    BOOST_TEST(refused.tolerated->better == "answered (< {FCGI_STDOUT, 1, \"...good\"}; < response 1) or closed (< close)");
    const Played gone = with_alternatives([](Visit&) {}, either_of_three);
    BOOST_TEST((gone.alternatives == std::vector<std::string>{"closed"}));
}

BOOST_AUTO_TEST_CASE(the_first_that_is_met_is_taken) {
    const Played result = with_alternatives([](Visit& visit) { visit.answer(1); visit.stay(); },
                                            "> request 1 [QUERY_STRING=\"bad\"]\neither one\n< response 1\nor two\n< response 1\nend\n");
    BOOST_TEST((result.alternatives == std::vector<std::string>{"one"}));
}

BOOST_AUTO_TEST_CASE(all_alternatives_contradicted) {
    const std::string two = "> request 1 [QUERY_STRING=\"bad\"]\neither a\n< response 1 \"a\"\nor b\n< response 1 \"b\"\nend\n";
    const Played other = with_alternatives([](Visit& visit) { visit.answer(1, "c"); visit.stay(); }, two);
    BOOST_TEST(other.outcome == contradicted);
    BOOST_TEST(other.got == "body \"c\"");
    BOOST_TEST(other.wanted == "either a (< response 1 \"a\") or b (< response 1 \"b\")");
    BOOST_TEST(other.alternatives.empty());
    const Played gone = with_alternatives([](Visit&) {}, two);
    BOOST_TEST(gone.outcome == closed);
    const Played nothing = with_alternatives([](Visit& visit) { visit.stay(); }, two, short_ms);
    BOOST_TEST(nothing.outcome == silent);
}

BOOST_AUTO_TEST_CASE(what_is_sent_within_an_alternative) {
    const std::string lines =
        "> request 1 [QUERY_STRING=\"bad\"]\neither again\n< {FCGI_END_REQUEST, 1, {*, FCGI_OVERLOADED}}\n> request 2\n< response 2 \"good\"\nor no\n< response 1\nend\n> request 3\n< response 3 \"good\"\n";
    const Conduct overloaded = [](Visit& visit) {
        visit.say("{FCGI_END_REQUEST, 1, {0, FCGI_OVERLOADED}}");
        while (const std::uint16_t request_id = visit.read_request()) visit.answer(request_id);
    };
    const Played result = with_alternatives(overloaded, lines);
    BOOST_TEST(result.outcome == as_expected, result.wanted << " " << result.got);
    const Played wrong = with_alternatives([](Visit& visit) {
        visit.say("{FCGI_END_REQUEST, 1, {0, FCGI_OVERLOADED}}");
        visit.answer(visit.read_request(), "other");
        visit.stay();
    }, lines);
    BOOST_TEST(wrong.outcome == contradicted);
    BOOST_TEST(wrong.line == 7U);
    // Not taken: not sent.
    const Played not_taken = with_alternatives([](Visit& visit) {
        visit.answer(1);
        while (const std::uint16_t request_id = visit.read_request()) visit.answer(request_id);
    }, lines);
    BOOST_TEST(not_taken.outcome == as_expected);
    BOOST_TEST(std::none_of(not_taken.trace.begin(), not_taken.trace.end(), [](const std::string& line) { return line.find("_REQUEST, 2,") != std::string::npos; }));
}

BOOST_AUTO_TEST_CASE(stop_is_the_end) {
    const Played result = played(always_good(), "> request 1\neither a\n< response 1\nstop\nend\n> request 2\n< response 2 \"never\"\n");
    BOOST_TEST(result.outcome == as_expected);
    BOOST_TEST(result.wanted.empty());
    BOOST_TEST(result.seen.at("").requests.count(2) == 0U);
}

BOOST_AUTO_TEST_CASE(behind_an_unjudged_alternative_nothing_is_told) {
    const std::string lines = "> request 1\neither unjudged a\n< response 1\nend\n> request 2\n< response 2 \"never\"\n";
    const Played result = played(always_good(), lines);
    BOOST_TEST(result.outcome == as_expected);
    BOOST_TEST(result.unjudged);
    BOOST_TEST((result.alternatives == std::vector<std::string>{"a"}));
    BOOST_TEST(result.seen.at("").requests.count(2) == 0U);
    BOOST_TEST(!played(always_good(), "> request 1\neither unjudged a\n< close\nor b\n< response 1\nend\n").unjudged);
}

// What is said, and how it is cut.

BOOST_AUTO_TEST_CASE(cuts_arrive_as_reads_of_their_own) {
    using Reads = std::vector<std::size_t>;
    (void)got_apart("> connect\ncut 3 8 100 4000000\n> raw \"abcdefgh\" \"x\"*100\n> close\n", Splitting::whole,
                    [](const Reads& reads) { return reads == Reads{3, 5, 92, 8}; });
    // Lines of one group are one write; a cut holds for one group.
    const Got groups = got_apart("cut 2\n> raw \"abc\"\n> raw \"def\"\nreads 100\n> raw \"ghi\"\n> close\n", Splitting::whole,
                                 [](const Reads& reads) { return reads.front() == 2U && reads.size() <= 3U; });
    BOOST_TEST(groups.bytes == "abcdefghi");
    BOOST_TEST((std::accumulate(groups.reads.begin(), groups.reads.end(), std::size_t{0}) == 9U));
}

BOOST_AUTO_TEST_CASE(splittings_send_the_same_bytes) {
    const std::string lines = "> request 1 [A=\"b\"] stdin=\"x\"*3000\n> {FCGI_STDIN, 2, \"abc\", padding=5}\n> raw 01 05 00\n> half-close\n";
    const Got whole = got_from(lines, Splitting::whole);
    // Six records and what is none, each header and each content; of 2,048 single bytes most.
    const Got header = got_apart(lines, Splitting::header, [](const auto& reads) { return reads.size() > 8U; });
    const Got bytes = got_apart(lines, Splitting::bytes, [](const auto& reads) { return reads.size() > 1000U; });
    BOOST_TEST(whole.bytes == header.bytes);
    BOOST_TEST(whole.bytes == bytes.bytes);
    BOOST_TEST(whole.reads.size() == 1U);
    BOOST_TEST(name_of(Splitting::bytes) == "bytes");
}

BOOST_AUTO_TEST_CASE(base_is_a_plain_request_and_the_users) {
    const Got got = got_from("> request 1 [QUERY_STRING=\"q\" A=\"1\"]\n> close\n", Splitting::whole, {{"SCRIPT_FILENAME", "/f"}, {"SERVER_PORT", "81"}});
    const std::string text = print_notation(bytes_of(got.bytes));
    BOOST_TEST(text.find("SCRIPT_FILENAME=\"/f\"") != std::string::npos);
    BOOST_TEST(text.find("SERVER_PORT=\"81\"") != std::string::npos);
    BOOST_TEST(text.find("QUERY_STRING=\"q\"") != std::string::npos);
    BOOST_TEST(text.find("QUERY_STRING=\"\"") == std::string::npos);
    BOOST_TEST(text.find("CONTENT_LENGTH") == std::string::npos);
    const Pairs base = base_params({{"SERVER_PORT", "81"}});
    BOOST_TEST(base.size() == base_params({}).size());
}

BOOST_AUTO_TEST_CASE(whole_requests_of_each_role) {
    const auto notation_of = [](const SendRequest& request) { return print_notation(encode_request(request, {})); };
    const std::string responder = notation_of({.request_id = 3, .pairs = {}, .std_in = "abc"});
    BOOST_TEST(responder.starts_with("{FCGI_BEGIN_REQUEST, 3, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n{FCGI_PARAMS, 3, ["));
    BOOST_TEST(responder.find("CONTENT_LENGTH=\"3\"") != std::string::npos);
    BOOST_TEST(responder.ends_with("{FCGI_PARAMS, 3, \"\"}\n{FCGI_STDIN, 3, \"abc\"}\n{FCGI_STDIN, 3, \"\"}\n"));
    const std::string authorizer = notation_of({.request_id = 1, .pairs = {}, .role = Role::authorizer, .flags = 0});
    BOOST_TEST(authorizer.starts_with("{FCGI_BEGIN_REQUEST, 1, {FCGI_AUTHORIZER, 0}}\n"));
    BOOST_TEST(authorizer.find("FCGI_STDIN") == std::string::npos);
    const std::string filter = notation_of({.request_id = 1, .pairs = {}, .role = Role::filter, .data = "file"});
    BOOST_TEST(filter.find("FCGI_DATA_LENGTH=\"4\"") != std::string::npos);
    BOOST_TEST(filter.find("FCGI_DATA_LAST_MOD=\"0\"") != std::string::npos);
    BOOST_TEST(filter.ends_with("{FCGI_STDIN, 1, \"\"}\n{FCGI_DATA, 1, \"file\"}\n{FCGI_DATA, 1, \"\"}\n"));
}

BOOST_AUTO_TEST_CASE(ends_that_we_make) {
    BOOST_TEST(got_from("> raw 01\n> half-close\n").end_error == 0);
    BOOST_TEST(got_from("> raw 01\n> close\n").end_error == 0);
    const Played halved = played([](Visit& visit) {
        visit.read_to_end();
        visit.answer(1);
    }, "> request 1\n> half-close\n< response 1\n");
    BOOST_TEST(halved.outcome == as_expected);  // the other direction stays open
}

BOOST_AUTO_TEST_CASE(a_slow_reader_hears_the_same) {
    const Conduct large = [](Visit& visit) {
        (void)visit.read_request();
        visit.say("{FCGI_STDOUT, 1, \"\\r\\n\" + \"y\"*100000}\n{FCGI_STDOUT, 1, \"\"}\n{FCGI_END_REQUEST, 1, {0, 0}}");
    };
    BOOST_TEST(played(large, "reads 7\n> request 1\n< response 1 \"y\"*100000\n").outcome == as_expected);
    BOOST_TEST(played(large, "> request 1\n< response 1 \"y\"*100000\n").outcome == as_expected);
    BOOST_TEST(played(large, "> request 1\n< response 1 \"y\"*100001\n").outcome == contradicted);
}

// Interruption.

BOOST_AUTO_TEST_CASE(an_interrupt_ends_a_wait) {
    std::atomic<bool> interrupted{false};
    const TestApplication application([&](Visit& visit) {
        (void)visit.read_request();
        interrupted = true;
        visit.read_to_end();
    });
    PlayOptions options = options_for(application, 600'000);
    options.interrupted = &interrupted;
    const auto begin = Clock::now();
    const Played result = play(scenario_of(good), options);
    BOOST_TEST(result.outcome == Played::Outcome::interrupted);
    BOOST_TEST(seconds_since(begin) < 30);
}

// A peer of the scenario's own [§2.2, §2.3, §7].

namespace {

Played with_own_peer(const std::string& lines, const std::vector<std::string>& command = perl_application()) {
    PlayOptions options{.address = Address::parse("unix:/nonexistent/socket"), .params = {}, .command = command, .deadline_ms = long_ms};
    return play(scenario_of("needs spawn\n" + lines), options);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_peer_is_started_signalled_and_ends) {
    for (const std::string where : {"", " tcp"}) {
        const Played result = with_own_peer("process start" + where + "\n> request 1\n< response 1 \"good\"\nprocess signal SIGKILL\nprocess exits *\n");
        BOOST_TEST(result.outcome == contradicted);  // ended by a signal is no exit
        BOOST_TEST(result.got == "signal 9 (SIGKILL)");
        BOOST_TEST(!result.died.has_value());
    }
    BOOST_TEST(with_own_peer("process start\n> request 1 [QUERY_STRING=\"exit-0\"]\nprocess exits 0\n").outcome == as_expected);
    const Played told = with_own_peer("process start [A=\"b\"] tcp\n> request 1\n< response 1 \"bad\"\n");
    BOOST_TEST(told.trace.front() == "# process start [A=\"b\"] tcp");
    BOOST_TEST(told.around.front().text == told.trace.front());
    BOOST_TEST(with_own_peer("process start\n> request 1 [QUERY_STRING=\"exit-3\"]\nprocess exits *\n").outcome == as_expected);
    const Played other = with_own_peer("process start\n> request 1 [QUERY_STRING=\"exit-3\"]\nprocess exits 0\n");
    BOOST_TEST(other.outcome == contradicted);
    BOOST_TEST(other.got == "exit status 3");
}

BOOST_AUTO_TEST_CASE(a_peer_that_dies_unasked_is_told) {
    const Played result = with_own_peer("process start\n> request 1 [QUERY_STRING=\"signal-11\"]\n< close\n");
    BOOST_TEST(result.outcome == as_expected);
    // Its connection may close a moment before it can be waited for.
    if (result.died) BOOST_TEST(result.died->print() == "signal 11 (SIGSEGV)");
}

BOOST_AUTO_TEST_CASE(a_peer_that_cannot_be_started_is_our_own_trouble) {
    BOOST_CHECK_EXCEPTION(with_own_peer("process start\n> connect\n", {"/no/such/command"}), std::system_error,
                          [](const std::system_error& error) { return std::string(error.what()) == "/no/such/command: No such file or directory"; });
    BOOST_CHECK_EXCEPTION(with_own_peer("process start\n> connect\n", {}), std::runtime_error,
                          [](const std::runtime_error& error) { return std::string(error.what()).find("it isn't said how") != std::string::npos; });
    const Played none = with_own_peer("process exits 0\n");
    BOOST_TEST(none.outcome == contradicted);
    BOOST_TEST(none.got == "the scenario started no peer");
}

BOOST_AUTO_TEST_SUITE_END()

#include "conformance/engine/tap.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <ostream>
#include <thread>

#include "conformance/engine/checker_rules.hpp"
#include "conformance/engine/conversation.hpp"
#include "conformance/engine/test_web_server.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(tap_between)

namespace {

using Lines = std::vector<std::string>;

/// A tap that stands before an application, on a thread of its own, and all that it tells.
class Tap {
public:
    explicit Tap(const Address& application, const std::string& listen = {})
        : listener_(Address::parse(listen.empty() ? "unix:" + (folder_.path() / "tap").string() : listen)) {
        options_.application = application;
        options_.record = [this](const std::string& line) { keep(recorded_, line); };
        options_.tell = [this](const std::string& text) { keep(told_, text); };
        options_.accuse = [this](const TapAccusation& one) {
            // Where records are placed is no matter to our applications and Web servers.
            if (one.requirement == text_for(Rule::web_server_alignment).requirement || one.requirement == text_for(Rule::application_alignment).requirement) return;
            const std::lock_guard lock(mutex_);
            accused_.push_back(one);
        };
        options_.interrupted = &interrupted_;
        options_.connect_ms = 1000;
        thread_ = std::thread([this] { summary_ = tap(listener_, options_); });
    }
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;
    ~Tap() { (void)stop(); }

    [[nodiscard]] const Address& address() const { return listener_.address(); }
    /// Ends it; afterwards all that it told can be read.
    TapSummary stop() {
        interrupted_ = true;
        if (thread_.joinable()) thread_.join();
        return summary_;
    }
    /// Until this line is recorded; what has come by then.
    Lines wait_for(const std::string& line) {
        std::unique_lock lock(mutex_);
        const bool came = changed_.wait_for(lock, std::chrono::seconds(20), [&] { return std::count(recorded_.begin(), recorded_.end(), line) > 0; });
        BOOST_TEST(came, "never recorded: " << line);
        return recorded_;
    }
    [[nodiscard]] const Lines& recorded() const { return recorded_; }
    [[nodiscard]] const Lines& told() const { return told_; }
    [[nodiscard]] const std::vector<TapAccusation>& accused() const { return accused_; }

private:
    void keep(Lines& where, const std::string& line) {
        const std::lock_guard lock(mutex_);
        where.push_back(line);
        changed_.notify_all();
    }

    TestFolder folder_;
    Listener listener_;
    TapOptions options_;
    std::atomic<bool> interrupted_{false};
    std::mutex mutex_;
    std::condition_variable changed_;
    Lines recorded_;
    Lines told_;
    std::vector<TapAccusation> accused_;
    TapSummary summary_;
    std::thread thread_;
};

Link link_to(const Tap& tap, std::size_t number = 0) { return Link(connect_to(tap.address(), 5000), -1, number); }

}  // namespace

BOOST_AUTO_TEST_CASE(both_hear_what_the_other_says_and_all_is_recorded) {
    const TestApplication application(always_good());
    Tap tap(application.address());
    {
        Link link = link_to(tap);
        link.ask(3, "/a", "body");
        const Answer answer = link.read_answer(3);
        BOOST_TEST(answer.std_out == "Content-Type: text/plain\r\n\r\ngood");
        BOOST_TEST_REQUIRE(answer.end.has_value());
        link.read_to_end();  // the application's end is passed on
        BOOST_TEST(link.end_error() == 0);
    }
    (void)tap.wait_for("c1> close");
    const TapSummary summary = tap.stop();
    const Lines expected{"c1> {FCGI_BEGIN_REQUEST, 3, {FCGI_RESPONDER, 0}}",
                         "c1> {FCGI_PARAMS, 3, [REQUEST_METHOD=\"POST\" REQUEST_URI=\"/a\"], padding=5}",
                         "c1> {FCGI_PARAMS, 3, \"\"}",
                         "c1> {FCGI_STDIN, 3, \"body\", padding=4}",
                         "c1> {FCGI_STDIN, 3, \"\"}",
                         "c1< {FCGI_STDOUT, 3, \"Content-Type: text/plain\\r\\n\\r\\ngood\"}",
                         "c1< {FCGI_STDOUT, 3, \"\"}",
                         "c1< {FCGI_END_REQUEST, 3, {0, FCGI_REQUEST_COMPLETE}}",
                         "c1< half-close",
                         "c1> close"};
    BOOST_TEST(tap.recorded() == expected, boost::test_tools::per_element());
    BOOST_TEST(summary.num_connections == 1U);
    BOOST_TEST(summary.num_records == 8U);
    BOOST_TEST(tap.accused().empty());
    BOOST_TEST(tap.told().empty());
}

BOOST_AUTO_TEST_CASE(a_recording_plays_again_with_the_application) {
    const TestApplication application(always_good());
    Tap tap(application.address());
    {
        Link link = link_to(tap);
        link.ask(1, "/a");
        (void)link.read_answer(1);
        link.read_to_end();
    }
    (void)tap.wait_for("c1> close");
    (void)tap.stop();
    std::string text = "scenario a\nproves R-1-1\n";
    for (const std::string& line : tap.recorded()) text += line + "\n";
    const ParsedScript parsed = parse_script(text, "a", "a", Side::application);
    BOOST_TEST_REQUIRE(parsed.errors.empty(), text);
    const Played played = play(parsed.scenarios.front(), {.address = application.address(), .params = {}, .command = {}, .deadline_ms = 20'000});
    BOOST_TEST((played.outcome == Played::Outcome::as_expected), played.wanted << " " << played.got);
}

BOOST_AUTO_TEST_CASE(connections_at_once_are_kept_apart) {
    const TestApplication application(always_good());
    Tap tap(application.address());
    Link one = link_to(tap);
    Link other = link_to(tap, 1);
    one.ask(1, "/one", {}, keep_conn);
    other.ask(1, "/other", {}, keep_conn);
    BOOST_TEST(other.read_answer(1).end.has_value());
    BOOST_TEST(one.read_answer(1).end.has_value());
    one.ask(2, "/again", {}, keep_conn);
    BOOST_TEST(one.read_answer(2).end.has_value());
    one.close();
    other.close();
    (void)tap.wait_for("c1> half-close");
    (void)tap.wait_for("c2> half-close");
    BOOST_TEST(tap.stop().num_connections == 2U);
    BOOST_TEST(tap.accused().empty());
    const auto begun = [&](const std::string& connection) {
        return std::count_if(tap.recorded().begin(), tap.recorded().end(), [&](const std::string& line) { return line.starts_with(connection + "> {FCGI_BEGIN_REQUEST"); });
    };
    BOOST_TEST(begun("c1") + begun("c2") == 3);
    BOOST_TEST(std::abs(begun("c1") - begun("c2")) == 1);
}

BOOST_AUTO_TEST_CASE(either_side_is_accused_of_what_it_says) {
    const TestApplication application([](Visit& visit) {
        if (visit.read_request() != 0) visit.say("{FCGI_STDOUT, 1, \"\\r\\n\"}\n{FCGI_STDOUT, 1, \"\"}\n{FCGI_END_REQUEST, 1, {0, 0}, version=7}");
        visit.read_to_end();
    });
    Tap tap(application.address());
    {
        Link link = link_to(tap);
        link.say("{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 1}}\n{FCGI_PARAMS, 1, \"\"}\n{FCGI_STDIN, 1, \"\", reserved=3}");
        (void)link.read_answer(1);
    }
    (void)tap.wait_for("c1> half-close");
    (void)tap.stop();
    const auto accusations_of = [&](Side side) {
        std::vector<TapAccusation> result;
        for (const TapAccusation& one : tap.accused())
            if (one.side == side) result.push_back(one);
        return result;
    };
    const auto of_web_server = accusations_of(Side::web_server);
    const auto of_application = accusations_of(Side::application);
    BOOST_TEST_REQUIRE(of_web_server.size() == 1U);
    BOOST_TEST(of_web_server.front().connection == "c1");
    BOOST_TEST(of_web_server.front().record == "{FCGI_STDIN, 1, \"\", reserved=3}");
    BOOST_TEST_REQUIRE(of_application.size() == 1U);
    BOOST_TEST(of_application.front().record.find("version=7") != std::string::npos);
    BOOST_TEST(!of_application.front().wanted.empty());
    BOOST_TEST(of_application.front().requirement.starts_with("R-"));
}

BOOST_AUTO_TEST_CASE(ends_are_passed_on_as_they_are) {
    // Half-closed by the Web server: the application answers then, and its answer still comes.
    const TestApplication application([](Visit& visit) {
        visit.read_to_end();
        visit.answer(1, visit.end_error() == 0 ? "fin" : "reset");
    });
    Tap tap(application.address());
    const FileDescriptor socket = connect_to(tap.address(), 5000);
    Visit link(FileDescriptor(dup(socket.get())), -1, 0);
    link.say("{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 1}}\n{FCGI_PARAMS, 1, \"\"}\n{FCGI_STDIN, 1, \"\"}");
    shutdown(socket.get(), SHUT_WR);
    link.read_to_end();
    BOOST_TEST(link.received().find("fin") != std::string::npos);
    (void)tap.wait_for("c1< close");
    (void)tap.stop();
    BOOST_TEST(std::count(tap.recorded().begin(), tap.recorded().end(), "c1> half-close") == 1);
    BOOST_TEST(tap.accused().empty());
}

BOOST_AUTO_TEST_CASE(resets_are_passed_on) {
    // Of the Web server, by TCP to the tap.
    const TestApplication application([](Visit& visit) { visit.read_to_end(); });
    {
        Tap tap(application.address(), "tcp:127.0.0.1:0");
        {
            const FileDescriptor socket = connect_to(tap.address(), 5000);
            Visit link(FileDescriptor(dup(socket.get())), -1, 0);
            link.say("{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 1}}");
            (void)tap.wait_for("c1> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}");
            reset_on_close(socket.get());
        }
        (void)tap.wait_for("c1> reset");
        (void)tap.stop();
        BOOST_TEST(tap.accused().empty());  // what a reset threw away can't be known
    }
    // Of the application, by closing a unix socket with bytes unread: what is recorded has been passed on.
    std::promise<void> passed_on;
    const TestApplication resets([&](Visit&) { passed_on.get_future().wait(); });
    Tap tap(resets.address(), "tcp:127.0.0.1:0");
    Link link = link_to(tap);
    link.begin(1, "/a");
    (void)tap.wait_for("c1> {FCGI_PARAMS, 1, \"\"}");
    passed_on.set_value();
    link.read_to_end();
    BOOST_TEST(link.end_error() == ECONNRESET);
    (void)tap.wait_for("c1< reset");
}

BOOST_AUTO_TEST_CASE(a_record_that_is_cut_is_recorded_as_bytes_and_accused) {
    const TestApplication application([](Visit& visit) { visit.read_to_end(); });
    Tap tap(application.address());
    {
        Link link = link_to(tap);
        link.say(Bytes(Buffer{1, 5, 0, 1, 0, 9, 0, 0, 'a', 'b'}));
    }
    const Lines recorded = tap.wait_for("c1> half-close");
    (void)tap.stop();
    BOOST_TEST_REQUIRE(recorded.size() >= 2U);
    BOOST_TEST(recorded.front().starts_with("c1> raw 01 05 00 01 00 09 00 00 "), recorded.front());
    BOOST_TEST_REQUIRE(!tap.accused().empty());
    BOOST_TEST((tap.accused().front().side == Side::web_server));
    BOOST_TEST(tap.accused().front().record == "close");
}

BOOST_AUTO_TEST_CASE(much_is_passed_on_whole_both_ways) {
    std::string many;
    for (std::uint64_t i = 0; i < 40; ++i) many += random_bytes(100'000, i + 1);
    const TestApplication application([&](Visit& visit) {
        // Reads nothing for a while: the tap keeps a bounded part, and the Web server waits.
        visit.stay(50);
        while (visit.received().size() < many.size() && visit.read_some()) continue;
        visit.say(bytes_of(visit.received()));
    });
    Tap tap(application.address());
    const FileDescriptor socket = connect_to(tap.address(), 5000);
    Visit link(FileDescriptor(dup(socket.get())), -1, 0);
    link.say(bytes_of(many));
    link.read_to_end();
    BOOST_TEST((link.received() == many));
}

BOOST_AUTO_TEST_CASE(one_that_never_reads_is_not_read_for) {
    // What waits in a tap is bounded: the Web server can't write on and on.
    const TestApplication application([](Visit& visit) { visit.stay(); });
    Tap tap(application.address());
    const FileDescriptor socket = connect_to(tap.address(), 5000);
    set_nonblocking(socket.get());
    const std::string chunk(65536, 'x');
    std::size_t size = 0;
    pollfd polled{socket.get(), POLLOUT, 0};
    while (size < (64U << 20) && poll(&polled, 1, 300) > 0) {
        const ssize_t written = send(socket.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
        if (written > 0) size += static_cast<std::size_t>(written);
    }
    BOOST_TEST(size < (16U << 20));
    BOOST_TEST(size > 0U);
}

BOOST_AUTO_TEST_CASE(an_application_that_is_not_there_is_told_and_the_web_server_finds_nobody) {
    const TestFolder folder;
    const Address nobody = Address::parse("unix:" + (folder.path() / "nobody").string());
    Tap tap(nobody, "tcp:127.0.0.1:0");
    Link link = link_to(tap);
    link.read_to_end();
    BOOST_TEST(link.end_error() == ECONNRESET);
    // It goes on: the next one finds the same.
    Link next = link_to(tap, 1);
    next.read_to_end();
    BOOST_TEST(tap.stop().num_connections == 2U);
    BOOST_TEST_REQUIRE(tap.told().size() == 2U);
    BOOST_TEST(tap.told().front() == "the application does not take a connection: " + nobody.print() + ": No such file or directory");
    BOOST_TEST(tap.accused().empty());
}

BOOST_AUTO_TEST_CASE(an_interrupt_ends_it_whoever_is_connected) {
    const TestApplication application(always_good());
    Tap tap(application.address());
    Link link = link_to(tap);
    link.ask(1, "/a", {}, keep_conn);
    BOOST_TEST(link.read_answer(1).end.has_value());
    const auto begin = std::chrono::steady_clock::now();
    BOOST_TEST(tap.stop().num_records > 0U);
    BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds(10)));
}

BOOST_AUTO_TEST_SUITE_END()

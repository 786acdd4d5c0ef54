#include "conformance/engine/listener.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "conformance/engine/conversation.hpp"
#include "conformance/engine/test_web_server.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(listener)

namespace {

/// What a process does that a Web server has started with `listening` as its descriptor 0.
FileDescriptor start_application(const Address& meeting, const FileDescriptor& listening, const Buffer& state) {
    const FileDescriptor saved(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10));
    dup2(listening.get(), STDIN_FILENO);
    FileDescriptor result = hand_over(meeting, state);
    dup2(saved.get(), STDIN_FILENO);
    return result;
}

Buffer state_of(const std::string& pairs) {
    const Buffer record = parse_notation("{FCGI_PARAMS, 1, [" + pairs + "]}").bytes;
    return {record.begin() + header_size, record.end()};
}

bool ended(const FileDescriptor& connection) {
    char byte = 0;
    return recv(connection.get(), &byte, 1, MSG_DONTWAIT) == 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(connections_are_taken_in_turn_and_nobody_is_waited_for) {
    const TestFolder folder;
    for (const std::string& where : {"unix:" + (folder.path() / "s").string(), std::string("tcp:127.0.0.1:0")}) {
        Listener listener(Address::parse(where));
        BOOST_TEST(!listener.accept());
        const FileDescriptor first = connect_to(listener.address(), 1000);
        const FileDescriptor second = connect_to(listener.address(), 1000);
        const FileDescriptor one = listener.accept();
        const FileDescriptor other = listener.accept();
        BOOST_TEST_REQUIRE(static_cast<bool>(one));
        BOOST_TEST(static_cast<bool>(other));
        BOOST_TEST(!listener.accept());
        BOOST_TEST((fcntl(one.get(), F_GETFL) & O_NONBLOCK) != 0);
        BOOST_TEST((fcntl(one.get(), F_GETFD) & FD_CLOEXEC) != 0);
        BOOST_TEST_REQUIRE(send(first.get(), "a", 1, 0) == 1);
        char byte = 0;
        pollfd polled{one.get(), POLLIN, 0};
        BOOST_TEST(poll(&polled, 1, 5000) == 1);
        BOOST_TEST(recv(one.get(), &byte, 1, 0) == 1);
        BOOST_TEST(byte == 'a');
        BOOST_TEST(listener.last_state().empty());
        BOOST_TEST(listener.fds().size() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(its_address_is_one_that_anybody_may_use_while_it_lives) {
    const TestFolder folder;
    const std::string path = (folder.path() / "s").string();
    {
        const Listener listener(Address::parse("unix:" + path));
        struct stat seen{};
        BOOST_TEST_REQUIRE(stat(path.c_str(), &seen) == 0);
        BOOST_TEST((seen.st_mode & 0777) == 0666U);
        BOOST_TEST(listener.address().print() == "unix:" + path);
    }
    BOOST_TEST(access(path.c_str(), F_OK) != 0);
    const Listener tcp(Address::parse("tcp:127.0.0.1:0"));
    BOOST_TEST(tcp.address().port != 0);
    BOOST_CHECK_THROW(Listener(tcp.address()), std::system_error);
    BOOST_CHECK_THROW(Listener(Address::parse("unix:/no/such/folder/s")), std::system_error);
}

BOOST_AUTO_TEST_CASE(one_that_has_gone_before_it_was_taken_is_no_trouble) {
    Listener listener(Address::parse("tcp:127.0.0.1:0"));
    {
        const FileDescriptor gone = connect_to(listener.address(), 1000);
        reset_on_close(gone.get());
    }
    const FileDescriptor there = connect_to(listener.address(), 1000);
    // The system may have thrown the first one away, or give it: the second is behind it.
    FileDescriptor taken = listener.accept();
    for (FileDescriptor next = listener.accept(); next; next = listener.accept()) taken = std::move(next);
    BOOST_TEST_REQUIRE(static_cast<bool>(taken));
    BOOST_TEST(send(taken.get(), "a", 1, MSG_NOSIGNAL) == 1);
}

// Applications that the Web server starts [§2].

BOOST_AUTO_TEST_CASE(sockets_that_are_handed_over_are_served) {
    const TestFolder folder;
    Listener listener(Address::parse("unix:" + (folder.path() / "meeting").string()), Listener::Kind::handed_over);
    BOOST_TEST((listener.kind() == Listener::Kind::handed_over));
    BOOST_TEST(!listener.accept());
    BOOST_TEST(listener.last_state().empty());
    const Address address = Address::parse("unix:" + (folder.path() / "served").string());
    const FileDescriptor served = listen_on(address);
    FileDescriptor application = start_application(listener.address(), served, state_of("arguments=\"1\""));
    const FileDescriptor waits = connect_to(address, 1000);  // the Web server's
    const FileDescriptor taken = listener.accept();
    BOOST_TEST_REQUIRE(static_cast<bool>(taken));
    BOOST_TEST((listener.last_state() == state_of("arguments=\"1\"")));
    BOOST_TEST(listener.fds().size() == 3U);
    BOOST_TEST_REQUIRE(send(taken.get(), "a", 1, 0) == 1);
    char byte = 0;
    BOOST_TEST(recv(waits.get(), &byte, 1, 0) == 1);
    BOOST_TEST(!listener.accept());
    BOOST_TEST(!ended(application));  // it is wanted as long as it serves
    // A second one; then the first goes.
    const Address other_address = Address::parse("unix:" + (folder.path() / "other").string());
    const FileDescriptor other = listen_on(other_address);
    const FileDescriptor second = start_application(listener.address(), other, state_of("arguments=\"2\""));
    const FileDescriptor to_other = connect_to(other_address, 1000);
    BOOST_TEST(static_cast<bool>(listener.accept()));
    BOOST_TEST((listener.last_state() == state_of("arguments=\"2\"")));
    BOOST_TEST(listener.fds().size() == 5U);
    application.reset();
    BOOST_TEST(!listener.accept());
    BOOST_TEST(listener.fds().size() == 3U);
}

BOOST_AUTO_TEST_CASE(how_what_was_started_has_ended) {
    for (const bool asked : {true, false}) {
        const TestFolder folder;
        Listener listener(Address::parse("unix:" + (folder.path() / "meeting").string()), Listener::Kind::handed_over);
        BOOST_TEST(listener.wait_for_end_of_started(20'000));  // nothing was
        const FileDescriptor served = listen_on(Address::parse("unix:" + (folder.path() / "served").string()));
        FileDescriptor first = start_application(listener.address(), served, state_of("arguments=\"1\""));
        FileDescriptor second = start_application(listener.address(), served, state_of("arguments=\"2\""));
        BOOST_TEST(!listener.accept());
        BOOST_TEST(!listener.wait_for_end_of_started(1));
        if (asked) say_asked_to_exit(second);
        second.reset();
        BOOST_TEST(!listener.wait_for_end_of_started(1));
        BOOST_TEST(listener.asked_to_exit() == asked);
        first.reset();
        BOOST_TEST(listener.wait_for_end_of_started(20'000));
        BOOST_TEST(listener.asked_to_exit() == asked);
        BOOST_TEST(listener.fds().size() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(strangers_are_sent_away) {
    const TestFolder folder;
    Listener listener(Address::parse("unix:" + (folder.path() / "meeting").string()), Listener::Kind::handed_over);
    FileDescriptor goes = connect_to(listener.address(), 1000);
    goes.reset();
    const FileDescriptor talks = connect_to(listener.address(), 1000);
    BOOST_TEST_REQUIRE(send(talks.get(), "hello", 5, 0) == 5);
    BOOST_TEST(!listener.accept());
    BOOST_TEST(listener.fds().size() == 1U);
    BOOST_TEST(listener.last_state().empty());
    BOOST_TEST(ended(talks));
}

BOOST_AUTO_TEST_CASE(a_scenario_is_played_with_what_was_handed_over) {
    const TestFolder folder;
    Listener listener(Address::parse("unix:" + (folder.path() / "meeting").string()), Listener::Kind::handed_over);
    const Address address = Address::parse("unix:" + (folder.path() / "served").string());
    const FileDescriptor served = listen_on(address);
    const FileDescriptor application = start_application(listener.address(), served, state_of("descriptor-0=\"listening\" arguments=\"1\""));
    const TestWebServer web_server(passes_on(), address);
    const auto played = [&](const std::string& process) {
        const ParsedScript parsed = parse_script("scenario a\nproves R-1-1\nhttp> GET /a\n> request 1\n> process [" + process + "]\n< response 1 \"good\"\nhttp< 200 \"good\"\n", "a", "a", Side::web_server);
        return play(parsed.scenarios.at(0), {.address = {}, .listener = &listener, .url = web_server.url(), .params = {}, .command = {}, .deadline_ms = 20'000});
    };
    const Played good = played("descriptor-0=\"listening\"");
    BOOST_TEST((good.outcome == Played::Outcome::as_expected), good.got);
    const Played bad = played("descriptor-0=\"closed\"");
    BOOST_TEST((bad.outcome == Played::Outcome::contradicted));
    BOOST_TEST(bad.got == "process [\"descriptor-0\"=\"listening\" arguments=\"1\"]");
    BOOST_TEST((played("other=*").outcome == Played::Outcome::contradicted));
}

BOOST_AUTO_TEST_SUITE_END()

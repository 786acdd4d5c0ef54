#include "conformance/engine/handover.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <map>

#include "codec/name_value_pair.hpp"
#include "conformance/engine/test_folder.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(handover)

namespace {

std::map<std::string, std::string> pairs_of(Bytes state) {
    std::map<std::string, std::string> result;
    for (DecodedPair decoded = decode_pair(state); decoded.pair; decoded = decode_pair(state)) {
        result.emplace(text_of(decoded.pair->name), text_of(decoded.pair->value));
        state = state.subspan(decoded.consumed);
    }
    BOOST_TEST(state.empty());
    return result;
}

/// A standard descriptor of this process is another one, or closed (-1), while this lives.
class Replaced {
public:
    Replaced(int fd, int by) : fd_(fd), saved_(fcntl(fd, F_DUPFD_CLOEXEC, 10)) {
        if (by >= 0) {
            dup2(by, fd);
        } else {
            ::close(fd);
        }
    }
    Replaced(const Replaced&) = delete;
    Replaced& operator=(const Replaced&) = delete;
    ~Replaced() {
        dup2(saved_, fd_);
        ::close(saved_);
    }

private:
    int fd_;
    int saved_;
};

std::array<FileDescriptor, 2> socket_pair() {
    std::array<int, 2> fds{};
    BOOST_TEST_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    return {FileDescriptor(fds[0]), FileDescriptor(fds[1])};
}

std::string state_of(const std::string& name, int num_arguments = 1) { return pairs_of(initial_state(num_arguments)).at(name); }

}  // namespace

// The state in which a process begins [§2].

BOOST_AUTO_TEST_CASE(descriptor_0_is_told_by_what_it_is) {
    const TestFolder folder;
    const FileDescriptor listening = listen_on(Address::parse("unix:" + (folder.path() / "s").string()));
    const FileDescriptor tcp = listen_on(Address::parse("tcp:127.0.0.1:0"));
    const auto sockets = socket_pair();
    const FileDescriptor file(open("/dev/null", O_RDONLY | O_CLOEXEC));
    const auto told = [](int fd) {
        const Replaced replaced(STDIN_FILENO, fd);
        return state_of("descriptor-0");
    };
    BOOST_TEST(told(listening.get()) == "listening");
    BOOST_TEST(told(tcp.get()) == "listening");
    BOOST_TEST(told(sockets[0].get()) == "connected");
    BOOST_TEST(told(file.get()) == "other");
    BOOST_TEST(told(-1) == "closed");
}

BOOST_AUTO_TEST_CASE(the_other_standard_descriptors_are_open_or_closed) {
    for (const auto& [fd, name] : {std::pair{STDOUT_FILENO, "descriptor-1"}, std::pair{STDERR_FILENO, "descriptor-2"}}) {
        BOOST_TEST(state_of(name) == "open");
        std::string closed;
        {
            const Replaced replaced(fd, -1);
            closed = state_of(name);
        }
        BOOST_TEST(closed == "closed");
    }
}

BOOST_AUTO_TEST_CASE(other_descriptors_are_counted) {
    const int before = std::stoi(state_of("other-descriptors"));
    const auto sockets = socket_pair();
    BOOST_TEST(std::stoi(state_of("other-descriptors")) == before + 2);
    const FileDescriptor file(open("/dev/null", O_RDONLY | O_CLOEXEC));
    BOOST_TEST(std::stoi(state_of("other-descriptors")) == before + 3);
}

BOOST_AUTO_TEST_CASE(arguments_and_addresses) {
    BOOST_TEST(state_of("arguments", 1) == "1");
    BOOST_TEST(state_of("arguments", 4) == "4");
    unsetenv("FCGI_WEB_SERVER_ADDRS");
    BOOST_TEST(state_of("FCGI_WEB_SERVER_ADDRS") == "absent");
    for (const auto& [value, told] : {std::pair{"127.0.0.1,10.0.0.255", "addresses"}, std::pair{"localhost", "malformed"}, std::pair{"", "malformed"}}) {
        setenv("FCGI_WEB_SERVER_ADDRS", value, 1);
        BOOST_TEST(state_of("FCGI_WEB_SERVER_ADDRS") == told);
    }
    unsetenv("FCGI_WEB_SERVER_ADDRS");
}

BOOST_AUTO_TEST_CASE(lists_of_addresses) {
    for (const std::string list : {"199.170.183.28,199.170.183.71", "0.0.0.0", "255.255.255.255,1.2.3.4,1.2.3.4"}) BOOST_TEST(is_address_list(list), list);
    for (const std::string list : {"", ",", "1.2.3.4,", ",1.2.3.4", "1.2.3.4, 1.2.3.5", "1.2.3", "1.2.3.256", "::1", "1.2.3.4;1.2.3.5", "localhost", "1.2.3.4 "}) BOOST_TEST(!is_address_list(list), list);
}

// Handing over.

BOOST_AUTO_TEST_CASE(the_socket_that_is_handed_over_is_the_same_one) {
    const TestFolder folder;
    const FileDescriptor meeting = listen_on(Address::parse("unix:" + (folder.path() / "meeting").string()));
    const Address served = Address::parse("unix:" + (folder.path() / "served").string());
    FileDescriptor listening = listen_on(served);
    FileDescriptor ours;
    Buffer state;
    {
        const Replaced replaced(STDIN_FILENO, listening.get());
        state = initial_state(1);
        ours = hand_over(Address::parse("unix:" + (folder.path() / "meeting").string()), state);
    }
    listening.reset();  // what was handed over keeps it open
    const FileDescriptor theirs(accept(meeting.get(), nullptr, nullptr));
    const auto taken = take_over(theirs);
    BOOST_TEST_REQUIRE(taken.has_value());
    BOOST_TEST(taken->state == state);
    BOOST_TEST((fcntl(taken->listening.get(), F_GETFD) & FD_CLOEXEC) != 0);
    BOOST_TEST((fcntl(taken->listening.get(), F_GETFL) & O_NONBLOCK) != 0);
    const FileDescriptor client = connect_to(served, 1000);
    const FileDescriptor accepted(accept(taken->listening.get(), nullptr, nullptr));
    BOOST_TEST(static_cast<bool>(accepted));
    // The connection stays as long as that process serves.
    char byte = 0;
    BOOST_TEST(recv(theirs.get(), &byte, 1, MSG_DONTWAIT) == -1);
    ours.reset();
    BOOST_TEST(recv(theirs.get(), &byte, 1, MSG_DONTWAIT) == 0);
}

BOOST_AUTO_TEST_CASE(strangers_hand_nothing_over) {
    const auto taken_from = [](const std::string& said) {
        auto sockets = socket_pair();
        if (!said.empty()) BOOST_TEST_REQUIRE((send(sockets[0].get(), said.data(), said.size(), 0) == std::ssize(said)));
        sockets[0].reset();
        return take_over(sockets[1]).has_value();
    };
    BOOST_TEST(!taken_from(""));
    BOOST_TEST(!taken_from("no descriptor with it"));
    BOOST_TEST(!taken_from(std::string(100'000, 'x')));
}

BOOST_AUTO_TEST_CASE(nobody_is_there_to_take_it) {
    const TestFolder folder;
    BOOST_CHECK_THROW((void)hand_over(Address::parse("unix:" + (folder.path() / "nobody").string()), initial_state(1)), NotConnected);
}

BOOST_AUTO_TEST_SUITE_END()

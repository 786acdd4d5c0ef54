#include "conformance/engine/transport.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

#include "conformance/engine/test_folder.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(transport)

namespace {

constexpr int deadline_ms = 10'000;  // for what fails
using Clock = std::chrono::steady_clock;

Address unix_address(const TestFolder& folder, const std::string& name = "socket") {
    return Address::parse("unix:" + (folder.path() / name).string());
}

/// What parsing says to a text that is no address.
std::string error_of(const std::string& text) {
    try {
        return "no error: " + Address::parse(text).print();
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

/// Whether a connection to `address` reaches `listening`: a byte goes each way.
bool carries_bytes(const FileDescriptor& listening, const Address& address) {
    const FileDescriptor ours = connect_to(address, deadline_ms);
    const FileDescriptor theirs(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char byte = 'a';
    if (write(ours.get(), &byte, 1) != 1 || read(theirs.get(), &byte, 1) != 1 || byte != 'a') return false;
    byte = 'b';
    if (write(theirs.get(), &byte, 1) != 1) return false;
    pollfd readable{ours.get(), POLLIN, 0};
    return poll(&readable, 1, deadline_ms) == 1 && read(ours.get(), &byte, 1) == 1 && byte == 'b';
}

/// The error number with which a connection is not taken; 0 where it is.
int refusal_of(const Address& address, int connect_deadline_ms = deadline_ms) {
    try {
        (void)connect_to(address, connect_deadline_ms);
        return 0;
    } catch (const NotConnected& error) {
        BOOST_TEST(std::string(error.what()).starts_with(address.print()), error.what());
        return error.code().value();
    }
}

std::string listening_error_of(const Address& address) {
    try {
        (void)listen_on(address);
        return "no error";
    } catch (const std::system_error& error) {
        return error.what();
    }
}

bool has_flag(int fd, int command, int flag) { return (fcntl(fd, command) & flag) != 0; }

}  // namespace

BOOST_AUTO_TEST_CASE(addresses) {
    const Address unix_one = Address::parse("unix:/run/a b:c.sock");
    BOOST_TEST((unix_one.kind == Address::Kind::unix_socket));
    BOOST_TEST(unix_one.path == "/run/a b:c.sock");
    const Address tcp = Address::parse("tcp:localhost:9000");
    BOOST_TEST((tcp.kind == Address::Kind::tcp));
    BOOST_TEST(tcp.host == "localhost");
    BOOST_TEST(tcp.port == 9000);
    BOOST_TEST(Address::parse("tcp:[::1]:65535").host == "::1");
    for (const std::string text : {"unix:/a", "unix:relative", "tcp:127.0.0.1:0", "tcp:[::1]:65535", "tcp:host.example:80"})
        BOOST_TEST(Address::parse(text).print() == text);
    BOOST_TEST(Address::parse("unix:" + std::string(107, 'p')).path.size() == 107U);
}

BOOST_AUTO_TEST_CASE(texts_that_are_no_address) {
    const std::string forms = ": expected unix:/path, tcp:host:port or tcp:[IPv6]:port";
    const std::string port = ": expected tcp:host:port with a port of 0 to 65535";
    const std::string too_long = "unix:" + std::string(108, 'p');
    const std::vector<std::pair<std::string, std::string>> table{
        {"", "''" + forms},
        {"/run/socket", "'/run/socket'" + forms},
        {"UNIX:/a", "'UNIX:/a'" + forms},
        {"unix:", "'unix:': expected a path after unix:"},
        {too_long, "'" + too_long + "': a unix socket's path has at most 107 bytes"},
        {"tcp:", "'tcp:': expected tcp:host:port"},
        {"tcp:localhost", "'tcp:localhost': expected tcp:host:port"},
        {"tcp:localhost:", "'tcp:localhost:'" + port},
        {"tcp::9000", "'tcp::9000'" + port},
        {"tcp:localhost:65536", "'tcp:localhost:65536'" + port},
        {"tcp:localhost:-1", "'tcp:localhost:-1'" + port},
        {"tcp:localhost:80x", "'tcp:localhost:80x'" + port},
        {"tcp:localhost:http", "'tcp:localhost:http'" + port},
        {"tcp:[]:80", "'tcp:[]:80'" + port},
        {"tcp:::1:80", "'tcp:::1:80': an IPv6 address stands in brackets, tcp:[::1]:9000"},
    };
    for (const auto& [text, message] : table) BOOST_TEST(error_of(text) == message);
}

BOOST_AUTO_TEST_CASE(over_a_unix_socket) {
    const TestFolder folder;
    const Address address = unix_address(folder);
    const FileDescriptor listening = listen_on(address);
    BOOST_TEST(carries_bytes(listening, address));
    BOOST_TEST(address_of(listening, address).print() == address.print());
}

BOOST_AUTO_TEST_CASE(over_tcp) {
    for (const std::string host : {"127.0.0.1", "127.1"}) {
        const Address asked = Address::parse("tcp:" + host + ":0");
        const FileDescriptor listening = listen_on(asked);
        const Address address = address_of(listening, asked);
        BOOST_TEST(address.port != 0);  // a free one was taken
        BOOST_TEST(carries_bytes(listening, address));
        BOOST_TEST(listening_error_of(address) == "can't listen on " + address.print() + ": Address already in use");
    }
}

BOOST_AUTO_TEST_CASE(over_ipv6) {
    const Address asked = Address::parse("tcp:[::1]:0");
    FileDescriptor listening;
    try {
        listening = listen_on(asked);
    } catch (const std::system_error& error) {
        BOOST_TEST_MESSAGE("not tested: this machine has no IPv6: " << error.what());
        BOOST_TEST((error.code().value() == EADDRNOTAVAIL || error.code().value() == EAFNOSUPPORT), error.what());
        return;
    }
    const Address address = address_of(listening, asked);
    BOOST_TEST(address.port != 0);
    BOOST_TEST(carries_bytes(listening, address));
}

BOOST_AUTO_TEST_CASE(sockets_do_not_block_and_do_not_reach_children) {
    const TestFolder folder;
    const Address address = unix_address(folder);
    const FileDescriptor listening = listen_on(address);
    const FileDescriptor ours = connect_to(address, deadline_ms);
    BOOST_TEST(has_flag(ours.get(), F_GETFL, O_NONBLOCK));
    BOOST_TEST(has_flag(ours.get(), F_GETFD, FD_CLOEXEC));
    BOOST_TEST(has_flag(listening.get(), F_GETFD, FD_CLOEXEC));
    BOOST_TEST(!has_flag(listening.get(), F_GETFL, O_NONBLOCK));
}

BOOST_AUTO_TEST_CASE(who_is_not_there) {
    const TestFolder folder;
    const Address address = unix_address(folder);
    BOOST_TEST(refusal_of(address) == ENOENT);
    { const FileDescriptor listening = listen_on(address); }
    BOOST_TEST(refusal_of(address) == ECONNREFUSED);
    folder.write("file", "no socket");
    BOOST_TEST(refusal_of(unix_address(folder, "file")) == ECONNREFUSED);
    BOOST_TEST(refusal_of(unix_address(folder, "file/below")) == ENOTDIR);
    Address tcp = Address::parse("tcp:127.0.0.1:0");
    { tcp = address_of(listen_on(tcp), tcp); }
    BOOST_TEST(refusal_of(tcp) == ECONNREFUSED);
}

BOOST_AUTO_TEST_CASE(a_host_without_an_address_is_our_own_trouble) {
    BOOST_CHECK_EXCEPTION((void)connect_to(Address::parse("tcp:fcgispec.invalid:80"), deadline_ms), std::runtime_error, [](const std::runtime_error& error) {
        return std::string(error.what()).starts_with("tcp:fcgispec.invalid:80: ") && dynamic_cast<const NotConnected*>(&error) == nullptr;
    });
}

BOOST_AUTO_TEST_CASE(a_full_backlog_is_waited_for_in_bounds) {
    const TestFolder folder;
    const Address address = unix_address(folder);
    const FileDescriptor listening = listen_on(address);
    BOOST_TEST_REQUIRE(listen(listening.get(), 0) == 0);
    std::vector<FileDescriptor> waiting;
    int error = 0;
    const auto begin = Clock::now();
    while (error == 0 && waiting.size() < 16) {
        try {
            waiting.push_back(connect_to(address, 50));
        } catch (const NotConnected& refused) {
            error = refused.code().value();
        }
    }
    BOOST_TEST(error == EAGAIN);
    BOOST_TEST(!waiting.empty());
    BOOST_TEST((Clock::now() - begin < std::chrono::milliseconds(deadline_ms)));
    // A listener that is only busy is alive: its path isn't taken over, and nobody waits for it.
    BOOST_TEST(listening_error_of(address) == "can't listen on " + address.print() + ": Address already in use");
    waiting.clear();
}

BOOST_AUTO_TEST_CASE(a_path_where_somebody_listens_is_left_alone) {
    const TestFolder folder;
    const Address address = unix_address(folder);
    const FileDescriptor listening = listen_on(address);
    BOOST_TEST(listening_error_of(address) == "can't listen on " + address.print() + ": Address already in use");
    const FileDescriptor look(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));  // the look taken there
    BOOST_TEST(carries_bytes(listening, address));
}

BOOST_AUTO_TEST_CASE(a_socket_left_behind_is_replaced) {
    const TestFolder folder;
    const Address address = unix_address(folder);
    { const FileDescriptor gone = listen_on(address); }
    const FileDescriptor listening = listen_on(address);
    BOOST_TEST(carries_bytes(listening, address));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_socket_is_never_replaced) {
    const TestFolder folder;
    folder.write("precious", "data");
    const Address address = unix_address(folder, "precious");
    BOOST_TEST(listening_error_of(address) == "can't listen on " + address.print() + ": Address already in use");
    std::ifstream file(folder.path() / "precious");
    BOOST_TEST(std::string(std::istreambuf_iterator<char>(file), {}) == "data");
}

BOOST_AUTO_TEST_CASE(where_nobody_can_listen) {
    const TestFolder folder;
    const Address nowhere = unix_address(folder, "no/folder");
    BOOST_TEST(listening_error_of(nowhere) == "can't listen on " + nowhere.print() + ": No such file or directory");
    const Address foreign = Address::parse("tcp:192.0.2.1:0");
    BOOST_TEST(listening_error_of(foreign) == "can't listen on " + foreign.print() + ": Cannot assign requested address");
}

BOOST_AUTO_TEST_CASE(fresh_addresses_differ) {
    const Address one = fresh_unix_address();
    const Address other = fresh_unix_address();
    BOOST_TEST(one.path != other.path);
    // Whatever lies there already, left by one that was killed, even a link to nowhere.
    const std::size_t dash = other.path.rfind('-');
    const std::string next = other.path.substr(0, dash + 1) + std::to_string(std::stoul(other.path.substr(dash + 1)) + 1);
    BOOST_TEST_REQUIRE(symlink("/no/where", next.c_str()) == 0);
    BOOST_TEST(fresh_unix_address().path != next);
    unlink(next.c_str());
    const FileDescriptor listening = listen_on(one);
    BOOST_TEST(carries_bytes(listening, one));
    unlink(one.path.c_str());
}

BOOST_AUTO_TEST_CASE(what_the_other_side_has_not_taken_is_known) {
    const TestFolder folder;
    for (const Address& asked : {unix_address(folder), Address::parse("tcp:127.0.0.1:0")}) {
        const FileDescriptor listening = listen_on(asked);
        const FileDescriptor ours = connect_to(address_of(listening, asked), deadline_ms);
        const FileDescriptor theirs(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
        BOOST_TEST(untaken_size(ours.get()) == 0);
        BOOST_TEST_REQUIRE(write(ours.get(), "abc", 3) == 3);
        if (asked.kind == Address::Kind::unix_socket) BOOST_TEST(untaken_size(ours.get()) > 0);
        char bytes[3];
        BOOST_TEST_REQUIRE(recv(theirs.get(), bytes, 3, MSG_WAITALL) == 3);
        if (asked.kind == Address::Kind::unix_socket) BOOST_TEST(untaken_size(ours.get()) == 0);
    }
    BOOST_TEST(untaken_size(-1) == 0);
}

BOOST_AUTO_TEST_CASE(a_reset_is_none_of_a_fin) {
    const Address asked = Address::parse("tcp:127.0.0.1:0");
    const FileDescriptor listening = listen_on(asked);
    for (const bool reset : {true, false}) {
        FileDescriptor ours = connect_to(address_of(listening, asked), deadline_ms);
        const FileDescriptor theirs(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (reset) reset_on_close(ours.get());
        ours.reset();
        char byte;
        const ssize_t size = read(theirs.get(), &byte, 1);
        BOOST_TEST((reset ? size < 0 && errno == ECONNRESET : size == 0));
    }
}

BOOST_AUTO_TEST_CASE(a_descriptor_has_one_owner) {
    FileDescriptor one(dup(0));
    BOOST_TEST_REQUIRE(static_cast<bool>(one));
    const int fd = one.get();
    FileDescriptor other(std::move(one));
    BOOST_TEST(!one);  // NOLINT: that is what is tested
    BOOST_TEST(other.get() == fd);
    other.reset();
    BOOST_TEST(!other);
    BOOST_TEST(fcntl(fd, F_GETFD) < 0);
}

BOOST_AUTO_TEST_SUITE_END()

#include "conformance/peers/application_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "conformance/engine/transport.hpp"
#include "conformance/peers/test_conversation.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(application_server)

namespace {

constexpr int deadline_ms = 20'000;  // for what fails

/// A directory of our own that goes with its one socket.
class SocketPath {
public:
    SocketPath() {
        std::string pattern = "/tmp/fcgispec-test-XXXXXX";
        if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
        folder_ = pattern;
    }
    SocketPath(const SocketPath&) = delete;
    SocketPath& operator=(const SocketPath&) = delete;
    ~SocketPath() {
        unlink((folder_ + "/s").c_str());
        rmdir(folder_.c_str());
    }
    [[nodiscard]] Address address() const { return Address::parse("unix:" + folder_ + "/s"); }

private:
    std::string folder_;
};

/// The reference application in a process of its own.
class Application {
public:
    /// As a Web server starts it [§2.2]: `listening` is descriptor 0, 1 and 2 are closed.
    explicit Application(const FileDescriptor& listening, const ApplicationServerOptions& options = {},
                         const char* web_server_addrs = nullptr)
        : pid_(fork()) {
        if (pid_ < 0) throw std::runtime_error("fork");
        if (pid_ > 0) return;
        dup2(listening.get(), 0);
        close(1);
        close(2);
        if (web_server_addrs != nullptr) setenv("FCGI_WEB_SERVER_ADDRS", web_server_addrs, 1);
        _exit(status_of_run(options));
    }
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;
    ~Application() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    void terminate() const { kill(pid_, SIGTERM); }
    /// What its descriptor `number` is.
    [[nodiscard]] std::string descriptor(int number) const {
        std::array<char, 200> target{};
        const std::string path = "/proc/" + std::to_string(pid_) + "/fd/" + std::to_string(number);
        const ssize_t size = readlink(path.c_str(), target.data(), target.size());
        return size < 0 ? "" : std::string(target.data(), static_cast<std::size_t>(size));
    }
    /// Its exit status; -1 where a signal ended it, -2 where it doesn't end.
    int wait() {
        const FileDescriptor ended(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
        pollfd entry{.fd = ended.get(), .events = POLLIN, .revents = 0};
        if (poll(&entry, 1, deadline_ms) != 1) return -2;
        int status = 0;
        waitpid(std::exchange(pid_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    static int status_of_run(const ApplicationServerOptions& options) {
        try {
            return run_reference_application(options);
        } catch (const std::exception&) {
            return 99;
        }
    }
    pid_t pid_;
};

/// A Web server's end of a transport connection.
class WebServer {
public:
    explicit WebServer(const Address& address) : socket_(connect_to(address, deadline_ms)) {
        // Blocking, with a deadline.
        fcntl(socket_.get(), F_SETFL, 0);
        const timeval time{.tv_sec = deadline_ms / 1000, .tv_usec = 0};
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
        setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    }
    void say(std::string_view notation) const { say(encoded(notation)); }
    void say(Bytes bytes) const {
        while (!bytes.empty()) {
            const ssize_t size = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (size <= 0) return;  // it shows in what comes
            bytes = bytes.subspan(static_cast<std::size_t>(size));
        }
    }
    /// All up to the end; "reset" at the end where it was one.
    [[nodiscard]] std::string hear_all() const {
        Buffer all;
        ssize_t size = 0;
        while ((size = hear_some(all, 0)) > 0) continue;
        return lines_of(all) + (size < 0 ? "reset" : "");
    }
    /// As many bytes as `expected` has with its padding, or less where the end comes before.
    [[nodiscard]] std::string hear(std::string_view expected) const {
        std::size_t expected_size = 0;
        const Buffer records = encoded(expected);
        for (Bytes rest = records; !rest.empty();) {
            const DecodedRecord decoded = decode_record(rest);
            expected_size += (header_size + decoded.record->content.size() + 7) / 8 * 8;
            rest = rest.subspan(decoded.consumed);
        }
        Buffer all;
        while (all.size() < expected_size && hear_some(all, 0) > 0) continue;
        return lines_of(all);
    }
    [[nodiscard]] bool hears_something() const {
        Buffer all;
        return hear_some(all, 0) > 0;
    }
    /// Whether nothing has come and the connection is open.
    [[nodiscard]] bool hears_nothing() const {
        Buffer all;
        return hear_some(all, MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }

private:
    ssize_t hear_some(Buffer& all, int flags) const {
        std::array<std::uint8_t, 65536> block{};
        const ssize_t size = recv(socket_.get(), block.data(), block.size(), flags);
        if (size > 0) append(all, Bytes(block).first(static_cast<std::size_t>(size)));
        return size;
    }
    FileDescriptor socket_;
};

std::string request(std::string_view operation, std::string_view flags = "0") {
    return "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, " + std::string(flags) +
           "}}\n{FCGI_PARAMS, 1, [QUERY_STRING=\"fcgispec." + std::string(operation) +
           "\"]}\n{FCGI_PARAMS, 1, \"\"}\n{FCGI_STDIN, 1, \"\"}\n";
}
const std::string ok_page = lines(R"({FCGI_STDOUT, 1, "Content-Type: text/plain\r\n\r\nok\n"}
                                     {FCGI_STDOUT, 1, ""}
                                     {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}})");
const std::string waiting = R"({FCGI_STDOUT, 1, "Content-Type: text/plain\r\n\r\nwaiting\n"})";

/// Whether a fresh connection is served.
bool serves(const Address& address) {
    const WebServer web_server(address);
    web_server.say(request("unread"));
    return web_server.hear_all() == ok_page;
}

struct Listening {
    FileDescriptor socket;
    Address address;
};
Listening listen_on_tcp() {
    const Address asked = Address::parse("tcp:127.0.0.1:0");
    FileDescriptor socket = listen_on(asked);
    const Address address = address_of(socket, asked);
    return {std::move(socket), address};
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_serves_the_socket_on_descriptor_0) {
    const SocketPath path;
    const FileDescriptor unix_socket = listen_on(path.address());
    const Application on_unix(unix_socket);
    BOOST_TEST(serves(path.address()));
    BOOST_TEST(serves(path.address()));
    // Nothing that is printed can reach a Web server.
    BOOST_TEST(on_unix.descriptor(1) == "/dev/null");
    BOOST_TEST(on_unix.descriptor(2) == "/dev/null");
    const Listening tcp = listen_on_tcp();
    const Application on_tcp(tcp.socket);
    BOOST_TEST(serves(tcp.address));
}

BOOST_AUTO_TEST_CASE(it_serves_an_address) {
    const SocketPath path;
    int told[2] = {-1, -1};
    BOOST_TEST_REQUIRE(pipe(told) == 0);
    ApplicationServerOptions options;
    options.listen = path.address();
    options.on_listening = [&](const Address& address) {
        const std::string text = address.print() + "\n";
        if (write(told[1], text.data(), text.size()) < 0) _exit(98);
    };
    const FileDescriptor none;
    Application application(none, options);
    std::array<char, 200> text{};
    const ssize_t size = read(told[0], text.data(), text.size());
    BOOST_TEST_REQUIRE(size > 0);
    BOOST_TEST(std::string(text.data(), static_cast<std::size_t>(size)) == path.address().print() + "\n");
    BOOST_TEST(serves(path.address()));
    application.terminate();
    BOOST_TEST(application.wait() == 0);
    close(told[0]);
    close(told[1]);
}

BOOST_AUTO_TEST_CASE(connections_are_served_at_the_same_time) {
    const Listening tcp = listen_on_tcp();
    const Application application(tcp.socket);
    std::vector<std::unique_ptr<WebServer>> web_servers;
    for (int i = 0; i < 20; ++i) web_servers.push_back(std::make_unique<WebServer>(tcp.address));
    for (const auto& web_server : web_servers) web_server->say(request("wait", "FCGI_KEEP_CONN"));
    for (const auto& web_server : web_servers) BOOST_TEST(web_server->hear(waiting) == lines(waiting));
    BOOST_TEST(serves(tcp.address));
}

BOOST_AUTO_TEST_CASE(connections_beyond_the_maximum_wait) {
    const Listening tcp = listen_on_tcp();
    ApplicationServerOptions options;
    options.limits.num_connections_max = 2;
    const Application application(tcp.socket, options);
    auto first = std::make_unique<WebServer>(tcp.address);
    const WebServer second(tcp.address);
    const std::string values = R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_CONNS="2"]})";
    const auto ask = [&](const WebServer& web_server) {
        web_server.say(R"({FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS=""]})");
        return web_server.hear(values);
    };
    BOOST_TEST(ask(*first) == lines(values));
    BOOST_TEST(ask(second) == lines(values));
    const WebServer third(tcp.address);
    third.say(request("unread"));
    BOOST_TEST(ask(*first) == lines(values));  // time enough to have accepted it
    BOOST_TEST(ask(second) == lines(values));
    BOOST_TEST(third.hears_nothing());
    first.reset();
    BOOST_TEST(third.hear_all() == ok_page);
}

BOOST_AUTO_TEST_CASE(only_listed_web_servers_are_served) {
    for (const char* listed : {"127.0.0.1", "10.1.2.3,127.0.0.1,10.1.2.4", "127.0.0.1,10.1.2.3"}) {
        const Listening tcp = listen_on_tcp();
        const Application application(tcp.socket, {}, listed);
        BOOST_TEST(serves(tcp.address), listed);
    }
    const Listening tcp = listen_on_tcp();
    const Application application(tcp.socket, {}, "127.0.0.2,10.1.2.3");
    const WebServer stranger(tcp.address);
    BOOST_TEST(stranger.hear_all() == "");
    const SocketPath path;
    const FileDescriptor unix_socket = listen_on(path.address());
    const Application on_unix(unix_socket, {}, "127.0.0.1");
    const WebServer without_address(path.address());
    BOOST_TEST(without_address.hear_all() == "");
}

BOOST_AUTO_TEST_CASE(addresses_are_read) {
    BOOST_TEST((parse_web_server_addrs("199.170.183.28,199.170.183.71") ==
                std::vector<std::uint32_t>{0xc7aab71c, 0xc7aab747}));
    BOOST_TEST((parse_web_server_addrs("0.0.0.255") == std::vector<std::uint32_t>{255}));
    for (const char* wrong : {"", ",", "1.2.3", "1.2.3.4.", "1.2.3.4,", ",1.2.3.4", "1.2.3.256", "1.2.3.-4", "1.2.3.4 ",
                              " 1.2.3.4", "1.2.3.4;1.2.3.4", "1..3.4", "a.b.c.d", "::1", "1.2.3.99999999999"})
        BOOST_CHECK_THROW((void)parse_web_server_addrs(wrong), std::runtime_error);
    const auto says_where = [](const std::runtime_error& error) {
        return error.what() == std::string("FCGI_WEB_SERVER_ADDRS=1.2.3.4 5.6.7.8: expected a comma at column 8");
    };
    BOOST_CHECK_EXCEPTION((void)parse_web_server_addrs("1.2.3.4 5.6.7.8"), std::runtime_error, says_where);
}

BOOST_AUTO_TEST_CASE(it_does_not_start_in_a_wrong_state) {
    const Listening tcp = listen_on_tcp();
    Application wrong_addresses(tcp.socket, {}, "localhost");
    BOOST_TEST(wrong_addresses.wait() == 99);
    int pair[2] = {-1, -1};
    BOOST_TEST_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    const FileDescriptor connected(pair[0]), other(pair[1]);
    Application no_listening_socket(connected);
    BOOST_TEST(no_listening_socket.wait() == 99);
    BOOST_TEST_REQUIRE(pipe(pair) == 0);
    const FileDescriptor in(pair[0]), out(pair[1]);
    Application no_socket(in);
    BOOST_TEST(no_socket.wait() == 99);
    // A socket that has no peer and doesn't listen either.
    const FileDescriptor idle(socket(AF_INET, SOCK_STREAM, 0));
    Application idle_socket(idle);
    BOOST_TEST(idle_socket.wait() == 99);
}

BOOST_AUTO_TEST_CASE(it_exits_on_sigterm) {
    const Listening tcp = listen_on_tcp();
    Application idle(tcp.socket);
    BOOST_TEST(serves(tcp.address));
    idle.terminate();
    BOOST_TEST(idle.wait() == 0);
    // In the middle of a request, and with more output than is read.
    Application busy(tcp.socket);
    const WebServer one(tcp.address), two(tcp.address);
    one.say(request("wait"));
    two.say(request("large=9999999999"));
    BOOST_TEST(one.hear(waiting) == lines(waiting));
    busy.terminate();
    BOOST_TEST(busy.wait() == 0);
}

BOOST_AUTO_TEST_CASE(it_exits_when_asked) {
    const Listening tcp = listen_on_tcp();
    Application application(tcp.socket);
    const WebServer web_server(tcp.address);
    web_server.say(request("exit", "FCGI_KEEP_CONN"));
    BOOST_TEST(web_server.hear_all() == lines(R"({FCGI_STDOUT, 1, "Content-Type: text/plain\r\n\r\nbye\n"}
                                                 {FCGI_STDOUT, 1, ""}
                                                 {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}})"));
    BOOST_TEST(application.wait() == 0);
}

BOOST_AUTO_TEST_CASE(web_servers_that_leave_do_no_harm) {
    const SocketPath path;
    const FileDescriptor unix_socket = listen_on(path.address());
    const Listening tcp = listen_on_tcp();
    const Application on_unix(unix_socket), on_tcp(tcp.socket);
    for (const Address& address : {path.address(), tcp.address}) {
        for (int i = 0; i < 20; ++i) {
            const WebServer web_server(address);
            web_server.say(request(i % 2 == 0 ? "large=9999999999" : "wait", "FCGI_KEEP_CONN"));
            BOOST_TEST(web_server.hears_something());
            if (i % 4 < 2) reset_on_close(web_server.fd());
        }
        BOOST_TEST(serves(address));
    }
}

BOOST_AUTO_TEST_CASE(a_close_takes_nothing_from_the_response) {
    const Listening tcp = listen_on_tcp();
    const Application application(tcp.socket);
    for (int i = 0; i < 10; ++i) {
        // The Web server goes on sending what nobody will read: a close with it unread would be a reset.
        const WebServer web_server(tcp.address);
        web_server.say(request("unread"));
        web_server.say("{FCGI_STDIN, 1, \"a\"*1000000}");
        BOOST_TEST(web_server.hear_all() == ok_page);
    }
}

BOOST_AUTO_TEST_CASE(a_web_server_that_never_ends_is_left) {
    const SocketPath path;
    const FileDescriptor unix_socket = listen_on(path.address());
    ApplicationServerOptions options;
    options.linger_max = std::chrono::milliseconds{20};
    const Application application(unix_socket, options);
    const WebServer silent(path.address()), talkative(path.address());
    silent.say(request("unread"));
    talkative.say(request("unread"));
    // Closed in both directions, not only in ours.
    pollfd hang_up{.fd = silent.fd(), .events = 0, .revents = 0};
    BOOST_TEST(poll(&hang_up, 1, deadline_ms) == 1);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{deadline_ms};
    const auto can_send = [&] { return send(talkative.fd(), "a", 1, MSG_NOSIGNAL) == 1; };
    while (can_send() && std::chrono::steady_clock::now() < deadline) continue;
    BOOST_TEST(!can_send());
}

BOOST_AUTO_TEST_CASE(a_half_closed_connection_is_answered) {
    const Listening tcp = listen_on_tcp();
    const Application application(tcp.socket);
    const WebServer web_server(tcp.address);
    // Long enough that the end comes before all of it has been sent.
    web_server.say(request("large=20000000", "FCGI_KEEP_CONN"));
    shutdown(web_server.fd(), SHUT_WR);
    BOOST_TEST(web_server.hear_all().ends_with(lines("{FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}")));
}

BOOST_AUTO_TEST_SUITE_END()

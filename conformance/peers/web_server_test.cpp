#include "conformance/peers/web_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conformance/engine/transport.hpp"
#include "conformance/peers/application_server.hpp"
#include "conformance/peers/test_conversation.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(web_server)

namespace {

constexpr int deadline_ms = 20'000;  // for what fails

/// A process of our own that says one line when it is ready. It is killed when this goes.
class Child {
public:
    explicit Child(const std::function<int(const std::function<void(const Address&)>& ready)>& run) {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
        const FileDescriptor reading(ends[0]);
        FileDescriptor writing(ends[1]);
        pid_ = fork();
        if (pid_ < 0) throw std::runtime_error("fork");
        if (pid_ == 0) _exit(status_of(run, writing.get()));
        writing.reset();
        std::array<char, 200> line{};
        const ssize_t size = read(reading.get(), line.data(), line.size());  // ends with the process at the latest
        if (size > 0) ready_ = std::string(line.data(), static_cast<std::size_t>(size));
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] Address address() const { return Address::parse(ready_); }
    void terminate() const { kill(pid_, SIGTERM); }
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
    static int status_of(const std::function<int(const std::function<void(const Address&)>& ready)>& run, int fd) {
        try {
            return run([fd](const Address& address) {
                const std::string text = address.print();
                if (write(fd, text.data(), text.size()) < 0) _exit(98);
                close(fd);
            });
        } catch (const std::exception&) {
            return 99;
        }
    }
    pid_t pid_ = -1;
    std::string ready_;
};

Child application_at(const Address& address) {
    return Child([&](const auto& ready) {
        ApplicationServerOptions options;
        options.listen = address;
        options.on_listening = ready;
        return run_reference_application(options);
    });
}

WebServerOptions for_tests() {
    WebServerOptions options;
    options.application_silence_max = std::chrono::milliseconds(deadline_ms);
    options.log = [](const std::string&) {};
    return options;
}

Child web_server_to(const Address& application, WebServerOptions options = for_tests()) {
    return Child([&](const auto& ready) {
        options.connect = application;
        options.http = Address::parse("tcp:127.0.0.1:0");
        options.on_listening = ready;
        return run_reference_web_server(options);
    });
}

void set_deadline(int fd) {
    fcntl(fd, F_SETFL, 0);  // blocking
    const timeval time{.tv_sec = deadline_ms / 1000, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

void send_all(int fd, Bytes bytes) {
    while (!bytes.empty()) {
        const ssize_t size = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (size <= 0) return;  // it shows in what comes
        bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
}

/// An HTTP client.
class Client {
public:
    explicit Client(const Child& server) : socket_(connect_to(server.address(), deadline_ms)) {
        set_deadline(socket_.get());
    }
    void say(std::string_view text) const { send_all(socket_.get(), bytes_of(text)); }
    /// All up to the end; "reset" behind it where that was none in order.
    [[nodiscard]] std::string hear() const {
        std::string all;
        std::array<char, 65536> some{};
        ssize_t size = 0;
        while ((size = recv(socket_.get(), some.data(), some.size(), 0)) > 0)
            all.append(some.data(), static_cast<std::size_t>(size));
        return all + (size < 0 ? "reset" : "");
    }
    [[nodiscard]] std::string hear_answer_to(std::string_view text) const {
        say(text);
        return hear();
    }

private:
    FileDescriptor socket_;
};

struct Answer {
    std::string status;
    std::string header;
    std::string body;
};
Answer answer_of(const std::string& text) {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos) return {text, "", ""};
    return {text.substr(9, 3), text.substr(0, end), text.substr(end + 4)};
}
Answer ask(const Child& server, const std::string& request) {
    return answer_of(Client(server).hear_answer_to(request));
}
std::string get(const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: example.org\r\n\r\n";
}
std::string post(const std::string& target, const std::string& body) {
    return "POST " + target + " HTTP/1.1\r\nHost: example.org\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

/// Both reference peers.
struct Peers {
    Child application = application_at(fresh_unix_address());
    Child server = web_server_to(application.address());
};

/// An application whose words a test chooses.
class Application {
public:
    Application() : address_(fresh_unix_address()), listening_(listen_on(address_)) {}
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;
    ~Application() { unlink(address_.path.c_str()); }
    [[nodiscard]] const Address& address() const noexcept { return address_; }
    /// The next transport connection.
    [[nodiscard]] FileDescriptor accept() const {
        pollfd entry{.fd = listening_.get(), .events = POLLIN, .revents = 0};
        if (poll(&entry, 1, deadline_ms) != 1) throw std::runtime_error("the Web server doesn't connect");
        FileDescriptor socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        set_deadline(socket.get());
        return socket;
    }

private:
    Address address_;
    FileDescriptor listening_;
};

/// The next record of the Web server; "end", "reset".
class Hearing {
public:
    explicit Hearing(const FileDescriptor& socket) : fd_(socket.get()) {}
    std::string next() {
        while (true) {
            const DecodedRecord decoded = decode_record(pending_);
            if (decoded.record) {
                Record record = *decoded.record;
                record.padding = {};
                std::string text = print(record);
                pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(decoded.consumed));
                return text;
            }
            std::array<std::uint8_t, 65536> some{};
            const ssize_t size = recv(fd_, some.data(), some.size(), 0);
            if (size <= 0) return size == 0 ? "end" : "reset";
            append(pending_, Bytes(some).first(static_cast<std::size_t>(size)));
        }
    }
    /// Records up to the one that is `last`, or the end.
    std::string until(const std::string& last) {
        std::string text = next();
        while (text != last && text != "end" && text != "reset") text = next();
        return text;
    }

private:
    int fd_;
    Buffer pending_;
};

const std::string input_end = R"({FCGI_STDIN, 1, ""})";
const std::string page = R"({FCGI_STDOUT, 1, "Status: 200\n\npage"}
                            {FCGI_STDOUT, 1, ""}
                            {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}})";

void say(const FileDescriptor& socket, std::string_view notation) {
    send_all(socket.get(), encoded(notation));
}

}  // namespace

// With the reference application

BOOST_AUTO_TEST_CASE(a_page_is_served) {
    const Peers peers;
    const Answer answer = ask(peers.server, get("/"));
    BOOST_TEST(answer.status == "200");
    BOOST_TEST(answer.body == "hello\n");
    BOOST_TEST(answer.header.find("Content-Type: text/plain\r\n") != std::string::npos);
    BOOST_TEST(answer.header.find("Connection: close") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_body_comes_back) {
    const Peers peers;
    for (const std::size_t size : {0U, 1U, 65535U, 65536U, 131071U, 5'000'000U}) {
        std::string body(size, 'x');
        for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 7 + i / 256);
        BOOST_TEST((ask(peers.server, post("/?fcgispec.echo", body)).body == body), size);
    }
    BOOST_TEST(ask(peers.server,
                   "PUT /?fcgispec.update HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
                   .body == "complete\n");
}

BOOST_AUTO_TEST_CASE(variables_arrive) {
    const Peers peers;
    BOOST_TEST(ask(peers.server, get("/a%20b?fcgispec.params=PATH")).body == "PATH_INFO=/a%20b\n");
    BOOST_TEST(ask(peers.server, get("/?fcgispec.params=REMOTE_A")).body == "REMOTE_ADDR=127.0.0.1\n");
    const std::string port = std::to_string(peers.server.address().port);
    BOOST_TEST(ask(peers.server, get("/?fcgispec.params=SERVER_PORT")).body == "SERVER_PORT=" + port + "\n");
    BOOST_TEST(ask(peers.server, "GET /?fcgispec.params=SERVER_NAME HTTP/1.0\r\n\r\n").body ==
               "SERVER_NAME=127.0.0.1\n");
}

BOOST_AUTO_TEST_CASE(all_roles_are_served) {
    const Peers peers;
    const Answer denied = ask(peers.server, get("/authorizer/a?fcgispec.deny"));
    BOOST_TEST(denied.status == "403");
    BOOST_TEST(denied.body == "denied\n");
    BOOST_TEST(ask(peers.server, get("/authorizer/a?fcgispec.authorize")).status == "200");
    const Answer filtered = ask(peers.server, get("/filter/a?fcgispec.data"));
    BOOST_TEST(filtered.status == "200");
    BOOST_TEST(filtered.body.starts_with("Line 1 of a file"));
    BOOST_TEST(ask(peers.server, get("/filter/a?fcgispec.cached")).body == "cached\n");
}

BOOST_AUTO_TEST_CASE(many_clients_are_served_at_once) {
    const Peers peers;
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 100; ++i) {
        clients.push_back(std::make_unique<Client>(peers.server));
        clients.back()->say(post("/?fcgispec.echo", "of client " + std::to_string(i)).substr(0, 50));
    }
    for (int i = 0; i < 100; ++i)
        clients[static_cast<std::size_t>(i)]->say(post("/?fcgispec.echo", "of client " + std::to_string(i)).substr(50));
    for (int i = 0; i < 100; ++i)
        BOOST_TEST(answer_of(clients[static_cast<std::size_t>(i)]->hear()).body == "of client " + std::to_string(i));
}

BOOST_AUTO_TEST_CASE(garbage_is_answered_and_the_next_is_served) {
    const Peers peers;
    BOOST_TEST(ask(peers.server, "\x16\x03\x01 garbage\r\n\r\n").status == "400");
    BOOST_TEST(ask(peers.server, "GET * HTTP/1.1\r\nHost: a\r\n\r\n").status == "400");
    BOOST_TEST(ask(peers.server, "GET / HTTP/1.1\r\nA: " + std::string(70'000, 'a') + "\r\n\r\n").status == "431");
    BOOST_TEST(ask(peers.server, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 104857601\r\n\r\n").status == "413");
    BOOST_TEST(ask(peers.server, get("/")).status == "200");
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_ends_its_request) {
    const Peers peers;
    {
        const Client client(peers.server);
        client.say(get("/?fcgispec.wait"));
    }
    BOOST_TEST(ask(peers.server, get("/")).status == "200");
}

BOOST_AUTO_TEST_CASE(sigterm_ends_it_with_status_0) {
    Peers peers;
    const Client client(peers.server);
    client.say(get("/?fcgispec.wait"));
    BOOST_TEST(ask(peers.server, get("/")).status == "200");
    peers.server.terminate();
    BOOST_TEST(peers.server.wait() == 0);
}

BOOST_AUTO_TEST_CASE(it_may_be_started_with_its_socket_and_nothing_else) {
    const Address nobody = fresh_unix_address();
    Child server([&](const auto& ready) {
        const Address asked = Address::parse("tcp:127.0.0.1:0");
        const FileDescriptor listening = listen_on(asked);
        dup2(listening.get(), STDIN_FILENO);
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        ready(address_of(listening, asked));
        return run_reference_web_server({.connect = nobody});
    });
    // What is logged mustn't reach a client whose socket took the place of the standard error.
    for (int i = 0; i < 3; ++i) BOOST_TEST(answer_of(Client(server).hear_answer_to(get("/"))).status == "502");
    server.terminate();
    BOOST_TEST(server.wait() == 0);
}

BOOST_AUTO_TEST_CASE(what_is_no_listening_socket_is_refused) {
    Child server([&](const auto& ready) {
        const FileDescriptor null(open("/dev/null", O_RDWR));
        dup2(null.get(), STDIN_FILENO);
        ready(Address::parse("tcp:127.0.0.1:0"));
        return run_reference_web_server({.connect = fresh_unix_address()});
    });
    BOOST_TEST(server.wait() == 99);
}

// With an application of the test's

BOOST_AUTO_TEST_CASE(a_conversation_is_as_the_specification_has_it) {
    const Application application;
    const Child server = web_server_to(application.address());
    const Client client(server);
    client.say(get("/a"));
    const FileDescriptor connection = application.accept();
    Hearing hearing(connection);
    BOOST_TEST(hearing.next() ==
               print(*decode_record(
                          encoded(R"({FCGI_GET_VALUES, 0, [FCGI_MAX_CONNS="" FCGI_MAX_REQS="" FCGI_MPXS_CONNS=""]})"))
                          .record));
    BOOST_TEST(hearing.next() == "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}");
    BOOST_TEST(hearing.next().starts_with("{FCGI_PARAMS, 1, ["));
    BOOST_TEST(hearing.next() == R"({FCGI_PARAMS, 1, ""})");
    BOOST_TEST(hearing.next() == input_end);
    say(connection, page);
    BOOST_TEST(answer_of(client.hear()).body == "page");
    // The connection is kept, and used again.
    const Client second(server);
    second.say(get("/b"));
    BOOST_TEST(hearing.next() == "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}");
    BOOST_TEST(hearing.until(input_end) == input_end);
    say(connection, page);
    BOOST_TEST(answer_of(second.hear()).body == "page");
}

BOOST_AUTO_TEST_CASE(a_kept_connection_that_was_closed_is_no_error) {
    const Application application;
    const Child server = web_server_to(application.address());
    for (int i = 0; i < 20; ++i) {
        const Client client(server);
        client.say(get("/"));
        const FileDescriptor connection = application.accept();
        Hearing hearing(connection);
        BOOST_TEST(hearing.until(input_end) == input_end);
        say(connection, page);
        // Closed together with the end, before the client has its answer.
        shutdown(connection.get(), SHUT_RDWR);
        BOOST_TEST(answer_of(client.hear()).body == "page");
    }
}

BOOST_AUTO_TEST_CASE(what_an_application_does_wrong_is_a_502_and_no_more) {
    const Application application;
    const Child server = web_server_to(application.address());
    for (const std::string_view said : {"", "raw 48 54 54 50 2f 31 2e 31", R"({FCGI_STDOUT, 1, "Status: 200\n\npage"})",
                                        R"({FCGI_STDOUT, 1, "Status: 200\n\npage"}
             {FCGI_STDOUT, 1, ""}
             raw 01 03 00 01 00 08 00 00 00)",
                                        R"({FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}})",
                                        R"({FCGI_STDOUT, 1, "Status: 200\n\npage", version=2})",
                                        R"({FCGI_STDOUT, 1, "Status: 200\n\npage"}
             {FCGI_END_REQUEST, 1, "short"})",
                                        R"({FCGI_STDOUT, 1, "Status: 200\nX: a\001\n\npage"}
             {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}})",
                                        R"({FCGI_END_REQUEST, 1, {0, FCGI_UNKNOWN_ROLE}})"}) {
        const Client client(server);
        client.say(get("/"));
        {
            const FileDescriptor connection = application.accept();
            Hearing hearing(connection);
            BOOST_TEST(hearing.until(input_end) == input_end);
            say(connection, said);
        }
        BOOST_TEST(answer_of(client.hear()).status == "502", said);
    }
    const Client client(server);
    client.say(get("/"));
    const FileDescriptor connection = application.accept();
    Hearing hearing(connection);
    BOOST_TEST(hearing.until(input_end) == input_end);
    say(connection, page);
    BOOST_TEST(answer_of(client.hear()).status == "200");
}

BOOST_AUTO_TEST_CASE(an_application_that_is_not_there_is_a_502) {
    const Child server = web_server_to(fresh_unix_address());
    BOOST_TEST(ask(server, get("/")).status == "502");
    BOOST_TEST(ask(server, get("/")).status == "502");
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_is_told_to_the_application) {
    const Application application;
    const Child server = web_server_to(application.address());
    auto leaving = std::make_unique<Client>(server);
    leaving->say(get("/"));
    const FileDescriptor connection = application.accept();
    Hearing hearing(connection);
    BOOST_TEST(hearing.until(input_end) == input_end);
    leaving.reset();
    BOOST_TEST(hearing.next() == "{FCGI_ABORT_REQUEST, 1}");  // [§5.4]
    // Until FCGI_END_REQUEST comes the id isn't used, and as the application doesn't multiplex, the connection neither.
    const Client client(server);
    client.say(get("/"));
    const FileDescriptor second = application.accept();
    Hearing second_hearing(second);
    BOOST_TEST(second_hearing.until(input_end) == input_end);
    say(connection, R"({FCGI_STDOUT, 1, "Status: 200\n\nof the aborted request"}
                       {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}})");
    say(second, page);
    BOOST_TEST(answer_of(client.hear()).body == "page");
    const Client third(server);
    third.say(get("/"));
    BOOST_TEST(hearing.next() == "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}");
    say(connection, page);
    BOOST_TEST(answer_of(third.hear()).body == "page");
}

BOOST_AUTO_TEST_CASE(an_application_that_is_silent_is_aborted_and_then_left) {
    const Application application;
    WebServerOptions options = for_tests();
    options.application_silence_max = std::chrono::milliseconds(50);
    const Child server = web_server_to(application.address(), options);
    const Client client(server);
    client.say(get("/"));
    const FileDescriptor connection = application.accept();
    Hearing hearing(connection);
    BOOST_TEST(answer_of(client.hear()).status == "504");
    BOOST_TEST(hearing.until("{FCGI_ABORT_REQUEST, 1}") == "{FCGI_ABORT_REQUEST, 1}");
    BOOST_TEST(hearing.next() == "end");
}

BOOST_AUTO_TEST_CASE(requests_share_a_connection_where_the_application_multiplexes) {
    const Application application;
    const Child server = web_server_to(application.address());
    const Client first(server);
    first.say(get("/"));
    const FileDescriptor connection = application.accept();
    Hearing hearing(connection);
    BOOST_TEST(hearing.until(input_end) == input_end);
    // The answer is there before the second client is: it comes with what the first is waiting for.
    say(connection, R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS="1"]})");
    const Client second(server);
    second.say(get("/"));
    BOOST_TEST(hearing.next() == "{FCGI_BEGIN_REQUEST, 2, {FCGI_RESPONDER, FCGI_KEEP_CONN}}");
    say(connection, R"({FCGI_STDOUT, 2, "Status: 200\n\nsec"}
                       {FCGI_STDOUT, 1, "Status: 200\n\nfirst"}
                       {FCGI_STDERR, 2, "error"}
                       {FCGI_STDOUT, 2, "ond"}
                       {FCGI_END_REQUEST, 2, {0, FCGI_REQUEST_COMPLETE}}
                       {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}})");
    BOOST_TEST(answer_of(first.hear()).body == "first");
    BOOST_TEST(answer_of(second.hear()).body == "second");
}

BOOST_AUTO_TEST_CASE(a_request_that_could_not_share_gets_its_own_connection) {
    const Application application;
    const Child server = web_server_to(application.address());
    const Client first(server);
    first.say(get("/"));
    const FileDescriptor connection = application.accept();
    Hearing hearing(connection);
    BOOST_TEST(hearing.until(input_end) == input_end);
    say(connection, R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MPXS_CONNS="1"]})");
    const Client second(server);
    second.say(get("/"));
    BOOST_TEST(hearing.next() == "{FCGI_BEGIN_REQUEST, 2, {FCGI_RESPONDER, FCGI_KEEP_CONN}}");
    say(connection, "{FCGI_END_REQUEST, 2, {0, FCGI_CANT_MPX_CONN}}");
    const FileDescriptor own = application.accept();
    Hearing own_hearing(own);
    BOOST_TEST(own_hearing.until(input_end) == input_end);
    say(own, page);
    BOOST_TEST(answer_of(second.hear()).body == "page");
}

BOOST_AUTO_TEST_CASE(an_application_of_one_connection_gets_one) {
    const Application application;
    const Child server = web_server_to(application.address());
    const Client first(server);
    first.say(get("/"));
    const FileDescriptor connection = application.accept();
    Hearing hearing(connection);
    BOOST_TEST(hearing.until(input_end) == input_end);
    say(connection, R"({FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_CONNS="1" FCGI_MPXS_CONNS="0"]})");
    const Client second(server);
    second.say(get("/"));
    BOOST_TEST(ask(server, "garbage\r\n\r\n").status == "400");  // so the one before has been read
    say(connection, page);
    BOOST_TEST(answer_of(first.hear()).body == "page");
    BOOST_TEST(hearing.next() == "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}");
    say(connection, page);
    BOOST_TEST(answer_of(second.hear()).body == "page");
}

BOOST_AUTO_TEST_CASE(a_response_before_the_body_was_read_counts) {
    const Application application;
    const Child server = web_server_to(application.address());
    const Client client(server);
    client.say(post("/", std::string(10'000'000, 'x')));
    const FileDescriptor connection = application.accept();
    say(connection, page);  // and nothing is read [§6.2]
    BOOST_TEST(answer_of(client.hear()).body == "page");
}

BOOST_AUTO_TEST_CASE(a_flood_is_cut_off) {
    const Application application;
    WebServerOptions options = for_tests();
    options.response_limits.response_size_max = 1'000'000;
    const Child server = web_server_to(application.address(), options);
    for (const std::string_view flood : {R"({FCGI_STDOUT, 1, "a"*60000})", R"({FCGI_STDERR, 1, "a"*60000})"}) {
        const Client client(server);
        client.say(get("/"));
        const FileDescriptor connection = application.accept();
        for (int i = 0; i < 20; ++i) say(connection, flood);
        BOOST_TEST(answer_of(client.hear()).status == "502");
    }
}

BOOST_AUTO_TEST_SUITE_END()

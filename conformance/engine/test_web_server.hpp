// Web servers for the tests of the engine: each HTTP connection is treated as a test says, on a thread of its own, until the
// client has closed it or the test is over. No wait of theirs outlives the test.
#pragma once

#include <netinet/in.h>

#include <charconv>
#include <optional>

#include "codec/name_value_pair.hpp"
#include "conformance/engine/http_exchange.hpp"
#include "conformance/engine/listener.hpp"
#include "conformance/engine/test_application.hpp"

namespace fcgispec::test {

/// A stream, and how its request ended.
struct Answer {
    std::string std_out;
    std::optional<EndRequestBody> end;
};

/// A transport connection to the application, made by the Web server. Reads and writes as a Visit does.
class Link : public Visit {
public:
    using Visit::Visit;

    bool say(Bytes bytes) { return Visit::say(bytes); }
    bool say(const std::string& notation) {
        const ParsedNotation parsed = parse_notation(notation);
        if (parsed.error) throw std::logic_error("a test's own notation can't be read: " + notation);
        return say(parsed.bytes);
    }
    /// A whole request for a Responder with these variables; GET unless there is a body.
    bool ask(std::uint16_t request_id, const std::string& uri, const std::string& body = {}, unsigned flags = 0) {
        if (!begin(request_id, uri, body.empty() ? "GET" : "POST", flags)) return false;
        if (!body.empty() && !say_record({.type = RecordType::std_in, .request_id = request_id, .content = bytes_of(body)})) return false;
        return say_record({.type = RecordType::std_in, .request_id = request_id});
    }
    /// The same for a client at this port of 127.0.0.1, as the Web server tells.
    bool ask_for(const std::string& client_port, std::uint16_t request_id, const std::string& uri, unsigned flags = 0) {
        client_port_ = client_port;
        return ask(request_id, uri, {}, flags);
    }
    /// All but FCGI_STDIN.
    bool begin(std::uint16_t request_id, const std::string& uri, const std::string& method = "GET", unsigned flags = 0) {
        const auto body = encode(BeginRequestBody{.role = Role::responder, .flags = static_cast<std::uint8_t>(flags)});
        Buffer params;
        encode_pair({.name = bytes_of("REQUEST_METHOD"), .value = bytes_of(method)}, params);
        encode_pair({.name = bytes_of("REQUEST_URI"), .value = bytes_of(uri)}, params);
        if (!client_port_.empty()) {
            encode_pair({.name = bytes_of("REMOTE_ADDR"), .value = bytes_of("127.0.0.1")}, params);
            encode_pair({.name = bytes_of("REMOTE_PORT"), .value = bytes_of(client_port_)}, params);
        }
        return say_record({.type = RecordType::begin_request, .request_id = request_id, .content = body}) &&
               say_record({.type = RecordType::params, .request_id = request_id, .content = params}) && say_record({.type = RecordType::params, .request_id = request_id});
    }
    /// Padded to a multiple of eight bytes [§3.3].
    bool say_record(Record record) {
        static constexpr std::array<std::uint8_t, 8> zeros{};
        record.padding = Bytes(zeros).first((8 - record.content.size() % 8) % 8);
        Buffer bytes;
        encode_record(record, bytes);
        return say(Bytes(bytes));
    }
    /// What the application says to that request, up to its end or the connection's. Other requests' records are lost.
    Answer read_answer(std::uint16_t request_id) {
        Answer result;
        Record record;
        while (!result.end && read_record(record)) {
            if (record.request_id != request_id) continue;
            if (record.type == RecordType::std_out) result.std_out += text_of(record.content);
            if (record.type == RecordType::end_request) result.end = decode_end_request(record.content);
        }
        return result;
    }

private:
    std::string client_port_;
};

/// One HTTP connection, seen by the Web server.
class HttpVisit {
public:
    HttpVisit(FileDescriptor socket, int stop_fd, std::size_t number, const Address& application)
        : fd_(socket.get()), client_(std::move(socket), stop_fd, number), stop_fd_(stop_fd), application_(application) {}

    [[nodiscard]] std::size_t number() const noexcept { return client_.number(); }  ///< from 0, in the order of their coming
    [[nodiscard]] const std::string& head() const noexcept { return head_; }
    [[nodiscard]] const std::string& body() const noexcept { return body_; }
    [[nodiscard]] std::string method() const { return head_.substr(0, head_.find(' ')); }
    [[nodiscard]] std::string target() const {
        const std::size_t begin = head_.find(' ') + 1;
        return head_.substr(begin, head_.find(' ', begin) - begin);
    }
    [[nodiscard]] bool asks_for(std::string_view text) const { return target().find(text) != std::string::npos; }
    /// All that the client has said.
    [[nodiscard]] const std::string& received() const noexcept { return client_.received(); }
    /// The client's port, where it is on TCP.
    [[nodiscard]] std::string client_port() const {
        sockaddr_in where{};
        socklen_t size = sizeof where;
        return getpeername(fd_, reinterpret_cast<sockaddr*>(&where), &size) == 0 ? std::to_string(ntohs(where.sin_port)) : std::string{};
    }

    /// The next whole request, its body by Content-Length. False at the connection's end, or the test's.
    bool read_request() {
        std::size_t end = 0;
        while ((end = received().find("\r\n\r\n", used_)) == std::string::npos)
            if (!client_.read_some()) return false;
        head_ = received().substr(used_, end + 4 - used_);
        used_ = end + 4;
        std::size_t size = 0;
        constexpr std::string_view field = "Content-Length: ";
        if (const std::size_t at = head_.find(field); at != std::string::npos)
            std::from_chars(head_.data() + at + field.size(), head_.data() + head_.size(), size);
        while (received().size() - used_ < size)
            if (!client_.read_some()) return false;
        body_ = received().substr(used_, size);
        used_ += size;
        return true;
    }
    bool read_some() { return client_.read_some(); }
    void read_to_end() { client_.read_to_end(); }
    bool say(const std::string& text) { return client_.say(bytes_of(text)); }
    bool answer(const std::string& body, const std::string& status = "200 OK") {
        return say("HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }
    /// The body behind the CGI header block, with its Status; 502 where there is none.
    bool answer(const Answer& from) {
        const CgiResponse cgi = parse_cgi_response(from.std_out);
        if (cgi.header_size == 0) return answer("no answer", "502 Bad Gateway");
        return answer(from.std_out.substr(cgi.header_size), std::to_string(cgi.status) + " As asked");
    }
    /// A new connection to the application.
    [[nodiscard]] Link connect() { return Link(connect_to(application_, 5000), stop_fd_, num_links_++); }
    void stay(int time_ms = -1) { client_.stay(time_ms); }
    void close() { client_.close(); }
    void reset() {
        reset_on_close(fd_);
        client_.close();
    }

private:
    int fd_;
    Visit client_;
    int stop_fd_;
    const Address& application_;
    std::string head_;
    std::string body_;
    std::size_t used_ = 0;
    std::size_t num_links_ = 0;
};

using HttpConduct = std::function<void(HttpVisit&)>;

/// Passes the request on, on a connection of its own without FCGI_KEEP_CONN, and the answer back.
inline void pass_on(HttpVisit& visit, std::uint16_t request_id = 1) {
    Link link = visit.connect();
    link.ask(request_id, visit.target(), visit.body());
    visit.answer(link.read_answer(request_id));
}
/// A Web server that passes every request on; one whose target has "bad" in it is treated with `bad`.
inline HttpConduct passes_on_but_for(HttpConduct bad) {
    return [bad = std::move(bad)](HttpVisit& visit) {
        while (visit.read_request()) {
            if (visit.asks_for("bad")) return bad(visit);
            pass_on(visit);
        }
    };
}
inline HttpConduct passes_on() {
    return [](HttpVisit& visit) {
        while (visit.read_request()) pass_on(visit);
    };
}
/// One that does this with the first request of every HTTP connection.
inline HttpConduct with_request(HttpConduct conduct) {
    return [conduct = std::move(conduct)](HttpVisit& visit) {
        if (visit.read_request()) conduct(visit);
    };
}

class TestWebServer {
public:
    TestWebServer(HttpConduct conduct, Address application)
        : conduct_(std::move(conduct)),
          application_(std::move(application)),
          listening_(listen_on(Address::parse("tcp:127.0.0.1:0"))),
          url_{.host = "127.0.0.1", .port = address_of(listening_, Address::parse("tcp:127.0.0.1:0")).port, .path = {}},
          stop_(eventfd(0, EFD_CLOEXEC)),
          acceptor_([this] { accept_all(); }) {}
    TestWebServer(const TestWebServer&) = delete;
    TestWebServer& operator=(const TestWebServer&) = delete;
    ~TestWebServer() {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t size = write(stop_.get(), &one, sizeof one);
        acceptor_.join();
        for (std::thread& thread : visits_) thread.join();
    }
    [[nodiscard]] const HttpUrl& url() const noexcept { return url_; }

private:
    void accept_all() {
        std::array<pollfd, 2> polled{pollfd{listening_.get(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
        for (std::size_t number = 0; poll(polled.data(), polled.size(), -1) > 0 && polled[1].revents == 0; ++number) {
            FileDescriptor socket(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!socket) continue;
            visits_.emplace_back([this, number, fd = std::make_shared<FileDescriptor>(std::move(socket))] {
                HttpVisit visit(std::move(*fd), stop_.get(), number, application_);
                try {
                    conduct_(visit);
                } catch (const NotConnected&) {
                    // Nobody listens any more: the test is over.
                }
            });
        }
    }

    HttpConduct conduct_;
    Address application_;
    FileDescriptor listening_;
    HttpUrl url_;
    FileDescriptor stop_;
    std::list<std::thread> visits_;
    std::thread acceptor_;
};

/// A Web server, and the place where it finds its application.
struct Pair {
    explicit Pair(HttpConduct conduct, const std::string& listen = {})
        : listener(Address::parse(listen.empty() ? "unix:" + (folder.path() / "socket").string() : listen)), web_server(std::move(conduct), listener.address()) {}

    TestFolder folder;
    Listener listener;
    TestWebServer web_server;
};

}  // namespace fcgispec::test

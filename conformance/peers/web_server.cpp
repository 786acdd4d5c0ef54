#include "conformance/peers/web_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "conformance/peers/mutants_web_server.hpp"
#include "conformance/peers/peer_process.hpp"
#include "conformance/peers/started_application.hpp"
#include "conformance/peers/web_server_connection.hpp"

namespace fcgispec {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t read_size_max = 64 * 1024;   // in bytes, from one socket at a time
constexpr std::size_t num_other_descriptors = 32;  // beside those of clients and connections
constexpr int connect_deadline_ms = 500;           // for an application that doesn't accept
constexpr int coming_wait_ms = 5;                  // of a mutant, for a client behind the end of an idle connection
constexpr int close_wait_ms = 10;                  // of a mutant, for a close behind FCGI_END_REQUEST

[[noreturn]] void throw_errno(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

bool is_passing(int error) noexcept {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

struct Client;

/// A transport connection to the application, and whose requests are executed on it.
struct ApplicationConnection {
    FileDescriptor socket;
    WebServerConnection connection = {};
    std::map<std::uint16_t, Client*> clients = {};
    /// Set while the application owes an FCGI_END_REQUEST for an aborted request. After that it is left.
    std::optional<Clock::time_point> abort_deadline = std::nullopt;
    bool left = false;  ///< takes no more requests
};

/// An HTTP client. It comes with one request and goes with its answer:
///
///     reading     its request comes in
///     waiting     a FastCGI request has no place on a connection yet
///     running     a FastCGI request is being executed
///     writing     the answer goes out
///     lingering   our side has ended; what still comes is dropped until the other side ends too
struct Client {
    enum class State : std::uint8_t { reading, waiting, running, writing, lingering };
    FileDescriptor socket;
    HttpRequestReader reader;
    HttpEndpoints endpoints;
    Clock::time_point deadline;
    State state = State::reading;
    std::size_t num_reads = 0;
    std::optional<ServedRequest> served = std::nullopt;
    std::optional<RequestToSend> to_send = std::nullopt;  // waiting
    ApplicationConnection* on = nullptr;                  // running
    std::uint16_t request_id = null_request_id;           // running
    std::string header = {};                              // writing, as the next two
    Buffer body = {};
    std::size_t written_size = 0;
    bool gone = false;  // to be forgotten
};

/// The number of an address, and its port.
std::pair<std::string, std::uint16_t> printed(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET) {
        sockaddr_in ipv4{};
        std::memcpy(&ipv4, &address, sizeof ipv4);
        inet_ntop(AF_INET, &ipv4.sin_addr, text.data(), text.size());
        return {text.data(), ntohs(ipv4.sin_port)};
    }
    sockaddr_in6 ipv6{};
    std::memcpy(&ipv6, &address, sizeof ipv6);
    inet_ntop(AF_INET6, &ipv6.sin6_addr, text.data(), text.size());
    return {text.data(), ntohs(ipv6.sin6_port)};
}

/// Nothing where the connection has gone again.
std::optional<HttpEndpoints> endpoints_of(int fd) {
    sockaddr_storage own{};
    sockaddr_storage peer{};
    socklen_t own_size = sizeof own;
    socklen_t peer_size = sizeof peer;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size) != 0) return std::nullopt;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return std::nullopt;
    const auto [name, port] = printed(own);
    return HttpEndpoints{.server_name = own.ss_family == AF_INET6 ? "[" + name + "]" : name,
                         .server_port = port,
                         .remote_address = printed(peer).first};
}

/// As send(), of two pieces in one call.
ssize_t send_both(int fd, Bytes first, Bytes second) {
    const auto piece = [](Bytes bytes) { return iovec{const_cast<std::uint8_t*>(bytes.data()), bytes.size()}; };
    std::array<iovec, 2> pieces{piece(first), piece(second)};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/// Who starts a Web server may have its socket ready, so that no client comes too early.
FileDescriptor inherited_listening_socket() {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
        throw std::runtime_error("descriptor 0 is no listening socket (start with one, or say --http)");
    FileDescriptor own(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!own) throw_errno("descriptor 0");
    return own;
}

class Server {
public:
    explicit Server(const WebServerOptions& options);
    int run();

private:
    using Connections = std::list<ApplicationConnection>;

    [[nodiscard]] std::vector<pollfd> polled() const;
    void wait(std::vector<pollfd>& ready) const;
    [[nodiscard]] bool reads_alone() const;
    void accept_one();

    void serve(Client& client, short events);
    void read_some(Client& client);
    void read_request(Client& client, Bytes bytes);
    [[nodiscard]] static HttpRequest taken_request(Client& client, Bytes last);
    void follow(Client& client, NextStep step);
    void answer(Client& client, HttpResponse response);
    void write_some(Client& client);
    void leave(Client& client);
    void abort_request(Client& client);
    void give_up_silent(Client& client);

    void place_waiting();
    [[nodiscard]] ApplicationConnection* place_for(const RequestToSend& request);
    [[nodiscard]] std::size_t num_connections_max() const;
    [[nodiscard]] ApplicationConnection* open_connection();
    void serve(ApplicationConnection& served, short events);
    void hear(ApplicationConnection& served);
    void say(ApplicationConnection& served);
    void deliver(ApplicationConnection& served);
    void watch_aborts(ApplicationConnection& served);
    [[nodiscard]] bool overlooks_end(const ApplicationConnection& served) const;
    static void fail_what_is_closed(ApplicationConnection& served);
    [[nodiscard]] std::size_t num_running() const;
    void forget_the_gone();
    [[nodiscard]] std::size_t held_size() const;

    TerminationSignal termination_;
    WebServerOptions options_;
    FileDescriptor listening_;
    std::optional<StartedApplication> application_;  // where it is ours to start
    std::list<Client> clients_;
    Connections connections_;
    bool out_of_descriptors_ = false;  // until a client or a connection goes
    std::array<std::uint8_t, read_size_max> read_buffer_{};
};

Server::Server(const WebServerOptions& options)
    : options_(options), listening_(options.http ? listen_on(*options.http) : inherited_listening_socket()) {
    if (!options_.log)
        options_.log = [](const std::string& line) { std::fprintf(stderr, "fcgispec web-server: %s\n", line.c_str()); };
    set_nonblocking(listening_.get());
    if (!options_.command.empty()) options_.connect = application_.emplace(options_.command).address();
    rlimit descriptors{};
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur > 2 * num_other_descriptors) {
        const std::size_t half = (descriptors.rlim_cur - num_other_descriptors) / 2;
        options_.num_clients_max = std::min(options_.num_clients_max, half);
        options_.num_connections_max = std::min(options_.num_connections_max, half);
    }
    if (options_.http && options_.on_listening) options_.on_listening(address_of(listening_, *options_.http));
}

int Server::run() {
    while (true) {
        std::vector<pollfd> ready = polled();
        wait(ready);
        if (ready[0].revents != 0 && termination_.take()) return 0;
        auto entry = ready.begin() + 2;
        for (ApplicationConnection& served : connections_) serve(served, (entry++)->revents);
        for (Client& client : clients_) serve(client, (entry++)->revents);
        place_waiting();
        forget_the_gone();
        if (ready[1].revents != 0) accept_one();  // last, so that what has just gone leaves room
    }
}

/// Of a mutant: while a request comes in.
bool Server::reads_alone() const {
    return is_mutant(Mutant::reads_one_request_at_a_time) &&
           std::any_of(clients_.begin(), clients_.end(),
                       [](const Client& one) { return one.state == Client::State::reading; });
}

/// SIGTERM, the listening socket, the connections in their order, the clients in theirs.
std::vector<pollfd> Server::polled() const {
    std::vector<pollfd> result;
    result.reserve(2 + connections_.size() + clients_.size());
    const bool accepts = clients_.size() < options_.num_clients_max && !out_of_descriptors_ && !reads_alone();
    result.push_back({.fd = termination_.descriptor(), .events = POLLIN, .revents = 0});
    result.push_back({.fd = accepts ? listening_.get() : -1, .events = POLLIN, .revents = 0});
    for (const ApplicationConnection& served : connections_) {
        const bool writes = !served.connection.output().empty();
        result.push_back({.fd = served.socket.get(),
                          .events = static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN),
                          .revents = 0});
    }
    for (const Client& client : clients_) {
        const bool writes = client.state == Client::State::writing;
        result.push_back(
            {.fd = client.socket.get(), .events = static_cast<short>(writes ? POLLOUT : POLLIN), .revents = 0});
    }
    return result;
}

/// Waits for one of `ready`, or until the first deadline has passed.
void Server::wait(std::vector<pollfd>& ready) const {
    std::optional<Clock::time_point> first;
    for (const Client& client : clients_) first = std::min(first.value_or(client.deadline), client.deadline);
    for (const ApplicationConnection& served : connections_)
        if (served.abort_deadline) first = std::min(first.value_or(*served.abort_deadline), *served.abort_deadline);
    int timeout_ms = -1;
    if (first) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*first - Clock::now());
        timeout_ms = std::max(0, static_cast<int>(left.count()));
    }
    if (poll(ready.data(), ready.size(), timeout_ms) >= 0) return;
    if (errno != EINTR) throw_errno("poll");
    for (pollfd& entry : ready) entry.revents = 0;
}

void Server::accept_one() {
    FileDescriptor socket(accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
        const bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (errno == EBADF || errno == EINVAL || (exhausted && clients_.empty() && connections_.empty()))
            throw_errno("accept");
        out_of_descriptors_ = exhausted;  // a client that has gone again before it was accepted is no error
        return;
    }
    auto endpoints = endpoints_of(socket.get());
    if (!endpoints) {  // reset before it was accepted
        if (is_mutant(Mutant::hangs_after_cut_uploads)) hang();
        return;
    }
    clients_.push_back({.socket = std::move(socket),
                        .reader = HttpRequestReader(options_.http_limits),
                        .endpoints = std::move(*endpoints),
                        .deadline = Clock::now() + options_.client_silence_max});
}

// HTTP clients

void Server::serve(Client& client, short events) {
    if (client.gone) return;
    if (events != 0) client.state == Client::State::writing ? write_some(client) : read_some(client);
    if (!client.gone && Clock::now() >= client.deadline) give_up_silent(client);
}

void Server::read_some(Client& client) {
    const ssize_t size = recv(client.socket.get(), read_buffer_.data(), read_buffer_.size(), 0);
    if (size < 0 && is_passing(errno)) return;
    if (is_mutant(Mutant::dies_when_served_clients_reset) && size < 0 && client.state == Client::State::lingering)
        die();
    if (size > 0) {
        // Nothing is expected behind the request: it is dropped.
        if (client.state == Client::State::reading)
            read_request(client, Bytes(read_buffer_).first(static_cast<std::size_t>(size)));
        return;
    }
    // [§5.4] The client has left. (One that has only ended its side can't be told from it before it is written to.)
    const bool within_request = client.num_reads > 0 || size < 0;  // a reset takes what was not read yet
    if (is_mutant(Mutant::hangs_after_cut_uploads) && client.state == Client::State::reading && within_request)
        hang();
    leave(client);
}

void Server::read_request(Client& client, Bytes bytes) {
    client.deadline = Clock::now() + options_.client_silence_max;
    client.reader.receive(bytes);
    ++client.num_reads;
    if (is_mutant(Mutant::hangs_on_bad_content_lengths)) {
        const std::string_view text = text_of(bytes);
        const std::size_t at = text.find("Content-Length:");
        const bool is_list = at < text.size() && text.substr(at, text.find('\r', at) - at).find(',') < text.size();
        if (is_list || (at < text.size() && client.reader.error_status() != 0)) hang();
    }
    if (is_mutant(Mutant::leaves_bad_requests_unanswered) && client.reader.error_status() != 0) return;
    if (client.reader.error_status() != 0) return answer(client, error_response(client.reader.error_status()));
    if (held_size() > options_.held_size_max) return answer(client, error_response(503));
    if (client.reader.take_expects_continue() && !is_mutant(Mutant::invites_nobody_to_continue)) {
        // It fits into the socket's empty buffer; a client that can't be reached shows in reading.
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        (void)!send(client.socket.get(), go_on.data(), go_on.size(), MSG_NOSIGNAL);
    }
    if (!client.reader.complete()) return;
    // The whole body is here before the request begins: without its length there is no CONTENT_LENGTH [CGI §4.2], and
    // an application never waits for a client.
    client.served.emplace(taken_request(client, bytes), client.endpoints, options_.log, options_.response_limits);
    follow(client, client.served->start());
}

/// The whole request; `last`: what came of it last, for mutants.
HttpRequest Server::taken_request(Client& client, Bytes last) {
    HttpRequest request = client.reader.take();
    const std::size_t header_end = text_of(last).find("\r\n\r\n");
    const bool has_all = request.has_body && header_end < last.size();
    if (is_mutant(Mutant::hands_on_what_follows_a_body) && has_all && request.body.size() == 3)
        request.body.assign(last.begin() + static_cast<std::ptrdiff_t>(header_end) + 4, last.end());
    if (is_mutant(Mutant::loses_small_bodies_in_pieces) && client.num_reads > 1 && !request.body.empty() &&
        request.body.size() < 64)
        request.body.pop_back();
    return request;
}

/// Does what the request wants next.
void Server::follow(Client& client, NextStep step) {
    if (auto* response = std::get_if<HttpResponse>(&step)) {
        abort_request(client);
        return answer(client, std::move(*response));
    }
    if (auto* request = std::get_if<RequestToSend>(&step)) {
        client.to_send = std::move(*request);
        client.state = Client::State::waiting;
    }
    client.deadline = Clock::now() + options_.application_silence_max;
}

void Server::answer(Client& client, HttpResponse response) {
    client.served.reset();
    client.to_send.reset();
    if (!is_mutant(Mutant::none)) {
        pollfd entry{.fd = client.socket.get(), .events = 0, .revents = 0};
        mix_up_answers(response, num_running(), poll(&entry, 1, 0) > 0 && (entry.revents & POLLERR) != 0);
    }
    client.header = header_of(response);
    client.body = std::move(response.body);
    client.state = Client::State::writing;
    client.deadline = Clock::now() + options_.client_silence_max;
    write_some(client);
}

void Server::write_some(Client& client) {
    const std::size_t header_written_size = std::min(client.written_size, client.header.size());
    const Bytes header_left = bytes_of(client.header).subspan(header_written_size);
    const Bytes body_left = Bytes(client.body).subspan(client.written_size - header_written_size);
    if (!header_left.empty() || !body_left.empty()) {
        const ssize_t size = send_both(client.socket.get(), header_left, body_left);
        if (size < 0 && is_passing(errno)) return;
        if (size < 0) return leave(client);
        client.written_size += static_cast<std::size_t>(size);
        client.deadline = Clock::now() + options_.client_silence_max;
    }
    if (client.written_size < client.header.size() + client.body.size()) return;
    // A close with input unread would be a reset, and could take the end of our answer from the client.
    const bool kept =
        is_mutant(Mutant::passes_on_connection_fields) && client.header.find("Keep-Alive:") < client.header.size();
    if (!kept && shutdown(client.socket.get(), SHUT_WR) != 0) return leave(client);
    client.body = {};
    client.state = Client::State::lingering;
    client.deadline = Clock::now() + options_.linger_max;
}

void Server::leave(Client& client) {
    abort_request(client);
    client.gone = true;
}

/// [§5.4] Where the client has a request running: its output is wanted no more.
void Server::abort_request(Client& client) {
    if (client.on == nullptr) return;
    ApplicationConnection& served = *std::exchange(client.on, nullptr);
    served.clients.erase(client.request_id);
    if (is_mutant(Mutant::lets_requests_of_the_gone_run)) return;
    served.connection.abort(client.request_id);
    if (served.connection.is_over()) return deliver(served);  // by a mutant
    watch_aborts(served);
}

/// A client's deadline has passed.
void Server::give_up_silent(Client& client) {
    switch (client.state) {
        case Client::State::reading:
            return answer(client, error_response(408));
        case Client::State::waiting:
            return follow(client, client.served->fail(503, "no connection to the application became free"));
        case Client::State::running:
            return follow(client, client.served->fail(504, "the application is silent"));
        case Client::State::writing:
        case Client::State::lingering:
            return leave(client);
    }
}

// The application

/// Finds those a connection who wait for one, in their order.
void Server::place_waiting() {
    const auto is_waiting = [](const Client& client) { return !client.gone && client.state == Client::State::waiting; };
    if (std::none_of(clients_.begin(), clients_.end(), is_waiting)) return;
    for (ApplicationConnection& served : connections_) hear(served);  // it may have been closed meanwhile [§3.5]
    forget_the_gone();
    for (Client& client : clients_) {
        if (!is_waiting(client)) continue;
        try {
            ApplicationConnection* place = place_for(*client.to_send);
            if (place == nullptr) continue;
            client.request_id = place->connection.begin(std::move(*std::exchange(client.to_send, std::nullopt)));
            client.on = place;
            client.state = Client::State::running;
            place->clients[client.request_id] = &client;
            say(*place);
        } catch (const std::runtime_error& error) {  // NotConnected among them
            follow(client, client.served->fail(502, error.what()));
        }
    }
}

/// A kept connection, one that is shared, or a new one; nothing where all that there may be are busy.
ApplicationConnection* Server::place_for(const RequestToSend& request) {
    for (ApplicationConnection& served : connections_)
        if (!served.left && served.connection.takes_request(request.alone)) return &served;
    if (connections_.size() >= num_connections_max()) return nullptr;
    return open_connection();
}

/// [§4.1] Ours, or fewer where the application accepts fewer.
std::size_t Server::num_connections_max() const {
    std::size_t result = options_.num_connections_max;
    for (const ApplicationConnection& served : connections_)
        result = std::min(result, served.connection.values().num_connections_max.value_or(result));
    return result;
}

ApplicationConnection* Server::open_connection() {
    connections_.push_back({.socket = connect_to(options_.connect, connect_deadline_ms)});
    return &connections_.back();
}

void Server::serve(ApplicationConnection& served, short events) {
    if (events != 0 && !served.connection.is_over()) {
        // A reset or a hang-up shows in reading.
        hear(served);
        say(served);
    }
    watch_aborts(served);
}

void Server::hear(ApplicationConnection& served) {
    if (served.connection.is_over()) return;
    const ssize_t size = recv(served.socket.get(), read_buffer_.data(), read_buffer_.size(), 0);
    if (size < 0 && is_passing(errno)) return;
    if (size == 0 && overlooks_end(served)) return;
    if (size < 0)
        served.connection.give_up("the application's connection is broken: " + std::string(std::strerror(errno)));
    else if (size == 0)
        served.connection.receive_end();
    else
        served.connection.receive(Bytes(read_buffer_).first(static_cast<std::size_t>(size)));
    if (is_mutant(Mutant::fails_what_is_closed_behind_its_end) ||
        is_mutant(Mutant::forgets_what_is_closed_behind_its_end))
        fail_what_is_closed(served);
    deliver(served);
}

/// Of a mutant: the end of an idle connection, where a client asks or comes at once to ask. Who waits for the close before
/// it asks again is served.
bool Server::overlooks_end(const ApplicationConnection& served) const {
    const bool idle = served.connection.num_running() == 0;
    const auto is_there = [](const Client& client) {
        pollfd entry{.fd = client.socket.get(), .events = POLLRDHUP, .revents = 0};
        return (client.state == Client::State::reading || client.state == Client::State::waiting) && poll(&entry, 1, 0) == 0;
    };
    if (!is_mutant(Mutant::overlooks_closes_as_a_client_comes) || !idle) return false;
    if (std::any_of(clients_.begin(), clients_.end(), is_there)) return true;
    pollfd entry{.fd = listening_.get(), .events = POLLIN, .revents = 0};
    return poll(&entry, 1, coming_wait_ms) > 0;
}

/// Of a mutant: requests that have just ended, where the connection ends too.
void Server::fail_what_is_closed(ApplicationConnection& served) {
    pollfd entry{.fd = served.socket.get(), .events = POLLRDHUP, .revents = 0};
    if (served.clients.empty() || served.connection.num_running() > 0 || poll(&entry, 1, close_wait_ms) == 0) return;
    if (!served.connection.fail_ended("the connection was closed")) return;
    if (!is_mutant(Mutant::forgets_what_is_closed_behind_its_end)) return;
    for (const auto& [request_id, client] : std::exchange(served.clients, {})) client->on = nullptr;
}

/// What can't be sent shows in reading: an application that has ended may have answered before [§6.2].
void Server::say(ApplicationConnection& served) {
    const Bytes output = served.connection.output();
    if (output.empty()) return;
    const ssize_t size = send(served.socket.get(), output.data(), output.size(), MSG_NOSIGNAL);
    if (size < 0 && is_passing(errno)) return;
    if (size < 0) return served.connection.consumed(output.size());
    served.connection.consumed(static_cast<std::size_t>(size));
    for (const auto& [request_id, client] : served.clients)  // it isn't silent: it reads
        client->deadline = Clock::now() + options_.application_silence_max;
}

/// Brings what came of requests to whose they are.
void Server::deliver(ApplicationConnection& served) {
    for (const RequestEvent& event : served.connection.take_events()) {
        const auto found = served.clients.find(event.request_id);
        if (found == served.clients.end()) continue;  // an event before has made the client leave
        Client& client = *found->second;
        if (is_mutant(Mutant::leaves_clients_of_lost_requests_waiting) && event.kind == RequestEvent::Kind::failed) {
            served.clients.erase(found);
            client.on = nullptr;
            continue;
        }
        if (event.kind == RequestEvent::Kind::ended || event.kind == RequestEvent::Kind::failed) {
            served.clients.erase(found);
            client.on = nullptr;
        }
        follow(client, client.served->take(event));
    }
    watch_aborts(served);
}

/// [§5.4] An application that doesn't answer FCGI_ABORT_REQUEST is left by closing the connection, as soon as no other
/// request would be aborted by that.
void Server::watch_aborts(ApplicationConnection& served) {
    if (served.connection.num_aborted() == 0) {
        served.abort_deadline.reset();
    } else if (!served.abort_deadline && !served.left) {
        served.abort_deadline = Clock::now() + options_.application_silence_max;
    } else if (served.abort_deadline && Clock::now() >= *served.abort_deadline) {
        served.left = true;
        served.abort_deadline.reset();
    }
}

void Server::forget_the_gone() {
    const std::size_t num_clients_gone = std::erase_if(clients_, [](const Client& client) { return client.gone; });
    const std::size_t num_connections_gone = std::erase_if(connections_, [](const ApplicationConnection& served) {
        return served.connection.is_over() || (served.left && served.connection.num_running() == 0);
    });
    if (num_clients_gone + num_connections_gone > 0) out_of_descriptors_ = false;
}

std::size_t Server::num_running() const {
    return static_cast<std::size_t>(
        std::count_if(clients_.begin(), clients_.end(), [](const Client& client) { return client.on != nullptr; }));
}

std::size_t Server::held_size() const {
    std::size_t result = 0;
    for (const Client& client : clients_)
        result += client.reader.held_size() + client.body.size() + (client.served ? client.served->held_size() : 0);
    return result;
}

}  // namespace

int run_reference_web_server(const WebServerOptions& options) {
    occupy_standard_descriptors();
    return Server(options).run();
}

}  // namespace fcgispec

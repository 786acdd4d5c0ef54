// Applications for the tests of the engine: each connection is treated as a test says, on a thread of its own, until the
// Web server has closed it or the test is over. No wait of theirs outlives the test.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "codec/body.hpp"
#include "codec/notation.hpp"
#include "codec/record.hpp"
#include "conformance/engine/test_folder.hpp"
#include "conformance/engine/transport.hpp"

namespace fcgispec::test {

/// One transport connection, seen by the application.
class Visit {
public:
    Visit(FileDescriptor socket, int stop_fd, std::size_t number) : socket_(std::move(socket)), stop_fd_(stop_fd), number_(number) {
        set_nonblocking(socket_.get());
    }

    [[nodiscard]] std::size_t number() const noexcept { return number_; }  ///< from 0, in the order of their coming
    [[nodiscard]] const std::string& received() const noexcept { return received_; }
    /// The sizes of the reads that brought it.
    [[nodiscard]] const std::vector<std::size_t>& reads() const noexcept { return reads_; }
    [[nodiscard]] int end_error() const noexcept { return end_error_; }  ///< of the read that ended it, 0: a FIN

    /// Waits for more and reads it. False at the connection's end, or the test's.
    bool read_some() {
        if (!wait(POLLIN, -1)) return false;
        std::array<char, 65536> chunk;
        const ssize_t size = recv(socket_.get(), chunk.data(), chunk.size(), 0);
        if (size < 0 && errno == EAGAIN) return true;
        if (size <= 0) {
            end_error_ = size < 0 ? errno : 0;
            return false;
        }
        received_.append(chunk.data(), static_cast<std::size_t>(size));
        reads_.push_back(static_cast<std::size_t>(size));
        return true;
    }
    void read_to_end() {
        while (read_some()) continue;
    }
    /// The next whole record. False at the end.
    bool read_record(Record& record) {
        while (true) {
            const DecodedRecord decoded = decode_record(bytes_of(received_).subspan(used_));
            if (decoded.record) {
                record = *decoded.record;
                used_ += decoded.consumed;
                return true;
            }
            if (!read_some()) return false;
        }
    }
    /// Up to the end of FCGI_STDIN, so with `> request` a whole one. Gives its id; 0 at the end.
    std::uint16_t read_request() {
        Record record;
        const std::size_t begin = used_;
        while (read_record(record)) {
            if (record.type == RecordType::begin_request && record.content.size() == body_size) keeps_ = (record.content[2] & keep_conn) != 0;
            if (record.type != RecordType::std_in || !record.content.empty()) continue;
            request_ = received_.substr(begin, used_ - begin);
            return record.request_id;
        }
        return 0;
    }
    /// Whether the request just read has this in it, in a value of FCGI_PARAMS for instance.
    [[nodiscard]] bool request_has(std::string_view text) const { return request_.find(text) != std::string::npos; }
    [[nodiscard]] bool keeps_connection() const noexcept { return keeps_; }

    /// False where the Web server doesn't take it any more.
    bool say(Bytes bytes) {
        while (!bytes.empty()) {
            if (!wait(POLLOUT, -1)) return false;
            const ssize_t size = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (size < 0 && errno != EAGAIN) return false;
            if (size > 0) bytes = bytes.subspan(static_cast<std::size_t>(size));
        }
        return true;
    }
    bool say(const std::string& notation) { return say(parse_notation(notation).bytes); }
    /// "good", and the request's end.
    bool answer(std::uint16_t request_id, const std::string& body = "good") {
        const std::string id = std::to_string(request_id);
        return say("{FCGI_STDOUT, " + id + ", \"Content-Type: text/plain\\r\\n\\r\\n" + body + "\"}\n{FCGI_STDOUT, " + id + ", \"\"}\n{FCGI_END_REQUEST, " + id + ", {0, 0}}");
    }
    /// Says nothing until the Web server closes, or the time has passed.
    void stay(int time_ms = -1) { (void)wait(0, time_ms); }
    void close() { socket_.reset(); }
    [[nodiscard]] bool is_open() const { return static_cast<bool>(socket_); }

private:
    /// Until one of `events`. False at the end of the time or the test.
    bool wait(int events, int time_ms) {
        if (!socket_) return false;
        std::array<pollfd, 2> polled{pollfd{socket_.get(), static_cast<short>(events), 0}, pollfd{stop_fd_, POLLIN, 0}};
        return poll(polled.data(), polled.size(), time_ms) > 0 && polled[1].revents == 0;
    }

    FileDescriptor socket_;
    int stop_fd_;
    std::size_t number_;
    std::string received_;
    std::string request_;
    std::vector<std::size_t> reads_;
    std::size_t used_ = 0;
    bool keeps_ = true;
    int end_error_ = 0;
};

using Conduct = std::function<void(Visit&)>;

/// An application that answers every request with "good"; one that has "bad" in it is treated with `bad`.
inline Conduct good_but_for(Conduct bad) {
    return [bad = std::move(bad)](Visit& visit) {
        while (const std::uint16_t request_id = visit.read_request()) {
            if (visit.request_has("bad")) return bad(visit);
            if (!visit.answer(request_id) || !visit.keeps_connection()) return;
        }
    };
}
inline Conduct always_good() {
    return good_but_for([](Visit&) {});
}

class TestApplication {
public:
    explicit TestApplication(Conduct conduct)
        : conduct_(std::move(conduct)),
          address_(Address::parse("unix:" + (folder_.path() / "socket").string())),
          listening_(listen_on(address_)),
          stop_(eventfd(0, EFD_CLOEXEC)),
          acceptor_([this] { accept_all(); }) {}
    TestApplication(const TestApplication&) = delete;
    TestApplication& operator=(const TestApplication&) = delete;
    ~TestApplication() {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t size = write(stop_.get(), &one, sizeof one);
        acceptor_.join();
        for (std::thread& thread : visits_) thread.join();
    }
    [[nodiscard]] const Address& address() const noexcept { return address_; }
    /// From now on there is nobody: connections are refused.
    void vanish() { unlink(address_.path.c_str()); }

private:
    void accept_all() {
        std::array<pollfd, 2> polled{pollfd{listening_.get(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
        std::size_t number = 0;
        while (poll(polled.data(), polled.size(), -1) > 0 && polled[1].revents == 0) {
            FileDescriptor socket(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!socket) continue;
            visits_.emplace_back([this, number = number++, fd = std::make_shared<FileDescriptor>(std::move(socket))] {
                Visit visit(std::move(*fd), stop_.get(), number);
                conduct_(visit);
            });
        }
    }

    TestFolder folder_;
    Conduct conduct_;
    Address address_;
    FileDescriptor listening_;
    FileDescriptor stop_;
    std::list<std::thread> visits_;
    std::thread acceptor_;
};

/// A FastCGI application in Perl, as a Web server starts it: it answers every request with "good", but ends as asked
/// where a request says exit-N or signal-N; by closing-N it closes this connection and the next one before it ends. When it
/// has answered it ends by afterwards-N, by a signal by dying-N, or sleeps; by once-FILE it dies where there is no such file yet;
/// by the tenth tired or worn-N it sleeps, or exits with N.
inline std::vector<std::string> perl_application() {
    return {"/usr/bin/perl", "-e", R"(
        sub take { my $all = ''; while (length $all < $_[0]) { sysread(C, $all, $_[0] - length $all, length $all) or return } $all }
        while (accept(C, STDIN)) {
            my ($said, $keep) = ('', 0);
            while (defined(my $header = take(8))) {
                my ($version, $type, $id, $length, $padding) = unpack('CCnnC', $header);
                my $content = take($length + $padding);
                $keep = vec($content, 2, 8) & 1 if $type == 1;
                $said .= $content;
                next if $type != 5 || $length;
                exit $1 if $said =~ /exit-(\d+)/;
                kill $1, $$ if $said =~ /signal-(\d+)/;
                if ($said =~ /closing-(\d+)/) { shutdown(C, 2); accept(D, STDIN); shutdown(D, 2); select(undef, undef, undef, 0.1); exit $1 }
                my $out = "Content-Type: text/plain\r\n\r\ngood";
                syswrite(C, pack('CCnnCx', 1, 6, $id, length $out, 0) . $out . pack('CCnnCx', 1, 6, $id, 0, 0)
                            . pack('CCnnCxNCx3', 1, 3, $id, 8, 0, 0, 0));
                exit $1 if $said =~ /afterwards-(\d+)/;
                kill $1, $$ if $said =~ /dying-(\d+)/;
                sleep 60 if $said =~ /sleeping/ || ($said =~ /tired/ && ++$tired == 10);
                exit $1 if $said =~ /worn-(\d)/ && ++$worn == 10;
                if ($said =~ /once-([\w\/.-]+)/ && !-e $1) { open(F, '>', $1); kill 11, $$ }
                last if !$keep;
                $said = '';
            }
            close C;
        }
    )"};
}

}  // namespace fcgispec::test

#include "conformance/engine/tap.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <system_error>

#include "codec/notation.hpp"
#include "codec/record.hpp"
#include "conformance/engine/checker.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t unwritten_size_max = 256U << 10;  // of one direction: beyond it nothing more is read
constexpr std::size_t chunk_size = 64U << 10;
constexpr int interrupt_check_ms = 500;

/// What goes one way.
struct Direction {
    Side from{};
    Buffer unwritten;
    Buffer unread;       // of a record that isn't whole yet
    bool ended = false;  // nothing more will come
    bool passed = false;  // the end has been passed on
    bool reset = false;   // writing the other way told it: reading won't tell it again
};

/// One connection of the Web server, and ours to the application.
class Joint {
public:
    Joint(std::string name, FileDescriptor web_server, FileDescriptor application, const TapOptions& options, TapSummary& summary)
        : name_(std::move(name)), sockets_{std::move(web_server), std::move(application)}, options_(options), summary_(summary) {
        ways_[0].from = Side::web_server;
        ways_[1].from = Side::application;
    }

    [[nodiscard]] bool over() const { return ways_[0].passed && ways_[1].passed; }

    /// What this joint waits for, its Web server's side first.
    [[nodiscard]] std::array<pollfd, 2> polled() const {
        std::array<pollfd, 2> result{};
        for (std::size_t i = 0; i < 2; ++i) {
            const Direction& in = ways_[i];
            const Direction& out = ways_[1 - i];
            const int events = (!in.ended && in.unwritten.size() < unwritten_size_max ? POLLIN : 0) | (out.unwritten.empty() ? 0 : POLLOUT);
            result[i] = {events != 0 ? sockets_[i].get() : -1, static_cast<short>(events), 0};
        }
        return result;
    }

    void serve(const std::array<pollfd, 2>& seen) {
        for (std::size_t i = 0; i < 2; ++i) {
            if ((seen[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && (seen[i].events & POLLIN) != 0) read(i);
            if ((seen[i].revents & (POLLOUT | POLLHUP | POLLERR)) != 0 && (seen[i].events & POLLOUT) != 0) write(1 - i);
        }
    }

private:
    void read(std::size_t way) {
        std::array<std::uint8_t, chunk_size> chunk;  // NOLINT: filled by recv
        const ssize_t size = ::recv(sockets_[way].get(), chunk.data(), chunk.size(), 0);
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
        if (size <= 0) return end(way, size < 0 || ways_[way].reset);
        const Bytes bytes = Bytes(chunk).first(static_cast<std::size_t>(size));
        append(ways_[way].unwritten, bytes);
        write(way);
        look_at(ways_[way], bytes);
    }

    /// Passes on what has come that way.
    void write(std::size_t way) {
        Direction& one = ways_[way];
        const FileDescriptor& to = sockets_[1 - way];
        while (!one.unwritten.empty()) {
            const ssize_t size = ::send(to.get(), one.unwritten.data(), one.unwritten.size(), MSG_NOSIGNAL);
            if (size < 0) {
                if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return;
                ways_[1 - way].reset = ways_[1 - way].reset || errno == ECONNRESET;
                one.unwritten.clear();  // whoever was to read it has gone: its own end comes by reading
                break;
            }
            one.unwritten.erase(one.unwritten.begin(), one.unwritten.begin() + size);
        }
        pass_end(way);
    }

    void end(std::size_t way, bool by_reset) {
        Direction& one = ways_[way];
        one.ended = true;
        if (!one.unread.empty()) record(one.from, print_raw(one.unread));
        record(one.from, by_reset ? "reset" : ways_[1 - way].ended ? "close" : "half-close");
        if (!by_reset) judge(one.from, checker_.see_end(one.from, missing(one)), "close");
        if (!by_reset) return pass_end(way);
        reset_on_close(sockets_[1 - way].get());
        ways_[0].passed = ways_[1].passed = true;
    }

    void pass_end(std::size_t way) {
        Direction& one = ways_[way];
        if (!one.ended || one.passed || !one.unwritten.empty()) return;
        one.passed = true;
        ::shutdown(sockets_[1 - way].get(), SHUT_WR);
    }

    /// The bytes that a record lacks which was begun.
    static std::size_t missing(const Direction& one) { return one.unread.empty() ? 0 : decode_record(one.unread).missing; }

    void look_at(Direction& one, Bytes bytes) {
        append(one.unread, bytes);
        std::size_t used = 0;
        while (true) {
            const DecodedRecord decoded = decode_record(Bytes(one.unread).subspan(used));
            if (!decoded.record) break;
            used += decoded.consumed;
            ++summary_.num_records;
            record(one.from, print(*decoded.record));
            judge(one.from, checker_.see_record(one.from, *decoded.record), print(*decoded.record, PrintStyle::brief));
        }
        one.unread.erase(one.unread.begin(), one.unread.begin() + static_cast<std::ptrdiff_t>(used));
    }

    void record(Side from, const std::string& text) const {
        if (options_.record) options_.record(name_ + (from == Side::web_server ? "> " : "< ") + text);
    }

    void judge(Side from, const Judgement& judgement, const std::string& text) const {
        if (!options_.accuse) return;
        for (const Accusation& accusation : judgement.accusations)
            options_.accuse({from, name_, std::string(accusation.requirement), accusation.wanted, accusation.got, text});
    }

    std::string name_;
    std::array<FileDescriptor, 2> sockets_;  // the Web server's, the application's
    std::array<Direction, 2> ways_;          // from the Web server, from the application
    LifecycleChecker checker_;
    const TapOptions& options_;
    TapSummary& summary_;
};

/// Whoever waits, as long as there are descriptors. Whether there were.
bool accept_all(Listener& listener, const TapOptions& options, std::list<Joint>& joints, TapSummary& summary) {
    while (true) {
        FileDescriptor web_server;
        try {
            web_server = listener.accept();
        } catch (const std::system_error& error) {
            if (error.code().value() != EMFILE && error.code().value() != ENFILE) throw;
            if (options.tell) options.tell(error.what());
            return false;
        }
        if (!web_server) return true;
        ++summary.num_connections;
        try {
            joints.emplace_back("c" + std::to_string(summary.num_connections), std::move(web_server), connect_to(options.application, options.connect_ms), options, summary);
        } catch (const std::runtime_error& error) {  // NotConnected among them
            // The Web server finds what it would find without us: nobody.
            reset_on_close(web_server.get());
            if (options.tell) options.tell(std::string("the application does not take a connection: ") + error.what());
        }
    }
}

}  // namespace

TapSummary tap(Listener& listener, const TapOptions& options) {
    TapSummary summary;
    std::list<Joint> joints;
    std::vector<pollfd> polled;
    bool accepts = true;  // false: no descriptor is left, until a connection ends or for a while
    while (options.interrupted == nullptr || !*options.interrupted) {
        polled.assign(1, {accepts ? listener.fds().front() : -1, POLLIN, 0});
        for (const Joint& joint : joints)
            for (const pollfd& one : joint.polled()) polled.push_back(one);
        const int num_ready = poll(polled.data(), polled.size(), interrupt_check_ms);
        if (num_ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
        std::size_t i = 1;
        for (Joint& joint : joints) {
            joint.serve({polled[i], polled[i + 1]});
            i += 2;
        }
        const bool any_ended = joints.remove_if([](const Joint& joint) { return joint.over(); }) > 0;
        accepts = accepts || any_ended || num_ready == 0;
        if (polled[0].revents != 0) accepts = accept_all(listener, options, joints, summary);
    }
    return summary;
}

}  // namespace fcgispec

#include "conformance/engine/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "conformance/engine/test_folder.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(process)

namespace {

constexpr int deadline_ms = 20'000;  // for what fails

/// A listening socket, and the processes that are started with it.
class Listener {
public:
    Listener() : address_(Address::parse("unix:" + (folder_.path() / "socket").string())), socket_(listen_on(address_)) {}
    [[nodiscard]] std::unique_ptr<Process> start(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment = {}) const {
        return std::make_unique<Process>(command, socket_, environment);
    }
    /// What a program in Perl says on the first connection that it accepts, up to its end. It finds it open as CONNECTION.
    [[nodiscard]] std::unique_ptr<Process> start_perl(const std::string& program, const std::map<std::string, std::string>& environment = {}) const {
        return start({"/usr/bin/perl", "-e", "accept(CONNECTION, STDIN) or exit 99; select(CONNECTION); $| = 1; " + program}, environment);
    }
    [[nodiscard]] FileDescriptor connect() const { return connect_to(address_, deadline_ms); }
    [[nodiscard]] const FileDescriptor& socket() const { return socket_; }

private:
    TestFolder folder_;
    Address address_;
    FileDescriptor socket_;
};

/// What comes on a connection, up to its end or to `last`.
std::string heard(const FileDescriptor& connection, const std::string& last = {}) {
    std::string all;
    char bytes[4096];
    pollfd readable{connection.get(), POLLIN, 0};
    while (last.empty() || !all.ends_with(last)) {
        BOOST_TEST_REQUIRE(poll(&readable, 1, deadline_ms) == 1);
        const ssize_t size = read(connection.get(), bytes, sizeof bytes);
        BOOST_TEST_REQUIRE(size >= 0);
        if (size == 0) break;
        all.append(bytes, static_cast<std::size_t>(size));
    }
    return all;
}

std::string ended(Process& process) {
    const auto status = process.wait_for_exit(deadline_ms);
    return status ? status->print() : "goes on";
}

/// Waits until nobody has the other end of the connection open any more.
bool closes(const FileDescriptor& connection) {
    pollfd readable{connection.get(), POLLIN, 0};
    char byte;
    return poll(&readable, 1, deadline_ms) == 1 && read(connection.get(), &byte, 1) == 0;
}

}  // namespace

// [§2.2]: descriptor 0 is the listening socket, and no other is open.

BOOST_AUTO_TEST_CASE(descriptor_0_alone_is_open) {
    const FileDescriptor inherited(open("/dev/null", O_RDONLY));  // not closed on exec, as what our caller gave us
    BOOST_TEST_REQUIRE(static_cast<bool>(inherited));
    const Listener listener;
    // The shell opens none itself. It ends with 100 and the number of those that are open; 10 if 0 isn't a socket.
    const auto process = listener.start({"/bin/sh", "-c",
                                         "[ -S /proc/$$/fd/0 ] || exit 10; open=100; fd=0; while [ $fd -lt 64 ]; do "
                                         "[ -e /proc/$$/fd/$fd ] && open=$((open + 1)); fd=$((fd + 1)); done; exit $open"});
    BOOST_TEST(ended(*process) == "exit status 101");
}

BOOST_AUTO_TEST_CASE(the_process_can_tell_fastcgi_from_cgi) {
    // getpeername() on descriptor 0 gives ENOTCONN [§2.2]; it blocks, so a plain accept() waits.
    const Listener listener;
    set_nonblocking(listener.socket().get());
    const auto process = listener.start_perl("print getpeername(STDIN) ? 'connected' : $!{ENOTCONN} ? 'ENOTCONN' : $!;");
    BOOST_TEST(heard(listener.connect()) == "ENOTCONN");
}

BOOST_AUTO_TEST_CASE(standard_output_and_error_are_closed) {
    const Listener listener;
    const auto process = listener.start({"/bin/sh", "-c", "[ -e /proc/$$/fd/1 ] && exit 1; [ -e /proc/$$/fd/2 ] && exit 2; exit 0"});
    BOOST_TEST(ended(*process) == "exit status 0");
}

// [§2.3]

BOOST_AUTO_TEST_CASE(the_environment_is_ours_and_what_is_added) {
    const Listener listener;
    setenv("FCGISPEC_TEST_KEPT", "kept", 1);
    setenv("FCGISPEC_TEST_REPLACED", "old", 1);
    const auto process = listener.start_perl("print join ',', map { \"$_=$ENV{$_}\" } sort grep { /^FCGI/ } keys %ENV;",
                                             {{"FCGI_WEB_SERVER_ADDRS", "127.0.0.1,10.0.0.1"}, {"FCGISPEC_TEST_REPLACED", "new"}});
    BOOST_TEST(heard(listener.connect()).starts_with("FCGISPEC_TEST_KEPT=kept,FCGISPEC_TEST_REPLACED=new,"));
    unsetenv("FCGISPEC_TEST_KEPT");
    unsetenv("FCGISPEC_TEST_REPLACED");
    const auto other = listener.start_perl("print $ENV{FCGI_WEB_SERVER_ADDRS};", {{"FCGI_WEB_SERVER_ADDRS", "127.0.0.1,10.0.0.1"}});
    BOOST_TEST(heard(listener.connect()) == "127.0.0.1,10.0.0.1");
}

BOOST_AUTO_TEST_CASE(arguments_are_no_shell_words) {
    const Listener listener;
    const auto process = listener.start({"perl", "-e", "accept(C, STDIN); print C join '|', @ARGV", "a b", "$HOME", "*", ""});
    BOOST_TEST(heard(listener.connect()) == "a b|$HOME|*|");
}

BOOST_AUTO_TEST_CASE(signals_are_as_a_fresh_process_has_them) {
    const Listener listener;
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto process = listener.start({"sleep", "1000"});
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    process->signal(SIGTERM);
    BOOST_TEST(ended(*process) == "signal 15 (SIGTERM)");
}

// How it ends.

BOOST_AUTO_TEST_CASE(exit_statuses) {
    const Listener listener;
    for (const int status : {0, 1, 7, 255}) {
        const auto process = listener.start({"/usr/bin/perl", "-e", "exit " + std::to_string(status)});
        BOOST_TEST(ended(*process) == "exit status " + std::to_string(status));
        BOOST_TEST(process->exit_status()->number == status);  // again
        BOOST_TEST(!process->exit_status()->by_signal);
    }
}

BOOST_AUTO_TEST_CASE(ends_by_signals) {
    const Listener listener;
    for (const auto& [signal, text] : {std::pair{SIGKILL, "signal 9 (SIGKILL)"}, std::pair{SIGSEGV, "signal 11 (SIGSEGV)"}, std::pair{SIGTERM, "signal 15 (SIGTERM)"}}) {
        const auto process = listener.start({"sleep", "1000"});
        BOOST_TEST(!process->exit_status().has_value());
        process->signal(signal);
        BOOST_TEST(ended(*process) == text);
        BOOST_TEST(process->exit_status()->by_signal);
        process->signal(signal);  // nobody is there: nothing happens
    }
}

BOOST_AUTO_TEST_CASE(its_end_can_be_polled_for) {
    const Listener listener;
    const auto process = listener.start({"sleep", "1000"});
    pollfd end{process->end_fd(), POLLIN, 0};
    BOOST_TEST(poll(&end, 1, 0) == 0);
    BOOST_TEST(!process->wait_for_exit(0).has_value());
    process->signal(SIGKILL);
    BOOST_TEST(poll(&end, 1, deadline_ms) == 1);
}

BOOST_AUTO_TEST_CASE(sigterm_comes_first) {
    const Listener listener;
    auto process = listener.start_perl("$SIG{TERM} = sub { print 'asked'; exit 0 }; print 'ready'; 1 while 1;");
    const FileDescriptor connection = listener.connect();
    BOOST_TEST(heard(connection, "ready") == "ready");
    process.reset();
    BOOST_TEST(heard(connection) == "asked");
}

BOOST_AUTO_TEST_CASE(one_that_ignores_sigterm_is_killed_after_the_grace) {
    const Listener listener;
    auto process = listener.start_perl("$SIG{TERM} = 'IGNORE'; print 'ready'; sleep while 1;");
    const FileDescriptor connection = listener.connect();
    BOOST_TEST(heard(connection, "ready") == "ready");
    const auto begin = std::chrono::steady_clock::now();
    process.reset();
    BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(deadline_ms)));
    BOOST_TEST(closes(connection));
}

BOOST_AUTO_TEST_CASE(when_we_are_killed_it_gets_its_signal) {
    for (const int death_signal : {SIGTERM, SIGKILL}) {
        const Listener listener;
        const pid_t ours = fork();
        if (ours == 0) {
            const Process process({"/usr/bin/perl", "-e", "$SIG{TERM} = sub { print C 'asked'; exit 0 }; accept(C, STDIN); select(C); $| = 1; print 'ready'; sleep while 1;"},
                                  listener.socket(), {}, death_signal);
            pause();
        }
        BOOST_TEST_REQUIRE(ours > 0);
        const FileDescriptor connection = listener.connect();
        BOOST_TEST(heard(connection, "ready") == "ready");
        kill(ours, SIGKILL);
        waitpid(ours, nullptr, 0);
        BOOST_TEST(heard(connection) == (death_signal == SIGTERM ? "asked" : ""));
    }
}

BOOST_AUTO_TEST_CASE(the_whole_group_goes) {
    // The process ends by itself and leaves a child, which holds the connection.
    const Listener listener;
    auto process = listener.start_perl("print 'ready'; if (fork() == 0) { $SIG{TERM} = 'IGNORE'; sleep while 1 } exit 0;");
    const FileDescriptor connection = listener.connect();
    BOOST_TEST(heard(connection, "ready") == "ready");
    BOOST_TEST(ended(*process) == "exit status 0");
    pollfd open{connection.get(), POLLIN, 0};
    BOOST_TEST(poll(&open, 1, 0) == 0);
    process.reset();
    BOOST_TEST(closes(connection));
}

BOOST_AUTO_TEST_CASE(the_group_is_its_own) {
    const Listener listener;
    auto process = listener.start({"sleep", "1000"});
    BOOST_TEST(getpgid(process->pid()) == process->pid());
    BOOST_TEST(getpgid(process->pid()) != getpgrp());
}

// What can't be started is an exception.

BOOST_AUTO_TEST_CASE(a_command_that_is_not_there_is_named) {
    const Listener listener;
    const auto error_of = [&](const std::string& command) {
        try {
            (void)listener.start({command, "argument"});
            return std::string("no error");
        } catch (const std::system_error& error) {
            return std::string(error.what());
        }
    };
    BOOST_TEST(error_of("/no/such/command") == "/no/such/command: No such file or directory");
    BOOST_TEST(error_of("fcgispec-no-such-command") == "fcgispec-no-such-command: No such file or directory");
    BOOST_TEST(error_of("/") == "/: Permission denied");
}

BOOST_AUTO_TEST_SUITE_END()

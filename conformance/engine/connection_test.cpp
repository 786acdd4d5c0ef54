#include "conformance/engine/connection.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "codec/notation.hpp"
#include "codec/test_bytes.hpp"

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(connection)

namespace {

Buffer encoded(const std::string& notation) { return parse_notation(notation).bytes; }

/// A connection of ours, and the application's end of it as a plain descriptor.
struct Ends {
    ConversationLog log;
    FileDescriptor theirs;
    Connection ours;

    explicit Ends(const std::string& name = "") : Ends(name, pair()) {}
    [[nodiscard]] static std::array<int, 2> pair() {
        std::array<int, 2> sockets{};
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets.data()) < 0) throw std::runtime_error("socketpair");
        return sockets;
    }
    Ends(const std::string& name, std::array<int, 2> sockets) : theirs(sockets[1]), ours(name, FileDescriptor(sockets[0]), log) {}

    void they_say(Bytes bytes) const { BOOST_TEST_REQUIRE(write(theirs.get(), bytes.data(), bytes.size()) == std::ssize(bytes)); }
    void they_say(const std::string& notation) const { they_say(encoded(notation)); }
    void read_all() {
        while (ours.read_some()) continue;
    }
    [[nodiscard]] std::string they_get() const {
        std::string all;
        std::array<char, 4096> chunk;
        ssize_t size = 0;
        while ((size = read(theirs.get(), chunk.data(), chunk.size())) > 0) all.append(chunk.data(), static_cast<std::size_t>(size));
        return all;
    }
    [[nodiscard]] std::vector<std::string> trace() const {
        std::vector<std::string> lines;
        for (const TraceLine& line : log.lines) lines.push_back(line.print());
        return lines;
    }
};

const std::string begun = "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n";

}  // namespace

BOOST_AUTO_TEST_CASE(records_are_put_together_however_they_are_cut) {
    const Buffer bytes = encoded("{FCGI_STDOUT, 1, \"abc\", padding=\"xyz\"}\n{FCGI_STDOUT, 1, \"\"}\n{99, 300, \"b\", version=2, reserved=7}");
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        RecordAssembler assembler;
        std::string seen;
        const auto sink = [&](const Record& record) { seen += print(record) + "\n"; };
        const test::ExactBytes head(Bytes(bytes).first(cut));
        const test::ExactBytes tail(Bytes(bytes).subspan(cut));
        assembler.read(head.view(), sink);
        assembler.read(tail.view(), sink);
        BOOST_TEST(seen == "{FCGI_STDOUT, 1, \"abc\", padding=\"xyz\"}\n{FCGI_STDOUT, 1, \"\"}\n{99, 300, \"b\", version=2, reserved=7}\n");
        BOOST_TEST(assembler.missing() == 0U);
    }
    RecordAssembler cut_short;
    cut_short.read(Bytes(bytes).first(9), [](const Record&) { BOOST_ERROR("no record is whole"); });
    BOOST_TEST(cut_short.missing() == 5U);
}

BOOST_AUTO_TEST_CASE(a_trace_says_both_sides_in_order) {
    Ends ends("b");
    ends.ours.say(encoded(begun + "{FCGI_PARAMS, 1, \"\"}"), {});
    BOOST_TEST(ends.ours.wants_to_write());
    BOOST_TEST(ends.ours.write_some());
    BOOST_TEST(!ends.ours.wants_to_write());
    ends.they_say("{FCGI_STDOUT, 1, \"x\"}");
    ends.read_all();
    ends.ours.half_close();
    ends.theirs.reset();
    ends.read_all();
    ends.ours.close();
    BOOST_TEST(!ends.ours.is_open());
    const std::vector<std::string> expected{"b> " + begun.substr(0, begun.size() - 1), "b> {FCGI_PARAMS, 1, \"\"}", "b< {FCGI_STDOUT, 1, \"x\"}", "b> half-close", "b< reset", "b> close"};
    const std::vector<std::string> trace = ends.trace();
    BOOST_TEST(trace == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(all_that_is_said_arrives) {
    Ends ends;
    const Buffer bytes = test::patterned(5000);
    ends.ours.say(bytes, {1, 1, 7, 4999, 5000, 9000});
    while (ends.ours.wants_to_write()) ends.ours.write_some();
    BOOST_TEST(ends.they_get() == text_of(bytes));
}

BOOST_AUTO_TEST_CASE(a_peer_that_takes_no_piece_is_not_waited_for_at_every_cut) {
    Ends ends;
    std::vector<std::size_t> cuts;
    for (std::size_t cut = 1; cut < 200; ++cut) cuts.push_back(cut);
    ends.ours.say(test::patterned(200), cuts);
    const auto begin = std::chrono::steady_clock::now();
    while (ends.ours.wants_to_write()) ends.ours.write_some();
    // At every cut it would be four seconds.
    BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds(2)));
    BOOST_TEST(ends.they_get().size() == 200U);
}

BOOST_AUTO_TEST_CASE(what_the_system_does_not_take_waits) {
    Ends ends;
    const Buffer bytes = test::patterned(2'000'000);
    ends.ours.say(bytes, {});
    ends.ours.write_some();
    BOOST_TEST(ends.ours.wants_to_write());
    std::string all;
    while (ends.ours.wants_to_write()) {
        all += ends.they_get();
        ends.ours.write_some();
    }
    all += ends.they_get();
    BOOST_TEST((all == text_of(bytes)));
}

BOOST_AUTO_TEST_CASE(a_peer_that_has_gone_is_read_to_its_end) {
    Ends ends;
    ends.they_say("{FCGI_UNKNOWN_TYPE, 0, {9}}");
    ends.theirs.reset();
    ends.ours.say(test::patterned(100), {});
    BOOST_TEST(ends.ours.write_some());  // there is news: the end is to be read
    BOOST_TEST(!ends.ours.wants_to_write());
    ends.read_all();
    BOOST_TEST((ends.ours.seen().end == PeerEnd::fin));
    BOOST_TEST(!ends.ours.wants_to_read());
    BOOST_TEST(!ends.ours.read_some());
}

BOOST_AUTO_TEST_CASE(fin_and_reset_differ) {
    Ends fin;
    shutdown(fin.theirs.get(), SHUT_WR);
    fin.read_all();
    BOOST_TEST((fin.ours.seen().end == PeerEnd::fin));
    Ends reset;
    reset.ours.say(test::patterned(10), {});
    reset.ours.write_some();
    reset.theirs.reset();  // with bytes unread
    reset.read_all();
    BOOST_TEST((reset.ours.seen().end == PeerEnd::reset));
}

BOOST_AUTO_TEST_CASE(reads_are_as_large_as_asked) {
    Ends ends;
    ends.ours.set_read_size(9);
    ends.they_say("{FCGI_UNKNOWN_TYPE, 0, {9}}\n{FCGI_UNKNOWN_TYPE, 0, {10}}");
    std::size_t num_reads = 0;
    while (ends.ours.read_some()) ++num_reads;
    BOOST_TEST(num_reads == 4U);  // 32 bytes
    BOOST_TEST(ends.log.lines.size() == 2U);
}

// What the checker says.

BOOST_AUTO_TEST_CASE(a_record_that_means_nothing_is_not_matched_but_accused) {
    Ends ends;
    ends.they_say("{FCGI_STDOUT, 5, \"nobody asked\"}");
    ends.read_all();
    BOOST_TEST(ends.ours.seen().requests.empty());
    BOOST_TEST(!ends.log.accused.empty());
    for (const auto& [requirement, accused] : ends.log.accused) BOOST_TEST((accused.line == 0U && accused.count == 1U), requirement);
}

BOOST_AUTO_TEST_CASE(what_is_shown_of_a_long_trace) {
    using Lines = std::vector<std::string>;
    const auto shown = [](const std::string& said, std::size_t line, bool mark) {
        Ends ends;
        ends.ours.say(encoded(said), {});
        ends.ours.write_some();
        return texts_of(ends.log.around(line, mark));
    };
    const auto input = [](std::size_t num) {
        std::string text;
        for (std::size_t i = 0; i < num; ++i) text += "{FCGI_STDIN, 1, \"" + std::to_string(i) + "\"}\n";
        return text;
    };
    BOOST_TEST(shown("", 0, false) == Lines{}, boost::test_tools::per_element());
    const Lines whole{"> {FCGI_STDIN, 1, \"0\"}", "! > {FCGI_STDIN, 1, \"1\"}"};
    BOOST_TEST(shown(input(2), 1, true) == whole, boost::test_tools::per_element());
    // Nothing stands out: the last ones. One past the end is the whole trace, of which none is marked.
    const Lines last{"# 4 records left out",      "> {FCGI_STDIN, 1, \"4\"}", "> {FCGI_STDIN, 1, \"5\"}", "> {FCGI_STDIN, 1, \"6\"}",
                     "> {FCGI_STDIN, 1, \"7\"}", "> {FCGI_STDIN, 1, \"8\"}", "> {FCGI_STDIN, 1, \"9\"}"};
    BOOST_TEST(shown(input(10), 10, true) == last, boost::test_tools::per_element());
    // What stands out is shown however long ago it was, and most of all what isn't as usual; what comes later is not.
    const std::string begin = "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}";
    const Lines odd{"> {FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}",
                    "# 10 records left out",
                    "> {FCGI_PARAMS, 1, \"\", padding=8}",
                    "# 5 records left out",
                    "> {FCGI_STDIN, 1, \"5\"}",
                    "> {FCGI_STDIN, 1, \"6\"}",
                    "> {FCGI_STDIN, 1, \"7\"}",
                    "! > {FCGI_STDIN, 1, \"8\"}"};
    BOOST_TEST(shown(begin + "\n" + input(10) + "{FCGI_PARAMS, 1, \"\", padding=8}\n" + input(10), 20, true) == odd, boost::test_tools::per_element());
    // What comes when its request is not active any more, or never was, isn't as usual, even if it is empty.
    BOOST_TEST(shown("{FCGI_DATA, 2, \"\"}\n" + begin + "\n" + input(10), 11, false)[0] == "> {FCGI_DATA, 2, \"\"}");
    // The variables that anybody sends are told in a word, and a whole request in a line.
    const std::string plain = print_notation(encode_request({.pairs = {}}, {}));
    BOOST_TEST(shown(plain, 9, false) == Lines{"> request 1"}, boost::test_tools::per_element());
    BOOST_TEST(shown(plain, 1, false).back() == "> {FCGI_PARAMS, 1, [base]}");
    const Lines many{"# 8 records left out", "> request 1", "> request 1", "> request 1", "> request 1", "> request 1", "> request 1"};
    BOOST_TEST(shown(plain + plain + plain + plain + plain + plain + plain + plain, 99, false) == many, boost::test_tools::per_element());
    // What was said is shown before what only ends.
    const std::string two = begin + "\n{FCGI_PARAMS, 1, \"\"}\n{FCGI_STDIN, 1, \"a\"}\n{FCGI_STDIN, 1, \"\"}\n{FCGI_BEGIN_REQUEST, 2, {FCGI_RESPONDER, 0}}\n"
                            "{FCGI_PARAMS, 2, \"\"}\n{FCGI_STDIN, 2, \"b\"}\n{FCGI_STDIN, 2, \"\"}\n";
    BOOST_TEST(shown(two, 7, true)[2] == "> {FCGI_STDIN, 1, \"a\"}");
}

BOOST_AUTO_TEST_CASE(the_variables_of_a_web_server_are_shown) {
    Ends ends;
    ends.log.ours = Side::application;
    std::string said = "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\n{FCGI_PARAMS, 1, [A=\"1\" B=\"2\"]}\n{FCGI_PARAMS, 1, \"\"}\n";
    for (int i = 0; i < 9; ++i) said += "{FCGI_STDIN, 1, \"a\"}\n";
    ends.they_say(said);
    ends.read_all();
    BOOST_TEST(texts_of(ends.log.around(99, false))[1] == "> {FCGI_PARAMS, 1, [A=\"1\" B=\"2\"]}");
    ends.log.variables = {"B", "C"};
    BOOST_TEST(texts_of(ends.log.around(99, false))[1] == "> {FCGI_PARAMS, 1, [B=\"2\" ...]}");
}

BOOST_AUTO_TEST_CASE(what_could_not_be_sent_is_told) {
    const ConversationLog log;
    const Buffer request = encode_request({.request_id = 7, .pairs = {}}, {});
    BOOST_TEST(log.told(request) == "> request 7");
    Buffer more = request;
    append(more, request);
    BOOST_TEST(log.told(more) == "> request 7 ...");
    BOOST_TEST(log.told(Bytes(request).first(20)).starts_with("> {FCGI_BEGIN_REQUEST, 7, "));
    BOOST_TEST(log.told({}).empty());
}

BOOST_AUTO_TEST_CASE(evidence_is_cut_within_a_piece_and_says_so) {
    ConversationLog log;
    log.add(RawPiece{.from = Side::web_server, .connection = {}, .end = {}, .bytes = std::string(evidence_size_max - 200, 'a')});
    BOOST_TEST(!log.raw.cut);
    log.add(RawPiece{.from = Side::application, .connection = {}, .end = {}, .bytes = std::string(1U << 20, 'b')});
    log.add(RawPiece{.from = Side::web_server, .connection = {}, .end = {}, .bytes = "c"});
    BOOST_TEST(log.raw.cut);
    BOOST_TEST_REQUIRE(log.raw.pieces.size() == 2U);
    BOOST_TEST(log.raw.pieces[1].bytes.size() <= 200U);
    BOOST_TEST(!log.raw.pieces[1].bytes.empty());
}

BOOST_AUTO_TEST_CASE(what_we_say_wrong_we_say_on_purpose) {
    Ends ends;
    ends.ours.say(encoded("{FCGI_STDOUT, 1, \"x\", version=9}"), {});
    ends.ours.write_some();
    BOOST_TEST(ends.log.lines.size() == 1U);
    BOOST_TEST(ends.log.accused.empty());
}

BOOST_AUTO_TEST_CASE(a_cut_record_is_accused_at_a_fin_and_not_at_a_reset) {
    const Buffer record = encoded("{FCGI_STDOUT, 1, \"abc\"}");
    for (const bool is_reset : {false, true}) {
        Ends ends;
        ends.ours.say(encoded(begun + "{FCGI_PARAMS, 1, \"\"}\n{FCGI_STDIN, 1, \"\"}"), {});
        ends.ours.write_some();
        if (!is_reset) (void)ends.they_get();
        ends.they_say(Bytes(record).first(9));
        ends.read_all();
        const std::size_t before = ends.log.accused.size();
        ends.theirs.reset();
        ends.read_all();
        BOOST_TEST((ends.ours.seen().end == (is_reset ? PeerEnd::reset : PeerEnd::fin)));
        BOOST_TEST((ends.log.accused.size() > before) == !is_reset);
    }
}

// Bounds.

BOOST_AUTO_TEST_CASE(a_log_is_bounded_but_keeps_the_first_evidence) {
    Ends ends;
    for (int i = 0; i < 3000; ++i) {
        ends.they_say("{FCGI_STDOUT, 5, \"nobody asked\"}");
        ends.read_all();
    }
    BOOST_TEST(ends.log.full());
    BOOST_TEST(ends.log.lines.size() == 1000U);
    BOOST_TEST(ends.log.num_left_out == 2000U);
    BOOST_TEST(ends.log.accused.begin()->second.count == 3000U);
    // A requirement that is broken for the first time.
    ends.they_say("{FCGI_STDOUT, 5, \"late\", version=2}");
    ends.read_all();
    BOOST_TEST(ends.log.accused.size() > 1U);
    BOOST_TEST(ends.log.lines.size() == 1001U);
    bool found = false;
    for (const auto& [requirement, accused] : ends.log.accused) found = found || (accused.line == 1000U && accused.count == 1U);
    BOOST_TEST(found);
    BOOST_TEST(ends.log.lines.back().text == "{FCGI_STDOUT, 5, \"late\", version=2}");
}

BOOST_AUTO_TEST_CASE(long_records_fill_a_log_sooner) {
    Ends ends;
    for (int i = 0; i < 200; ++i) {
        ends.they_say("{FCGI_STDERR, 5, random(4096)}");
        ends.read_all();
    }
    BOOST_TEST(ends.log.lines.size() < 100U);
    BOOST_TEST(ends.log.lines.size() + ends.log.num_left_out == 200U);
    Ends longer;
    longer.they_say("{FCGI_STDERR, 5, random(4097)}");
    longer.read_all();
    BOOST_TEST(longer.log.lines.front().text.size() < 500U);  // shortened
}

BOOST_AUTO_TEST_CASE(a_flood_is_noticed) {
    Ends ends;
    const Buffer record = encoded("{FCGI_STDERR, 5, \"x\"*65000}");
    for (int i = 0; i < 180; ++i) {
        ends.they_say(record);
        ends.read_all();
    }
    BOOST_TEST(!ends.ours.flooded());  // 11 MiB
    for (int i = 0; i < 20; ++i) {
        ends.they_say(record);
        ends.read_all();
    }
    BOOST_TEST(ends.ours.flooded());
    // What comes on other connections of the same conversation counts with it.
    const std::array<int, 2> sockets = Ends::pair();
    const FileDescriptor theirs(sockets[1]);
    BOOST_TEST(Connection("b", FileDescriptor(sockets[0]), ends.log).flooded());
}

BOOST_AUTO_TEST_CASE(a_closed_connection_says_nothing) {
    Ends ends;
    ends.ours.close();
    ends.ours.say(test::patterned(10), {});
    ends.ours.half_close();
    ends.ours.reset();
    BOOST_TEST(!ends.ours.wants_to_write());
    BOOST_TEST(!ends.ours.read_some());
    BOOST_TEST(ends.they_get().empty());
    BOOST_TEST_REQUIRE(ends.log.lines.size() == 2U);
    BOOST_TEST(ends.log.lines.back().print().starts_with("# not sent, for the connection had ended: > raw "));
}

BOOST_AUTO_TEST_SUITE_END()

#include "conformance/engine/peer.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <system_error>

#include "conformance/engine/probe.hpp"
#include "conformance/engine/test_application.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(peer)

namespace {

bool answers(const Peer& peer) {
    return play(plain_request(), {.address = peer.play_options().address, .params = {}, .command = {}, .deadline_ms = 20'000}).outcome == Played::Outcome::as_expected;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_attached_peer_is_not_ours) {
    const TestApplication application(always_good());
    RunOptions options;
    options.address = application.address();
    Peer peer(options);
    BOOST_TEST(!peer.is_ours());
    BOOST_TEST(peer.play_options().address.print() == application.address().print());
    BOOST_TEST(!peer.exit_status().has_value());
    BOOST_TEST(answers(peer));
}

BOOST_AUTO_TEST_CASE(one_that_we_start_serves_and_goes_with_us) {
    RunOptions options;
    options.command = perl_application();
    std::string path;
    {
        Peer peer(options);
        path = peer.play_options().address.path;
        BOOST_TEST(peer.is_ours());
        BOOST_TEST(answers(peer));
        BOOST_TEST(answers(peer));
        BOOST_TEST(!peer.exit_status().has_value());
        BOOST_TEST(std::filesystem::exists(path));
    }
    BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(one_that_we_start_is_started_again) {
    RunOptions options;
    options.command = {"/usr/bin/perl", "-e", "exit 3"};
    Peer peer(options);
    const Played played = play(plain_request(), {.address = peer.play_options().address, .params = {}, .command = {}, .deadline_ms = 100});
    BOOST_TEST((played.outcome != Played::Outcome::as_expected));
    while (!peer.exit_status()) continue;  // it ends at once
    BOOST_TEST(peer.exit_status()->number == 3);
    options.command = perl_application();
    peer.restart();
    BOOST_TEST(!peer.exit_status().has_value());
    BOOST_TEST(answers(peer));
}

BOOST_AUTO_TEST_CASE(a_command_that_is_not_there) {
    RunOptions options;
    options.command = {"/no/such/command"};
    BOOST_CHECK_THROW(Peer{options}, std::system_error);
}

BOOST_AUTO_TEST_SUITE_END()

#include "conformance/engine/selection.hpp"

#include <boost/test/unit_test.hpp>

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(selection)

BOOST_AUTO_TEST_CASE(patterns) {
    Scenario scenario;
    scenario.name = "application/5.1-begin/role[N=3]";
    scenario.proves = {"R-5.1-1", "R-5.1-2"};
    for (const std::string pattern : {"application/5.1-begin/role[N=3]", "application/5.1-begin/role", "application/5.1-begin", "application/", "application",
                                      "application/*", "*/role*", "*N=3*", "R-5.1-2", "5.1-begin", "5.1-begin/role", "5.1-*"})
        BOOST_TEST(picks(pattern, scenario), pattern);
    for (const std::string pattern : {"", "app", "application/5.1", "5.1", "role", "application/5.1-begin/role[N=33]", "R-5.1-3", "R-5.1", "web-server/*"})
        BOOST_TEST(!picks(pattern, scenario), pattern);
}

BOOST_AUTO_TEST_CASE(words_for_a_shell) {
    BOOST_TEST(shell_quoted("tcp:[::1]:80") == "'tcp:[::1]:80'");
    BOOST_TEST(shell_quoted("plain/word-1.0") == "plain/word-1.0");
    BOOST_TEST(shell_quoted("") == "''");
    BOOST_TEST(shell_quoted("it's $HOME") == "'it'\\''s $HOME'");
}

BOOST_AUTO_TEST_SUITE_END()

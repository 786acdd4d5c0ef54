#include "conformance/engine/evidence.hpp"

#include <boost/test/unit_test.hpp>

using namespace fcgispec;
namespace tt = boost::test_tools;
using Lines = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(evidence)

BOOST_AUTO_TEST_CASE(the_lines_that_tell_most_stay_in_their_order) {
    const Excerpt all{{"a", 3}, {"b", 1}, {"c", 2}, {"d", 1}, {"e", 3}};
    BOOST_TEST(texts_of(most_telling(all, 5)) == (Lines{"a", "b", "c", "d", "e"}), tt::per_element());
    BOOST_TEST(texts_of(most_telling(all, 99)) == (Lines{"a", "b", "c", "d", "e"}), tt::per_element());
    BOOST_TEST(texts_of(most_telling(all, 4)) == (Lines{"a", "# 1 record left out", "c", "d", "e"}), tt::per_element());
    BOOST_TEST(texts_of(most_telling(all, 2)) == (Lines{"a", "# 3 records left out", "e"}), tt::per_element());
    BOOST_TEST(texts_of(most_telling(all, 1)) == (Lines{"# 4 records left out", "e"}), tt::per_element());
    BOOST_TEST(most_telling(all, 0).empty());
    BOOST_TEST(most_telling({}, 3).empty());
}

BOOST_AUTO_TEST_CASE(what_is_left_out_twice_is_counted_once_for_each_record) {
    Excerpt all{{"a", 4}, {"b", 1}, {"c", 2}, {"d", 3}};
    all[1].num_records = 5;  // a whole request
    const Excerpt less = most_telling(all, 3);
    BOOST_TEST(texts_of(less) == (Lines{"a", "# 5 records left out", "c", "d"}), tt::per_element());
    BOOST_TEST(texts_of(most_telling(less, 2)) == (Lines{"a", "# 6 records left out", "d"}), tt::per_element());
    BOOST_TEST(texts_of(most_telling(most_telling(less, 2), 1)) == (Lines{"a"}), tt::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

#include "conformance/engine/report_text.hpp"

#include <boost/test/unit_test.hpp>
#include <tuple>

using namespace fcgispec;

BOOST_TEST_DONT_PRINT_LOG_VALUE(std::vector<std::string>)

BOOST_AUTO_TEST_SUITE(report_text)

BOOST_AUTO_TEST_CASE(text_becomes_valid_utf8_and_no_byte_is_lost) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"", ""},
        {"plain \n", "plain \n"},
        {"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xff", "\\377"},
        {"a\x80z", "a\\200z"},
        {"\xc3", "\\303"},                             // cut
        {"\xe2\x82", "\\342\\202"},                    // cut
        {"\xe2\x82z", "\\342\\202z"},                  // cut by another
        {"\xc0\xaf", "\\300\\257"},                    // overlong
        {"\xe0\x80\xaf", "\\340\\200\\257"},           // overlong
        {"\xf0\x80\x80\xaf", "\\360\\200\\200\\257"},  // overlong
        {"\xed\xa0\x80", "\\355\\240\\200"},           // a surrogate
        {"\xf4\x90\x80\x80", "\\364\\220\\200\\200"},  // above the last
        {std::string("\0", 1), std::string("\0", 1)},
    };
    for (const auto& [text, wanted] : rows) BOOST_TEST(valid_utf8(text) == wanted);
}

BOOST_AUTO_TEST_CASE(what_is_printable_is_harmless) {
    BOOST_TEST(printable("a\r\n\tb") == "a\\r\\n\\tb");
    BOOST_TEST(printable("\033[31m") == "\\033[31m");
    BOOST_TEST(printable("\x7f\xc2\x9b\xc2\x85") == "\\177\\302\\233\\302\\205");  // DEL, CSI and NEL
    BOOST_TEST(printable("\xe2\x80\xae") == "\\342\\200\\256");                    // right-to-left override
    BOOST_TEST(printable("\xef\xbf\xbe\xef\xbb\xbf") == "\\357\\277\\276\\357\\273\\277");
    BOOST_TEST(printable(std::string("\0", 1)) == "\\000");
    BOOST_TEST(printable("\xc3\xa4 \xf0\x9f\x98\x80") == "\xc3\xa4 \xf0\x9f\x98\x80");
    BOOST_TEST(markup("<a href='\"'>&\n") == "&lt;a href=&#39;&quot;&#39;&gt;&amp;\\n");
}

BOOST_AUTO_TEST_CASE(a_long_text_is_cut_between_characters) {
    BOOST_TEST(shortened("abc", 3) == "abc");
    BOOST_TEST(shortened("abcd", 3) == "abc ...");
    BOOST_TEST(shortened("\xc3\xa4\xc3\xb6\xc3\xbc", 2) == "\xc3\xa4\xc3\xb6 ...");
    BOOST_TEST(shortened("\xc3\xa4\xc3\xb6\xc3\xbc", 3) == "\xc3\xa4\xc3\xb6\xc3\xbc");
}

BOOST_AUTO_TEST_CASE(words_are_wrapped) {
    using Lines = std::vector<std::string>;
    BOOST_TEST((wrapped("", 10) == Lines{}));
    BOOST_TEST((wrapped("  ", 10) == Lines{}));
    BOOST_TEST((wrapped("aa bb cc", 5) == Lines{"aa bb", "cc"}));
    BOOST_TEST((wrapped(" aa  bb", 4) == Lines{"aa", "bb"}));
    BOOST_TEST((wrapped("a longest b", 3) == Lines{"a", "lon", "ges", "t b"}));
    BOOST_TEST((wrapped("\xc3\xa4\xc3\xa4 bb", 5) == Lines{"\xc3\xa4\xc3\xa4 bb"}));
    BOOST_TEST(labelled("ab", "cc dd", 4, 7) == "ab  cc\n    dd\n");
    BOOST_TEST(labelled("ab", "cc dd ee", 4, 7, 2) == "ab  cc\n    dd ...\n");
    BOOST_TEST(labelled("abcde", "cc", 4, 7) == "abcde cc\n");
    BOOST_TEST(labelled("ab", "", 4, 7) == "");
    BOOST_TEST(counted(1, "case") + counted(0, "case") == "1 case0 cases");
    BOOST_TEST(joined({"a", "b"}) + joined({}) + joined({"c"}) == "a, bc");
}

BOOST_AUTO_TEST_CASE(a_long_text_keeps_its_end) {
    BOOST_TEST(shortened_within("short", 30) == "short");
    BOOST_TEST(shortened_within(std::string(30, 'a'), 30) == std::string(30, 'a'));
    BOOST_TEST(shortened_within(std::string(100, 'a') + "the end.", 30) == std::string(17, 'a') + " ... the end.");
    const std::string umlauts = shortened_within("\xc3\xa4\xc3\xa4" + std::string(50, 'b') + "\xc3\xa4\xff", 30);
    BOOST_TEST(num_characters(umlauts) == 30U);
    BOOST_TEST(umlauts.starts_with("\xc3\xa4\xc3\xa4" "bbb"));
    BOOST_TEST(umlauts.ends_with("bbb\xc3\xa4\\377"));
}

BOOST_AUTO_TEST_SUITE_END()

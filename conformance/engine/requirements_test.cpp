#include "conformance/engine/requirements.hpp"

#include <boost/test/unit_test.hpp>
#include <set>
#include <sstream>
#include <stdexcept>

#include "conformance/engine/report_text.hpp"

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(requirements)

namespace {

const std::string whole = R"([[requirement]]
id = "R-5.5-2"
section = "5.5"
binds = "web-server"
level = "should"
profile = "multiplexing"
proof = "checker"
statement = "S"
quote = "Q"
reading = "R"
against = "A"
field = "F"
)";

std::string with(const std::string& from, const std::string& to) {
    std::string text = whole;
    const std::size_t at = text.find(from);
    BOOST_TEST_REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& text) {
    try {
        (void)Register::parse(text, "f.toml");
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "no error";
}

struct WrongRow {
    std::string from;
    std::string to;
    std::string message_start;
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_field_is_read) {
    const Register all = Register::parse(whole, "f.toml");
    BOOST_TEST_REQUIRE(all.all().size() == 1U);
    const Requirement* read = all.find("R-5.5-2");
    BOOST_TEST_REQUIRE(read != nullptr);
    BOOST_TEST(read->section == "5.5");
    BOOST_TEST(name_of(read->binds) == "web-server");
    BOOST_TEST(name_of(read->level) == "should");
    BOOST_TEST(read->profile == "multiplexing");
    BOOST_TEST(name_of(read->proof) == "checker");
    BOOST_TEST(read->statement + read->quote + read->reading + read->against + read->field == "SQRAF");
    BOOST_TEST(read->untestable == "");
    BOOST_TEST(all.find("R-5.5-3") == nullptr);
    BOOST_TEST(all.find("") == nullptr);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_told_with_its_line) {
    const std::vector<WrongRow> rows{
        {"R-5.5-2", "R-5.5", "f.toml:2: \"R-5.5\" is no id"},
        {"R-5.5-2", "R-5.5-2x", "f.toml:2: \"R-5.5-2x\" is no id"},
        {"R-5.5-2", "R-C-2", "f.toml:2: \"R-C-2\" is no id"},
        {"id = \"R-5.5-2\"\n", "", "f.toml:1: missing field \"id\""},
        {"section = \"5.5\"", "section = \"5\"", "f.toml:3: section \"5\" is not the one of R-5.5-2"},
        {"web-server", "server",
         "f.toml:4: \"server\" is no value of \"binds\"; expected one of application, web-server"},
        {"should", "SHOULD", "f.toml:5: \"SHOULD\" is no value of \"level\"; expected one of must, should, may"},
        {"multiplexing", "speed", "f.toml:6: \"speed\" is no profile; expected one of framing, "},
        {"checker", "luck", "f.toml:7: \"luck\" is no value of \"proof\"; expected one of scenario, checker, none"},
        {"checker", "none", "f.toml:7: missing field \"untestable\""},
        {"statement = \"S\"", "statement = 7", "f.toml:8: expected a string that is not empty for \"statement\""},
        {"quote = \"Q\"", "quote = \"\"", "f.toml:9: expected a string that is not empty for \"quote\""},
        {"reading = \"R\"\n", "", "f.toml:1: missing field \"reading\""},
        {"against = \"A\"", "agianst = \"A\"", "f.toml:11: unknown field \"agianst\"; a requirement has id, "},
        {"field = \"F\"\n", "field = \"F\"\nuntestable = \"U\"\n", "f.toml:13: \"untestable\" wants proof = \"none\""},
        {"[[requirement]]", "[[requirements]]", "f.toml:1: expected nothing but [[requirement]]"},
        {"[[requirement]]", "[requirement]", "f.toml:1: expected nothing but [[requirement]]"},
        {"[[requirement]]", "title = \"T\"\n[[requirement]]", "f.toml:1: expected nothing but [[requirement]]"},
        {"field = \"F\"", "field = \"F", "f.toml:12: "},
    };
    for (const WrongRow& row : rows) {
        const std::string error = error_of(with(row.from, row.to));
        BOOST_TEST(error.starts_with(row.message_start), row.from << " -> " << row.to << ": " << error);
    }
    BOOST_TEST(error_of("") == "f.toml:1: expected at least one [[requirement]]");
    BOOST_TEST(error_of(whole + whole) == "f.toml:14: R-5.5-2 is there already; an id is given once");
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_named) {
    BOOST_CHECK_EXCEPTION((void)Register::load("no/such/file.toml"), std::runtime_error, [](const auto& error) {
        return std::string_view(error.what()) == "can't open no/such/file.toml: No such file or directory";
    });
}

BOOST_AUTO_TEST_CASE(the_register_of_the_specification_is_sound) {
    const Register all = Register::load(FCGISPEC_SOURCE_DIR "/conformance/requirements.toml");
    BOOST_TEST(all.all().size() > 100U);
    std::set<std::string> used;
    for (const Requirement& each : all.all()) used.insert(each.profile);
    BOOST_TEST(used.size() == profiles().size());
}

BOOST_AUTO_TEST_CASE(an_explanation_says_all_in_100_columns) {
    const Register all = Register::load(FCGISPEC_SOURCE_DIR "/conformance/requirements.toml");
    for (const Requirement& each : all.all()) {
        std::istringstream lines(explain(each));
        std::string words;
        for (std::string line; std::getline(lines, line);) {
            BOOST_TEST(num_characters(line) <= 100U, line);
            words += line.substr(std::min(line.size(), line.find_first_not_of(' '))) + ' ';
        }
        BOOST_TEST(words.find(each.statement.substr(0, 40)) != std::string::npos);
        BOOST_TEST(words.find(each.reading.substr(0, 40)) != std::string::npos);
    }
    const std::string text = explain(*Register::parse(whole, "f.toml").find("R-5.5-2"));
    BOOST_TEST(text ==
               "R-5.5-2  \302\2475.5, should, binds the web server, profile multiplexing\n\n  S\n\n"
               "  Specification \"Q\"\n  Our reading   R\n  Against it    A\n  In the field  F\n"
               "  Proved by     the lifecycle checker, in every conversation\n");
}

BOOST_AUTO_TEST_SUITE_END()

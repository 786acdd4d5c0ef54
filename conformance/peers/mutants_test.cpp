#include "conformance/peers/mutants.hpp"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <string_view>

#include "conformance/engine/requirements.hpp"
#include "conformance/peers/contract.hpp"
#include "conformance/peers/test_conversation.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(mutants)

namespace {

const Register& requirements() {
    static const Register loaded = Register::load(FCGISPEC_SOURCE_DIR "/conformance/requirements.toml");
    return loaded;
}

/// Whether the register has it, for the side that the mutant is of, and it can be tested.
bool can_be_broken(std::string_view id, Side side) {
    const Requirement* requirement = requirements().find(id);
    return requirement != nullptr && requirement->binds == side && requirement->proof != Proof::none &&
           requirement->level != Level::may;
}

/// For as long as it lives, this process is that mutant.
struct As {
    explicit As(Mutant mutant) { current_mutant = mutant; }
    As(const As&) = delete;
    As& operator=(const As&) = delete;
    ~As() { current_mutant = Mutant::none; }
};

/// What a mutant says to a plain request on a kept connection.
std::string answer_as(Mutant mutant) {
    const As as(mutant);
    ReferenceConnection connection(mutated(answer_by_contract));
    connection.receive(
        encoded("{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n"
                "{FCGI_PARAMS, 1, \"\"}\n"
                "{FCGI_STDIN, 1, \"\"}\n"));
    Buffer out;
    drain(connection, out);
    std::string result;
    for (Bytes rest = out; !rest.empty();) {
        const DecodedRecord decoded = decode_record(rest);
        BOOST_TEST_REQUIRE(decoded.record.has_value());
        Record record = *decoded.record;
        record.padding = {};
        result += print(record) + "\n";
        rest = rest.subspan(decoded.consumed);
    }
    return result;
}

const std::string page = "{FCGI_STDOUT, 1, \"Content-Type: text/plain\\r\\n\\r\\nhello\\n\"}\n";
const std::string end = "{FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}\n";

}  // namespace

BOOST_AUTO_TEST_CASE(names_are_unique_and_verbs_in_snake_case) {
    std::set<std::string_view> names;
    for (const MutantText& text : mutant_texts()) {
        BOOST_TEST(names.insert(text.name).second, text.name);
        BOOST_TEST(text.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos);
        BOOST_TEST(mutant_named(text.name) == &text);
    }
    BOOST_TEST(mutant_named("none") == nullptr);
}

BOOST_AUTO_TEST_CASE(each_breaks_what_can_be_broken) {
    for (const MutantText& text : mutant_texts()) {
        BOOST_TEST(can_be_broken(text.requirement, text.side), text.name << ": " << text.requirement);
        std::set<std::string_view> declared{text.requirement};
        for (const Consequence& other : text.consequences) {
            BOOST_TEST(can_be_broken(other.requirement, text.side), text.name << ": " << other.requirement);
            BOOST_TEST(declared.insert(other.requirement).second, text.name << ": " << other.requirement << " twice");
            BOOST_TEST(!other.reason.empty(), text.name);
        }
    }
}

BOOST_AUTO_TEST_CASE(each_is_told_in_a_sentence) {
    for (const MutantText& text : mutant_texts()) BOOST_TEST(text.sentence.ends_with('.'), text.name);
}

BOOST_AUTO_TEST_CASE(without_a_mutant_nothing_is_changed) {
    BOOST_TEST((RecordMutator::make() == nullptr));
    BOOST_TEST(answer_as(Mutant::none) == page + "{FCGI_STDOUT, 1, \"\"}\n" + end);
}

BOOST_AUTO_TEST_CASE(a_mutant_has_its_defect_and_no_other) {
    BOOST_TEST(answer_as(Mutant::leaves_std_out_open) == page + end);
    BOOST_TEST(answer_as(Mutant::ends_requests_twice) == page + "{FCGI_STDOUT, 1, \"\"}\n" + end + end);
    BOOST_TEST(answer_as(Mutant::ignores_aborts) == page + "{FCGI_STDOUT, 1, \"\"}\n" + end);
}

BOOST_AUTO_TEST_SUITE_END()

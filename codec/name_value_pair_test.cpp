#include "codec/name_value_pair.hpp"

#include <boost/test/unit_test.hpp>

#include "codec/test_bytes.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(name_value_pair)

namespace {

struct LengthRow {
    std::uint32_t length;
    LengthForm form;
    const char* bytes;
};
// [§3.4]: one byte with the high-order bit zero, or four with it set.
const std::vector<LengthRow> length_rows{
    {0, LengthForm::one_byte, "00"},
    {1, LengthForm::one_byte, "01"},
    {126, LengthForm::one_byte, "7e"},
    {127, LengthForm::one_byte, "7f"},
    {0, LengthForm::four_bytes, "80000000"},
    {1, LengthForm::four_bytes, "80000001"},
    {127, LengthForm::four_bytes, "8000007f"},
    {128, LengthForm::four_bytes, "80000080"},
    {255, LengthForm::four_bytes, "800000ff"},
    {256, LengthForm::four_bytes, "80000100"},
    {65535, LengthForm::four_bytes, "8000ffff"},
    {65536, LengthForm::four_bytes, "80010000"},
    {0x01020304, LengthForm::four_bytes, "81020304"},
    {0x7fffffff, LengthForm::four_bytes, "ffffffff"},
};

Buffer encoded(const NameValuePair& pair) {
    Buffer bytes;
    encode_pair(pair, bytes);
    return bytes;
}

std::vector<LengthForm> forms_of(std::size_t length) {
    if (length > short_length_max) return {LengthForm::four_bytes};
    return {LengthForm::one_byte, LengthForm::four_bytes};
}

void check_comes_back(const NameValuePair& wanted) {
    const Buffer bytes = encoded(wanted);
    const std::size_t lengths_size =
        (wanted.name_form == LengthForm::one_byte ? 1U : 4U) + (wanted.value_form == LengthForm::one_byte ? 1U : 4U);
    BOOST_TEST_REQUIRE(bytes.size() == lengths_size + wanted.name.size() + wanted.value.size());
    const ExactBytes block(bytes);
    const DecodedPair decoded = decode_pair(block.view());
    BOOST_TEST_REQUIRE(decoded.pair.has_value());
    BOOST_TEST(decoded.consumed == bytes.size());
    BOOST_TEST(decoded.missing == 0U);
    BOOST_TEST(std::ranges::equal(decoded.pair->name, wanted.name));
    BOOST_TEST(std::ranges::equal(decoded.pair->value, wanted.value));
    BOOST_TEST((decoded.pair->name_form == wanted.name_form));
    BOOST_TEST((decoded.pair->value_form == wanted.value_form));
    if (bytes.empty()) return;
    const ExactBytes cut(Bytes(bytes).first(bytes.size() - 1));
    const DecodedPair incomplete = decode_pair(cut.view());
    BOOST_TEST(!incomplete.pair.has_value());
    BOOST_TEST(incomplete.consumed == 0U);
    BOOST_TEST(incomplete.missing == 1U);
}

void check_every_split(const Buffer& bytes) {
    const Bytes in(bytes);
    const auto whole = log_of<PairReader>({in});
    for (std::size_t at = 0; at <= bytes.size(); ++at) BOOST_TEST_CONTEXT("cut at " << at)
    BOOST_TEST(log_of<PairReader>({in.first(at), in.subspan(at)}) == whole, boost::test_tools::per_element());
    BOOST_TEST(log_of<PairReader>(each_byte(bytes)) == whole, boost::test_tools::per_element());
}

struct LogRow {
    const char* what;
    const char* bytes;
    std::vector<std::string> log;
};
const std::vector<LogRow> log_rows{
    {"nothing", "", {"0 missing 0"}},
    {"one length only", "01", {"1 missing 1"}},
    {"a length of four bytes cut", "80 00 00", {"3 missing 1"}},
    {"the second length cut", "01 80 00 00", {"4 missing 1"}},
    {"an empty name and value",
     "00 00",
     {"0 lengths name_length=0 name_form=1 value_length=0 value_form=1", "2 end", "2 missing 0"}},
    {"form 11",
     "01 02 41 78 79",
     {"0 lengths name_length=1 name_form=1 value_length=2 value_form=1", "2 name 41", "3 value 7879", "5 end",
      "5 missing 0"}},
    {"form 14",
     "01 80 00 00 02 41 78 79",
     {"0 lengths name_length=1 name_form=1 value_length=2 value_form=4", "5 name 41", "6 value 7879", "8 end",
      "8 missing 0"}},
    {"form 41",
     "80 00 00 01 02 41 78 79",
     {"0 lengths name_length=1 name_form=4 value_length=2 value_form=1", "5 name 41", "6 value 7879", "8 end",
      "8 missing 0"}},
    {"form 44",
     "80 00 00 01 80 00 00 02 41 78 79",
     {"0 lengths name_length=1 name_form=4 value_length=2 value_form=4", "8 name 41", "9 value 7879", "11 end",
      "11 missing 0"}},
    {"an empty name, then an empty value",
     "00 01 78 01 00 41",
     {"0 lengths name_length=0 name_form=1 value_length=1 value_form=1", "2 value 78", "3 end",
      "3 lengths name_length=1 name_form=1 value_length=0 value_form=1", "5 name 41", "6 end", "6 missing 0"}},
    {"the longest lengths there are, and nothing behind them",
     "ff ff ff ff ff ff ff ff",
     {"0 lengths name_length=2147483647 name_form=4 value_length=2147483647 value_form=4", "8 missing 4294967294"}},
    {"a value cut",
     "01 04 41 78",
     {"0 lengths name_length=1 name_form=1 value_length=4 value_form=1", "2 name 41", "3 value 78", "4 missing 3"}},
};

}  // namespace

BOOST_AUTO_TEST_CASE(lengths_are_written_in_the_form_asked_for) {
    for (const LengthRow& row : length_rows) {
        Buffer out;
        encode_pair_length(row.length, row.form, out);
        BOOST_TEST_CONTEXT(row.bytes) {
            BOOST_TEST(hex(out) == row.bytes);
        }
    }
}

BOOST_AUTO_TEST_CASE(lengths_are_read_in_either_place) {
    for (const LengthRow& name : length_rows)
        for (const LengthRow& value : length_rows) {
            const Buffer bytes = unhex(name.bytes) + unhex(value.bytes);
            const std::uint64_t wanted = std::uint64_t{name.length} + value.length;
            const ExactBytes block(bytes);
            const DecodedPair decoded = decode_pair(block.view());
            BOOST_TEST_CONTEXT(name.bytes << " " << value.bytes) {
                BOOST_TEST(decoded.pair.has_value() == (wanted == 0));
                BOOST_TEST(decoded.missing == wanted);
                PairReader reader;
                Bytes in = block.view();
                const auto event = reader.next(in);
                BOOST_TEST_REQUIRE(event.has_value());
                BOOST_TEST(event->name_length == name.length);
                BOOST_TEST(event->value_length == value.length);
                BOOST_TEST((event->name_form == name.form));
                BOOST_TEST((event->value_form == value.form));
                BOOST_TEST(reader.missing() == wanted);
            }
        }
}

BOOST_AUTO_TEST_CASE(the_usual_form_changes_behind_127) {
    for (const std::size_t length : edge_sizes) BOOST_TEST_CONTEXT(length) {
            BOOST_TEST((usual_form(length) == (length < 128 ? LengthForm::one_byte : LengthForm::four_bytes)));
        }
    BOOST_TEST((usual_form(pair_length_max) == LengthForm::four_bytes));
}

BOOST_AUTO_TEST_CASE(pairs_of_every_edge_size_come_back_in_every_form) {
    for (const std::size_t name_size : edge_sizes)
        for (const std::size_t value_size : edge_sizes)
            for (const LengthForm name_form : forms_of(name_size))
                for (const LengthForm value_form : forms_of(value_size)) {
                    const Buffer name = patterned(name_size);
                    const Buffer value = patterned(value_size);
                    BOOST_TEST_CONTEXT("name " << name_size << ", value " << value_size)
                    check_comes_back({.name = name, .value = value, .name_form = name_form, .value_form = value_form});
                }
}

BOOST_AUTO_TEST_CASE(a_cut_length_is_missing_a_byte_at_least) {
    for (const char* bytes : {"", "00", "7f", "80", "8000", "800000", "80000001", "8000000180", "80000001800000"}) {
        const Buffer in = unhex(bytes);
        const ExactBytes block(in);
        const DecodedPair decoded = decode_pair(block.view());
        BOOST_TEST_CONTEXT("'" << bytes << "'") {
            BOOST_TEST(!decoded.pair.has_value());
            BOOST_TEST(decoded.consumed == 0U);
            BOOST_TEST(decoded.missing == 1U);
        }
    }
}

BOOST_AUTO_TEST_CASE(events_and_offsets_are_as_written) {
    for (const LogRow& row : log_rows) BOOST_TEST_CONTEXT(row.what) {
            const Buffer bytes = unhex(row.bytes);
            BOOST_TEST(log_of<PairReader>({Bytes(bytes)}) == row.log, boost::test_tools::per_element());
            check_every_split(bytes);
        }
}

// A value length taken from the name's, or the reverse, shows only where the two differ.
BOOST_AUTO_TEST_CASE(a_long_name_with_a_short_value_and_the_reverse_survive_every_split) {
    for (const auto& [name_size, value_size] :
         {std::pair{128U, 1U}, {1U, 128U}, {255U, 0U}, {0U, 255U}, {127U, 128U}, {129U, 127U}}) {
        const Buffer long_one = patterned(name_size);
        const Buffer short_one = patterned(value_size);
        BOOST_TEST_CONTEXT("name " << name_size << ", value " << value_size)
        check_every_split(encoded({.name = long_one, .value = short_one}) +
                          encoded({.name = short_one, .value = long_one}) + encoded({.name = {}, .value = {}}));
    }
}

BOOST_AUTO_TEST_CASE(between_pairs_only_where_the_stream_may_end) {
    const Buffer bytes = unhex("01 02 41 78 79  00 00  80000001 00 42");
    const std::vector<std::size_t> ends{0, 5, 7, 13};
    PairReader reader;
    for (std::size_t read = 0; read <= bytes.size(); ++read) {
        BOOST_TEST_CONTEXT(read << " bytes read") {
            BOOST_TEST(reader.offset() == read);
            BOOST_TEST(reader.between_pairs() == (std::ranges::find(ends, read) != ends.end()));
        }
        if (read == bytes.size()) break;
        Bytes in = Bytes(bytes).subspan(read, 1);
        while (reader.next(in)) {
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

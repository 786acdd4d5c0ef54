#include "codec/record.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "codec/test_bytes.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(record)

namespace {

struct TypeRow {
    unsigned number;
    std::string_view name;
    bool to_application;
    bool management;
    bool stream;
};
// In the order of the table of [§A], its numbers from [§8].
constexpr std::array<TypeRow, 11> type_rows{{
    {9, "FCGI_GET_VALUES", true, true, false},
    {10, "FCGI_GET_VALUES_RESULT", false, true, false},
    {11, "FCGI_UNKNOWN_TYPE", false, true, false},
    {1, "FCGI_BEGIN_REQUEST", true, false, false},
    {2, "FCGI_ABORT_REQUEST", true, false, false},
    {3, "FCGI_END_REQUEST", false, false, false},
    {4, "FCGI_PARAMS", true, false, true},
    {5, "FCGI_STDIN", true, false, true},
    {8, "FCGI_DATA", true, false, true},
    {6, "FCGI_STDOUT", false, false, true},
    {7, "FCGI_STDERR", false, false, true},
}};

struct HeaderRow {
    const char* bytes;
    RecordHeader header;
};
const std::vector<HeaderRow> header_rows{
    {"01 01 00 01 00 08 00 00", {1, RecordType::begin_request, 1, 8, 0, 0}},
    {"01 09 00 00 00 00 00 00", {1, RecordType::get_values, 0, 0, 0, 0}},
    {"01 05 01 00 00 ff ff 00", {1, RecordType::std_in, 256, 255, 255, 0}},
    {"01 05 ff ff ff ff ff ff", {1, RecordType::std_in, 65535, 65535, 255, 255}},
    {"01 06 00 ff 01 00 07 00", {1, RecordType::std_out, 255, 256, 7, 0}},
    {"00 00 00 00 00 00 00 00", {0, RecordType{0}, 0, 0, 0, 0}},
    {"ff ff ff ff ff ff ff ff", {255, RecordType{255}, 65535, 65535, 255, 255}},
    {"02 03 04 05 06 07 08 09", {2, RecordType::end_request, 0x0405, 0x0607, 8, 9}},
};

void check_whole(const Record& wanted, std::size_t extra_size) {
    Buffer bytes;
    encode_record(wanted, bytes);
    const std::size_t size = header_size + wanted.content.size() + wanted.padding.size();
    BOOST_TEST_REQUIRE(bytes.size() == size);
    bytes.resize(size + extra_size, 0xee);
    const ExactBytes block(bytes);
    const DecodedRecord decoded = decode_record(block.view());
    BOOST_TEST_REQUIRE(decoded.record.has_value());
    BOOST_TEST(decoded.consumed == size);
    BOOST_TEST(decoded.missing == 0U);
    BOOST_TEST(decoded.record->version == wanted.version);
    BOOST_TEST((decoded.record->type == wanted.type));
    BOOST_TEST(decoded.record->request_id == wanted.request_id);
    BOOST_TEST(decoded.record->reserved == wanted.reserved);
    BOOST_TEST(std::ranges::equal(decoded.record->content, wanted.content));
    BOOST_TEST(std::ranges::equal(decoded.record->padding, wanted.padding));
    // Views into the input, not copies.
    BOOST_TEST((decoded.record->content.data() == block.view().data() + header_size));
}

}  // namespace

// [§A], [§8]
BOOST_AUTO_TEST_CASE(each_type_has_the_properties_of_the_table) {
    for (const TypeRow& row : type_rows) {
        const TypeProperties* properties = properties_of(static_cast<RecordType>(row.number));
        BOOST_TEST_CONTEXT(row.name) {
            BOOST_TEST_REQUIRE(properties != nullptr);
            BOOST_TEST(properties->name == row.name);
            BOOST_TEST(properties->to_application == row.to_application);
            BOOST_TEST(properties->management == row.management);
            BOOST_TEST(properties->stream == row.stream);
            BOOST_TEST((type_named(row.name) == static_cast<RecordType>(row.number)));
        }
    }
}

BOOST_AUTO_TEST_CASE(no_other_number_is_a_type) {
    for (unsigned number = 0; number <= 255; ++number) {
        const bool defined = std::ranges::any_of(type_rows, [&](const TypeRow& row) { return row.number == number; });
        BOOST_TEST_CONTEXT("type " << number) {
            BOOST_TEST((properties_of(static_cast<RecordType>(number)) != nullptr) == defined);
        }
    }
    BOOST_TEST(type_max == 11);
}

BOOST_AUTO_TEST_CASE(no_other_name_is_a_type) {
    for (const std::string_view name :
         {"", "FCGI_", "FCGI_STDIN ", "fcgi_stdin", "STDIN", "FCGI_STDINX", "FCGI_MAXTYPE"})
        BOOST_TEST_CONTEXT(name) {
            BOOST_TEST(!type_named(name).has_value());
        }
}

// [§3.3]
BOOST_AUTO_TEST_CASE(header_fields_lie_where_the_specification_says) {
    for (const HeaderRow& row : header_rows) {
        BOOST_TEST_CONTEXT(row.bytes) {
            const Buffer bytes = unhex(row.bytes);
            const ExactBytes block(bytes);
            BOOST_TEST((decode_header(block.view().first<header_size>()) == row.header));
            Buffer encoded{0xaa};
            encode_header(row.header, encoded);
            BOOST_TEST(hex(encoded) == "aa" + hex(bytes));
            BOOST_TEST(row.header.record_size() ==
                       std::size_t{8} + row.header.content_length + row.header.padding_length);
        }
    }
}

BOOST_AUTO_TEST_CASE(records_of_every_content_size_and_padding_come_back) {
    for (const std::size_t content_size : edge_sizes) {
        for (std::size_t padding_size = 0; padding_size <= padding_size_max; ++padding_size) {
            if (content_size > 256 && padding_size % 51 != 0) continue;
            const Buffer content = patterned(content_size);
            const Buffer padding = patterned(padding_size);
            BOOST_TEST_CONTEXT("content " << content_size << ", padding " << padding_size)
            check_whole({.type = RecordType::std_in, .request_id = 258, .content = content, .padding = padding},
                        padding_size % 2);
        }
    }
}

BOOST_AUTO_TEST_CASE(every_type_version_and_reserved_byte_comes_back) {
    const Buffer content = patterned(3);
    for (unsigned number = 0; number <= 255; ++number) {
        BOOST_TEST_CONTEXT("type " << number)
        check_whole({.version = static_cast<std::uint8_t>(number ^ 1U),
                     .type = static_cast<RecordType>(number),
                     .request_id = static_cast<std::uint16_t>(number * 257),
                     .reserved = static_cast<std::uint8_t>(255 - number),
                     .content = content},
                    0);
    }
}

BOOST_AUTO_TEST_CASE(a_cut_record_tells_how_many_bytes_are_missing) {
    const Buffer content = patterned(9);
    const Buffer padding = patterned(7);
    Buffer whole;
    encode_record({.type = RecordType::std_out, .request_id = 1, .content = content, .padding = padding}, whole);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const ExactBytes block(Bytes(whole).first(size));
        const DecodedRecord decoded = decode_record(block.view());
        BOOST_TEST_CONTEXT("first " << size << " bytes") {
            BOOST_TEST(!decoded.record.has_value());
            BOOST_TEST(decoded.consumed == 0U);
            // The lengths are known only when the header is there.
            BOOST_TEST(decoded.missing == (size < header_size ? header_size : whole.size()) - size);
        }
    }
}

// [§3.3]: a stream's value is independent of how its bytes are divided among the non-empty records.
BOOST_AUTO_TEST_CASE(a_long_stream_value_is_cut_into_full_records) {
    for (const std::size_t size : {0U, 1U, 65534U, 65535U, 65536U, 131069U, 131070U, 131071U}) {
        const Buffer value = patterned(size);
        Buffer bytes;
        encode_stream(RecordType::std_in, 7, value, bytes);
        Buffer joined;
        std::size_t num_records = 0;
        for (Bytes in = bytes; !in.empty(); ++num_records) {
            const DecodedRecord decoded = decode_record(in);
            BOOST_TEST_REQUIRE(decoded.record.has_value());
            BOOST_TEST(!decoded.record->content.empty());
            BOOST_TEST((decoded.record->type == RecordType::std_in));
            BOOST_TEST(decoded.record->request_id == 7);
            append(joined, decoded.record->content);
            in = in.subspan(decoded.consumed);
        }
        BOOST_TEST_CONTEXT(size << " bytes") {
            BOOST_TEST((joined == value));
            BOOST_TEST(num_records == (size + content_size_max - 1) / content_size_max);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

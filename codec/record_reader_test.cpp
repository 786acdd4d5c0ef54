#include "codec/record_reader.hpp"

#include <boost/test/unit_test.hpp>

#include "codec/test_bytes.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(record_reader)

namespace {

Buffer record(RecordType type, std::uint16_t request_id, const Buffer& content, const Buffer& padding = {}) {
    Buffer bytes;
    encode_record({.type = type, .request_id = request_id, .content = content, .padding = padding}, bytes);
    return bytes;
}

struct LogRow {
    const char* what;
    const char* bytes;
    std::vector<std::string> log;
};
const std::vector<LogRow> log_rows{
    {"nothing", "", {"0 missing 0"}},
    {"one byte of a header", "01", {"1 missing 7"}},
    {"seven bytes of a header", "01 05 00 01 00 00 00", {"7 missing 1"}},
    {"an empty record",
     "01 05 00 01 00 00 00 00",
     {"0 header version=1 type=5 request_id=1 content_length=0 padding_length=0 reserved=0", "8 end", "8 missing 0"}},
    {"content, no padding",
     "01 06 00 02 00 03 00 00 61 62 63",
     {"0 header version=1 type=6 request_id=2 content_length=3 padding_length=0 reserved=0", "8 content 616263",
      "11 end", "11 missing 0"}},
    {"padding, no content",
     "01 05 00 01 00 00 02 00 ee ff",
     {"0 header version=1 type=5 request_id=1 content_length=0 padding_length=2 reserved=0", "8 padding eeff", "10 end",
      "10 missing 0"}},
    {"content and padding, then a cut header",
     "01 07 01 00 00 01 01 09 61 00 ff",
     {"0 header version=1 type=7 request_id=256 content_length=1 padding_length=1 reserved=9", "8 content 61",
      "9 padding 00", "10 end", "11 missing 7"}},
    {"content cut",
     "01 05 00 01 00 04 03 00 61",
     {"0 header version=1 type=5 request_id=1 content_length=4 padding_length=3 reserved=0", "8 content 61",
      "9 missing 6"}},
    {"padding cut",
     "01 05 00 01 00 01 03 00 61 00",
     {"0 header version=1 type=5 request_id=1 content_length=1 padding_length=3 reserved=0", "8 content 61",
      "9 padding 00", "10 missing 2"}},
    {"two records of types and versions that nobody defined",
     "00 00 00 00 00 00 00 00 ff ff ff ff 00 01 00 ff 7f",
     {"0 header version=0 type=0 request_id=0 content_length=0 padding_length=0 reserved=0", "8 end",
      "8 header version=255 type=255 request_id=65535 content_length=1 padding_length=0 reserved=255", "16 content 7f",
      "17 end", "17 missing 0"}},
};

/// Every way to cut in two, and one byte at a time, gives the log of the whole.
void check_every_split(const Buffer& bytes) {
    const auto whole = log_of<RecordReader>({Bytes(bytes)});
    for (std::size_t at = 0; at <= bytes.size(); ++at) {
        const Bytes in(bytes);
        BOOST_TEST_CONTEXT("cut at " << at)
        BOOST_TEST(log_of<RecordReader>({in.first(at), in.subspan(at)}) == whole, boost::test_tools::per_element());
    }
    BOOST_TEST(log_of<RecordReader>(each_byte(bytes)) == whole, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_CASE(events_and_offsets_are_as_written) {
    for (const LogRow& row : log_rows) BOOST_TEST_CONTEXT(row.what) {
            const Buffer bytes = unhex(row.bytes);
            BOOST_TEST(log_of<RecordReader>({Bytes(bytes)}) == row.log, boost::test_tools::per_element());
            check_every_split(bytes);
        }
}

BOOST_AUTO_TEST_CASE(three_cuts_give_the_same_events) {
    const Buffer bytes = record(RecordType::std_in, 1, patterned(5), patterned(3)) + record(RecordType::std_in, 1, {}) +
                         record(RecordType::data, 2, patterned(2));
    const Bytes in(bytes);
    const auto whole = log_of<RecordReader>({in});
    for (std::size_t first = 0; first <= bytes.size(); ++first)
        for (std::size_t second = first; second <= bytes.size(); ++second)
            BOOST_TEST_CONTEXT("cut at " << first << " and " << second)
    BOOST_TEST(
        (log_of<RecordReader>({in.first(first), in.subspan(first, second - first), in.subspan(second)}) == whole));
}

BOOST_AUTO_TEST_CASE(every_padding_is_skipped) {
    for (std::size_t padding_size = 0; padding_size <= padding_size_max; ++padding_size) {
        const Buffer bytes = record(RecordType::std_err, 1, patterned(3), patterned(padding_size)) +
                             record(RecordType::end_request, 1, patterned(8));
        const auto log = log_of<RecordReader>({Bytes(bytes)});
        BOOST_TEST_CONTEXT("padding " << padding_size) {
            BOOST_TEST_REQUIRE(log.size() == (padding_size == 0 ? 7U : 8U));
            BOOST_TEST(
                log.at(log.size() - 4).starts_with(std::to_string(11 + padding_size) + " header version=1 type=3"));
            BOOST_TEST(log_of<RecordReader>(each_byte(bytes)) == log, boost::test_tools::per_element());
        }
    }
}

BOOST_AUTO_TEST_CASE(contents_of_every_edge_size_survive_cuts_at_their_edges) {
    for (const std::size_t size : edge_sizes) {
        const Buffer bytes =
            record(RecordType::std_out, 3, patterned(size), patterned(5)) + record(RecordType::std_out, 3, {});
        const Bytes in(bytes);
        const auto whole = log_of<RecordReader>({in});
        for (const std::size_t at : {header_size - 1, header_size, header_size + size / 2, header_size + size,
                                     header_size + size + 5, header_size + size + 6})
            BOOST_TEST_CONTEXT("content " << size << " cut at " << at)
        BOOST_TEST((log_of<RecordReader>({in.first(at), in.subspan(at)}) == whole));
        BOOST_TEST(whole.back() == std::to_string(bytes.size()) + " missing 0");
    }
}

BOOST_AUTO_TEST_CASE(between_records_only_where_a_connection_may_be_closed) {
    const Buffer bytes = record(RecordType::std_in, 1, patterned(3), patterned(2));
    RecordReader reader;
    BOOST_TEST(reader.between_records());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        Bytes in = Bytes(bytes).subspan(i, 1);
        while (reader.next(in)) {
        }
        const std::size_t read = i + 1;
        BOOST_TEST_CONTEXT(read << " bytes read") {
            BOOST_TEST(reader.offset() == read);
            BOOST_TEST(reader.between_records() == (read == bytes.size()));
            BOOST_TEST(reader.missing() == (read < header_size ? header_size : bytes.size()) - read);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

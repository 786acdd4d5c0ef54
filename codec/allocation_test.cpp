// The decode path allocates nothing, whatever a length says: operator new is counted in this whole program.
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <new>

#include "codec/body.hpp"
#include "codec/test_bytes.hpp"

namespace {
std::atomic<std::size_t> num_allocations{0};

void* counted(std::size_t size) {
    ++num_allocations;
    if (void* block = std::malloc(size > 0 ? size : 1)) return block;
    throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) {
    return counted(size);
}
void* operator new[](std::size_t size) {
    return counted(size);
}
void operator delete(void* block) noexcept {
    std::free(block);
}
void operator delete[](void* block) noexcept {
    std::free(block);
}
void operator delete(void* block, std::size_t) noexcept {
    std::free(block);
}
void operator delete[](void* block, std::size_t) noexcept {
    std::free(block);
}

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(allocation)

namespace {

/// Decodes in every way there is; returns a sum that keeps the work from being optimised away.
std::size_t decode_all(Bytes in) {
    std::size_t sum = 0;
    const DecodedRecord record = decode_record(in);
    const DecodedPair pair = decode_pair(in);
    sum += record.consumed + record.missing + pair.consumed + pair.missing;
    if (const auto body = decode_begin_request(in)) sum += body->flags;
    if (const auto body = decode_end_request(in)) sum += body->app_status;
    if (const auto body = decode_unknown_type(in)) sum += static_cast<std::size_t>(body->type);
    RecordReader records;
    for (Bytes rest = in; const auto event = records.next(rest);) sum += event->offset + event->bytes.size();
    PairReader pairs;
    for (Bytes rest = in; const auto event = pairs.next(rest);) sum += event->offset + event->bytes.size();
    return sum;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_count_counts) {
    const std::size_t before = num_allocations;
    const ExactBytes block(patterned(100));
    BOOST_TEST(num_allocations > before);
    BOOST_TEST(block.view().size() == 100U);
}

BOOST_AUTO_TEST_CASE(decoding_allocates_nothing) {
    for (const char* text : {"", "01", "01 05 00 01 00 03 02 00 61 62 63 00 00", "01 05 00 01 ff ff ff 00 61",
                             "ff ff ff ff ff ff ff ff", "7f ff ff ff ff", "00 00", "80 00 00 80 80 00 00 80 41"}) {
        const Buffer bytes = unhex(text);
        const std::size_t before = num_allocations;
        const std::size_t sum = decode_all(bytes);
        const std::size_t after = num_allocations;
        BOOST_TEST_CONTEXT("'" << text << "'") {
            BOOST_TEST(after == before);
            BOOST_TEST(sum > 0U);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

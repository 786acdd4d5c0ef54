// However a stream of name-value pairs is cut into chunks, within a length too, the same events come at the same
// offsets [§3.4].
#include "fuzz/fuzz.hpp"

using namespace fcgispec;
using fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes in(data, size);
    const auto whole = fuzz::trace_of_whole<PairReader>(in);
    require(fuzz::trace_of_chunks<PairReader>(in, 1) == whole, "one byte at a time gives the same events");
    require(fuzz::trace_of_chunks<PairReader>(in, 40) == whole, "chunks give the same events");
    return 0;
}

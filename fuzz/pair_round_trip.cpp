// Name-value pairs that were decoded encode, in the forms of their lengths, to the bytes they were decoded from; and
// the reader for chunks ends them at the same bytes [§3.4].
#include "fuzz/fuzz.hpp"

using namespace fcgispec;
using fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes in(data, size);
    Bytes rest = in;
    Buffer again;
    DecodedPair decoded = decode_pair(rest);
    for (; decoded.pair; decoded = decode_pair(rest)) {
        require(decoded.consumed >= 2 && decoded.consumed <= rest.size(), "a pair lies within the input");
        encode_pair(*decoded.pair, again);
        rest = rest.subspan(decoded.consumed);
    }
    require(std::ranges::equal(again, in.first(in.size() - rest.size())), "pairs encode to what they were");
    require(decoded.missing > 0 && decoded.consumed == 0, "an incomplete pair uses nothing");

    PairReader reader;
    std::size_t last_end = 0;
    for (Bytes left = in; const auto event = reader.next(left);)
        if (event->kind == PairEvent::Kind::end) last_end = static_cast<std::size_t>(event->offset);
    require(last_end == in.size() - rest.size(), "both readers end their last whole pair at the same byte");
    require(reader.missing() == (rest.empty() ? 0 : decoded.missing), "both readers miss the same");
    return 0;
}

// Records that were decoded encode to the bytes they were decoded from; of what is left, as many bytes are missing as
// make the next decoding go further; and the reader for chunks says the same [§3.3].
#include "fuzz/fuzz.hpp"

using namespace fcgispec;
using fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes in(data, size);
    Bytes rest = in;
    Buffer again;
    DecodedRecord decoded = decode_record(rest);
    for (; decoded.record; decoded = decode_record(rest)) {
        require(decoded.consumed >= header_size && decoded.consumed <= rest.size(), "a record lies within the input");
        encode_record(*decoded.record, again);
        rest = rest.subspan(decoded.consumed);
    }
    require(std::ranges::equal(again, in.first(in.size() - rest.size())), "records encode to what they were");
    require(decoded.missing > 0 && decoded.consumed == 0, "an incomplete record uses nothing");

    Buffer longer(rest.begin(), rest.end());
    longer.resize(rest.size() + decoded.missing);
    const DecodedRecord further = decode_record(longer);
    require(further.record || (rest.size() < header_size && longer.size() == header_size), "missing is enough");

    RecordReader reader;
    std::size_t last_end = 0;
    for (Bytes left = in; const auto event = reader.next(left);)
        if (event->kind == RecordEvent::Kind::end) last_end = static_cast<std::size_t>(event->offset);
    require(last_end == in.size() - rest.size(), "both readers end their last whole record at the same byte");
    require(reader.missing() == (rest.empty() ? 0 : decoded.missing), "both readers miss the same");
    return 0;
}

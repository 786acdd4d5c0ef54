// Any bytes, legal or not, printed in our notation and parsed again, are the same bytes.
#include "codec/notation.hpp"
#include "fuzz/fuzz.hpp"

using namespace fcgispec;
using fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes in(data, size);
    const std::string text = print_notation(in);
    const ParsedNotation parsed = parse_notation(text);
    require(!parsed.error, "what was printed can be parsed");
    require(std::ranges::equal(parsed.bytes, in), "parsed again, it is the same bytes");
    require(print_notation(parsed.bytes) == text, "printed again, it is the same text");
    return 0;
}

// Not a property of ours: a pair decoder with a planted defect, that a fuzzer worth its name finds within seconds.
// Behind a name of 128 to 255 bytes with a value of at most 127 it advances as if both lengths had the same form.
#include "fuzz/fuzz.hpp"

using namespace fcgispec;
using fuzz::require;

namespace {

std::size_t wrong_pair_size(const NameValuePair& pair, std::size_t size) {
    const bool long_name_short_value = pair.name_form == LengthForm::four_bytes && pair.name.size() >= 128 &&
                                       pair.name.size() <= 255 && pair.value_form == LengthForm::one_byte;
    return long_name_short_value ? size + 3 : size;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes rest(data, size);
    for (DecodedPair decoded = decode_pair(rest); decoded.pair; decoded = decode_pair(rest)) {
        require(wrong_pair_size(*decoded.pair, decoded.consumed) == decoded.consumed,
                "the canary's: pairs have their size");
        rest = rest.subspan(decoded.consumed);
    }
    return 0;
}

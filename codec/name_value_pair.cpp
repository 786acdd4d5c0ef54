#include "codec/name_value_pair.hpp"

#include <algorithm>
#include <cassert>

namespace fcgispec {
namespace {

/// One length at the front of `in` [§3.4]; `size` is 0 where it isn't whole.
struct DecodedLength {
    std::uint32_t length = 0;
    LengthForm form{};
    std::size_t size = 0;
};

DecodedLength decode_pair_length(Bytes in) noexcept {
    if (in.empty()) return {};
    if (in[0] >> 7 == 0) return {in[0], LengthForm::one_byte, 1};
    if (in.size() < 4) return {};
    const std::uint32_t length = std::uint32_t{in[0] & 0x7fU} << 24 | std::uint32_t{in[1]} << 16 |
                                 std::uint32_t{in[2]} << 8 | std::uint32_t{in[3]};
    return {length, LengthForm::four_bytes, 4};
}

}  // namespace

DecodedPair decode_pair(Bytes in) noexcept {
    const DecodedLength name = decode_pair_length(in);
    if (name.size == 0) return {.missing = 1};
    const DecodedLength value = decode_pair_length(in.subspan(name.size));
    if (value.size == 0) return {.missing = 1};
    const std::size_t lengths_size = name.size + value.size;
    const std::size_t size = lengths_size + std::size_t{name.length} + std::size_t{value.length};
    if (in.size() < size) return {.missing = size - in.size()};
    return {.pair = NameValuePair{.name = in.subspan(lengths_size, name.length),
                                  .value = in.subspan(lengths_size + name.length, value.length),
                                  .name_form = name.form,
                                  .value_form = value.form},
            .consumed = size};
}

void encode_pair_length(std::uint32_t length, LengthForm form, Buffer& out) {
    if (form == LengthForm::one_byte) {
        assert(length <= short_length_max);
        out.push_back(static_cast<std::uint8_t>(length));
        return;
    }
    assert(length <= pair_length_max);
    const std::array<std::uint8_t, 4> bytes{
        static_cast<std::uint8_t>(length >> 24 | 0x80U), static_cast<std::uint8_t>(length >> 16 & 0xffU),
        static_cast<std::uint8_t>(length >> 8 & 0xffU), static_cast<std::uint8_t>(length & 0xffU)};
    append(out, bytes);
}

void encode_pair(const NameValuePair& pair, Buffer& out) {
    assert(pair.name.size() <= pair_length_max && pair.value.size() <= pair_length_max);
    encode_pair_length(static_cast<std::uint32_t>(pair.name.size()), pair.name_form, out);
    encode_pair_length(static_cast<std::uint32_t>(pair.value.size()), pair.value_form, out);
    append(out, pair.name);
    append(out, pair.value);
}

std::optional<PairEvent> PairReader::next(Bytes& in) noexcept {
    if (!open_) {
        // A byte at a time: at most eight, and a whole length is known only by its first byte.
        while (!in.empty()) {
            length_bytes_[num_length_bytes_++] = in[0];
            in = in.subspan(1);
            ++offset_;
            const Bytes lengths = Bytes(length_bytes_).first(num_length_bytes_);
            const DecodedLength name = decode_pair_length(lengths);
            if (name.size == 0) continue;
            const DecodedLength value = decode_pair_length(lengths.subspan(name.size));
            if (value.size == 0) continue;
            pair_ = {PairEvent::Kind::lengths,
                     offset_ - num_length_bytes_,
                     name.length,
                     value.length,
                     name.form,
                     value.form,
                     {}};
            name_left_ = name.length;
            value_left_ = value.length;
            open_ = true;
            return pair_;
        }
        return std::nullopt;
    }
    PairEvent event = pair_;
    event.offset = offset_;
    if (name_left_ + value_left_ == 0) {
        open_ = false;
        num_length_bytes_ = 0;
        event.kind = PairEvent::Kind::end;
        return event;
    }
    if (in.empty()) return std::nullopt;
    std::size_t& left = name_left_ > 0 ? name_left_ : value_left_;
    event.kind = name_left_ > 0 ? PairEvent::Kind::name : PairEvent::Kind::value;
    event.bytes = in.first(std::min(in.size(), left));
    in = in.subspan(event.bytes.size());
    left -= event.bytes.size();
    offset_ += event.bytes.size();
    return event;
}

bool PairReader::between_pairs() const noexcept {
    return missing() == 0;
}

std::size_t PairReader::missing() const noexcept {
    if (open_) return name_left_ + value_left_;
    return num_length_bytes_ == 0 ? 0 : 1;
}

}  // namespace fcgispec

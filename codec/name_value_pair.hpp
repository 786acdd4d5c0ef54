// Name-value pairs [§3.4]: one pair from bytes that are all there, and pairs from bytes that arrive in any chunks. The
// form of each length is kept, so that what came in goes out byte for byte. Nothing here judges.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "codec/record.hpp"

namespace fcgispec {

inline constexpr std::uint32_t short_length_max = 127;        // longest length in one byte [§3.4]
inline constexpr std::uint32_t pair_length_max = 0x7fffffff;  // longest length in four bytes [§3.4]

/// How a length is written [§3.4]: one byte with the high-order bit zero, or four with it set.
enum class LengthForm : std::uint8_t { one_byte, four_bytes };
/// The form that the specification asks for: one byte up to 127, four bytes beyond [§3.4].
[[nodiscard]] constexpr LengthForm usual_form(std::size_t length) noexcept {
    return length <= short_length_max ? LengthForm::one_byte : LengthForm::four_bytes;
}

/// A pair as a view into the input, with the forms of its lengths.
struct NameValuePair {
    Bytes name;   // at most pair_length_max
    Bytes value;  // at most pair_length_max
    LengthForm name_form = usual_form(name.size());
    LengthForm value_form = usual_form(value.size());
};
/// A pair and the bytes it used, or how many bytes are missing at least (1 for a length that is cut).
struct DecodedPair {
    std::optional<NameValuePair> pair = std::nullopt;
    std::size_t consumed = 0;
    std::size_t missing = 0;
};
/// Takes the first pair of `in` [§3.4]. There is no failure: any bytes are lengths, and then those are there or not.
[[nodiscard]] DecodedPair decode_pair(Bytes in) noexcept;
/// Appends `pair` to `out` in the forms it names. A name or value too long for its form is a misuse (assertion).
void encode_pair(const NameValuePair& pair, Buffer& out);
/// Appends one length in the given form.
void encode_pair_length(std::uint32_t length, LengthForm form, Buffer& out);

/// What the pair reader came upon. `bytes` are a view into the chunk it was given.
struct PairEvent {
    enum class Kind : std::uint8_t {
        lengths,  ///< a pair begins: both lengths are known
        name,     ///< the next piece of its name, at least one byte
        value,    ///< the next piece of its value, at least one byte
        end,      ///< the pair is complete
    };
    Kind kind{};
    std::uint64_t offset = 0;  ///< of the event's first byte (`end`: of the byte after the pair), from the first byte
    std::uint32_t name_length = 0;
    std::uint32_t value_length = 0;
    LengthForm name_form{};
    LengthForm value_form{};
    Bytes bytes;
};

/// Reads the pairs of a stream from chunks cut anywhere, within a length too. Allocates nothing, whatever a length
/// says.
class PairReader {
public:
    /// As RecordReader::next.
    [[nodiscard]] std::optional<PairEvent> next(Bytes& in) noexcept;
    /// Whether the bytes so far end between two pairs (so that the stream may end here).
    [[nodiscard]] bool between_pairs() const noexcept;
    /// How many bytes the pair that has begun still lacks at least; 0 between two pairs.
    [[nodiscard]] std::size_t missing() const noexcept;
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

private:
    std::array<std::uint8_t, 8> length_bytes_{};
    std::size_t num_length_bytes_ = 0;
    bool open_ = false;  // both lengths are known, the pair isn't complete
    PairEvent pair_;
    std::size_t name_left_ = 0;
    std::size_t value_left_ = 0;
    std::uint64_t offset_ = 0;
};

}  // namespace fcgispec

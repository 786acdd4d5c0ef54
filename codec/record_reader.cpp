#include "codec/record_reader.hpp"

#include <algorithm>

namespace fcgispec {
namespace {

/// Takes up to `left` bytes off the front of `in` and off `left`.
Bytes take(Bytes& in, std::size_t& left) noexcept {
    const Bytes piece = in.first(std::min(in.size(), left));
    in = in.subspan(piece.size());
    left -= piece.size();
    return piece;
}

}  // namespace

std::optional<RecordEvent> RecordReader::next(Bytes& in) noexcept {
    if (num_header_bytes_ < header_size) {
        std::size_t header_left = header_size - num_header_bytes_;
        const Bytes piece = take(in, header_left);
        std::copy(piece.begin(), piece.end(), header_bytes_.begin() + static_cast<std::ptrdiff_t>(num_header_bytes_));
        num_header_bytes_ += piece.size();
        offset_ += piece.size();
        if (num_header_bytes_ < header_size) return std::nullopt;
        header_ = decode_header(header_bytes_);
        content_left_ = header_.content_length;
        padding_left_ = header_.padding_length;
        return RecordEvent{RecordEvent::Kind::header, offset_ - header_size, header_, {}};
    }
    if (content_left_ + padding_left_ == 0) {
        num_header_bytes_ = 0;
        return RecordEvent{RecordEvent::Kind::end, offset_, header_, {}};
    }
    if (in.empty()) return std::nullopt;
    const auto kind = content_left_ > 0 ? RecordEvent::Kind::content : RecordEvent::Kind::padding;
    const Bytes piece = take(in, content_left_ > 0 ? content_left_ : padding_left_);
    const RecordEvent event{kind, offset_, header_, piece};
    offset_ += piece.size();
    return event;
}

bool RecordReader::between_records() const noexcept {
    return missing() == 0;
}

std::size_t RecordReader::missing() const noexcept {
    if (num_header_bytes_ == 0) return 0;
    if (num_header_bytes_ < header_size) return header_size - num_header_bytes_;
    return content_left_ + padding_left_;
}

}  // namespace fcgispec

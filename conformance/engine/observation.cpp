#include "conformance/engine/observation.hpp"

#include <algorithm>
#include <charconv>

#include "codec/name_value_pair.hpp"
#include "conformance/engine/letters.hpp"

namespace fcgispec {
namespace {

using enum Match::Kind;

constexpr std::size_t discrete_size = 128;         // about what a record that is no stream's costs beside its content, or a stream
constexpr std::size_t described_size_max = 4096;  // of what is printed as a whole before it is shortened
constexpr std::size_t described_head_size = 64;   // of what is longer

bool is_stream(RecordType type) {
    const TypeProperties* properties = properties_of(type);
    return properties != nullptr && properties->stream;
}

/// What is missing in a short body counts as zero: its size is the checker's business.
EndRequestBody end_request_of(Bytes content) {
    Buffer whole(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(std::min(content.size(), body_size)));
    whole.resize(body_size);
    return *decode_end_request(whole);
}

std::string describe(std::uint16_t request_id, const EndRequestBody& body) {
    const BodyPattern fields{{body.app_status, static_cast<std::uint32_t>(body.protocol_status)}};
    return print(RecordPattern{.type = RecordType::end_request, .request_id = request_id, .content = fields, .padding = {}, .content_length = {}},
                 PrintStyle::brief);
}

std::string describe(PeerEnd end) {
    return end == PeerEnd::fin ? "the peer closed the connection" : "the peer reset the connection";
}

/// The life of the request that the cursor stands in, or nothing if there is none yet.
const RequestSeen* life_of(const ConnectionSeen& seen, std::uint16_t request_id, std::size_t life) {
    const auto found = seen.requests.find(request_id);
    return found != seen.requests.end() && life < found->second.size() ? &found->second[life] : nullptr;
}

Match not_yet(const ConnectionSeen& seen, const std::string& so_far) {
    if (seen.end != PeerEnd::open)
        return {contradicted, so_far.empty() ? describe(seen.end) : so_far + ", then " + describe(seen.end), true};
    return {pending, so_far.empty() ? "nothing" : so_far};
}

/// The next part of a stream's value. `complete`: no more of it will come.
Match match_text(const TextPattern& expected, std::string_view value, bool complete, Cursor::Stream& cursor) {
    const std::string_view left = value.substr(std::min(cursor.used, value.size()));
    const std::string_view text = expected.text;
    if (cursor.open || expected.open_start) {
        const std::size_t found = left.find(text);
        if (found == std::string_view::npos) return {complete ? contradicted : pending, describe_value(left)};
        cursor = {.used = cursor.used + found + text.size(), .open = expected.open_end, .last = expected.text};
        return {met, {}};
    }
    if (left.substr(0, text.size()) != text.substr(0, left.size())) return {contradicted, describe_value(left)};
    if (left.size() < text.size()) return {complete ? contradicted : pending, describe_value(left)};
    cursor = {.used = cursor.used + text.size(), .open = expected.open_end, .last = {}};
    return {met, {}};
}

/// The end of a stream's value: nothing is left, save what an open end allows.
Match match_end(std::string_view value, bool complete, Cursor::Stream& cursor) {
    const std::string_view left = value.substr(std::min(cursor.used, value.size()));
    const bool last_again = !cursor.last.empty() && left.ends_with(cursor.last);
    if (!left.empty() && !cursor.open && !last_again) {
        if (complete || cursor.last.empty()) return {contradicted, describe_value(left)};
    }
    if (!complete) return {pending, "the stream so far: " + describe_value(value)};
    cursor.used = value.size();
    return {met, {}};
}

Match match_stream(const Expect& expected, const ConnectionSeen& seen, std::uint16_t request_id, Cursor::Request& cursor) {
    const RequestSeen* request = life_of(seen, request_id, cursor.life);
    static const StreamSeen nothing;
    const StreamSeen* stream = &nothing;
    if (request != nullptr)
        if (const auto found = request->streams.find(expected.record.type); found != request->streams.end()) stream = &found->second;
    // A stream that was never ended is over with its request: that it lacked its end is the checker's business.
    const bool complete = stream->ended || (request != nullptr && request->end.has_value());
    const auto* text = std::get_if<TextPattern>(&expected.record.content);
    const TextPattern content{.text = text != nullptr ? "" : content_of(expected.record).value_or("")};
    const TextPattern& pattern = text != nullptr ? *text : content;
    Cursor::Stream& at = cursor.streams[expected.record.type];
    if (const auto* pairs = std::get_if<PairsPattern>(&expected.record.content); pairs != nullptr && !content_of(expected.record)) {
        // Pairs that stand for many values can be compared only when all are there.
        if (!stream->ended) return not_yet(seen, stream->bytes.empty() ? "" : describe_value(stream->bytes));
        if (!fits(*pairs, bytes_of(stream->bytes))) return {contradicted, print(Record{.type = RecordType::params, .content = bytes_of(stream->bytes)}, PrintStyle::brief)};
        at.used = stream->bytes.size();
        return {met, {}};
    }
    Match result = pattern == TextPattern{} ? match_end(stream->bytes, complete, at) : match_text(pattern, stream->bytes, complete, at);
    if (result.kind == pending) return not_yet(seen, result.got == "\"\"" ? "" : result.got);
    if (result.kind == contradicted && request != nullptr && request->end) result.got += ", then " + describe(request_id, *request->end);
    return result;
}

bool fits(NumberPattern pattern, std::uint32_t number) { return !pattern || *pattern == number; }

Match match_end_request(const Expect& expected, const ConnectionSeen& seen, std::uint16_t request_id, Cursor::Request& cursor) {
    const RequestSeen* request = life_of(seen, request_id, cursor.life);
    if (request == nullptr || !request->end) return not_yet(seen, request == nullptr ? "" : "streams, but no FCGI_END_REQUEST");
    if (const auto* body = std::get_if<BodyPattern>(&expected.record.content)) {
        const bool same = fits(body->fields[0], request->end->app_status) &&
                          fits(body->fields[1], static_cast<std::uint32_t>(request->end->protocol_status));
        if (!same) return {contradicted, describe(request_id, *request->end)};
    }
    // A body that is none is written as a text: a record of a trace.
    if (const auto* text = std::get_if<TextPattern>(&expected.record.content); text != nullptr && !text->text.empty()) {
        const EndRequestBody body = end_request_of(bytes_of(text->text));
        if (body.app_status != request->end->app_status || body.protocol_status != request->end->protocol_status)
            return {contradicted, describe(request_id, *request->end)};
    }
    cursor = {.life = cursor.life + 1, .streams = {}};
    return {met, {}};
}

bool fits(const RecordPattern& expected, std::string_view content) {
    if (const auto* text = std::get_if<TextPattern>(&expected.content)) return fits(*text, content);
    if (const auto* pairs = std::get_if<PairsPattern>(&expected.content)) return fits(*pairs, bytes_of(content));
    const auto& body = std::get<BodyPattern>(expected.content);
    // Only FCGI_UNKNOWN_TYPE has a management body; its size is the checker's business.
    return !body.fields.empty() && !content.empty() && fits(body.fields[0], static_cast<std::uint8_t>(content[0]));
}

Match match_management(const std::string& connection, const Expect& expected, const ConnectionSeen& seen, Cursor& cursor) {
    std::size_t& used = cursor.management[{connection, expected.record.type}];
    std::size_t index = 0;
    for (const DiscreteSeen& record : seen.management) {
        if (record.type != expected.record.type || index++ < used) continue;
        if (!fits(expected.record, record.content))
            return {contradicted, print(Record{.type = record.type, .content = bytes_of(record.content)}, PrintStyle::brief)};
        ++used;
        return {met, {}};
    }
    return not_yet(seen, {});
}

}  // namespace

std::string describe_value(std::string_view bytes) {
    if (bytes.size() <= described_size_max) return print(TextPattern{.text = std::string(bytes)}, PrintStyle::brief);
    return print(TextPattern{.text = std::string(bytes.substr(0, described_head_size)), .open_end = true}) + " (" + std::to_string(bytes.size()) + " bytes)";
}

bool fits(const TextPattern& pattern, std::string_view text) {
    if (pattern.exact()) return text == pattern.text;
    if (pattern.open_start && pattern.open_end) return text.find(pattern.text) != std::string_view::npos;
    return pattern.open_start ? text.ends_with(pattern.text) : text.starts_with(pattern.text);
}

bool fits(const PairsPattern& expected, Bytes content, const PairPattern** missing) {
    std::vector<std::pair<std::string_view, std::string_view>> pairs;
    for (DecodedPair decoded = decode_pair(content); decoded.pair; decoded = decode_pair(content)) {
        pairs.emplace_back(text_of(decoded.pair->name), text_of(decoded.pair->value));
        content = content.subspan(decoded.consumed);
    }
    for (const PairPattern& pattern : expected.pairs) {
        const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) {
            return pair.first == pattern.name && (!pattern.value || fits(*pattern.value, pair.second));
        });
        if (found == pairs.end()) {
            if (missing != nullptr) *missing = &pattern;
            return false;
        }
        pairs.erase(found);
    }
    return expected.open || pairs.empty();
}

const StreamSeen* RequestSeen::stream(RecordType type) const {
    const auto found = streams.find(type);
    return found == streams.end() ? nullptr : &found->second;
}

void ConnectionSeen::add(const Record& record) {
    const TypeProperties* properties = properties_of(record.type);
    size += record.content.size() + (properties != nullptr && properties->stream ? 0 : discrete_size);
    if (properties == nullptr || properties->management || record.request_id == null_request_id) {
        management.push_back({record.type, std::string(text_of(record.content))});
        return;
    }
    std::vector<RequestSeen>& lives = requests[record.request_id];
    if (lives.empty() || lives.back().end || record.type == RecordType::begin_request) lives.emplace_back();
    if (properties->stream) {
        const auto [found, is_new] = lives.back().streams.try_emplace(record.type);
        if (is_new) size += discrete_size;
        StreamSeen& stream = found->second;
        stream.bytes += text_of(record.content);
        stream.ended = stream.ended || record.content.empty();
    } else if (record.type == RecordType::end_request) {
        lives.back().end = end_request_of(record.content);
    } else if (record.type == RecordType::begin_request) {
        lives.back().begin = decode_begin_request(record.content);
    } else if (record.type == RecordType::abort_request) {
        lives.back().aborted = true;
    }
}

Match match(const std::string& connection, const Expect& expected, const ConnectionSeen& seen, Cursor& cursor) {
    const TypeProperties* properties = properties_of(expected.record.type);
    if (properties == nullptr || properties->management) return match_management(connection, expected, seen, cursor);
    return match(connection, static_cast<std::uint16_t>(expected.record.request_id.value_or(1)), expected, seen, cursor);
}

Match match(const std::string& connection, std::uint16_t request_id, const Expect& expected, const ConnectionSeen& seen, Cursor& cursor) {
    Cursor::Request& request = cursor.requests[{connection, request_id}];
    if (is_stream(expected.record.type)) return match_stream(expected, seen, request_id, request);
    if (expected.record.type == RecordType::abort_request) {
        const RequestSeen* life = life_of(seen, request_id, request.life);
        return life != nullptr && life->aborted ? Match{met, {}} : not_yet(seen, {});
    }
    return match_end_request(expected, seen, request_id, request);
}

Match match(const std::string& connection, const ExpectResponse& expected, const ConnectionSeen& seen, Cursor& cursor) {
    Cursor::Request& at = cursor.requests[{connection, expected.request_id}];
    const RequestSeen* request = life_of(seen, expected.request_id, at.life);
    if (request == nullptr) return not_yet(seen, {});
    const auto found = request->streams.find(RecordType::std_out);
    const std::string_view value = found == request->streams.end() ? std::string_view{} : found->second.bytes;
    if (!request->end) return not_yet(seen, value.empty() ? "" : describe_value(value));
    if (request->end->protocol_status != ProtocolStatus::request_complete) return {contradicted, describe(expected.request_id, *request->end)};
    const std::size_t used = at.streams[RecordType::std_out].used;
    const CgiResponse response = parse_cgi_response(value);
    if ((expected.status || expected.body) && response.header_size == 0) return {contradicted, "no CGI header block in " + describe_value(value)};
    if (expected.status && *expected.status != response.status)
        return {contradicted, "CGI status " + std::to_string(response.status) + " in " + describe_value(value)};
    if (expected.body) {
        const std::string_view body = value.substr(std::max(used, response.header_size));
        if (!fits(*expected.body, body)) return {contradicted, "body " + describe_value(body)};
    }
    at = {.life = at.life + 1, .streams = {}};
    return {met, {}};
}

Match match_close(const ConnectionSeen& seen) {
    if (seen.end != PeerEnd::open) return {met, {}};
    return {pending, "the connection stays open"};
}

CgiResponse parse_cgi_response(std::string_view std_out) {
    CgiResponse result;
    std::size_t at = 0;
    while (true) {
        const std::size_t end = std_out.find('\n', at);
        if (end == std::string_view::npos) return result;
        std::string_view line = std_out.substr(at, end - at);
        if (line.ends_with('\r')) line.remove_suffix(1);
        at = end + 1;
        if (line.empty()) break;
        static constexpr std::string_view field = "status:";
        if (line.size() <= field.size() || !same_letters(line.substr(0, field.size()), field)) continue;
        line.remove_prefix(field.size());
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        std::from_chars(line.data(), line.data() + line.size(), result.status);
    }
    result.header_size = at;
    return result;
}

}  // namespace fcgispec

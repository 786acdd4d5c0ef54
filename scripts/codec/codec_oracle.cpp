// What the C++ codec makes of bytes, for test_codec.py to compare with. A question a line, its parts parted by blanks,
// bytes in hex (`-` for none); the answer is lines, at last a dot.
//
//   records CHUNK...    the event log of a stream of records that comes in these chunks
//   pairs CHUNK...      the same of name-value pairs
//   records-again HEX   the whole records decoded and encoded again
//   pairs-again HEX     the whole pairs decoded and encoded again
//   body NAME HEX       the body decoded, as "field=value ..." and encoded again; or "none"
//   types               "number name" of each type
//   print HEX           the notation of the bytes, in hex
//   parse HEX           the bytes of the notation, or "error LINE COLUMN"
#include <iostream>
#include <sstream>

#include "codec/body.hpp"
#include "codec/notation.hpp"
#include "codec/test_bytes.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

namespace {

using Parts = std::vector<std::string>;

Buffer bytes_part(const std::string& part) {
    return part == "-" ? Buffer{} : unhex(part);
}

template <typename Reader>
std::string log_text(const Parts& parts) {
    std::vector<Buffer> buffers;
    for (std::size_t i = 1; i < parts.size(); ++i) buffers.push_back(bytes_part(parts[i]));
    std::string result;
    for (const std::string& line : log_of<Reader>({buffers.begin(), buffers.end()})) result += line + "\n";
    return result;
}

std::string records_again(Bytes in) {
    Buffer out;
    for (DecodedRecord decoded = decode_record(in); decoded.record; decoded = decode_record(in)) {
        encode_record(*decoded.record, out);
        in = in.subspan(decoded.consumed);
    }
    return hex(out) + "\n";
}

std::string pairs_again(Bytes in) {
    Buffer out;
    for (DecodedPair decoded = decode_pair(in); decoded.pair; decoded = decode_pair(in)) {
        encode_pair(*decoded.pair, out);
        in = in.subspan(decoded.consumed);
    }
    return hex(out) + "\n";
}

std::string number(const char* name, std::uint32_t value) {
    return std::string(name) + "=" + std::to_string(value) + " ";
}

std::string body_text(const std::string& name, Bytes content) {
    const auto rest = [](const auto& body) {
        return "reserved=" + hex(body.reserved) + "\n" + hex(encode(body)) + "\n";
    };
    if (name == "begin_request") {
        const auto body = decode_begin_request(content);
        if (!body) return "none\n";
        return number("role", static_cast<std::uint32_t>(body->role)) + number("flags", body->flags) + rest(*body);
    }
    if (name == "end_request") {
        const auto body = decode_end_request(content);
        if (!body) return "none\n";
        return number("app_status", body->app_status) +
               number("protocol_status", static_cast<std::uint32_t>(body->protocol_status)) + rest(*body);
    }
    if (name != "unknown_type") throw std::invalid_argument("no such body: " + name);
    const auto body = decode_unknown_type(content);
    if (!body) return "none\n";
    return number("type", static_cast<std::uint32_t>(body->type)) + rest(*body);
}

std::string types_text() {
    std::string result;
    for (unsigned type = 0; type <= 255; ++type)
        if (const TypeProperties* properties = properties_of(static_cast<RecordType>(type)))
            result += std::to_string(type) + " " + std::string(properties->name) + "\n";
    return result;
}

std::string parsed_text(Bytes in) {
    const ParsedNotation parsed = parse_notation(text_of(in));
    if (!parsed.error) return hex(parsed.bytes) + "\n";
    const TextPosition position = position_of(text_of(in), parsed.error->offset);
    return "error " + std::to_string(position.line) + " " + std::to_string(position.column) + "\n";
}

std::string answer(const Parts& parts) {
    const std::string& verb = parts.at(0);
    if (verb == "types") return types_text();
    if (verb == "records") return log_text<RecordReader>(parts);
    if (verb == "pairs") return log_text<PairReader>(parts);
    if (verb == "body") return body_text(parts.at(1), bytes_part(parts.at(2)));
    const Buffer in = bytes_part(parts.at(1));
    if (verb == "records-again") return records_again(in);
    if (verb == "pairs-again") return pairs_again(in);
    if (verb == "print") return hex(bytes_of(print_notation(in))) + "\n";
    if (verb == "parse") return parsed_text(in);
    throw std::invalid_argument("no such question: " + verb);
}

}  // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        Parts parts;
        for (std::string word; words >> word;) parts.push_back(word);
        try {
            std::cout << answer(parts) << "." << std::endl;
        } catch (const std::exception& error) {
            std::cerr << "codec_oracle: " << error.what() << " in: " << line.substr(0, 80) << "\n";
            return 2;
        }
    }
}

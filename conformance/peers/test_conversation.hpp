// What the tests of the reference application share: what a Web server says, and what comes of it, both in notation.
#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>

#include "codec/notation.hpp"
#include "codec/record.hpp"
#include "conformance/peers/contract.hpp"
#include "conformance/peers/reference_connection.hpp"

namespace fcgispec::test {

inline Buffer encoded(std::string_view text) {
    ParsedNotation parsed = parse_notation(text);
    if (parsed.error) throw *parsed.error;
    return parsed.bytes;
}

/// The records in `bytes`, a line each, without their padding; on the way everything that holds for every record of the
/// application is checked.
inline std::string lines_of(Bytes bytes) {
    std::string result;
    while (!bytes.empty()) {
        DecodedRecord decoded = decode_record(bytes);
        BOOST_TEST_REQUIRE(decoded.record.has_value());  // whole records and nothing else
        BOOST_TEST(decoded.record->version == version_1);
        BOOST_TEST(decoded.record->reserved == 0);
        BOOST_TEST(decoded.consumed % 8 == 0U);  // [§3.3]
        for (const std::uint8_t byte : decoded.record->padding) BOOST_TEST(byte == 0);
        decoded.record->padding = {};
        result += print(*decoded.record) + "\n";
        bytes = bytes.subspan(decoded.consumed);
    }
    return result;
}

/// Notation as `lines_of` prints it: so that a test may write it as it likes. `close` lines stay.
inline std::string lines(std::string_view notation) {
    std::istringstream in{std::string(notation)};
    std::string result;
    for (std::string line; std::getline(in, line);) {
        const std::size_t begin = line.find_first_not_of(' ');
        if (begin == std::string::npos) continue;
        if (line.substr(begin) == "close") {
            result += "close\n";
            continue;
        }
        const Buffer record = encoded(line);
        result += print(*decode_record(record).record) + "\n";
    }
    return result;
}

/// Takes all that the connection has to say, now and as it goes on.
inline void drain(ReferenceConnection& connection, Buffer& out) {
    while (!connection.output().empty()) {
        append(out, connection.output());
        connection.consumed(connection.output().size());
    }
}

/// What the application says to `in` that arrives `chunk_size` bytes at a time.
inline std::string answer_in_chunks(Bytes in, std::size_t chunk_size, bool ends, const ConnectionLimits& limits) {
    ReferenceConnection connection(answer_by_contract, limits);
    Buffer out;
    while (!in.empty()) {
        const Bytes chunk = in.first(std::min(chunk_size, in.size()));
        connection.receive(Buffer(chunk.begin(), chunk.end()));  // a block of its own: an over-read is seen
        in = in.subspan(chunk.size());
        drain(connection, out);
    }
    if (ends) connection.receive_end();
    drain(connection, out);
    return lines_of(out) + (connection.finished() ? "close\n" : "");
}

enum class After : bool { nothing, end };

/// What the application says to a Web server that says `notation`: the same, however that is cut. `close` as the last
/// line: it closes the connection then.
inline std::string answer_to(std::string_view notation, After after = After::nothing,
                             const ConnectionLimits& limits = {}) {
    const Buffer in = encoded(notation);
    const bool ends = after == After::end;
    const std::string answer = answer_in_chunks(in, in.size(), ends, limits);
    for (const std::size_t chunk_size : {1U, 7U, 8U, 9U, 64U})
        BOOST_TEST(answer_in_chunks(in, chunk_size, ends, limits) == answer, "in chunks of " << chunk_size);
    return answer;
}

}  // namespace fcgispec::test

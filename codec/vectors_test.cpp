// Runs every test of corpus/vectors, whose shape is in corpus/vectors/schema.json.
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "codec/body.hpp"
#include "codec/notation.hpp"
#include "codec/test_bytes.hpp"

using namespace fcgispec;
using namespace fcgispec::test;
using nlohmann::json;

BOOST_AUTO_TEST_SUITE(vectors)

namespace {

json tests_of(const std::string& kind) {
    const std::string path = std::string(FCGISPEC_SOURCE_DIR) + "/corpus/vectors/" + kind + ".json";
    std::ifstream file(path);
    if (!file) throw std::runtime_error("can't read " + path);
    json tests = json::parse(file).at("tests");
    // An empty file would pass unseen.
    BOOST_TEST_REQUIRE(tests.size() >= 40U, path);
    return tests;
}

/// Hexadecimal, or pieces of it, each repeated.
Buffer unpacked(const json& bytes) {
    if (bytes.is_string()) return unhex(bytes.get<std::string>());
    Buffer result;
    for (const json& piece : bytes) {
        const Buffer once = unhex(piece.at("hex").get<std::string>());
        for (auto left = piece.at("times").get<std::size_t>(); left > 0; --left) append(result, once);
    }
    return result;
}

/// The event as EventLog writes it.
std::string line_of(const json& event) {
    const auto name = event.at("event").get<std::string>();
    std::string line = std::to_string(event.at("offset").get<std::uint64_t>()) + " " + name;
    if (event.contains("bytes")) return line + " " + hex(unpacked(event.at("bytes")));
    const auto add = [&](std::initializer_list<const char*> fields) {
        for (const char* field : fields)
            line += std::string(" ") + field + "=" + std::to_string(event.at(field).get<std::uint64_t>());
    };
    if (name == "header") add({"version", "type", "request_id", "content_length", "padding_length", "reserved"});
    if (name == "lengths") add({"name_length", "name_form", "value_length", "value_form"});
    return line;
}

std::vector<std::string> wanted_log(const json& test, std::size_t input_size) {
    std::vector<std::string> lines;
    for (const json& event : test.at("events")) lines.push_back(line_of(event));
    lines.push_back(std::to_string(input_size) + " missing " + std::to_string(test.at("missing").get<std::size_t>()));
    return lines;
}

template <typename Reader>
void run_stream_tests(const std::string& kind) {
    for (const json& test : tests_of(kind)) BOOST_TEST_CONTEXT(kind << " " << test.at("name")) {
            const Buffer input = unpacked(test.at("input"));
            const Bytes in(input);
            const auto wanted = wanted_log(test, input.size());
            BOOST_TEST(log_of<Reader>({in}) == wanted, boost::test_tools::per_element());
            BOOST_TEST((log_of<Reader>({in.first(in.size() / 2), in.subspan(in.size() / 2)}) == wanted));
            BOOST_TEST((log_of<Reader>(each_byte(in)) == wanted));
        }
}

json fields_of(const std::string& body, Bytes content) {
    if (body == "begin_request") {
        const auto decoded = decode_begin_request(content);
        if (!decoded) return nullptr;
        BOOST_TEST(hex(encode(*decoded)) == hex(content));
        return {{"role", static_cast<unsigned>(decoded->role)},
                {"flags", decoded->flags},
                {"reserved", hex(decoded->reserved)}};
    }
    if (body == "end_request") {
        const auto decoded = decode_end_request(content);
        if (!decoded) return nullptr;
        BOOST_TEST(hex(encode(*decoded)) == hex(content));
        return {{"app_status", decoded->app_status},
                {"protocol_status", static_cast<unsigned>(decoded->protocol_status)},
                {"reserved", hex(decoded->reserved)}};
    }
    const auto decoded = decode_unknown_type(content);
    if (!decoded) return nullptr;
    BOOST_TEST(hex(encode(*decoded)) == hex(content));
    return {{"type", static_cast<unsigned>(decoded->type)}, {"reserved", hex(decoded->reserved)}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(records) {
    run_stream_tests<RecordReader>("records");
}

BOOST_AUTO_TEST_CASE(pairs) {
    run_stream_tests<PairReader>("pairs");
}

BOOST_AUTO_TEST_CASE(bodies) {
    for (const json& test : tests_of("bodies")) BOOST_TEST_CONTEXT(test.at("name")) {
            const ExactBytes content(unpacked(test.at("input")));
            BOOST_TEST(fields_of(test.at("body"), content.view()) == test.at("fields"));
        }
}

BOOST_AUTO_TEST_CASE(notation) {
    for (const json& test : tests_of("notation")) BOOST_TEST_CONTEXT(test.at("name")) {
            const auto text = test.at("text").get<std::string>();
            const ParsedNotation parsed = parse_notation(text);
            if (test.contains("error")) {
                BOOST_TEST_REQUIRE(parsed.error.has_value());
                const TextPosition position = position_of(text, parsed.error->offset);
                BOOST_TEST(position.line == test.at("error").at("line").get<std::size_t>());
                BOOST_TEST(position.column == test.at("error").at("column").get<std::size_t>());
                continue;
            }
            BOOST_TEST(!parsed.error.has_value());
            BOOST_TEST(hex(parsed.bytes) == test.at("input").get<std::string>());
            if (test.at("printed").get<bool>()) BOOST_TEST(print_notation(parsed.bytes) == text);
        }
}

BOOST_AUTO_TEST_SUITE_END()

#include "codec/notation.hpp"

#include <boost/test/unit_test.hpp>

#include "codec/test_bytes.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(notation)

namespace {

struct CanonicalRow {
    const char* bytes;
    const char* text;
};
// Texts as the printer writes them, and the bytes they stand for.
const std::vector<CanonicalRow> canonical_rows{
    {"01 01 0001 0008 00 00  0001 01 0000000000", "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, FCGI_KEEP_CONN}}\n"},
    {"01 01 0001 0008 00 00  0001 00 0000000000", "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\n"},
    {"01 01 0001 0008 00 00  0004 03 0000000000", "{FCGI_BEGIN_REQUEST, 1, {4, 3}}\n"},
    {"01 01 0001 0008 00 00  0001 00 0000000001",
     "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0, reserved=\"\\000\\000\\000\\000\\001\"}}\n"},
    {"01 03 0001 0008 00 00  00000000 00 f80bc9",
     "{FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE, reserved=\"\\370\\013\\311\"}}\n"},
    {"01 0b 0000 0008 00 00  0c 2e2e2e00000000",
     "{FCGI_UNKNOWN_TYPE, 0, {12, reserved=\"\\056..\\000\\000\\000\\000\"}}\n"},
    {"01 01 0001 0002 00 00  0001", "{FCGI_BEGIN_REQUEST, 1, \"\\000\\001\"}\n"},
    {"01 02 0007 0000 00 00", "{FCGI_ABORT_REQUEST, 7}\n"},
    {"01 02 0007 0001 00 00 61", "{FCGI_ABORT_REQUEST, 7, \"a\"}\n"},
    {"01 03 0001 0008 00 00  000003aa 00 000000", "{FCGI_END_REQUEST, 1, {938, FCGI_REQUEST_COMPLETE}}\n"},
    {"01 03 0002 0008 00 00  ffffffff 01 000000", "{FCGI_END_REQUEST, 2, {4294967295, FCGI_CANT_MPX_CONN}}\n"},
    {"01 03 0002 0008 00 00  00000000 04 000000", "{FCGI_END_REQUEST, 2, {0, 4}}\n"},
    {"01 0b 0000 0008 00 00  0c 00000000000000", "{FCGI_UNKNOWN_TYPE, 0, {12}}\n"},
    {"01 0b 0000 0008 00 00  09 00000000000000", "{FCGI_UNKNOWN_TYPE, 0, {FCGI_GET_VALUES}}\n"},
    {"01 05 0001 0000 00 00", "{FCGI_STDIN, 1, \"\"}\n"},
    {"01 05 ffff 0003 00 00 616263", "{FCGI_STDIN, 65535, \"abc\"}\n"},
    {"01 06 0001 0006 00 00 0d0a09225c7f", "{FCGI_STDOUT, 1, \"\\r\\n\\t\\\"\\\\\\177\"}\n"},
    {"01 06 0001 0003 00 00 2e2e2e", "{FCGI_STDOUT, 1, \"\\056..\"}\n"},
    {"01 06 0001 0002 00 00 2e2e", "{FCGI_STDOUT, 1, \"..\"}\n"},
    {"01 06 0001 0003 00 00 ff3700", "{FCGI_STDOUT, 1, \"\\3777\\000\"}\n"},
    {"01 04 0001 000f 00 00 0b 02 5345525645525f504f5254 3830", "{FCGI_PARAMS, 1, [SERVER_PORT=\"80\"]}\n"},
    {"01 04 0001 0007 00 00 80000001 01 41 62", "{FCGI_PARAMS, 1, [long A=\"b\"]}\n"},
    {"01 04 0001 0007 00 00 01 80000001 41 62", "{FCGI_PARAMS, 1, [A=long \"b\"]}\n"},
    {"01 04 0001 0004 00 00 0000 0000", "{FCGI_PARAMS, 1, [\"\"=\"\" \"\"=\"\"]}\n"},
    {"01 04 0001 0006 00 00 04 00 6c6f6e67", "{FCGI_PARAMS, 1, [\"long\"=\"\"]}\n"},
    {"01 04 0001 0004 00 00 02 00 3141", "{FCGI_PARAMS, 1, [\"1A\"=\"\"]}\n"},
    {"01 04 0001 0004 00 00 02 00 412d", "{FCGI_PARAMS, 1, [\"A-\"=\"\"]}\n"},
    {"01 04 0001 0003 00 00 0b 02 53", "{FCGI_PARAMS, 1, \"\\013\\002S\"}\n"},
    {"01 04 0001 0000 00 00", "{FCGI_PARAMS, 1, \"\"}\n"},
    {"01 09 0000 000c 00 00 0a 00 41424344454647484940", "{FCGI_GET_VALUES, 0, [\"ABCDEFGHI@\"=\"\"]}\n"},
    {"01 05 0001 0001 02 00 61 0000", "{FCGI_STDIN, 1, \"a\", padding=2}\n"},
    {"01 05 0001 0001 02 00 61 0001", "{FCGI_STDIN, 1, \"a\", padding=\"\\000\\001\"}\n"},
    {"00 05 0001 0000 01 09 ff", "{FCGI_STDIN, 1, \"\", version=0, reserved=9, padding=\"\\377\"}\n"},
    {"01 00 0000 0000 00 00", "{0, 0, \"\"}\n"},
    {"ff ff ffff 0001 00 00 7f", "{255, 65535, \"\\177\", version=255}\n"},
    {"01", "raw 01\n"},
    {"01 05 0001 0003 00 00 6162", "raw 01 05 00 01 00 03 00 00 61 62\n"},
    {"01 05 0001 0000 00 00  01 05", "{FCGI_STDIN, 1, \"\"}\nraw 01 05\n"},
    {"", ""},
};

struct ReadRow {
    const char* text;
    const char* bytes;
};
// Texts that people write and the printer doesn't.
const std::vector<ReadRow> read_rows{
    {"  # nothing\n\n\t\r\n", ""},
    {"{FCGI_STDIN,1}", "01 05 0001 0000 00 00"},
    {"{ FCGI_STDIN ,\n 1 , # here\n \"a\" }", "01 05 0001 0001 00 00 61"},
    {"{5, 0x10, \"a\" + \"b\"*3 + \"\\(7)\"}", "01 05 0010 0005 00 00 6162626237"},
    {"{0xff, 1, \"\", padding=\"ab\", version=2, reserved=3, length=9}", "02 ff 0001 0009 02 03 6162"},
    {"raw \"abc\"*5 \"de\"*1 \"f\"*0", "616263 616263 616263 616263 616263 6465"},
    {"{FCGI_STDIN, N, \"\\(N)\"}", "01 05 0007 0001 00 00 37"},
    {"{FCGI_STDIN, N, \"\\(N*16)\"}", "01 05 0007 0003 00 00 313132"},
    {"{FCGI_STDIN, N, \"\\(0xffffffff*0xffffffff)\"}",
     "01 05 0007 0014 00 00 3138343436373434303635313139363137303235"},
    {"{FCGI_END_REQUEST, 1, {0, 0, reserved=\"\\000\"*3}}", "01 03 0001 0008 00 00 0000000000000000"},
    {"{FCGI_UNKNOWN_TYPE, 0, {N, reserved=\"a\"*N}}", "01 0b 0000 0008 00 00 07 61616161616161"},
    {"{N, 1, \"a\"*N}", "01 07 0001 0007 00 00 61616161616161"},
    {"{FCGI_STDIN, 1, \"\"*4294967295}", "01 05 0001 0000 00 00"},
    {"{FCGI_STDIN, 1, random(4)}", "01 05 0001 0004 00 00 c15c0289"},
    {"{FCGI_PARAMS, 1, []}", "01 04 0001 0000 00 00"},
    {"{FCGI_PARAMS, 1, [A=7 B=N long \"C\"=long \"\"]}",
     "01 04 0001 0011 00 00 01 01 41 37 01 01 42 37 80000001 80000000 43"},
    {"{FCGI_UNKNOWN_TYPE, 0, {FCGI_STDIN}}", "01 0b 0000 0008 00 00 05 00000000000000"},
    {"{FCGI_END_REQUEST, 1, {0x10, 3}}", "01 03 0001 0008 00 00 00000010 03 000000"},
    {"{FCGI_BEGIN_REQUEST, 1, {N, N}}", "01 01 0001 0008 00 00 0007 07 0000000000"},
    {"raw", ""},
    {"raw 0aB C", nullptr},
    {"raw 0a0B ff # end", "0a0bff"},
    {"raw \"ab\" 01 \"c\"*2 random(1)", "6162 01 6363 c1"},
    {"raw 01\r\nraw 02\r\n", "0102"},
};

struct ErrorRow {
    const char* text;
    std::size_t line;
    std::size_t column;
    const char* what;
};
const std::vector<ErrorRow> error_rows{
    {"FCGI_STDIN", 1, 1, "expected a record, {FCGI_..., or raw"},
    {"\n\n  hello", 3, 3, "expected a record, {FCGI_..., or raw"},
    {"{", 1, 2, "expected a record type"},
    {"{FCGI_NO, 1}", 1, 2, "expected a record type of the specification, FCGI_..., or its number"},
    {"{256, 1}", 1, 2, "expected a number of at most 255"},
    {"{FCGI_STDIN 1}", 1, 13, "expected ','"},
    {"{FCGI_STDIN, }", 1, 14, "expected a number"},
    {"{FCGI_STDIN, 65536}", 1, 14, "expected a number of at most 65535"},
    {"{FCGI_STDIN, 99999999999999999999}", 1, 14, "expected a number of at most 65535"},
    {"{FCGI_STDIN, 0x}", 1, 16, "expected hexadecimal digits"},
    {"{FCGI_STDIN, -1}", 1, 14, "expected a number"},
    {"{FCGI_STDIN, M}", 1, 14, "expected a number or the name of a table"},
    {"{FCGI_STDIN, 1", 1, 15, "expected '}'"},
    {"{FCGI_STDIN, 1} x", 1, 17, "expected the end of the line"},
    {"{FCGI_STDIN, 1, \"a}", 1, 20, "expected '\"' at the end of the string"},
    {"{FCGI_STDIN, 1, \"a\n\"}", 1, 19, "expected '\"' at the end of the string"},
    {"{FCGI_STDIN, 1, \"\\x\"}", 1, 19, "expected r n t \" \\ (N) or three octal digits after \\"},
    {"{FCGI_STDIN, 1, \"\\12\"}", 1, 19, "expected r n t \" \\ (N) or three octal digits after \\"},
    {"{FCGI_STDIN, 1, \"\\400\"}", 1, 19, "expected an octal value of at most 377"},
    {"{FCGI_STDIN, 1, \"\\(2*)\"}", 1, 22, "expected a number"},
    {"{FCGI_STDIN, 1, \"\\(2*2*2)\"}", 1, 23, "expected ')'"},
    {"{FCGI_STDIN, 1, \"\\", 1, 19, "expected r n t \" \\ (N) or three octal digits after \\"},
    {"{FCGI_STDIN, 1, \"\\(1\"}", 1, 21, "expected ')'"},
    {"{FCGI_STDIN, 1, \"a\" \"b\"}", 1, 21, "expected '}'"},
    {"{FCGI_STDIN, 1, \"a\" +}", 1, 22, "expected a string or random(N)"},
    {"{FCGI_STDIN, 1, \"a...\" + \"b\"}", 1, 25, "expected no '+' after an open end"},
    {"{FCGI_STDIN, 1, \"a\" + \"...b\"}", 1, 29, "expected no '...' within a text"},
    {"{FCGI_STDIN, 1, \"a...\"*2}", 1, 24, "expected no '*' after a string with an open end"},
    {"{FCGI_STDIN, 1, \"ab\"*4294967295}", 1, 32, "expected '*' and random() to write at most 268435456 bytes in all"},
    {"{FCGI_STDIN, 1, random(268435457)}", 1, 33, "expected '*' and random() to write at most 268435456 bytes in all"},
    {"{FCGI_STDIN, 1, random(3}", 1, 25, "expected ')'"},
    {"{FCGI_STDIN, 1, \"\", colour=1}", 1, 21, "expected version=, length=, padding= or reserved="},
    {"{FCGI_STDIN, 1, version=256}", 1, 25, "expected a number of at most 255"},
    {"{FCGI_STDIN, 1, length=65536}", 1, 24, "expected a number of at most 65535"},
    {"{FCGI_STDIN, 1, padding=256}", 1, 25, "expected a number of at most 255"},
    {"{FCGI_STDIN, 1, padding=\"a\"*256}", 1, 32, "expected padding of at most 255 bytes"},
    {"{FCGI_STDIN, 1, padding=\"...\"}", 1, 25, "expected a text without '...' or '*'"},
    {"{FCGI_STDIN, 1, version 1}", 1, 25, "expected '='"},
    {"{FCGI_STDIN, 1, {0, 0}}", 1, 17,
     "expected a string: only FCGI_BEGIN_REQUEST, FCGI_END_REQUEST and FCGI_UNKNOWN_TYPE have a body in braces"},
    // [§3.3] and [§5.4] write the body the other way round; on the wire appStatus comes first [§5.5].
    {"{FCGI_END_REQUEST, 1, {FCGI_REQUEST_COMPLETE, 0}}", 1, 24, "expected a number or the name of a table"},
    {"{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER}}", 1, 40, "expected ','"},
    {"{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 256}}", 1, 42, "expected a number of at most 255"},
    {"{FCGI_BEGIN_REQUEST, 1, {65536, 0}}", 1, 26, "expected a number of at most 65535"},
    {"{FCGI_UNKNOWN_TYPE, 0, {1, 2}}", 1, 28, "expected 'reserved'"},
    {"{FCGI_UNKNOWN_TYPE, 0, {1 2}}", 1, 27, "expected '}'"},
    {"{FCGI_END_REQUEST, 1, {0, 0, reserved=\"ab\"}}", 1, 43,
     "expected 3 reserved bytes: this body has no more and no fewer"},
    {"{FCGI_BEGIN_REQUEST, 1, {1, 0, reserved=\"\"*0}}", 1, 45,
     "expected 5 reserved bytes: this body has no more and no fewer"},
    {"{FCGI_END_REQUEST, 1, {0, 0, reserved=\"...\"}}", 1, 39, "expected a text without '...' or '*'"},
    {"{FCGI_PARAMS, 1, [A=]}", 1, 21, "expected a number"},
    {"{FCGI_PARAMS, 1, [long A]}", 1, 25, "expected '='"},
    {"{FCGI_PARAMS, 1, [... A=1]}", 1, 23, "expected ']' after '...'"},
    {"{FCGI_PARAMS, 1, [A=\"1\"", 1, 24, "expected a name, '...' or ']'"},
    {"{FCGI_PARAMS, 1,\n [A=\"1\"\n  =]}", 3, 3, "expected a name, '...' or ']'"},
    {"{FCGI_STDOUT, 1, *}", 1, 1,
     "this record has parts left open (* or ... or a lone word): it can be expected, not sent"},
    {"raw 00\n {FCGI_STDOUT, *, \"a\"}", 2, 2,
     "this record has parts left open (* or ... or a lone word): it can be expected, not sent"},
    {"{FCGI_PARAMS, 1, [base]}", 1, 1,
     "this record has parts left open (* or ... or a lone word): it can be expected, not sent"},
    {"{FCGI_ABORT_REQUEST, 1, \"a\"*65536}", 1, 1,
     "a content of more than 65535 bytes is cut into records only on a plain stream"},
    {"raw 0", 1, 5, "expected two hexadecimal digits, a string or random(N)"},
    {"raw 00 0g", 1, 8, "expected two hexadecimal digits, a string or random(N)"},
    {"raw \"...\"", 1, 5, "expected a text without '...' or '*'"},
};

// What can be expected but not sent, as the printer writes it.
const std::vector<const char*> pattern_texts{
    "{FCGI_STDOUT, 1, *}",
    "{FCGI_STDOUT, *, \"a...\"}",
    "{FCGI_STDOUT, 1, \"...a\"}",
    "{FCGI_STDOUT, 1, \"...a...\"}",
    "{FCGI_STDOUT, 1, \"\\056...\"}",
    "{FCGI_STDOUT, 1, \"\\056....\"}",
    "{FCGI_STDOUT, 1, \"a....\"}",
    "{FCGI_STDOUT, 1, \"....\"}",
    "{FCGI_STDOUT, 1, \"...\" + \"a\"*24}",
    "{FCGI_STDOUT, 1, \"a\"*24 + \"...\"}",
    "{FCGI_STDOUT, 1, \"...\" + \"a\"*24 + \"...\"}",
    "{FCGI_STDOUT, 1, \"a\"*24 + \"\\056...\"}",
    "{FCGI_STDOUT, 1, \"abc\", length=9, reserved=1, padding=4}",
    "{FCGI_END_REQUEST, 2, {*, FCGI_OVERLOADED}}",
    "{FCGI_END_REQUEST, 2, {0, *}}",
    "{FCGI_BEGIN_REQUEST, 2, {*, *}}",
    "{FCGI_UNKNOWN_TYPE, 0, {*}}",
    "{FCGI_GET_VALUES_RESULT, 0, [...]}",
    "{FCGI_GET_VALUES_RESULT, 0, [FCGI_MAX_CONNS=* ...]}",
    "{FCGI_PARAMS, 1, [base A=\"...1\" long \"b c\"=long \"2...\"]}",
    "{FCGI_PARAMS, 1, []}",
};

void check_inverse(const Buffer& bytes) {
    const std::string text = print_notation(bytes);
    const ParsedNotation parsed = parse_notation(text);
    BOOST_TEST(!parsed.error.has_value());
    BOOST_TEST((parsed.bytes == bytes), "parsed again: " + text.substr(0, 200));
}

RecordPattern pattern_of_text(std::string_view text) {
    NotationScanner scanner(text);
    RecordPattern result = scanner.record();
    BOOST_TEST(scanner.at_end());
    return result;
}

NotationContext context() {
    NotationContext result;
    result.numbers["N"] = 7;
    return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(canonical_texts_and_bytes_stand_for_each_other) {
    for (const CanonicalRow& row : canonical_rows) BOOST_TEST_CONTEXT(row.text) {
            const Buffer bytes = unhex(row.bytes);
            const ExactBytes block(bytes);
            BOOST_TEST(print_notation(block.view()) == row.text);
            const ParsedNotation parsed = parse_notation(row.text);
            BOOST_TEST(!parsed.error.has_value());
            BOOST_TEST(hex(parsed.bytes) == hex(bytes));
        }
}

BOOST_AUTO_TEST_CASE(other_texts_are_read_too) {
    for (const ReadRow& row : read_rows) BOOST_TEST_CONTEXT(row.text) {
            const ParsedNotation parsed = parse_notation(row.text, context());
            if (row.bytes == nullptr) {
                BOOST_TEST(parsed.error.has_value());
                continue;
            }
            BOOST_TEST(!parsed.error.has_value());
            BOOST_TEST(hex(parsed.bytes) == hex(unhex(row.bytes)));
        }
}

BOOST_AUTO_TEST_CASE(wrong_texts_are_refused_with_what_and_where) {
    for (const ErrorRow& row : error_rows) BOOST_TEST_CONTEXT(row.text) {
            // Exactly sized, so that a sanitizer sees a look behind the end.
            const ExactBytes block(bytes_of(row.text));
            const ParsedNotation parsed = parse_notation(text_of(block.view()), context());
            BOOST_TEST_REQUIRE(parsed.error.has_value());
            BOOST_TEST(parsed.error->what() == std::string(row.what));
            const TextPosition position = position_of(row.text, parsed.error->offset);
            BOOST_TEST(position.line == row.line);
            BOOST_TEST(position.column == row.column);
        }
}

BOOST_AUTO_TEST_CASE(what_came_before_an_error_is_kept) {
    const ParsedNotation parsed = parse_notation("raw 01\n{FCGI_STDIN, 1}\nraw zz\nraw 02\n");
    BOOST_TEST_REQUIRE(parsed.error.has_value());
    BOOST_TEST(hex(parsed.bytes) == "010105000100000000");
}

BOOST_AUTO_TEST_CASE(patterns_are_printed_as_they_were_read) {
    for (const char* text : pattern_texts) BOOST_TEST_CONTEXT(text) {
            const RecordPattern pattern = pattern_of_text(text);
            BOOST_TEST(print(pattern) == text);
            BOOST_TEST((pattern_of_text(print(pattern)) == pattern));
        }
}

BOOST_AUTO_TEST_CASE(open_ends_are_read_where_they_are) {
    struct Row {
        const char* text;
        TextPattern wanted;
    };
    for (const Row& row : std::vector<Row>{{"\"abc\"", {"abc", false, false}},
                                           {"\"...abc\"", {"abc", true, false}},
                                           {"\"abc...\"", {"abc", false, true}},
                                           {"\"...abc...\"", {"abc", true, true}},
                                           {"\"a...b\"", {"a...b", false, false}},
                                           {"\"a....\"", {"a.", false, true}},
                                           {"\"....a\"", {".a", true, false}},
                                           {"*", {"", true, true}},
                                           {"\"...\"", {"", true, true}},
                                           {"\"......\"", {"", true, true}},
                                           {"\"a\" + \"...\"", {"a", false, true}},
                                           {"\"...\" + \"a\"", {"a", true, false}}}) {
        BOOST_TEST_CONTEXT(row.text) {
            NotationScanner scanner(row.text);
            BOOST_TEST((scanner.text() == row.wanted));
            BOOST_TEST(scanner.at_end());
        }
    }
}

BOOST_AUTO_TEST_CASE(bytes_come_back_from_every_cut_of_a_conversation) {
    const ParsedNotation conversation = parse_notation(
        "{FCGI_BEGIN_REQUEST, 1, {FCGI_RESPONDER, 0}}\n{FCGI_PARAMS, 1, [A=\"b\" long C=\"d\"], padding=3}\n"
        "{FCGI_PARAMS, 1}\n{FCGI_STDOUT, 1, \"x\"*30 + \"y...z\" + \"\\377\"*24, padding=\"q\"*30}\n"
        "{FCGI_END_REQUEST, 1, {938, 9}, reserved=1}\n{77, 3, \"...\\000\", version=3}\n");
    // "y...z" ends with no open end, and "...\000" begins with one: it can't be sent.
    BOOST_TEST(conversation.error.has_value());
    const Bytes bytes(conversation.bytes);
    BOOST_TEST_REQUIRE(bytes.size() > 150U);
    for (std::size_t size = 0; size <= bytes.size(); ++size) BOOST_TEST_CONTEXT(size << " bytes") {
            check_inverse(Buffer(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)));
        }
}

BOOST_AUTO_TEST_CASE(bytes_come_back_for_every_byte_value_and_run) {
    for (unsigned value = 0; value <= 255; ++value)
        for (const std::size_t run : {1U, 2U, 3U, 23U, 24U, 25U}) {
            const Buffer content(run, static_cast<std::uint8_t>(value));
            Buffer bytes;
            encode_record({.type = RecordType::std_out, .request_id = 1, .content = content}, bytes);
            encode_record({.type = RecordType::params, .request_id = 1, .content = content, .padding = content}, bytes);
            BOOST_TEST_CONTEXT("byte " << value << ", " << run << " times") {
                check_inverse(bytes);
            }
        }
}

BOOST_AUTO_TEST_CASE(bytes_come_back_for_bodies_and_pairs_of_every_edge_size) {
    for (const std::size_t size : edge_sizes)
        for (const RecordType type : {RecordType::begin_request, RecordType::end_request, RecordType::params,
                                      RecordType::get_values_result, RecordType::unknown_type}) {
            const Buffer value = patterned(size);
            Buffer pair;
            if (size < 65000) encode_pair({.name = value, .value = value}, pair);
            Buffer bytes;
            encode_record({.type = type, .request_id = 1, .content = value}, bytes);
            encode_record(
                {.type = type, .content = pair, .padding = Bytes(value).first(std::min<std::size_t>(size, 255))},
                bytes);
            BOOST_TEST_CONTEXT(print(type) << " " << size) {
                check_inverse(bytes);
            }
        }
}

BOOST_AUTO_TEST_CASE(bytes_come_back_for_bytes_without_any_sense) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        const std::string text = random_bytes(seed, seed);
        const Bytes random = bytes_of(text);
        BOOST_TEST_CONTEXT("seed " << seed) {
            check_inverse(Buffer(random.begin(), random.end()));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_long_stream_value_is_cut_and_anything_else_is_refused) {
    const ParsedNotation parsed = parse_notation("{FCGI_STDIN, 1, \"a\"*65536}");
    BOOST_TEST(!parsed.error.has_value());
    BOOST_TEST(parsed.bytes.size() == 65536U + 2 * header_size);
    BOOST_TEST(print_notation(parsed.bytes) == "{FCGI_STDIN, 1, \"a\"*65535}\n{FCGI_STDIN, 1, \"a\"}\n");
    for (const char* field : {"version=2", "length=1", "padding=1", "reserved=1"}) {
        const std::string text = std::string("{FCGI_STDIN, 1, \"a\"*65536, ") + field + "}";
        BOOST_TEST_CONTEXT(field) {
            BOOST_TEST(parse_notation(text).error.has_value());
        }
    }
}

BOOST_AUTO_TEST_CASE(the_limit_of_what_is_written_holds_for_all_together) {
    NotationContext small;
    small.written_size_max = 10;
    BOOST_TEST(parse_notation("raw \"ab\"*5", small).bytes.size() == 10U);
    BOOST_TEST(parse_notation("raw \"ab\"*6", small).error.has_value());
    BOOST_TEST(!parse_notation("raw random(4)\nraw \"a\"*6\nraw \"abcdefghijklmn\"", small).error.has_value());
    BOOST_TEST(parse_notation("raw random(4)\nraw \"a\"*7", small).error.has_value());
}

BOOST_AUTO_TEST_CASE(what_is_long_is_made_short_where_only_its_form_matters) {
    NotationContext few;
    few.made_size_max = 4;
    struct Row {
        std::string text, made;
        bool abridged;
    };
    for (const Row& row : std::vector<Row>{{"\"ab\"*2", "abab", false},
                                           {"\"ab\"*3", "abab", true},
                                           {"\"abc\"*2 + \"d\"", "abcad", true},
                                           {"\"abcdefgh\"", "abcdefgh", false},
                                           {"random(4)", random_bytes(4, 1), false},
                                           {"random(5)", random_bytes(4, 1), true}})
        BOOST_TEST_CONTEXT(row.text) {
            NotationScanner scanner(row.text, few);
            BOOST_TEST(scanner.bytes() == row.made);
            BOOST_TEST(scanner.abridged() == row.abridged);
        }
    few.written_size_max = 9;
    BOOST_TEST(parse_notation("raw \"ab\"*5", few).error.has_value());
}

// SplitMix64 from its definition, seed 1 and others: a changed generator would change every script that names it.
BOOST_AUTO_TEST_CASE(random_bytes_are_the_same_for_ever) {
    BOOST_TEST(hex(bytes_of(random_bytes(0, 1))) == "");
    BOOST_TEST(hex(bytes_of(random_bytes(16, 0))) == "afcd1d7b39a820e2f465b9a16a9e786e");
    BOOST_TEST(hex(bytes_of(random_bytes(16, 1))) == "c15c0289ec2d0a9167ec8e65a18debbe");
    BOOST_TEST(hex(bytes_of(random_bytes(8, 1234567))) == "85fc08fb17d09e59");
    for (const std::size_t size : {1U, 7U, 8U, 9U, 100U}) BOOST_TEST_CONTEXT(size) {
            BOOST_TEST(random_bytes(200, 5).substr(0, size) == random_bytes(size, 5));
        }
    BOOST_TEST(random_bytes(100, 5) != random_bytes(100, 6));
}

BOOST_AUTO_TEST_CASE(positions_count_from_one) {
    const std::string_view text = "ab\n\ncd";
    struct Row {
        std::size_t offset, line, column;
        std::string_view line_text;
    };
    for (const Row& row : std::vector<Row>{{0, 1, 1, "ab"},
                                           {1, 1, 2, "ab"},
                                           {2, 1, 3, "ab"},
                                           {3, 2, 1, ""},
                                           {4, 3, 1, "cd"},
                                           {6, 3, 3, "cd"},
                                           {99, 3, 3, "cd"}}) {
        const TextPosition position = position_of(text, row.offset);
        BOOST_TEST_CONTEXT("offset " << row.offset) {
            BOOST_TEST(position.line == row.line);
            BOOST_TEST(position.column == row.column);
            BOOST_TEST(position.text == row.line_text);
        }
    }
    BOOST_TEST(position_of("", 0).line == 1U);
}

BOOST_AUTO_TEST_CASE(the_brief_style_shortens_and_says_so) {
    const Buffer content = patterned(300);
    const std::string brief =
        print(Record{.type = RecordType::std_out, .request_id = 1, .content = content}, PrintStyle::brief);
    BOOST_TEST(brief.size() < 350U);
    const Buffer run(65000, 'a');
    BOOST_TEST(print(Record{.type = RecordType::std_out, .request_id = 1, .content = run}, PrintStyle::brief) ==
               "{FCGI_STDOUT, 1, \"a\"*65000}");
    BOOST_TEST(brief.find("(300 bytes)") != std::string::npos);
    BOOST_TEST(print_raw(content, PrintStyle::brief).find("(300 bytes)") != std::string::npos);
    const Buffer small = unhex("616263");
    BOOST_TEST(print(Record{.type = RecordType::std_out, .request_id = 1, .content = small}, PrintStyle::brief) ==
               "{FCGI_STDOUT, 1, \"abc\"}");
}

BOOST_AUTO_TEST_CASE(the_parts_of_a_script_line_are_read_one_by_one) {
    NotationScanner scanner("> request-1 expects  some text # kept \n< next");
    BOOST_TEST(scanner.accept(">"));
    BOOST_TEST(!scanner.sees("request"));  // a whole word or nothing
    BOOST_TEST(scanner.word("a verb") == "request-1");
    BOOST_TEST(scanner.accept("expects"));
    BOOST_TEST(scanner.rest_of_line() == "some text # kept");
    BOOST_TEST(scanner.at_line_end());
    BOOST_TEST(!scanner.at_end());
    scanner.expect("<");
    BOOST_TEST(scanner.word("a word") == "next");
    BOOST_TEST(scanner.at_end());
    BOOST_CHECK_THROW(scanner.expect("x"), NotationError);
    BOOST_CHECK_THROW(scanner.word("a word"), NotationError);
}

BOOST_AUTO_TEST_SUITE_END()

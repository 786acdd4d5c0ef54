// Conversations for the tests of the checker: lines of notation that are shown to it, and what it accuses.
#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "codec/notation.hpp"
#include "conformance/engine/checker.hpp"

namespace fcgispec::test {

/// An accusation, and the line of the conversation that it was made at.
struct Accused {
    std::string line;
    std::string requirement;
    std::string wanted;
    std::string got;
    bool operator==(const Accused&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Accused& accused) {
    return out << accused.requirement << ": " << accused.got << " (wanted: " << accused.wanted << ") at "
               << accused.line;
}

/// Shows a conversation to a checker: "> {...}" and "< {...}" are records of the Web server and of the application,
/// "> close" and "< close 5" ends, with what the last record lacks. Records are padded as recommended [§3.3] where
/// `padded`, so that only what a test is about is accused.
class Conversation {
public:
    explicit Conversation(bool padded = true) : padded_(padded) {}

    void say(std::string_view text) {
        while (!text.empty()) {
            const std::size_t end = std::min(text.find('\n'), text.size());
            say_line(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
    }

    LifecycleChecker checker;
    std::vector<Accused> accused;
    bool meaningless = false;  // the last line

private:
    void say_line(std::string_view line) {
        if (line.empty()) return;
        const Side from = line[0] == '>' ? Side::web_server : Side::application;
        NotationScanner scanner(line.substr(2));
        if (scanner.accept("close")) {
            return note(line, checker.see_end(from, scanner.at_end() ? 0 : scanner.number(65536)));
        }
        Buffer bytes;
        BOOST_TEST_REQUIRE(encode(scanner.record(), bytes) == "");
        Record record = *decode_record(bytes).record;
        const Buffer padding(padded_ && record.padding.empty() ? (8 - bytes.size() % 8) % 8 : record.padding.size());
        record.padding = padding;
        note(line, checker.see_record(from, record));
    }
    void note(std::string_view line, const Judgement& judgement) {
        meaningless = judgement.meaningless;
        for (const Accusation& accusation : judgement.accusations)
            accused.push_back(
                {std::string(line), std::string(accusation.requirement), accusation.wanted, accusation.got});
    }

    bool padded_;
};

inline std::vector<Accused> accused_in(std::string_view text, bool padded = true) {
    Conversation conversation(padded);
    conversation.say(text);
    return conversation.accused;
}

inline std::multiset<std::string> requirements_of(const std::vector<Accused>& accused) {
    std::multiset<std::string> result;
    for (const Accused& one : accused) result.insert(one.requirement);
    return result;
}

}  // namespace fcgispec::test

// Parts of conversations.
#define BEGIN(role) "> {FCGI_BEGIN_REQUEST, 1, {" role ", FCGI_KEEP_CONN}}\n"
#define PARAMS "> {FCGI_PARAMS, 1, [A=\"1\"]}\n> {FCGI_PARAMS, 1, \"\"}\n"
#define REQUEST BEGIN("FCGI_RESPONDER") PARAMS "> {FCGI_STDIN, 1, \"\"}\n"
#define OUTPUT "< {FCGI_STDOUT, 1, \"x\"}\n< {FCGI_STDOUT, 1, \"\"}\n"
#define END "< {FCGI_END_REQUEST, 1, {0, FCGI_REQUEST_COMPLETE}}\n"

// What was said in a conversation, on all its connections, and of what the checker accuses the peer meanwhile; and which few lines of
// that a finding shows.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/engine/checker.hpp"
#include "conformance/engine/evidence.hpp"
#include "conformance/engine/said.hpp"

namespace fcgispec {

/// In which a record was said.
struct Circumstances {
    bool active = false;   ///< its request was
    bool aborted = false;  ///< it had been
    bool by_peer = false;  ///< the variables of a request are ours to choose, and tell little; those of a Web server are what it is asked for
};
/// What isn't as usual tells most of why something is wrong, and to which request a record belongs; then what is said at all; that a
/// stream ends, least.
[[nodiscard]] int weight_of(const Record& record, const Judgement& judgement, const Circumstances& circumstances);

/// One line of a trace: a record either side said, or an end.
struct TraceLine {
    Side from{};
    std::string connection;
    std::string text;  ///< notation, long contents shortened
    int weight = 0;    ///< how much it tells of what comes after it
    bool said = true;  ///< else it is a comment
    /// "b> {FCGI_...}"; the peer's begin with "<".
    [[nodiscard]] std::string print() const;
};

/// The first accusation of breaking one requirement, the line of the trace that it is about, and how many there were.
struct AccusedLine {
    Accusation accusation;
    std::size_t line = 0;
    std::size_t count = 0;
};

/// What all connections of a conversation share.
struct ConversationLog {
    Side ours = Side::web_server;
    Pairs params;  ///< the user's --param, part of `base`
    std::vector<std::string> variables;  ///< which the scenario asks of a Web server's request: others needn't be shown
    std::vector<TraceLine> lines;
    std::map<std::string_view, AccusedLine> accused;  ///< by requirement
    std::size_t size = 0;                             ///< of the lines' texts, bytes
    std::size_t num_left_out = 0;                     ///< lines beyond the limits
    Evidence raw;
    std::size_t raw_size = 0;
    std::size_t received_size = 0;  ///< by all connections
    std::size_t kept_size = 0;      ///< of that, ConnectionSeen::size of all
    [[nodiscard]] bool full() const noexcept;
    /// Whether a line so judged is kept: the first evidence against a requirement is, even when the log is full.
    [[nodiscard]] bool keeps(Side from, const Judgement& judgement) const;
    void add(TraceLine line, bool keep);
    /// What nobody said, and may decide all the same.
    void add_comment(std::string text);
    void add(const Accusation& accusation);  ///< of the last line
    /// What is shown with a finding: that line, and of those before it those that tell most. A comment stands for what is left out
    /// between them, `...` for variables of a Web server's that the scenario isn't about; `base`, and the line "> request 1" for the
    /// records of a whole one, for what they stand for in a scenario. `mark` puts "! " before the line itself.
    [[nodiscard]] Excerpt around(std::size_t line, bool mark) const;
    /// Records of ours that nobody got: the first of them, or the request that they begin with.
    [[nodiscard]] std::string told(Bytes bytes) const;
    void add(RawPiece piece);
};

}  // namespace fcgispec

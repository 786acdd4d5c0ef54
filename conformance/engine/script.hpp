// A scenario as a value, and the text front end that makes it. The value is primary: property_scenarios.cpp makes others in C++.
// One page of grammar is in conformance/scenarios/README.md; the record notation is codec/notation.hpp's.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "codec/body.hpp"
#include "codec/notation.hpp"

namespace fcgispec {

/// Which side of the transport connection. As the side under test: of a scenario, a run, a requirement.
enum class Side : std::uint8_t { application, web_server };
/// "application", "web-server".
[[nodiscard]] std::string_view name_of(Side side) noexcept;
[[nodiscard]] constexpr Side other_side(Side side) noexcept { return side == Side::application ? Side::web_server : Side::application; }

// What a line of a scenario does. `connection` is the name before the arrow, "" for the one without a name. Where we play
// the Web server a connection is opened when it is first used. Where we play the application the Web server opens them, and
// chooses request ids: those of a scenario stand for the requests that come, in the order of their lines.

/// A record or raw bytes that our side says.
struct Send {
    NotationLine line;
};
/// A whole request: FCGI_BEGIN_REQUEST, FCGI_PARAMS and its end, FCGI_STDIN and its end, for a Filter FCGI_DATA and its
/// end, without FCGI_STDIN for an Authorizer [§6.2, §6.3, §6.4].
struct SendRequest {
    std::uint16_t request_id = 1;
    PairsPattern pairs;  ///< added to `base`, replacing those of the same name
    Role role = Role::responder;
    std::uint8_t flags = keep_conn;
    std::string std_in;  ///< CONTENT_LENGTH is added where the pairs don't say it and this isn't empty
    std::string data;    ///< FCGI_DATA_LENGTH and FCGI_DATA_LAST_MOD likewise
};
/// A record or, for streams, the next bytes of the stream's value that the peer must say.
struct Expect {
    RecordPattern record;
};
/// FCGI_END_REQUEST with FCGI_REQUEST_COMPLETE for that request, and where given its CGI status and body [CGI §6].
struct ExpectResponse {
    std::uint16_t request_id = 1;
    std::optional<unsigned> status;   ///< of the Status field, 200 where there is none [CGI §6.3.3]
    std::optional<TextPattern> body;  ///< what follows the CGI header block in FCGI_STDOUT
};
/// A whole request of the Web server's, up to the end of its last input stream [§6.2, §6.3, §6.4].
struct ExpectRequest {
    std::uint16_t request_id = 1;
    PairsPattern pairs;                ///< all of these are among its variables
    std::vector<std::string> without;  ///< none of these is
    Role role = Role::responder;
    std::optional<std::uint8_t> flags;
    std::optional<TextPattern> std_in;
    std::optional<TextPattern> data;
    std::string std_in_size;  ///< a variable whose value says how many bytes FCGI_STDIN has; "" where it doesn't matter
    std::string data_size;    ///< likewise FCGI_DATA
};
/// The application that the Web server has started last found this state [§2], of the names that handover.hpp lists.
struct ExpectState {
    PairsPattern pairs;  ///< all of these are among it
};
/// A whole response: FCGI_STDOUT with a CGI header block [CGI §6] and `body`, its end, FCGI_END_REQUEST with status 0.
struct SendResponse {
    std::uint16_t request_id = 1;
    std::optional<unsigned> status;                           ///< as Status field
    std::string location;                                     ///< a path below the URL under test, as Location field; "": none
    std::vector<std::pair<std::string, std::string>> fields;  ///< Content-Type: text/plain is added where neither is given
    std::string body;
};
enum class Closing : std::uint8_t { connect, close, half_close, reset };
/// What our side does with the connection. `connect`: opens it and says nothing.
struct CloseOurs {
    Closing how{};
    std::optional<std::uint16_t> request_id;  ///< playing the application: the connection of that request, else of the last one
};
/// The peer closes or resets the connection.
struct ExpectClose {
    std::optional<std::uint16_t> request_id;  ///< as in CloseOurs
};
/// What an application that we play answers to FCGI_GET_VALUES, of the names that were asked; `silent`: nothing.
struct AnswerValues {
    std::vector<std::pair<std::string, std::string>> values;
    bool silent = false;
};

// The HTTP side of a Web server's test: connections whose names begin with "http".

/// A request of the HTTP client's [RFC 9112].
struct HttpSend {
    std::string method;
    std::string target;  ///< added to the path of the URL under test
    bool http10 = false;
    std::vector<std::pair<std::string, std::string>> fields;  ///< Host, Connection: close and, with a body, Content-Length are added where not given
    std::string body;
};
/// Any bytes on the HTTP connection: the rest of a body that is slow, or what is no HTTP.
struct HttpSendBytes {
    std::string bytes;
};
/// The response to the last request on that HTTP connection.
struct HttpExpect {
    unsigned status_min = 100;
    unsigned status_max = 999;
    bool failure = false;  ///< a complete response with status 500 or above, or one that is cut: the connection ends before it is whole
    std::vector<std::pair<std::string, TextPattern>> fields;  ///< each is among its fields
    std::vector<std::string> without;                         ///< none of these is
    std::optional<TextPattern> body;
};
/// The bytes of the following `>` lines, up to the next line of another kind, are cut into writes behind these offsets.
struct Cut {
    std::vector<std::uint32_t> offsets;
};
/// From here on at most so many bytes are read at a time: a slow reader.
struct ReadSize {
    std::uint32_t size = 0;
};
/// A peer of this scenario's own is started, on a socket of its own, with these variables in its environment [§2.3].
struct StartPeer {
    std::vector<std::pair<std::string, std::string>> environment;
    bool tcp = false;  ///< its listening socket is TCP on 127.0.0.1; else a unix socket
};
/// A signal to the peer that the scenario started.
struct SignalPeer {
    int signal = SIGTERM;
};
/// The peer that the scenario started exits by itself, with this status where given.
struct ExpectExit {
    std::optional<std::uint32_t> status;
};
/// The scenario ends here.
struct Stop {};
struct Alternative;
/// Alternatives, followed side by side; the first whose expectations are all met is taken.
struct Either {
    std::vector<Alternative> alternatives;
};

struct Step {
    std::size_t line = 0;  ///< in the scenario's text, from 1; 0 where there is none
    std::string connection;
    std::variant<Send, SendRequest, SendResponse, Expect, ExpectRequest, ExpectResponse, ExpectState, CloseOurs, ExpectClose, AnswerValues, HttpSend,
                 HttpSendBytes, HttpExpect, Cut, ReadSize, StartPeer, SignalPeer, ExpectExit, Stop, Either>
        action;
};
/// Whether it waits for the peer.
[[nodiscard]] bool is_expectation(const Step& step) noexcept;
/// Whether it is about an HTTP connection.
[[nodiscard]] bool is_http(const Step& step) noexcept;

struct Alternative {
    std::string name;
    /// What it means of the peer that it goes this way.
    enum class Kind : std::uint8_t {
        fine,
        tolerated,  ///< poor but allowed
        unjudged,   ///< another requirement's matter: the scenario ends here, and tells nothing
    };
    Kind kind = Kind::fine;
    std::vector<Step> steps;
};
/// What the steps of a scenario are read from.
struct ScenarioSource {
    std::string text;
    NotationContext context;
};
struct Scenario {
    std::string name;   ///< path below scenarios/ without .fcs, with [N=..] for a table case
    std::string file;   ///< for messages; empty where made in C++
    std::string title;  ///< what it shows, a sentence
    Side side = Side::application;       ///< under test
    std::vector<std::string> proves;     ///< requirement ids; a failure accuses the first
    std::vector<std::string> needs;      ///< capabilities of the peer without which it is skipped
    std::vector<Step> steps;
    std::shared_ptr<const ScenarioSource> unread;  ///< where there are no steps yet, what they are read from
};
/// The scenario with its steps. Those that are unread have been found readable before: a NotationError is our own error.
[[nodiscard]] Scenario whole(const Scenario& scenario);

/// The capabilities that `needs` may name; the probe finds out which a peer has.
[[nodiscard]] const std::vector<std::string>& known_capabilities();

struct ScriptError {
    std::string file;
    std::size_t line = 0;
    std::size_t column = 0;
    std::string message;
    std::string text;  ///< the line
    /// file:line:column: message, the line, and a caret under the column; file: message where `line` is 0. The line may be any
    /// bytes: what a terminal can't show is escaped, and tabs are blanks.
    [[nodiscard]] std::string print() const;
};
/// Where in `text`, which is that of `file`.
[[nodiscard]] ScriptError located(const NotationError& error, std::string_view text, const std::string& file);

struct ParsedScript {
    std::vector<Scenario> scenarios;  ///< one, or one for each value of its tables; none where there is an error
    std::vector<ScriptError> errors;
};
/// What becomes of scenarios with texts longer than a record, which all together would fill some hundred MiB.
enum class LongOnes : std::uint8_t {
    read,
    unread,  ///< they are looked through for errors; `whole` makes their steps when they are played
};
/// Reads the text of one scenario file. `name` is its path below scenarios/ without .fcs. Not checked: whether the
/// requirements exist.
[[nodiscard]] ParsedScript parse_script(std::string_view text, const std::string& name, const std::string& file, Side side,
                                        std::uint64_t seed = 1, LongOnes long_ones = LongOnes::read);

/// All scenarios of a folder scenarios/<side>/, long ones unread, in the order of their names, with the errors of those unreadable.
[[nodiscard]] ParsedScript load_scripts(const std::filesystem::path& scenarios_folder, Side side, std::uint64_t seed = 1);

/// The line as it would be written in a scenario for `under_test`, for messages. Alternatives on one line, as below.
[[nodiscard]] std::string print(const Step& step, Side under_test, PrintStyle style = PrintStyle::brief);
/// Its name and its steps: "closed (< close)".
[[nodiscard]] std::string print(const Alternative& alternative, Side under_test, PrintStyle style = PrintStyle::brief);
/// How much who reads its steps has to read: lines first, then characters, without measure; SIZE_MAX where they are unread. Of two
/// cases the smaller is the plainer.
[[nodiscard]] std::size_t reading_size(const Scenario& scenario);
/// The name of a scenario without the "[N=1]" of a case of a table.
[[nodiscard]] inline std::string name_of_table(std::string_view scenario) { return std::string(scenario.substr(0, scenario.find('['))); }
/// The names of the variables that `steps` look for in requests of a Web server, or want not to be there.
[[nodiscard]] std::vector<std::string> variables_asked(const std::vector<Step>& steps);
/// The steps as they would be written in a scenario, a line each; alternatives have their lines below them.
[[nodiscard]] std::vector<std::string> lines_of(const std::vector<Step>& steps, Side under_test, PrintStyle style = PrintStyle::brief);

}  // namespace fcgispec

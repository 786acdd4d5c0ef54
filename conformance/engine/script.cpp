#include "conformance/engine/script.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "conformance/engine/report_text.hpp"

namespace fcgispec {
namespace {

constexpr std::string_view http_prefix = "http";  // of the names of HTTP connections
constexpr std::size_t num_cases_max = 4096;  // of one file: tables multiply
constexpr std::size_t looked_through_size_max = content_size_max + 1;  // too long for a record is too long, however much

/// `each N in 0 1 7 8..15`.
struct Table {
    std::string name;
    std::vector<std::uint32_t> values;
};

struct Head {
    std::string title;
    std::vector<std::string> proves;
    std::vector<std::string> needs;
    std::vector<Table> tables;
};

std::optional<int> signal_named(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, int>, 4> signals{
        {{"SIGTERM", SIGTERM}, {"SIGKILL", SIGKILL}, {"SIGUSR1", SIGUSR1}, {"SIGHUP", SIGHUP}}};
    for (const auto& [known, number] : signals)
        if (known == name) return number;
    return std::nullopt;
}

/// Reads one scenario file. What it reads of the head goes to `head`; the steps are read anew for each table case.
class ScriptParser {
public:
    ScriptParser(std::string_view text, const NotationContext& context, Side under_test)
        : scanner_(text, context), text_(text), under_test_(under_test) {}

    Head head() {
        Head result;
        while (!scanner_.at_end()) {
            if (scanner_.accept("scenario")) {
                if (!result.title.empty()) scanner_.fail("expected one 'scenario' line in a file");
                result.title = scanner_.rest_of_line();
                if (result.title.empty()) scanner_.fail("expected what the scenario shows, a sentence");
            } else if (scanner_.accept("proves")) {
                append_list(result.proves, "a requirement id, R-5.5-2");
            } else if (scanner_.accept("needs")) {
                const std::size_t first = result.needs.size();
                append_list(result.needs, "a capability");
                check_capabilities(result.needs, first);
            } else if (scanner_.accept("each")) {
                result.tables.push_back(table(result.tables));
            } else {
                break;
            }
            scanner_.next_line();
        }
        if (result.title.empty()) scanner_.fail("expected 'scenario' and what it shows");
        if (result.proves.empty()) scanner_.fail("expected 'proves' and a requirement id");
        return result;
    }

    [[nodiscard]] bool abridged() const noexcept { return scanner_.abridged(); }

    std::vector<Step> steps() {
        std::vector<Step> result;
        while (!scanner_.at_end()) result.push_back(step(false));
        if (result.empty()) scanner_.fail("expected at least one line of dialogue");
        return result;
    }

private:
    void append_list(std::vector<std::string>& list, std::string_view what) {
        do list.emplace_back(scanner_.word(what));
        while (scanner_.accept(","));
    }

    void check_capabilities(const std::vector<std::string>& needs, std::size_t first) {
        const auto& known = known_capabilities();
        for (std::size_t i = first; i < needs.size(); ++i) {
            if (std::find(known.begin(), known.end(), needs[i]) != known.end()) continue;
            std::string all;
            for (const std::string& capability : known) all += (all.empty() ? "" : " ") + capability;
            scanner_.fail("unknown capability '" + needs[i] + "', expected one of: " + all);
        }
    }

    Table table(const std::vector<Table>& before) {
        Table result;
        result.name = scanner_.word("the table's name");
        std::size_t num_cases = 1;
        for (const Table& other : before) {
            if (other.name == result.name) scanner_.fail("expected another name: there is a table '" + result.name + "' already");
            num_cases *= other.values.size();
        }
        scanner_.expect("in");
        while (!scanner_.at_line_end()) {
            const std::uint32_t first = scanner_.number(UINT32_MAX);
            const std::uint32_t last = scanner_.accept("..") ? scanner_.number(UINT32_MAX) : first;
            if (last < first || last - first >= num_cases_max) scanner_.fail("expected an ascending range of at most 4096 values");
            for (std::uint64_t value = first; value <= last; ++value) result.values.push_back(static_cast<std::uint32_t>(value));
        }
        if (result.values.empty()) scanner_.fail("expected at least one value");
        if (num_cases * result.values.size() > num_cases_max) scanner_.fail("expected tables that make at most 4096 cases together");
        return result;
    }

    /// Counts on from the call before: a script may have thousands of lines.
    std::size_t line_here() {
        const auto text = text_.substr(counted_size_, scanner_.offset() - counted_size_);
        line_ += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
        counted_size_ = scanner_.offset();
        return line_;
    }

    Step step(bool within_either) {
        Step result;
        result.line = line_here();
        if (scanner_.accept("either")) {
            if (within_either) scanner_.fail("expected no 'either' within an 'either'");
            result.action = either();
            return result;
        }
        if (scanner_.accept("stop")) {
            result.action = Stop{};
        } else if (scanner_.accept("cut")) {
            Cut cut;
            while (!scanner_.at_line_end()) cut.offsets.push_back(scanner_.number(UINT32_MAX));
            if (cut.offsets.empty() || !std::is_sorted(cut.offsets.begin(), cut.offsets.end()))
                scanner_.fail("expected ascending offsets in bytes");
            result.action = std::move(cut);
        } else if (scanner_.accept("reads")) {
            result.action = ReadSize{std::max(1U, scanner_.number(1U << 20))};
        } else if (under_test_ == Side::web_server && scanner_.accept("values")) {
            result.action = values();
        } else if (scanner_.accept("process")) {
            result.action = process();
        } else {
            dialogue(result);
        }
        scanner_.next_line();
        return result;
    }

    StartPeer start_peer() {
        StartPeer result;
        if (scanner_.sees("[")) result.environment = exact_pairs();
        result.tcp = scanner_.accept("tcp");
        if (!result.tcp) scanner_.accept("unix");
        return result;
    }

    decltype(Step::action) process() {
        if (scanner_.accept("start")) return start_peer();
        if (scanner_.accept("signal")) {
            const auto signal = signal_named(scanner_.word("a signal"));
            if (!signal) scanner_.fail("expected SIGTERM, SIGKILL, SIGUSR1 or SIGHUP before here");
            return SignalPeer{*signal};
        }
        scanner_.expect("exits");
        return ExpectExit{scanner_.number_or_any(255)};
    }

    void dialogue(Step& step) {
        if (!scanner_.sees(">") && !scanner_.sees("<"))
            step.connection = scanner_.word("'>', '<', 'either', 'cut', 'reads', 'process', 'stop' or a connection's name");
        const bool forward = scanner_.accept(">");
        if (!forward && !scanner_.accept("<")) scanner_.fail("expected '>' or '<'");
        if (under_test_ == Side::web_server && step.connection.starts_with(http_prefix)) {
            step.action = forward ? http_ours() : http_theirs();
        } else if (under_test_ == Side::web_server) {
            step.action = forward ? theirs_of_web_server() : ours_of_application();
        } else {
            step.action = forward ? ours() : theirs();
        }
    }

    std::optional<Closing> closing() {
        if (scanner_.accept("close")) return Closing::close;
        if (scanner_.accept("half-close")) return Closing::half_close;
        if (scanner_.accept("reset")) return Closing::reset;
        return std::nullopt;
    }

    std::optional<std::uint16_t> request_id_if_any() {
        if (scanner_.at_line_end()) return std::nullopt;
        return static_cast<std::uint16_t>(scanner_.number(65535));
    }

    // ---- where we play the Web server ----

    decltype(Step::action) ours() {
        if (scanner_.accept("connect")) return CloseOurs{Closing::connect, {}};
        if (const auto how = closing()) return CloseOurs{*how, {}};
        if (scanner_.accept("request")) return request();
        if (!scanner_.sees("raw") && !scanner_.sees("{"))
            scanner_.fail("expected a record, raw, request, connect, close, half-close or reset");
        return Send{scanner_.line()};
    }

    decltype(Step::action) theirs() {
        // A trace says `reset` where the peer did that, a recording `half-close`: what is saved can be played again.
        if (scanner_.accept("close") || scanner_.accept("half-close") || scanner_.accept("reset")) return ExpectClose{};
        if (scanner_.accept("response")) return response();
        if (!scanner_.sees("{")) scanner_.fail("expected a record, response or close");
        return Expect{scanner_.record()};
    }

    // ---- where we play the application ----

    decltype(Step::action) ours_of_application() {
        if (const auto how = closing()) return CloseOurs{*how, request_id_if_any()};
        if (scanner_.accept("response")) return response_of_ours();
        if (!scanner_.sees("raw") && !scanner_.sees("{")) scanner_.fail("expected a record, raw, response, close, half-close or reset");
        return Send{scanner_.line()};
    }

    decltype(Step::action) theirs_of_web_server() {
        if (scanner_.accept("close") || scanner_.accept("half-close") || scanner_.accept("reset")) return ExpectClose{request_id_if_any()};
        if (scanner_.accept("request")) return request_of_theirs();
        if (scanner_.accept("process")) return ExpectState{scanner_.pairs()};
        if (!scanner_.sees("{")) scanner_.fail("expected a record, request, process or close");
        return Expect{scanner_.record()};
    }

    ExpectRequest request_of_theirs() {
        ExpectRequest result;
        result.request_id = static_cast<std::uint16_t>(scanner_.number(65535));
        if (scanner_.sees("[")) result.pairs = scanner_.pairs();
        while (!scanner_.at_line_end()) {
            const std::string_view field = scanner_.word("role=, flags=, without=, stdin= or data=");
            scanner_.expect("=");
            if (field == "role") {
                result.role = role();
            } else if (field == "flags") {
                result.flags = flags();
            } else if (field == "without") {
                result.without.emplace_back(scanner_.word("a variable's name"));
            } else if (field == "stdin" && scanner_.accept("CONTENT_LENGTH")) {
                result.std_in_size = "CONTENT_LENGTH";
            } else if (field == "stdin") {
                result.std_in = scanner_.text();
            } else if (field == "data" && scanner_.accept("FCGI_DATA_LENGTH")) {
                result.data_size = "FCGI_DATA_LENGTH";
            } else if (field == "data") {
                result.data = scanner_.text();
            } else {
                scanner_.fail("expected role=, flags=, without=, stdin= or data= before here");
            }
        }
        return result;
    }

    SendResponse response_of_ours() {
        SendResponse result;
        result.request_id = static_cast<std::uint16_t>(scanner_.number(65535));
        if (scanner_.accept("status")) {
            scanner_.expect("=");
            result.status = scanner_.number(999);
        }
        if (scanner_.accept("location")) {
            scanner_.expect("=");
            result.location = scanner_.token("a local path, /hello");
        }
        if (scanner_.sees("[")) result.fields = exact_pairs();
        if (!scanner_.at_line_end()) result.body = scanner_.bytes();
        return result;
    }

    std::vector<std::pair<std::string, std::string>> exact_pairs() {
        std::vector<std::pair<std::string, std::string>> result;
        const PairsPattern pairs = scanner_.pairs();
        for (const PairPattern& pair : pairs.pairs) {
            if (!pair.value || !pair.value->exact() || pairs.open) scanner_.fail("expected NAME=\"value\" pairs before here");
            result.emplace_back(pair.name, pair.value->text);
        }
        return result;
    }

    AnswerValues values() {
        if (scanner_.accept("silent")) return {.values = {}, .silent = true};
        return {.values = exact_pairs()};
    }

    // ---- the HTTP side ----

    decltype(Step::action) http_ours() {
        if (const auto how = closing()) return CloseOurs{*how, {}};
        if (scanner_.accept("raw")) return HttpSendBytes{scanner_.bytes()};
        if (scanner_.accept("reads")) return ReadSize{std::max(1U, scanner_.number(1U << 20))};
        HttpSend result;
        result.method = scanner_.word("an HTTP method, raw, close, half-close or reset");
        result.target = scanner_.sees("\"") ? scanner_.bytes() : std::string(scanner_.token("the target, /hello"));
        if (!result.target.starts_with("/")) scanner_.fail("expected a target that begins with '/' before here");
        result.http10 = scanner_.accept("HTTP/1.0");
        if (scanner_.sees("[")) result.fields = exact_pairs();
        if (!scanner_.at_line_end()) result.body = scanner_.bytes();
        return result;
    }

    decltype(Step::action) http_theirs() {
        if (scanner_.accept("close") || scanner_.accept("reset")) return ExpectClose{};
        HttpExpect result;
        if (scanner_.accept("failure")) {
            result.failure = true;
            return result;
        }
        read_status(result);
        if (scanner_.sees("["))
            for (PairPattern& pair : scanner_.pairs().pairs) {
                if (!pair.value && pair.name != "...") scanner_.fail("expected Name=\"value\" pairs before here");
                if (pair.value) result.fields.emplace_back(std::move(pair.name), std::move(*pair.value));
            }
        while (scanner_.accept("without")) {
            scanner_.expect("=");
            result.without.emplace_back(scanner_.word("a field's name"));
        }
        if (!scanner_.at_line_end()) result.body = scanner_.text();
        return result;
    }

    /// 200, 4xx or *.
    void read_status(HttpExpect& expected) {
        static constexpr std::array<std::string_view, 4> classes{"2xx", "3xx", "4xx", "5xx"};
        if (scanner_.accept("*")) return;
        for (std::size_t i = 0; i < classes.size(); ++i)
            if (scanner_.accept(classes[i])) {
                expected.status_min = static_cast<unsigned>((i + 2) * 100);
                expected.status_max = expected.status_min + 99;
                return;
            }
        expected.status_min = expected.status_max = scanner_.number(999);
        if (expected.status_min < 100) scanner_.fail("expected a status, a class of them (4xx), * or failure before here");
    }

    // ---- requests and responses ----

    SendRequest request() {
        SendRequest result;
        result.request_id = static_cast<std::uint16_t>(scanner_.number(65535));
        if (scanner_.sees("[")) result.pairs = scanner_.pairs();
        while (!scanner_.at_line_end()) {
            const std::string_view field = scanner_.word("role=, flags=, stdin= or data=");
            scanner_.expect("=");
            if (field == "role") {
                result.role = role();
            } else if (field == "flags") {
                result.flags = flags();
            } else if (field == "stdin") {
                result.std_in = scanner_.bytes();
            } else if (field == "data") {
                result.data = scanner_.bytes();
            } else {
                scanner_.fail("expected role=, flags=, stdin= or data= before here");
            }
        }
        return result;
    }

    std::uint8_t flags() { return scanner_.accept("FCGI_KEEP_CONN") ? keep_conn : static_cast<std::uint8_t>(scanner_.number(255)); }

    Role role() {
        for (const Role role : {Role::responder, Role::authorizer, Role::filter})
            if (scanner_.accept(name_of(role))) return role;
        return static_cast<Role>(scanner_.number(65535));
    }

    ExpectResponse response() {
        ExpectResponse result;
        result.request_id = static_cast<std::uint16_t>(scanner_.number(65535));
        if (scanner_.accept("status")) {
            scanner_.expect("=");
            result.status = scanner_.number(999);
        }
        if (!scanner_.at_line_end()) result.body = scanner_.text();
        return result;
    }

    Either either() {
        Either result;
        bool more = true;
        while (more) {
            Alternative alternative;
            if (scanner_.accept("tolerated"))
                alternative.kind = Alternative::Kind::tolerated;
            else if (scanner_.accept("unjudged"))
                alternative.kind = Alternative::Kind::unjudged;
            alternative.name = scanner_.word("the alternative's name");
            scanner_.next_line();
            while (!scanner_.at_end() && !scanner_.sees("or") && !scanner_.sees("end"))
                alternative.steps.push_back(step(true));
            if (alternative.steps.empty() || !is_expectation(alternative.steps.front()))
                scanner_.fail("expected alternative '" + alternative.name + "' to begin with an expectation (" + (under_test_ == Side::application ? "'<')" : "'>' or 'http<')"));
            result.alternatives.push_back(std::move(alternative));
            more = scanner_.accept("or");
        }
        scanner_.expect("end");
        scanner_.next_line();
        return result;
    }

    NotationScanner scanner_;
    std::string_view text_;
    std::size_t counted_size_ = 0;  // of text_, by line_here()
    std::size_t line_ = 1;
    Side under_test_;
};

/// Every combination of the tables' values.
std::vector<NotationContext> cases_of(const std::vector<Table>& tables, std::uint64_t seed) {
    std::vector<NotationContext> cases{{.numbers = {}, .seed = seed}};
    for (const Table& table : tables) {
        std::vector<NotationContext> multiplied;
        for (const NotationContext& context : cases)
            for (const std::uint32_t value : table.values) {
                multiplied.push_back(context);
                multiplied.back().numbers[table.name] = value;
            }
        cases = std::move(multiplied);
    }
    return cases;
}

std::string case_name(const std::string& name, const std::vector<Table>& tables, const NotationContext& context) {
    if (tables.empty()) return name;
    std::string values;
    for (const Table& table : tables)
        values += (values.empty() ? "" : ",") + table.name + "=" + std::to_string(context.numbers.at(table.name));
    return name + "[" + values + "]";
}

/// What the notation can say, but a scenario can't: it would be sent or compared as something else. "" where all is well.
std::string problem_of(const Send& send) {
    const auto* record = std::get_if<RecordPattern>(&send.line);
    if (record == nullptr) return {};
    RecordPattern plain = *record;
    // `base` and user parameters are filled in when it is played.
    if (auto* pairs = std::get_if<PairsPattern>(&plain.content))
        std::erase_if(pairs->pairs, [](const PairPattern& pair) { return !pair.value && pair.name == "base"; });
    Buffer ignored;
    return encode(plain, ignored);
}

std::string problem_of(const SendRequest& request) {
    if (content_of(RecordPattern{.type = RecordType::params, .content = request.pairs, .padding = {}, .content_length = {}})) return {};
    return "expected NAME=\"value\" pairs without *, ... and lone words: a request has `base` already";
}

std::string problem_of(const Expect& expected, Side side) {
    const RecordPattern& record = expected.record;
    const TypeProperties* properties = properties_of(record.type);
    if (properties == nullptr || properties->management) return {};
    if (side == Side::application && (record.type == RecordType::begin_request || record.type == RecordType::abort_request))
        return "expected a record that an application says";
    if (side == Side::web_server && !properties->to_application) return "expected a record that a Web server says";
    if (record.request_id.value_or(null_request_id) == null_request_id) return "expected the id of one request, 1 to 65535";
    const auto* pairs = std::get_if<PairsPattern>(&record.content);
    if (side == Side::application && pairs != nullptr && !content_of(record)) return "expected a text, or pairs without *, ... and lone words: a stream is compared byte by byte";
    return {};
}

/// The first step of which there is a problem, with it.
struct StepProblem {
    std::size_t line = 0;
    std::string problem;
};
StepProblem problem_of(const std::vector<Step>& steps, Side side) {
    for (const Step& step : steps) {
        StepProblem found{.line = step.line, .problem = {}};
        if (const auto* send = std::get_if<Send>(&step.action)) found.problem = problem_of(*send);
        if (const auto* request = std::get_if<SendRequest>(&step.action)) found.problem = problem_of(*request);
        if (const auto* expected = std::get_if<Expect>(&step.action)) found.problem = problem_of(*expected, side);
        if (const auto* either = std::get_if<Either>(&step.action))
            for (const Alternative& alternative : either->alternatives)
                if (found.problem.empty()) found = problem_of(alternative.steps, side);
        if (!found.problem.empty()) return found;
    }
    return {};
}

/// Where the words of a line begin, as an offset into the text.
std::size_t offset_of_line(std::string_view text, std::size_t line) {
    std::size_t begin = 0;
    for (std::size_t i = 1; i < line; ++i) begin = text.find('\n', begin) + 1;
    return std::min(text.find_first_not_of(" \t", begin), text.size());
}

}  // namespace

bool is_expectation(const Step& step) noexcept {
    const auto& action = step.action;
    return std::holds_alternative<Expect>(action) || std::holds_alternative<ExpectRequest>(action) || std::holds_alternative<ExpectResponse>(action) ||
           std::holds_alternative<ExpectState>(action) || std::holds_alternative<ExpectClose>(action) || std::holds_alternative<ExpectExit>(action) || std::holds_alternative<HttpExpect>(action);
}

bool is_http(const Step& step) noexcept { return step.connection.starts_with(http_prefix); }

std::string_view name_of(Side side) noexcept { return side == Side::application ? "application" : "web-server"; }

const std::vector<std::string>& known_capabilities() {
    static const std::vector<std::string> capabilities{
        // Seen without the contract.
        "keep-conn", "connections", "multiplexing", "get-values", "spawn", "tcp", "unix",
        // Operations of the contract (conformance/contract/README.md).
        "echo", "length", "params", "large", "stderr", "error", "status", "unread", "early", "late", "update", "wait", "authorize", "deny",
        "data", "cached", "exit",
        // Of a Web server: roles that it has, and what it does with connections.
        "authorizer", "filter", "starts-application"};
    return capabilities;
}

std::vector<std::string> variables_asked(const std::vector<Step>& steps) {
    std::vector<std::string> result;
    const auto add = [&](const std::vector<std::string>& names) { result.insert(result.end(), names.begin(), names.end()); };
    for (const Step& step : steps) {
        if (const auto* either = std::get_if<Either>(&step.action))
            for (const Alternative& alternative : either->alternatives) add(variables_asked(alternative.steps));
        const auto* request = std::get_if<ExpectRequest>(&step.action);
        if (request == nullptr) continue;
        for (const PairPattern& pair : request->pairs.pairs) result.push_back(pair.name);
        add(request->without);
        add({request->std_in_size, request->data_size});
    }
    std::erase(result, "");
    return result;
}

std::string ScriptError::print() const {
    std::string result = file + (line > 0 ? ":" + std::to_string(line) + ":" + std::to_string(column) : "") + ": " + message;
    if (text.empty()) return result;
    std::string line_text = text;
    std::replace(line_text.begin(), line_text.end(), '\t', ' ');
    const std::size_t num_before = num_characters(printable(line_text.substr(0, column > 0 ? column - 1 : 0)));
    constexpr std::size_t num_behind_max = 100;  // of its characters
    return result + "\n    " + shortened(line_text, num_before + num_behind_max) + "\n    " + std::string(num_before, ' ') + '^';
}

ScriptError located(const NotationError& error, std::string_view text, const std::string& file) {
    const TextPosition position = position_of(text, error.offset);
    return {file, position.line, position.column, error.what(), std::string(position.text)};
}

ParsedScript parse_script(std::string_view text, const std::string& name, const std::string& file, Side side, std::uint64_t seed, LongOnes long_ones) {
    ParsedScript result;
    try {
        const Head head = ScriptParser(text, {.numbers = {}, .seed = seed}, side).head();
        std::vector<NotationContext> cases = cases_of(head.tables, seed);
        for (NotationContext& context : cases) {
            context.written_size_max /= cases.size();  // the bound holds for the file, not for each of its cases
            if (long_ones == LongOnes::unread) context.made_size_max = looked_through_size_max;
            ScriptParser parser(text, context, side);
            (void)parser.head();
            Scenario scenario{.name = case_name(name, head.tables, context),
                              .file = file,
                              .title = head.title,
                              .side = side,
                              .proves = head.proves,
                              .needs = head.needs,
                              .steps = parser.steps(),
                              .unread = nullptr};
            if (const StepProblem found = problem_of(scenario.steps, side); !found.problem.empty())
                throw NotationError(offset_of_line(text, found.line), (head.tables.empty() ? "" : scenario.name + ": ") + found.problem);
            if (parser.abridged()) {
                scenario.steps.clear();
                context.made_size_max = SIZE_MAX;
                scenario.unread = std::make_shared<ScenarioSource>(ScenarioSource{std::string(text), context});
            }
            result.scenarios.push_back(std::move(scenario));
        }
    } catch (const NotationError& error) {
        result.scenarios.clear();
        result.errors.push_back(located(error, text, file));
    }
    return result;
}

Scenario whole(const Scenario& scenario) {
    Scenario result = scenario;
    if (!scenario.unread) return result;
    ScriptParser parser(scenario.unread->text, scenario.unread->context, scenario.side);
    (void)parser.head();
    result.steps = parser.steps();
    result.unread = nullptr;
    return result;
}

ParsedScript load_scripts(const std::filesystem::path& scenarios_folder, Side side, std::uint64_t seed) {
    namespace fs = std::filesystem;
    ParsedScript result;
    std::vector<fs::path> files;
    const fs::path folder = scenarios_folder / name_of(side);
    std::error_code error;
    for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        if (it->path().extension() == ".fcs") files.push_back(it->path());
    if (error) {
        result.errors.push_back({folder.string(), 0, 0, error.message(), {}});
        return result;
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        std::ifstream stream(file, std::ios::binary);
        (void)stream.peek();  // that a file can be opened doesn't say that it can be read
        std::stringstream text;
        text << stream.rdbuf();
        if (!stream.is_open() || stream.bad()) {
            result.errors.push_back({file.string(), 0, 0, "can't be read", {}});
            continue;
        }
        const std::string name = fs::path(file).lexically_relative(scenarios_folder).replace_extension().generic_string();
        ParsedScript one = parse_script(text.str(), name, file.string(), side, seed, LongOnes::unread);
        std::move(one.scenarios.begin(), one.scenarios.end(), std::back_inserter(result.scenarios));
        std::move(one.errors.begin(), one.errors.end(), std::back_inserter(result.errors));
    }
    return result;
}

}  // namespace fcgispec

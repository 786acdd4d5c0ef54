#include "conformance/engine/script.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

namespace fcgispec {
namespace {

constexpr std::size_t num_cases_max = 4096;  // of one file: tables multiply

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

std::string_view name_of_signal(int signal) {
    return signal == SIGTERM ? "SIGTERM" : signal == SIGKILL ? "SIGKILL" : signal == SIGUSR1 ? "SIGUSR1" : "SIGHUP";
}

/// Reads one scenario file. What it reads of the head goes to `head`; the steps are read anew for each table case.
class ScriptParser {
public:
    ScriptParser(std::string_view text, const NotationContext& context) : scanner_(text, context), text_(text) {}

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

    [[nodiscard]] std::size_t line_here() { return position_of(text_, scanner_.offset()).line; }

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
        if (scanner_.sees("["))
            for (const PairPattern& pair : scanner_.pairs().pairs) {
                if (!pair.value || !pair.value->exact()) scanner_.fail("expected NAME=\"value\" pairs before here");
                result.environment.emplace_back(pair.name, pair.value->text);
            }
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
        if (scanner_.accept(">")) {
            step.action = ours();
        } else if (scanner_.accept("<")) {
            step.action = theirs();
        } else {
            scanner_.fail("expected '>' or '<'");
        }
    }

    decltype(Step::action) ours() {
        if (scanner_.accept("connect")) return CloseOurs{Closing::connect};
        if (scanner_.accept("close")) return CloseOurs{Closing::close};
        if (scanner_.accept("half-close")) return CloseOurs{Closing::half_close};
        if (scanner_.accept("reset")) return CloseOurs{Closing::reset};
        if (scanner_.accept("request")) return request();
        if (!scanner_.sees("raw") && !scanner_.sees("{"))
            scanner_.fail("expected a record, raw, request, connect, close, half-close or reset");
        return Send{scanner_.line()};
    }

    decltype(Step::action) theirs() {
        // A trace says `reset` where the peer did that: one that is saved can be played again.
        if (scanner_.accept("close") || scanner_.accept("reset")) return ExpectClose{};
        if (scanner_.accept("response")) return response();
        if (!scanner_.sees("{")) scanner_.fail("expected a record, response or close");
        return Expect{scanner_.record()};
    }

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
                result.flags = scanner_.accept("FCGI_KEEP_CONN") ? keep_conn : static_cast<std::uint8_t>(scanner_.number(255));
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
            alternative.tolerated = scanner_.accept("tolerated");
            alternative.name = scanner_.word("the alternative's name");
            scanner_.next_line();
            while (!scanner_.at_end() && !scanner_.sees("or") && !scanner_.sees("end"))
                alternative.steps.push_back(step(true));
            if (alternative.steps.empty() || !is_expectation(alternative.steps.front()))
                scanner_.fail("expected alternative '" + alternative.name + "' to begin with an expectation ('<')");
            result.alternatives.push_back(std::move(alternative));
            more = scanner_.accept("or");
        }
        scanner_.expect("end");
        scanner_.next_line();
        return result;
    }

    static bool is_expectation(const Step& step) {
        return std::holds_alternative<Expect>(step.action) || std::holds_alternative<ExpectResponse>(step.action) ||
               std::holds_alternative<ExpectClose>(step.action) || std::holds_alternative<ExpectExit>(step.action);
    }

    NotationScanner scanner_;
    std::string_view text_;
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
    if (record.request_id.value_or(null_request_id) == null_request_id) return "expected the id of one request, 1 to 65535";
    const auto* pairs = std::get_if<PairsPattern>(&record.content);
    if (pairs != nullptr && !content_of(record)) return "expected a text, or pairs without *, ... and lone words: a stream is compared byte by byte";
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

std::string_view name_of(Side side) noexcept { return side == Side::application ? "application" : "web-server"; }

const std::vector<std::string>& known_capabilities() {
    static const std::vector<std::string> capabilities{
        // Seen without the contract.
        "keep-conn", "connections", "multiplexing", "get-values", "spawn", "tcp", "unix",
        // Operations of the contract (conformance/contract/README.md).
        "echo", "length", "params", "large", "stderr", "status", "unread", "early", "update", "wait", "authorize", "deny",
        "data", "cached", "exit"};
    return capabilities;
}

std::string ScriptError::print() const {
    std::string result = file + (line > 0 ? ":" + std::to_string(line) + ":" + std::to_string(column) : "") + ": " + message;
    if (!text.empty()) {
        std::string blanks;
        for (const char c : text.substr(0, column > 0 ? column - 1 : 0)) blanks += c == '\t' ? '\t' : ' ';
        result += "\n    " + text + "\n    " + blanks + "^";
    }
    return result;
}

ParsedScript parse_script(std::string_view text, const std::string& name, const std::string& file, Side side, std::uint64_t seed) {
    ParsedScript result;
    try {
        const Head head = ScriptParser(text, {.numbers = {}, .seed = seed}).head();
        std::vector<NotationContext> cases = cases_of(head.tables, seed);
        for (NotationContext& context : cases) {
            context.written_size_max /= cases.size();  // the bound holds for the file, not for each of its cases
            ScriptParser parser(text, context);
            (void)parser.head();
            Scenario scenario{.name = case_name(name, head.tables, context),
                              .file = file,
                              .title = head.title,
                              .side = side,
                              .proves = head.proves,
                              .needs = head.needs,
                              .steps = parser.steps()};
            if (const StepProblem found = problem_of(scenario.steps, side); !found.problem.empty())
                throw NotationError(offset_of_line(text, found.line), (head.tables.empty() ? "" : scenario.name + ": ") + found.problem);
            result.scenarios.push_back(std::move(scenario));
        }
    } catch (const NotationError& error) {
        const TextPosition position = position_of(text, error.offset);
        result.scenarios.clear();
        result.errors.push_back({file, position.line, position.column, error.what(), std::string(position.text)});
    }
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
        ParsedScript one = parse_script(text.str(), name, file.string(), side, seed);
        std::move(one.scenarios.begin(), one.scenarios.end(), std::back_inserter(result.scenarios));
        std::move(one.errors.begin(), one.errors.end(), std::back_inserter(result.errors));
    }
    return result;
}

namespace {

std::string print_request(const SendRequest& request, PrintStyle style) {
    std::string result = "> request " + std::to_string(request.request_id);
    if (!request.pairs.pairs.empty()) result += " " + print(request.pairs, style);
    if (request.role != Role::responder)
        result += " role=" + (name_of(request.role).empty() ? std::to_string(static_cast<unsigned>(request.role))
                                                            : std::string(name_of(request.role)));
    if (request.flags != keep_conn) result += " flags=" + std::to_string(request.flags);
    if (!request.std_in.empty()) result += " stdin=" + print(TextPattern{.text = request.std_in}, style);
    if (!request.data.empty()) result += " data=" + print(TextPattern{.text = request.data}, style);
    return result;
}

std::string print_closing(Closing how) {
    static constexpr std::array<std::string_view, 4> names{"connect", "close", "half-close", "reset"};
    return "> " + std::string(names[static_cast<std::size_t>(how)]);
}

struct StepPrinter {
    PrintStyle style;
    std::string operator()(const Send& send) const {
        if (const auto* raw = std::get_if<RawBytes>(&send.line)) return "> " + print_raw(bytes_of(raw->bytes), style);
        return "> " + print(std::get<RecordPattern>(send.line), style);
    }
    std::string operator()(const SendRequest& request) const { return print_request(request, style); }
    std::string operator()(const Expect& expect) const { return "< " + print(expect.record, style); }
    std::string operator()(const ExpectResponse& response) const {
        return "< response " + std::to_string(response.request_id) +
               (response.status ? " status=" + std::to_string(*response.status) : "") +
               (response.body ? " " + print(*response.body, style) : "");
    }
    std::string operator()(const CloseOurs& closing) const { return print_closing(closing.how); }
    std::string operator()(const ExpectClose&) const { return "< close"; }
    std::string operator()(const Cut& cut) const {
        std::string result = "cut";
        for (const std::uint32_t offset : cut.offsets) result += " " + std::to_string(offset);
        return result;
    }
    std::string operator()(const ReadSize& read) const { return "reads " + std::to_string(read.size); }
    std::string operator()(const StartPeer& start) const {
        PairsPattern pairs;
        for (const auto& [name, value] : start.environment)
            pairs.pairs.push_back({.name = name, .value = TextPattern{.text = value}, .name_form = usual_form(name.size()), .value_form = usual_form(value.size())});
        return std::string("process start") + (pairs.pairs.empty() ? "" : " " + print(pairs, style)) + (start.tcp ? " tcp" : "");
    }
    std::string operator()(const SignalPeer& signal) const { return "process signal " + std::string(name_of_signal(signal.signal)); }
    std::string operator()(const ExpectExit& exit) const {
        return "process exits " + (exit.status ? std::to_string(*exit.status) : "*");
    }
    std::string operator()(const Stop&) const { return "stop"; }
    std::string operator()(const Either& either) const {
        std::string result;
        for (const Alternative& alternative : either.alternatives)
            result += (result.empty() ? "either " : " or ") + std::string(alternative.tolerated ? "tolerated " : "") + alternative.name;
        return result;
    }
};

}  // namespace

std::string print(const Step& step, PrintStyle style) { return step.connection + std::visit(StepPrinter{style}, step.action); }

}  // namespace fcgispec

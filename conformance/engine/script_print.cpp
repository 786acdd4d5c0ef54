// The line of a scenario that a step is, for messages and for saving.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "conformance/engine/script.hpp"

namespace fcgispec {

namespace {

std::string print_id(const std::optional<std::uint16_t>& request_id) { return request_id ? " " + std::to_string(*request_id) : ""; }

std::string print_closing(const CloseOurs& closing) {
    static constexpr std::array<std::string_view, 4> names{"connect", "close", "half-close", "reset"};
    return std::string(names[static_cast<std::size_t>(closing.how)]) + print_id(closing.request_id);
}

std::string print_role(Role role) {
    if (role == Role::responder) return {};
    return " role=" + (name_of(role).empty() ? std::to_string(static_cast<unsigned>(role)) : std::string(name_of(role)));
}

std::string print_request(const ExpectRequest& request, PrintStyle style) {
    std::string result = "request " + std::to_string(request.request_id);
    if (!request.pairs.pairs.empty()) result += " " + print(request.pairs, style);
    result += print_role(request.role);
    if (request.flags) result += " flags=" + std::to_string(*request.flags);
    for (const std::string& name : request.without) result += " without=" + name;
    if (request.std_in) result += " stdin=" + print(*request.std_in, style);
    if (!request.std_in_size.empty()) result += " stdin=" + request.std_in_size;
    if (request.data) result += " data=" + print(*request.data, style);
    if (!request.data_size.empty()) result += " data=" + request.data_size;
    return result;
}

std::string print_fields(const std::vector<std::pair<std::string, std::string>>& fields, PrintStyle style) {
    if (fields.empty()) return {};
    PairsPattern pairs;
    for (const auto& [name, value] : fields)
        pairs.pairs.push_back({.name = name, .value = TextPattern{.text = value}, .name_form = usual_form(name.size()), .value_form = usual_form(value.size())});
    return " " + print(pairs, style);
}

std::string print_text(const std::string& text, PrintStyle style) { return text.empty() ? "" : " " + print(TextPattern{.text = text}, style); }

std::string print_target(const std::string& target, PrintStyle style) {
    const bool plain = target.find_first_of(" \t\r\n\"#") == std::string::npos && target.size() < 256;
    return plain ? target : print(TextPattern{.text = target}, style);
}

std::string print_http(const HttpExpect& expected, PrintStyle style) {
    if (expected.failure) return "failure";
    std::string result = expected.status_min == expected.status_max ? std::to_string(expected.status_min)
                         : expected.status_max == 999               ? "*"
                                                                    : std::to_string(expected.status_min / 100) + "xx";
    PairsPattern pairs;
    for (const auto& [name, value] : expected.fields) pairs.pairs.push_back({.name = name, .value = value, .name_form = usual_form(name.size()), .value_form = usual_form(value.text.size())});
    if (!pairs.pairs.empty()) result += " " + print(pairs, style);
    for (const std::string& name : expected.without) result += " without=" + name;
    if (expected.body) result += " " + print(*expected.body, style);
    return result;
}

std::string print_request(const SendRequest& request, PrintStyle style) {
    std::string result = "request " + std::to_string(request.request_id);
    if (!request.pairs.pairs.empty()) result += " " + print(request.pairs, style);
    result += print_role(request.role);
    if (request.flags != keep_conn) result += " flags=" + std::to_string(request.flags);
    if (!request.std_in.empty()) result += " stdin=" + print(TextPattern{.text = request.std_in}, style);
    if (!request.data.empty()) result += " data=" + print(TextPattern{.text = request.data}, style);
    return result;
}

std::string_view mark_of(const Alternative& alternative) {
    switch (alternative.kind) {
        case Alternative::Kind::fine: return "";
        case Alternative::Kind::tolerated: return "tolerated ";
        case Alternative::Kind::unjudged: return "unjudged ";
    }
    return {};
}

struct StepPrinter {
    Side under_test;
    PrintStyle style;
    std::string ours;    // the arrow of the side that we play
    std::string theirs;
    std::string operator()(const Send& send) const {
        if (const auto* raw = std::get_if<RawBytes>(&send.line)) return ours + print_raw(bytes_of(raw->bytes), style);
        return ours + print(std::get<RecordPattern>(send.line), style);
    }
    std::string operator()(const SendRequest& request) const { return ours + print_request(request, style); }
    std::string operator()(const SendResponse& response) const {
        return ours + "response " + std::to_string(response.request_id) + (response.status ? " status=" + std::to_string(*response.status) : "") +
               (response.location.empty() ? "" : " location=" + response.location) + print_fields(response.fields, style) + print_text(response.body, style);
    }
    std::string operator()(const Expect& expect) const { return theirs + print(expect.record, style); }
    std::string operator()(const ExpectRequest& request) const { return theirs + print_request(request, style); }
    std::string operator()(const ExpectState& state) const { return theirs + "process " + print(state.pairs, style); }
    std::string operator()(const ExpectResponse& response) const {
        return theirs + "response " + std::to_string(response.request_id) + (response.status ? " status=" + std::to_string(*response.status) : "") +
               (response.body ? " " + print(*response.body, style) : "");
    }
    std::string operator()(const CloseOurs& closing) const { return ours + print_closing(closing); }
    std::string operator()(const ExpectClose& close) const { return theirs + "close" + print_id(close.request_id); }
    std::string operator()(const AnswerValues& answer) const { return answer.silent ? "values silent" : "values" + (answer.values.empty() ? " []" : print_fields(answer.values, style)); }
    std::string operator()(const HttpSend& request) const {
        return "> " + request.method + " " + print_target(request.target, style) + (request.http10 ? " HTTP/1.0" : "") + print_fields(request.fields, style) +
               print_text(request.body, style);
    }
    std::string operator()(const HttpSendBytes& send) const { return "> raw " + print(TextPattern{.text = send.bytes}, style); }
    std::string operator()(const HttpExpect& expected) const { return "< " + print_http(expected, style); }
    std::string operator()(const Cut& cut) const {
        std::string result = "cut";
        for (const std::uint32_t offset : cut.offsets) result += " " + std::to_string(offset);
        return result;
    }
    std::string operator()(const ReadSize& read) const { return "reads " + std::to_string(read.size); }
    std::string operator()(const StartPeer& start) const {
        return "process start" + print_fields(start.environment, style) + (start.tcp ? " tcp" : "");
    }
    std::string operator()(const SignalPeer& signal) const { return std::string("process signal SIG") + sigabbrev_np(signal.signal); }
    std::string operator()(const ExpectExit& exit) const {
        return "process exits " + (exit.status ? std::to_string(*exit.status) : "*");
    }
    std::string operator()(const Stop&) const { return "stop"; }
    std::string operator()(const Either& either) const {
        std::string result;
        for (const Alternative& alternative : either.alternatives)
            result += std::string(result.empty() ? "either " : " or ").append(mark_of(alternative)) + print(alternative, under_test, style);
        return result;
    }
};

}  // namespace

std::string print(const Step& step, Side under_test, PrintStyle style) {
    const bool forward = under_test == Side::application || is_http(step);
    if (const auto* read = std::get_if<ReadSize>(&step.action); read != nullptr && is_http(step)) return step.connection + "> reads " + std::to_string(read->size);
    return step.connection + std::visit(StepPrinter{under_test, style, forward ? "> " : "< ", forward ? "< " : "> "}, step.action);
}

std::string print(const Alternative& alternative, Side under_test, PrintStyle style) {
    std::string steps;
    for (const Step& step : alternative.steps) steps += (steps.empty() ? "" : "; ") + print(step, under_test, style);
    return alternative.name + (steps.empty() ? "" : " (" + steps + ")");
}

std::size_t reading_size(const Scenario& scenario) {
    if (scenario.unread) return SIZE_MAX;
    constexpr std::size_t width = 100;
    constexpr std::size_t of_a_line = 10000;
    // A number, and the name of a type, takes one's time alike whichever it is: cases of one table are as plain as one another.
    const auto counts = [](char c) { return c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9'); };
    std::size_t result = 0;
    for (const std::string& line : lines_of(scenario.steps, scenario.side))
        result += (1 + line.size() / width) * of_a_line + static_cast<std::size_t>(std::count_if(line.begin(), line.end(), counts));
    return result;
}

std::vector<std::string> lines_of(const std::vector<Step>& steps, Side under_test, PrintStyle style) {
    std::vector<std::string> result;
    for (const Step& step : steps) {
        const auto* either = std::get_if<Either>(&step.action);
        if (either == nullptr) {
            result.push_back(print(step, under_test, style));
            continue;
        }
        for (std::size_t i = 0; i < either->alternatives.size(); ++i) {
            const Alternative& alternative = either->alternatives[i];
            result.push_back(std::string(i == 0 ? "either  " : "or      ").append(mark_of(alternative)) + alternative.name);
            for (const std::string& line : lines_of(alternative.steps, under_test, style)) result.push_back("    " + line);
        }
        result.emplace_back("end");
    }
    return result;
}

}  // namespace fcgispec

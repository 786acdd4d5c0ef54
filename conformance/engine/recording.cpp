#include "conformance/engine/recording.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "codec/name_value_pair.hpp"

namespace fcgispec {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// "HTTP_USER_AGENT" to "User-Agent"; "" for a variable that is no header field, or one that our request has of its own.
std::string field_of(std::string_view variable) {
    constexpr std::string_view prefix = "HTTP_";
    static constexpr std::array<std::string_view, 6> own{"HTTP_HOST", "HTTP_CONNECTION", "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT"};
    if (variable == "CONTENT_TYPE") return "Content-Type";
    if (!variable.starts_with(prefix) || std::find(own.begin(), own.end(), variable) != own.end()) return {};
    std::string result;
    bool first = true;
    for (const char c : variable.substr(prefix.size())) {
        const bool capital = c >= 'A' && c <= 'Z';
        result += c == '_' ? '-' : capital && !first ? static_cast<char>(c - 'A' + 'a') : c;
        first = c == '_';
    }
    return result;
}

/// One request as it is recorded.
struct Recorded {
    std::string params;
    std::string std_in;
    Role role = Role::responder;
    bool asked = false;
    std::string http;  // the connection that asks
    std::vector<RecordPattern> early;  // what the application said before the input had ended
};

/// What a variable can't have that came with an HTTP request, and what would be a line of its own in another one.
bool has_control(std::string_view value) {
    return std::any_of(value.begin(), value.end(), [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; });
}

HttpSend request_of(const Recorded& recorded, const HttpUrl& url) {
    HttpSend result{.method = "GET", .target = "/", .fields = {}, .body = recorded.std_in};
    Bytes left = bytes_of(recorded.params);
    for (DecodedPair decoded = decode_pair(left); decoded.pair; decoded = decode_pair(left)) {
        const std::string name(text_of(decoded.pair->name));
        const std::string value(text_of(decoded.pair->value));
        left = left.subspan(decoded.consumed);
        if (has_control(name) || has_control(value)) continue;
        const bool one_word = !value.empty() && value.find_first_of(" \t") == std::string::npos;
        if (name == "REQUEST_METHOD" && one_word) result.method = value;
        if (name == "REQUEST_URI" && one_word) result.target = value;
        if (const std::string field = field_of(name); !field.empty() && !value.empty()) result.fields.emplace_back(field, value);
    }
    const bool is_below = result.target.starts_with(url.path) && (result.target.size() == url.path.size() || std::string_view("/?").find(result.target[url.path.size()]) != std::string_view::npos);
    if (!url.path.empty() && is_below) result.target.erase(0, url.path.size());
    return result;
}

class Turner {
public:
    explicit Turner(const HttpUrl& url) : url_(url) {}

    void turn(const Step& step) {
        if (const auto* send = std::get_if<Send>(&step.action)) {
            if (const auto* record = std::get_if<RecordPattern>(&send->line)) see_web_server(step, *record);
        } else if (const auto* expected = std::get_if<Expect>(&step.action)) {
            see_application(step, expected->record);
        } else if (std::holds_alternative<ExpectClose>(step.action)) {
            if (asked_.contains(step.connection)) add(step, CloseOurs{Closing::close, {}});
        }
    }

    std::vector<Step> take() { return std::move(steps_); }

private:
    void add(const Step& from, decltype(Step::action) action) { steps_.push_back({.line = from.line, .connection = from.connection, .action = std::move(action)}); }

    void see_application(const Step& step, const RecordPattern& record) {
        const auto found = requests_.find({step.connection, static_cast<std::uint16_t>(record.request_id.value_or(null_request_id))});
        if (found != requests_.end() && !found->second.asked) {
            found->second.early.push_back(record);
        } else if (asked_.contains(step.connection)) {
            add(step, Send{record});
        }
    }

    void see_web_server(const Step& step, const RecordPattern& record) {
        const auto id = static_cast<std::uint16_t>(record.request_id.value_or(null_request_id));
        const auto key = std::make_pair(step.connection, id);
        if (record.type == RecordType::begin_request) {
            requests_[key] = {};
            if (const auto* body = std::get_if<BodyPattern>(&record.content)) requests_[key].role = static_cast<Role>(body->fields[0].value_or(1));
        }
        const auto found = requests_.find(key);
        if (found == requests_.end()) return;
        Recorded& request = found->second;
        const std::string content = content_of(record).value_or("");
        if (record.type == RecordType::params) request.params += content;
        if (record.type == RecordType::std_in) request.std_in += content;
        const RecordType last = request.role == Role::authorizer ? RecordType::params : RecordType::std_in;
        if (record.type == last && content.empty() && !request.asked) ask(step, id, request);
        if (record.type == RecordType::abort_request && request.asked) steps_.push_back({.line = step.line, .connection = request.http, .action = CloseOurs{Closing::close, {}}});
    }

    void ask(const Step& step, std::uint16_t id, Recorded& request) {
        request.asked = true;
        request.http = "http" + std::to_string(++num_asked_);
        asked_.insert({step.connection, num_asked_});
        // What an Authorizer allows goes on as a request of its own.
        steps_.push_back({.line = step.line, .connection = request.http, .action = request_of(request, url_)});
        add(step, ExpectRequest{.request_id = id, .pairs = {}, .without = {}, .role = request.role, .flags = {}, .std_in = {}, .data = {}});
        // A client says all of its request at once: what was an early answer comes behind it.
        for (RecordPattern& record : request.early) add(step, Send{std::move(record)});
    }

    const HttpUrl& url_;
    std::map<std::pair<std::string, std::uint16_t>, Recorded> requests_;
    std::map<std::string, std::size_t> asked_;  // connections on which a request was asked for
    std::size_t num_asked_ = 0;
    std::vector<Step> steps_;
};

}  // namespace

Scenario for_web_server(const Scenario& read, const HttpUrl& url) {
    Turner turner(url);
    for (const Step& step : read.steps) turner.turn(step);
    Scenario result = read;
    result.side = Side::web_server;
    result.steps = turner.take();
    return result;
}

}  // namespace fcgispec

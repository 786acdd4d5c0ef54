// What mutants make of what an application is given and of what it answers.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

#include "conformance/peers/mutants.hpp"

namespace fcgispec {
namespace {

std::uint64_t number_in(std::string_view text) {
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

bool is_strange_length(std::string_view text) {
    if (text.empty()) return false;
    const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    return !digits || text.size() > 10;
}

bool is_long(std::size_t length) {
    return length > short_length_max;
}

std::string with_escaped_quotes(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '"' || c == '\'') result += '\\';
        result += c;
    }
    return result;
}

std::string without_high_bits(std::string_view text) {
    std::string result(text);
    for (char& c : result) c = static_cast<char>(static_cast<unsigned char>(c) & 0x7f);
    return result;
}

/// What the mutant makes of one pair; nothing: it is lost.
std::optional<std::pair<std::string, std::string>> changed(const NameValuePair& pair) {
    std::string name(text_of(pair.name));
    std::string value(text_of(pair.value));
    switch (current_mutant) {
        case Mutant::takes_128_for_a_short_length:
            if (name.size() == 128 || value.size() == 128) return std::nullopt;
            break;
        case Mutant::loses_long_names:
            if (is_long(name.size())) return std::nullopt;
            break;
        case Mutant::takes_value_length_from_name:
            if (is_long(name.size())) value.resize(std::min(value.size(), name.size()));
            if (!is_long(name.size()) && is_long(value.size())) value.resize(name.size());
            break;
        case Mutant::refuses_short_lengths_in_four_bytes:
            if (pair.name_form != usual_form(name.size()) || pair.value_form != usual_form(value.size()))
                return std::nullopt;
            break;
        case Mutant::strips_control_characters:
            std::erase_if(value, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
            break;
        case Mutant::escapes_quotes:
            value = with_escaped_quotes(value);
            break;
        case Mutant::strips_high_bits:
            name = without_high_bits(name);
            value = without_high_bits(value);
            break;
        case Mutant::knows_get_only:
            if (name == "REQUEST_METHOD") value = "GET";
            break;
        case Mutant::loses_header_fields:
            if (name.starts_with("HTTP_")) return std::nullopt;
            break;
        default:
            break;
    }
    return std::pair(std::move(name), std::move(value));
}

std::vector<NameValuePair> pairs_of(const Params& params) {
    std::vector<NameValuePair> result;
    for (std::size_t offset = 0; offset < params.bytes().size();) {
        const NameValuePair pair = params.pair_at(offset);
        result.push_back(pair);
        offset += decode_pair(params.bytes().subspan(offset)).consumed;
    }
    return result;
}

void die_of_pairs(const std::vector<NameValuePair>& pairs) {
    if (!is_mutant(Mutant::dies_of_names_that_come_twice)) return;
    std::set<std::string_view> names;
    for (const NameValuePair& pair : pairs)
        if (text_of(pair.name).starts_with("FCGISPEC") && !names.insert(text_of(pair.name)).second) die();
}

/// Which of the pairs, in their order, the mutant sees at all.
void drop_pairs(std::vector<NameValuePair>& pairs) {
    const auto named = [](std::string_view name) {
        return [name](const NameValuePair& pair) { return text_of(pair.name) == name; };
    };
    if (is_mutant(Mutant::loses_the_last_pair) && !pairs.empty() && text_of(pairs.back().name) != "QUERY_STRING")
        pairs.pop_back();
    if (is_mutant(Mutant::expects_ascending_names)) {
        std::string_view ahead;
        std::erase_if(pairs, [&](const NameValuePair& pair) {
            const std::string_view name = text_of(pair.name);
            return name.starts_with("FCGISPEC_") && std::exchange(ahead, name) > name;
        });
    }
    if (is_mutant(Mutant::reads_pairs_in_usual_order)) {
        const auto usual_first = std::find_if(pairs.begin(), pairs.end(), named("GATEWAY_INTERFACE"));
        if (usual_first != pairs.end()) pairs.erase(pairs.begin(), usual_first);
    }
    if (is_mutant(Mutant::stops_at_empty_values)) {
        const auto query = std::find_if(pairs.begin(), pairs.end(), named("QUERY_STRING"));
        const auto empty = std::find_if(query, pairs.end(), [](const auto& pair) { return pair.value.empty(); });
        if (empty != query) pairs.erase(empty, pairs.end());
    }
}

Params mutated_params(const Params& given) {
    static Buffer previous;
    std::vector<NameValuePair> pairs = pairs_of(given);
    die_of_pairs(pairs);
    drop_pairs(pairs);
    Buffer result;
    for (const NameValuePair& pair : pairs)
        if (const auto kept = changed(pair))
            encode_pair({.name = bytes_of(kept->first), .value = bytes_of(kept->second)}, result);
    if (is_mutant(Mutant::keeps_variables)) {
        const Buffer now = result;
        const Params own = *Params::decode(now);
        const Params before = *Params::decode(previous);
        for (const NameValuePair& pair : pairs_of(before))
            if (!own.value_of(text_of(pair.name))) encode_pair(pair, result);
        previous = now;
    }
    return *Params::decode(std::move(result));
}

class MutatedHandler final : public RequestHandler {
public:
    MutatedHandler(const MakeHandler& make_handler, Role role, const Params& params) : role_(role) {
        const Params own = mutated_params(params);
        const std::string_view query = own.value_of("QUERY_STRING").value_or("");
        operation_ = query.substr(0, query.find('='));
        method_ = own.value_of("REQUEST_METHOD").value_or("");
        has_length_ = own.value_of("CONTENT_LENGTH").has_value();
        length_ = number_in(own.value_of("CONTENT_LENGTH").value_or(""));
        data_length_ = number_in(own.value_of("FCGI_DATA_LENGTH").value_or(""));
        if (is_mutant(Mutant::dies_of_strange_content_lengths) &&
            is_strange_length(own.value_of("CONTENT_LENGTH").value_or("")))
            die();
        is_script_missing_ = own.value_of("SCRIPT_NAME").value_or("").starts_with("/nonexistent/");
        inner_ = make_handler(role, given(own));
    }

    void begin(Answer& answer) override {
        if (is_mutant(Mutant::waits_for_authorizers_std_in) && role_ == Role::authorizer) return;
        inner_->begin(answer);
        if (is_mutant(Mutant::leaves_std_err_open_of_a_missing_script) && is_script_missing_) append(answer.std_err, bytes_of("no such script\n"));
        change(answer);
    }

    void receive(RecordType stream, Bytes content, Answer& answer) override {
        if (stream == RecordType::std_in) {
            if (loses(content)) return;
            std_in_size_ += content.size();
        } else if (is_mutant(Mutant::loses_data) && !content.empty()) {
            return;
        } else {
            data_size_ += content.size();
        }
        if (content.empty() && stream == RecordType::std_in && waits()) return;
        inner_->receive(stream, content, answer);
        num_pieces_ += content.empty() ? 0 : 1;
        has_all_input_ |= content.empty() && stream == (role_ == Role::filter ? RecordType::data : RecordType::std_in);
        change(answer);
    }

    void generate(Answer& answer) override {
        inner_->generate(answer);
        change(answer);
    }

    std::uint32_t abort() override { return inner_->abort(); }

private:
    /// The variables as the application gets them.
    [[nodiscard]] Params given(const Params& own) const {
        std::string_view hidden;
        if (is_mutant(Mutant::hands_on_surplus)) hidden = "CONTENT_LENGTH";
        if (is_mutant(Mutant::hands_on_surplus_data)) hidden = "FCGI_DATA_LENGTH";
        Buffer result;
        for (const NameValuePair& pair : pairs_of(own))
            if (hidden.empty() || text_of(pair.name) != hidden || operation_ == "fcgispec.update" ||
                operation_ == "fcgispec.params")
                encode_pair(pair, result);
        return *Params::decode(std::move(result));
    }

    /// Whether these bytes of FCGI_STDIN never reach the application.
    [[nodiscard]] bool loses(Bytes content) const {
        if (content.empty()) return false;
        if (is_mutant(Mutant::reads_two_records_of_std_in)) return num_pieces_ >= 2;
        if (is_mutant(Mutant::reads_no_body_of_get)) return method_ == "GET";
        if (is_mutant(Mutant::reads_no_body_of_other_methods)) return method_ != "GET" && method_ != "POST";
        return false;
    }

    /// Whether the end of FCGI_STDIN isn't taken for one.
    [[nodiscard]] bool waits() const {
        if (is_mutant(Mutant::waits_for_content_length)) return std_in_size_ < length_;
        if (is_mutant(Mutant::waits_without_a_length)) return !has_length_ && std_in_size_ > 0;
        if (is_mutant(Mutant::waits_for_a_body_to_delete)) return method_ == "DELETE" && std_in_size_ == 0;
        if (is_mutant(Mutant::waits_for_a_body)) return method_ == "POST" && std_in_size_ == 0;
        return false;
    }

    void change(Answer& answer) {
        change_output(answer);
        if (!answer.app_status) return;
        change_app_status(answer);
        if (is_mutant(Mutant::completes_cut_updates) && role_ == Role::responder)
            replace(answer, "incomplete", "complete");
        if (is_mutant(Mutant::completes_filters_cut_updates) && role_ == Role::filter)
            replace(answer, "incomplete", "complete");
        if (is_mutant(Mutant::completes_no_updates) && role_ == Role::responder)
            replace(answer, "\ncomplete", "\nincomplete");
        if (is_mutant(Mutant::grants_everything) && role_ == Role::authorizer)
            replace(answer, "Status: 403", "Status: 200");
        if (is_mutant(Mutant::grants_nothing)) replace(answer, "Status: 200", "Status: 403");
        if (is_mutant(Mutant::writes_a_status_line))
            replace(answer, "Content-Type: text/plain\r\nStatus: ", "HTTP/1.1 ");
    }

    void change_output(Answer& answer) {
        if (is_mutant(Mutant::sends_no_plain_page) && !operation_.starts_with("fcgispec.")) answer.std_out.clear();
        if (is_mutant(Mutant::sends_std_err_to_descriptor_2) && !answer.std_err.empty()) {
            (void)!write(STDERR_FILENO, answer.std_err.data(), answer.std_err.size());
            answer.std_err.clear();
        }
        if (is_mutant(Mutant::writes_after_its_input) && role_ == Role::responder) {
            append(held_, answer.std_out);
            answer.std_out.clear();
            if (has_all_input_) answer.std_out = std::exchange(held_, {});
        }
        if (is_mutant(Mutant::omits_empty_std_out) && method_ == "POST" && has_length_ && length_ == 0)
            answer.std_out.clear();
    }

    void change_app_status(Answer& answer) {
        static std::uint32_t previous = 0;
        const std::uint32_t own = *answer.app_status;
        const bool filter = role_ == Role::filter;
        if ((is_mutant(Mutant::says_app_status_0) && !filter) ||
            (is_mutant(Mutant::says_filters_app_status_0) && filter) ||
            (is_mutant(Mutant::says_nothing_of_missing_data) && filter && data_size_ < data_length_))
            answer.app_status = 0;
        if (is_mutant(Mutant::repeats_app_status) && own == 0) answer.app_status = previous;
        previous = own;
    }

    static void replace(Answer& answer, std::string_view from, std::string_view to) {
        std::string text(text_of(answer.std_out));
        const std::size_t at = text.find(from);
        if (at == std::string::npos) return;
        text.replace(at, from.size(), to);
        answer.std_out.assign(text.begin(), text.end());
    }

    Role role_;
    std::string operation_;
    std::string method_;
    bool is_script_missing_ = false;
    bool has_length_ = false;
    std::uint64_t length_ = 0;
    std::uint64_t data_length_ = 0;
    std::uint64_t std_in_size_ = 0;
    std::uint64_t data_size_ = 0;
    std::size_t num_pieces_ = 0;
    bool has_all_input_ = false;
    Buffer held_;
    std::unique_ptr<RequestHandler> inner_;
};

}  // namespace

MakeHandler mutated(MakeHandler make_handler) {
    if (is_mutant(Mutant::none)) return make_handler;
    return [make_handler = std::move(make_handler)](Role role, Params params) {
        return std::make_unique<MutatedHandler>(make_handler, role, params);
    };
}

}  // namespace fcgispec

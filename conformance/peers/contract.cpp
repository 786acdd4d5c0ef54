#include "conformance/peers/contract.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fcgispec {
namespace {

/// Decimal digits and nothing else, at most `max`.
std::optional<std::uint64_t> number_in(std::string_view text, std::uint64_t max) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number > max) return std::nullopt;
    return number;
}
constexpr std::uint64_t argument_size_max = 9'999'999'999;  // ten digits: more than any scenario asks for

/// Appends `text`; bytes outside 0x21..0x7e, `%` and those in `also` as %XX.
void append_escaped(std::string& out, std::string_view text, std::string_view also) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char character : text) {
        const auto byte = static_cast<std::uint8_t>(character);
        if (byte >= 0x21 && byte <= 0x7e && byte != '%' && also.find(character) == std::string_view::npos)
            out += character;
        else
            out += {'%', digits[byte >> 4], digits[byte & 0xf]};
    }
}

/// A string of `answer_piece_size`, of which each answer sends as much as it needs: `cycle` over and over.
std::string repeated(std::string_view cycle) {
    static_assert(answer_piece_size % 16 == 0,
                  "a piece holds whole cycles, so that the next one goes on where it ends");
    std::string result;
    while (result.size() < answer_piece_size) result += cycle;
    return result;
}

class Contract final : public RequestHandler {
public:
    Contract(Role role, Params params);
    void begin(Answer& answer) override;
    void receive(RecordType stream, Bytes content, Answer& answer) override;
    void generate(Answer& answer) override { (this->*generator_)(answer); }
    std::uint32_t abort() override { return 1; }  // as of a CGI program that was stopped before its end

private:
    enum class When : std::uint8_t { at_once, after_last_input };
    struct Operation {
        std::string_view name;
        When when{};
        void (Contract::*run)(Answer&) = nullptr;
    };
    static const std::array<Operation, 18> operations;

    void choose_operation(std::string_view query_string);
    [[nodiscard]] RecordType last_input() const noexcept;
    [[nodiscard]] std::optional<std::uint64_t> announced(std::string_view name) const noexcept;
    void echo_next(Bytes content, std::uint64_t already, std::optional<std::uint64_t> size_max, Answer& answer);
    void write(Answer& answer, std::string_view body);
    void reply(Answer& answer, std::string_view body, std::uint32_t app_status = 0);

    void authorize(Answer& answer);
    void cached(Answer& answer) { reply(answer, "cached\n"); }
    void data(Answer& answer);
    void deny(Answer& answer);
    void early(Answer& answer);
    void echo(Answer& answer) { reply(answer, {}); }
    void exit(Answer& answer);
    void hello(Answer& answer);
    void large(Answer& answer);
    /// What is written behind the end goes nowhere.
    void late(Answer& answer) { reply(answer, "ok\n"); }
    void length(Answer& answer);
    void params(Answer& answer);
    void plain(Answer& answer) { reply(answer, "hello\n"); }
    void status(Answer& answer);
    void std_err(Answer& answer);
    void error(Answer& answer);
    void unread(Answer& answer) { reply(answer, "ok\n"); }
    void unsupported(Answer& answer) { reply(answer, "unsupported\n"); }
    void update(Answer& answer);
    void wait(Answer& answer) { write(answer, "waiting\n"); }

    void generate_large(Answer& answer);
    void generate_std_err(Answer& answer);
    void generate_params(Answer& answer);

    Role role_;
    Params params_;
    When when_ = When::after_last_input;
    void (Contract::*run_)(Answer&) = &Contract::plain;
    std::string_view argument_;  // into params_
    std::string extra_fields_;   // CGI header fields besides Content-Type
    bool wrote_fields_ = false;
    std::optional<std::uint64_t> content_length_;  // CONTENT_LENGTH
    std::optional<std::uint64_t> data_length_;     // FCGI_DATA_LENGTH
    std::uint64_t std_in_size_ = 0;                // received, in bytes
    std::uint64_t data_size_ = 0;

    void (Contract::*generator_)(Answer&) = nullptr;  // set where has_more is
    std::uint64_t left_ = 0;                          // bytes to be generated
    std::vector<std::uint32_t> pairs_;                // offsets of those to be printed
    std::size_t num_printed_ = 0;                     // of them
    std::string lines_;                               // printed, not yet sent
};

const std::array<Contract::Operation, 18> Contract::operations{{
    {"authorize", When::after_last_input, &Contract::authorize},
    {"cached", When::at_once, &Contract::cached},
    {"data", When::after_last_input, &Contract::data},
    {"deny", When::after_last_input, &Contract::deny},
    {"early", When::at_once, &Contract::early},
    {"echo", When::after_last_input, &Contract::echo},
    {"error", When::after_last_input, &Contract::error},
    {"exit", When::after_last_input, &Contract::exit},
    {"hello", When::after_last_input, &Contract::hello},
    {"large", When::after_last_input, &Contract::large},
    {"late", When::after_last_input, &Contract::late},
    {"length", When::after_last_input, &Contract::length},
    {"params", When::after_last_input, &Contract::params},
    {"status", When::after_last_input, &Contract::status},
    {"stderr", When::after_last_input, &Contract::std_err},
    {"unread", When::at_once, &Contract::unread},
    {"update", When::after_last_input, &Contract::update},
    {"wait", When::at_once, &Contract::wait},
}};

Contract::Contract(Role role, Params params) : role_(role), params_(std::move(params)) {
    content_length_ = announced("CONTENT_LENGTH");
    data_length_ = announced("FCGI_DATA_LENGTH");
    choose_operation(params_.value_of("QUERY_STRING").value_or(""));
}

void Contract::choose_operation(std::string_view query_string) {
    static constexpr std::string_view prefix = "fcgispec.";
    if (!query_string.starts_with(prefix)) return;
    query_string.remove_prefix(prefix.size());
    const std::size_t name_size = std::min(query_string.find('='), query_string.size());
    const std::string_view name = query_string.substr(0, name_size);
    if (name_size < query_string.size()) argument_ = query_string.substr(name_size + 1);
    run_ = &Contract::unsupported;
    // A Filter can't return FCGI_STDIN without keeping all of it: it may write only when that has ended [§6.4].
    if (name == "echo" && role_ == Role::filter) return;
    if (name == "data" && role_ != Role::filter) return;
    const auto found = std::find_if(operations.begin(), operations.end(),
                                    [&](const Operation& operation) { return operation.name == name; });
    if (found == operations.end()) return;
    run_ = found->run;
    when_ = found->when;
}

/// The role's last input stream: when that has ended, the request is all there [§6.2, §6.3, §6.4].
RecordType Contract::last_input() const noexcept {
    switch (role_) {
        case Role::responder:
            return RecordType::std_in;
        case Role::authorizer:
            return RecordType::params;
        case Role::filter:
            return RecordType::data;
    }
    return RecordType::params;
}

void Contract::begin(Answer& answer) {
    if (when_ == When::at_once || last_input() == RecordType::params) (this->*run_)(answer);
}

void Contract::receive(RecordType stream, Bytes content, Answer& answer) {
    // [§6.2, §6.4] An application takes at most CONTENT_LENGTH and FCGI_DATA_LENGTH bytes; a surplus isn't handed on.
    if (stream == RecordType::std_in) {
        if (run_ == &Contract::echo) echo_next(content, std_in_size_, content_length_, answer);
        std_in_size_ += content.size();
    } else {
        if (run_ == &Contract::data) echo_next(content, data_size_, data_length_, answer);
        data_size_ += content.size();
    }
    if (content.empty() && stream == last_input() && when_ == When::after_last_input) (this->*run_)(answer);
}

/// The size that the Web server has announced, if it is one.
std::optional<std::uint64_t> Contract::announced(std::string_view name) const noexcept {
    return number_in(params_.value_of(name).value_or(""), std::numeric_limits<std::uint64_t>::max());
}

/// `already` bytes of the stream have come before; what is beyond `size_max` is not echoed.
void Contract::echo_next(Bytes content, std::uint64_t already, std::optional<std::uint64_t> size_max, Answer& answer) {
    std::uint64_t size = content.size();
    if (size_max) size = std::min(size, *size_max - std::min(already, *size_max));
    write(answer, text_of(content.first(static_cast<std::size_t>(size))));
}

/// Appends to the body, after the CGI header fields [CGI §6.3].
void Contract::write(Answer& answer, std::string_view body) {
    if (!std::exchange(wrote_fields_, true))
        append(answer.std_out, bytes_of("Content-Type: text/plain\r\n" + extra_fields_ + "\r\n"));
    append(answer.std_out, bytes_of(body));
}

/// The last of the body.
void Contract::reply(Answer& answer, std::string_view body, std::uint32_t app_status) {
    write(answer, body);
    answer.app_status = app_status;
}

void Contract::authorize(Answer& answer) {
    extra_fields_ = "Status: 200\r\nVariable-FCGISPEC: yes\r\n";  // [§6.3]
    reply(answer, {});
}

/// [§6.4] A Filter should tell where data is missing. The header fields have gone, so the app status does.
void Contract::data(Answer& answer) {
    reply(answer, {}, data_size_ < data_length_.value_or(0) ? 1 : 0);
}

void Contract::deny(Answer& answer) {
    extra_fields_ = "Status: 403\r\n";  // [§6.3]
    reply(answer, "denied\n");
}

void Contract::early(Answer& answer) {
    write(answer, "early\n");
    when_ = When::after_last_input;
    run_ = &Contract::length;
    if (last_input() == RecordType::params) length(answer);
}

void Contract::exit(Answer& answer) {
    answer.exits = true;
    reply(answer, "bye\n");
}

void Contract::hello(Answer& answer) {
    std::string line = "fcgispec contract 1:";
    for (const Operation& operation : operations) line.append(" ").append(operation.name);
    reply(answer, line + "\n");
}

void Contract::length(Answer& answer) {
    reply(answer, std::to_string(std::min(std_in_size_, content_length_.value_or(std_in_size_))) + "\n");
}

/// [§6.2] A Responder, and [§6.4] a Filter that performs an update should abort it where data is missing.
void Contract::update(Answer& answer) {
    // Where there is no CONTENT_LENGTH there is no body [CGI §4.1.2]; one that is no number is equal to nothing.
    const bool has_length = params_.value_of("CONTENT_LENGTH").value_or("") != "";
    const bool has_all_std_in = has_length ? content_length_ == std_in_size_ : std_in_size_ == 0;
    const bool has_all_data = role_ != Role::filter || data_length_.value_or(data_size_) == data_size_;
    reply(answer, has_all_std_in && has_all_data ? "complete\n" : "incomplete\n");
}

void Contract::status(Answer& answer) {
    const auto app_status = number_in(argument_, 255);  // as exit(N) of a CGI program [§6.2]
    if (!app_status) return unsupported(answer);
    reply(answer, "ok\n", static_cast<std::uint32_t>(*app_status));
}

void Contract::large(Answer& answer) {
    const auto size = number_in(argument_, argument_size_max);
    if (!size) return unsupported(answer);
    left_ = *size;
    generator_ = &Contract::generate_large;
    answer.has_more = true;
}

void Contract::generate_large(Answer& answer) {
    static const std::string block = repeated("0123456789abcdef");
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, block.size()));
    write(answer, std::string_view(block).substr(0, size));
    left_ -= size;
    answer.has_more = left_ > 0;
    if (left_ == 0) answer.app_status = 0;
}

void Contract::std_err(Answer& answer) {
    const auto size = number_in(argument_, argument_size_max);
    if (!size) return unsupported(answer);
    left_ = *size;
    generator_ = &Contract::generate_std_err;
    answer.has_more = true;
}

void Contract::error(Answer& answer) {
    std_err(answer);
    if (answer.has_more) append(answer.std_err, bytes_of("fcgispec: "));
}

void Contract::generate_std_err(Answer& answer) {
    static const std::string block = repeated("e");
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, block.size()));
    append(answer.std_err, bytes_of(block).first(size));
    left_ -= size;
    answer.has_more = left_ > 0;
    if (left_ == 0) reply(answer, "ok\n");
}

void Contract::params(Answer& answer) {
    const Bytes bytes = params_.bytes();
    for (std::size_t offset = 0; offset < bytes.size();) {
        const DecodedPair decoded = decode_pair(bytes.subspan(offset));
        if (text_of(decoded.pair->name).starts_with(argument_)) pairs_.push_back(static_cast<std::uint32_t>(offset));
        offset += decoded.consumed;
    }
    const auto key = [&](std::uint32_t offset) { return std::pair(text_of(params_.pair_at(offset).name), offset); };
    std::sort(pairs_.begin(), pairs_.end(), [&](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
    generator_ = &Contract::generate_params;
    answer.has_more = true;
}

/// NAME=VALUE lines. A line may be three times as long as the parameters are at most; it is sent in pieces.
void Contract::generate_params(Answer& answer) {
    while (lines_.size() < answer_piece_size && num_printed_ < pairs_.size()) {
        const NameValuePair pair = params_.pair_at(pairs_[num_printed_++]);
        append_escaped(lines_, text_of(pair.name), "=");
        lines_ += '=';
        append_escaped(lines_, text_of(pair.value), {});
        lines_ += '\n';
    }
    write(answer, std::string_view(lines_).substr(0, answer_piece_size));
    lines_.erase(0, answer_piece_size);
    answer.has_more = !lines_.empty() || num_printed_ < pairs_.size();
    if (!answer.has_more) answer.app_status = 0;
}

}  // namespace

std::unique_ptr<RequestHandler> answer_by_contract(Role role, Params params) {
    return std::make_unique<Contract>(role, std::move(params));
}

}  // namespace fcgispec

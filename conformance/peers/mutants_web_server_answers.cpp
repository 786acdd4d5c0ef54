// What mutants of the reference Web server make of an application's answer.
#include <algorithm>
#include <charconv>
#include <utility>

#include "conformance/peers/mutants_web_server.hpp"

namespace fcgispec {
namespace {

constexpr std::string_view plain_header_block = "Content-Type: text/plain\r\n\r\n";

/// The value of FCGI_STDOUT in two: the lines of the header block without their ends, and what comes behind it.
struct Output {
    std::vector<std::string> lines;
    std::string body;
    bool has_end = false;           // the empty line
    bool has_bare_newline = false;  // a line ends with LF alone
};

Output parted(std::string_view text) {
    Output result;
    while (true) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            result.lines.emplace_back(text);
            return result;
        }
        std::string line(text.substr(0, end));
        text.remove_prefix(end + 1);
        if (!line.ends_with('\r'))
            result.has_bare_newline = true;
        else
            line.pop_back();
        if (line.empty()) break;
        result.lines.push_back(std::move(line));
    }
    result.has_end = true;
    result.body = text;
    return result;
}

Buffer joined(const Output& output) {
    Buffer result;
    for (const std::string& line : output.lines) append(result, bytes_of(line + "\r\n"));
    append(result, bytes_of("\r\n"));
    append(result, bytes_of(output.body));
    return result;
}

std::string_view name_in(std::string_view line) {
    return line.substr(0, std::min(line.find(':'), line.size()));
}

std::string_view value_in(std::string_view line) {
    const std::size_t colon = line.find(':');
    return colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
}

bool is_field(std::string_view line, std::string_view name) {
    return line.find(':') != std::string_view::npos && same_field_name(name_in(line), name);
}

/// The status in a line "Status: 404 Not Found"; 0 where it is none.
unsigned status_in(std::string_view line) {
    std::string_view text = value_in(line);
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    unsigned status = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
    const bool good = error == std::errc{} && end == text.data() + 3;
    return good ? status : 0;
}

bool is_good_line(std::string_view line) {
    const std::string_view value = value_in(line);
    const bool control =
        std::any_of(value.begin(), value.end(), [](char c) { return c < 0x20 && c > -1 && c != '\t'; });
    return line.find(':') != std::string_view::npos && is_token(name_in(line)) && !control;
}

bool is_strange_number(std::string_view value) {
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    return error != std::errc{} || end != value.data() + value.size();
}

std::size_t num_fields(const Output& output, std::string_view name) {
    return static_cast<std::size_t>(std::count_if(output.lines.begin(), output.lines.end(),
                                                  [&](const std::string& line) { return is_field(line, name); }));
}

bool dies_of(const Output& output) {
    std::size_t size = 0;
    for (const std::string& line : output.lines) size += line.size();
    const auto& lines = output.lines;
    switch (current_mutant) {
        case Mutant::dies_of_large_header_blocks:
            return output.has_end && size > 8190;
        case Mutant::dies_without_a_cgi_field:
            return output.has_end && !lines.empty() && num_fields(output, "Content-Type") == 0 &&
                   num_fields(output, "Status") == 0 && num_fields(output, "Location") == 0;
        case Mutant::dies_without_a_content_type:
            return output.has_end && num_fields(output, "Status") == 1 && num_fields(output, "Content-Type") == 0 &&
                   num_fields(output, "Location") == 0 && !output.body.empty();
        case Mutant::dies_of_strange_content_lengths_of_an_application:
            return std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
                return is_field(line, "Content-Length") && is_strange_number(value_in(line));
            });
        case Mutant::dies_of_two_content_lengths:
            return num_fields(output, "Content-Length") > 1;
        default:
            return false;
    }
}

void change_status(std::string& line) {
    const unsigned status = status_in(line);
    switch (current_mutant) {
        case Mutant::knows_usual_statuses_only:
            if (status == 422 || status == 451 || status == 599) line = "Status: 500";
            return;
        case Mutant::takes_any_status:
            if (status < 100 || status > 599) line = "Status: 200";
            return;
        case Mutant::takes_interim_statuses_for_200:
            if (status >= 100 && status < 200) line = "Status: 200";
            return;
        case Mutant::demands_a_reason_phrase:
            if (status != 0 && value_in(line).find_last_not_of("0123456789 ") == std::string_view::npos)
                throw BadResponse("no reason phrase");
            return;
        default:
            return;
    }
}

/// A line of the header block, changed. False: it is dropped.
bool change_line(std::string& line, bool first) {
    switch (current_mutant) {
        case Mutant::reads_the_status_of_the_first_line:
            return first || !is_field(line, "Status");
        case Mutant::compares_the_case_of_names:
            return (!is_field(line, "Status") || line.starts_with("Status")) &&
                   (!is_field(line, "Content-Type") || line.starts_with("Content-Type"));
        case Mutant::takes_http_status_lines:
            if (first && line.starts_with("HTTP/1.1 ")) line.replace(0, 8, "Status:");
            return true;
        case Mutant::expects_one_blank_behind_the_colon:
            if (line.find(':') != std::string::npos &&
                (!value_in(line).starts_with(' ') || value_in(line).starts_with("  ")))
                throw BadResponse("not exactly one blank behind a colon");
            return true;
        case Mutant::skips_bad_lines:
            return is_good_line(line);
        case Mutant::fails_empty_fields:
            if (line.find(':') != std::string::npos && value_in(line).find_first_not_of(' ') == std::string_view::npos)
                throw BadResponse("an empty header field");
            return true;
        case Mutant::cuts_fields_at_semicolons:
            if (!is_field(line, "Content-Type")) line.resize(std::min(line.find(';'), line.size()));
            return true;
        default:
            if (is_field(line, "Status")) change_status(line);
            return true;
    }
}

void change_lines(Output& output) {
    std::vector<std::string> kept;
    for (std::string& line : output.lines) {
        const bool first = &line == &output.lines.front();
        if (const std::size_t cr = line.find('\r');
            is_mutant(Mutant::takes_a_carriage_return_for_a_newline) && cr < line.size()) {
            kept.push_back(line.substr(0, cr));
            line.erase(0, cr + 1);
        }
        if (change_line(line, first)) kept.push_back(std::move(line));
    }
    output.lines = std::move(kept);
}

/// A header block at the beginning of the body is one, too.
void parse_again(Output& output) {
    Output next = parted(output.body);
    if (!next.has_end || next.lines.empty() || !is_good_line(next.lines.front())) return;
    for (std::string& line : next.lines)
        if (is_good_line(line)) output.lines.push_back(std::move(line));
    output.body = std::move(next.body);
}

}  // namespace

Buffer changed_output(Buffer std_out) {
    if (is_mutant(Mutant::none)) return std_out;
    const std::string_view text = text_of(std_out);
    Output output = parted(text);
    if (dies_of(output)) die();
    const auto with_plain_header_block = [&] {
        Buffer result;
        append(result, bytes_of(plain_header_block));
        append(result, bytes_of(text));
        return result;
    };
    if (is_mutant(Mutant::answers_nothing_with_an_empty_page) && text.empty()) return with_plain_header_block();
    if (is_mutant(Mutant::takes_output_for_a_body) &&
        (!output.has_end || !is_good_line(output.lines.empty() ? "" : output.lines.front())))
        return with_plain_header_block();
    if (is_mutant(Mutant::takes_unended_header_blocks) && !output.has_end && !text.empty()) output.has_end = true;
    if (is_mutant(Mutant::expects_carriage_returns) && output.has_bare_newline) throw BadResponse("a bare newline");
    if (!output.has_end) return std_out;
    if (is_mutant(Mutant::parses_bodies_for_header_fields)) parse_again(output);
    if (is_mutant(Mutant::stops_at_nul)) output.body.resize(std::min(output.body.find('\0'), output.body.size()));
    change_lines(output);
    return joined(output);
}

void change_response(ApplicationResponse& response, const HttpRequest& request, Role role) {
    const bool is_responder = role != Role::authorizer;
    const bool has_http_location = response.location && response.location->starts_with("http");
    switch (current_mutant) {
        case Mutant::lets_location_go_before_status:
            if (has_http_location && response.status) response.status = 302;
            return;
        case Mutant::redirects_for_ever:
            if (response.location && !response.status && !response.is_local_redirect()) response.status = 301;
            return;
        case Mutant::knows_http_locations_only:
            if (response.location && !has_http_location && !response.is_local_redirect())
                throw BadResponse("Location of another scheme");
            return;
        case Mutant::tells_clients_of_local_paths:
            if (response.is_local_redirect()) response.status = 302;
            return;
        case Mutant::fails_empty_bodies:
            if (is_responder && request.method == "GET" && response.http_status() == 200 && response.body.empty())
                throw BadResponse("an empty body");
            return;
        case Mutant::fails_responses_without_body:
            if (response.http_status() == 204 || response.http_status() == 304) throw BadResponse("no body");
            return;
        case Mutant::dies_of_bodies_that_have_no_place:
            if ((response.http_status() == 204 || response.http_status() == 304) && !response.body.empty()) die();
            return;
        case Mutant::believes_its_own_count:
            response.content_length.reset();
            return;
        case Mutant::reads_content_lengths_as_hexadecimal:
            if (response.content_length)
                response.content_length = std::stoul(std::to_string(*response.content_length), nullptr, 16);
            return;
        case Mutant::loses_fields_of_the_application:
            if (is_responder) response.other_fields.clear();
            return;
        case Mutant::sends_the_last_field_of_a_name: {
            auto& fields = response.other_fields;
            const auto same = [](const HttpField& a, const HttpField& b) { return same_field_name(a.name, b.name); };
            const auto rest = std::unique(fields.rbegin(), fields.rend(), same);
            if (is_responder) fields.erase(fields.begin(), rest.base());
            return;
        }
        default:
            return;
    }
}

void change_answer(HttpResponse& response, const HttpRequest& request) {
    const auto add = [&](const char* name, const char* value) { response.fields.push_back({name, value}); };
    switch (current_mutant) {
        case Mutant::sends_chunks_to_http_1_0:
            if (request.version < 11) add("Transfer-Encoding", "chunked");
            return;
        default:
            return;
    }
}

void mix_up_answers(HttpResponse& response, std::size_t num_running, bool gone) {
    static Buffer last;
    if (is_mutant(Mutant::mixes_up_answers)) {
        const Buffer own = response.body;
        if (num_running > 0) response.body = last;
        last = own;
    } else if (is_mutant(Mutant::gives_output_of_the_gone_to_the_next)) {
        if (gone)
            last = response.body;
        else if (!last.empty())
            response.body = std::exchange(last, {});
    } else {
        return;
    }
    for (HttpField& field : response.fields)
        if (field.name == "Content-Length") field.value = std::to_string(response.body.size());
}

}  // namespace fcgispec

#include "conformance/peers/cgi.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "conformance/peers/filter_file.hpp"
#include "conformance/peers/mutants_web_server.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t line_size_max = 32 * 1024;           // of an application's header block, in bytes
constexpr std::size_t header_block_size_max = 256 * 1024;  // likewise

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Nothing where "%" isn't followed by two digits, or a byte is NUL: no value may have one [§6.1].
std::optional<std::string> percent_decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return std::nullopt;
            c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        }
        if (c == '\0' && !is_mutant(Mutant::decodes_nul_in_paths)) return std::nullopt;
        result += c;
    }
    return result;
}

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
    return std::any_of(names.begin(), names.end(), [&](std::string_view one) { return same_field_name(name, one); });
}

/// Whether a header field of the HTTP client is kept from the application [CGI §4.1.18].
bool is_withheld(std::string_view name) {
    static constexpr std::array names{
        // Passwords [CGI §9.2].
        std::string_view("Authorization"), std::string_view("Proxy-Authorization"),
        // Said in other variables.
        std::string_view("Content-Length"), std::string_view("Content-Type"),
        // Between the client and us alone. "Proxy" would become HTTP_PROXY, which many programs take for a setting.
        std::string_view("Connection"), std::string_view("Expect"), std::string_view("Keep-Alive"),
        std::string_view("Proxy"), std::string_view("Proxy-Connection"), std::string_view("TE"),
        std::string_view("Trailer"), std::string_view("Transfer-Encoding"), std::string_view("Upgrade")};
    // With "_" a name would become the same variable as another name with "-".
    return is_one_of(name, names) || name.find('_') != std::string_view::npos;
}

/// [CGI §4.1.18] Upper case, "-" becomes "_". Fields of one name become one value.
std::map<std::string, std::string> http_variables_of(const HttpRequest& request) {
    std::map<std::string, std::string> result;
    for (const HttpField& field : request.fields) {
        if (is_withheld(field.name)) continue;
        std::string name = "HTTP_";
        for (const char c : field.name) {
            if (c == '-')
                name += '_';
            else
                name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        }
        const auto [entry, is_new] = result.try_emplace(name, field.value);
        if (!is_new) entry->second += (name == "HTTP_COOKIE" ? "; " : ", ") + field.value;
    }
    return result;
}

std::optional<std::string> field_of(const HttpRequest& request, std::string_view name) {
    for (const HttpField& field : request.fields)
        if (same_field_name(field.name, name)) return field.value;
    return std::nullopt;
}

/// The host that was asked for, without its port [CGI §4.1.14].
std::string server_name_of(std::string host, const HttpEndpoints& endpoints) {
    const std::size_t end = host.starts_with('[') ? host.find(']') + 1 : host.find(':');
    host.resize(std::min(end, host.size()));
    return host.empty() ? endpoints.server_name : host;
}

/// Variables, of which each name is sent once: the first.
class VariableList {
public:
    void add(std::string name, std::string value) {
        if (names_.insert(name).second) variables_.emplace_back(std::move(name), std::move(value));
    }
    [[nodiscard]] Variables take() { return std::move(variables_); }

private:
    Variables variables_;
    std::set<std::string> names_;
};

void add_data_variables(VariableList& list) {
    list.add("FCGI_DATA_LAST_MOD", std::to_string(filter_file_last_mod));
    list.add("FCGI_DATA_LENGTH", std::to_string(filter_file()->size()));
}

/// The next line of `rest`, without its end: LF or CR LF [CGI §7.2]. Nothing where there is no end.
std::optional<std::string_view> take_line(std::string_view& rest) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

std::string_view without_blanks(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool has_control_characters(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\t') || byte == 0x7f;
    });
}

/// [CGI §6.3] One line of a header block.
HttpField parse_field(std::string_view line) {
    if (line.size() > line_size_max) throw BadResponse("a header field is too long");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) throw BadResponse("a line of the header block has no colon");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = without_blanks(line.substr(colon + 1));
    if (!is_token(name)) throw BadResponse("the name of a header field is no token");
    if (has_control_characters(value)) throw BadResponse("a header field holds a control character");
    return {std::string(name), std::string(value)};
}

template <typename Value>
void set_once(std::optional<Value>& place, Value value, const std::string& name) {
    if (place) throw BadResponse("two header fields " + name);
    place = std::move(value);
}

/// [CGI §6.3.3] Three digits, and perhaps a blank and a reason phrase. 1xx is no final response.
void take_status(const std::string& value, ApplicationResponse& response) {
    std::uint16_t status = 0;
    const char* digits_end = value.data() + std::min<std::size_t>(3, value.size());
    const auto [end, error] = std::from_chars(value.data(), digits_end, status);
    if (error != std::errc{} || end != value.data() + 3 || (value.size() > 3 && value[3] != ' ') || status < 200)
        throw BadResponse("the Status field has no status of a response");
    set_once(response.status, status, "Status");
    response.reason = without_blanks(std::string_view(value).substr(3));
}

void take_content_length(const std::string& value, ApplicationResponse& response) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (error != std::errc{} || end != value.data() + value.size())
        throw BadResponse("the Content-Length field is no number");
    set_once(response.content_length, length, "Content-Length");
}

void take_field(HttpField field, ApplicationResponse& response) {
    if (field.value.empty()) return;  // as if it weren't sent [CGI §6.3]
    if (same_field_name(field.name, "Status")) return take_status(field.value, response);
    if (same_field_name(field.name, "Content-Length")) return take_content_length(field.value, response);
    if (same_field_name(field.name, "Content-Type"))
        return set_once(response.content_type, std::move(field.value), field.name);
    if (same_field_name(field.name, "Location")) return set_once(response.location, std::move(field.value), field.name);
    response.other_fields.push_back(std::move(field));
}

/// [CGI §6.3.2] A scheme and a colon, then anything.
bool is_absolute_uri(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || !is_letter(text[0])) return false;
    return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    });
}

void check(const ApplicationResponse& response) {
    if (!response.content_type && !response.location && !response.status)
        throw BadResponse("none of Content-Type, Location and Status is in the header block");  // [CGI §6.3]
    // With a status it is the application that redirects, or names what it has made: its value is passed on.
    if (response.location && !response.status && !response.location->starts_with('/') &&
        !is_absolute_uri(*response.location))
        throw BadResponse("Location is neither an absolute URI nor a local path");  // [CGI §6.3.2]
}

}  // namespace

std::optional<HttpTarget> HttpTarget::parse(std::string_view text) {
    HttpTarget result;
    const std::size_t scheme_end = text.find("://");
    if (!text.starts_with('/') && scheme_end != std::string_view::npos) {  // "http://host/path" is a form of it too
        text.remove_prefix(scheme_end + 3);
        const std::size_t path_begin = std::min(text.find('/'), text.size());
        result.authority = text.substr(0, path_begin);
        text = path_begin == text.size() ? "/" : text.substr(path_begin);
    }
    if (!text.starts_with('/') || text.find('#') != std::string_view::npos || has_control_characters(text))
        return std::nullopt;
    const std::size_t mark = text.find('?');
    auto path = percent_decoded(text.substr(0, mark));
    if (!path) return std::nullopt;
    result.path = std::move(*path);
    if (mark != std::string_view::npos) result.query = text.substr(mark + 1);
    return result;
}

std::optional<std::string> authority_of(const HttpRequest& request, const HttpTarget& target) {
    static constexpr std::string_view others = "-._~%!$&'()*+,;=:[]";
    std::size_t num_hosts = 0;
    std::string host;
    for (const HttpField& field : request.fields) {
        if (!same_field_name(field.name, "Host")) continue;
        host = field.value;
        ++num_hosts;
    }
    if (num_hosts > 1 || (num_hosts == 0 && request.version >= 11)) return std::nullopt;
    if (!target.authority.empty()) host = target.authority;
    const bool good = std::all_of(host.begin(), host.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
    });
    return good ? std::optional(host) : std::nullopt;
}

Variables variables_of(const HttpRequest& request, const HttpTarget& target, const HttpEndpoints& endpoints, Role role,
                       const Variables& associated) {
    VariableList list;
    list.add("GATEWAY_INTERFACE", "CGI/1.1");
    list.add("SERVER_SOFTWARE", "fcgispec/" FCGISPEC_VERSION);
    list.add("SERVER_PROTOCOL", request.version >= 11 ? "HTTP/1.1" : "HTTP/1.0");
    list.add("SERVER_NAME", server_name_of(authority_of(request, target).value_or(""), endpoints));
    list.add("SERVER_PORT", std::to_string(endpoints.server_port));
    list.add("REMOTE_ADDR", endpoints.remote_address);
    list.add("REMOTE_HOST", endpoints.remote_address);  // [CGI §4.1.9] in place of the name
    list.add("REQUEST_METHOD", request.method);
    list.add("REQUEST_URI", request.target);  // no variable of CGI, but most servers send it
    list.add("QUERY_STRING", target.query);   // [CGI §4.1.7] empty where there is none
    if (const auto content_type = field_of(request, "Content-Type")) list.add("CONTENT_TYPE", *content_type);
    if (role != Role::authorizer) {  // [§6.3] An Authorizer isn't sent these
        list.add("SCRIPT_NAME", "");
        list.add("PATH_INFO", target.path);
        // [CGI §4.1.2] True for a chunked body too, which has been taken out of its coding [CGI §4.2].
        if (request.has_body) list.add("CONTENT_LENGTH", std::to_string(request.body.size()));
    }
    if (role == Role::filter) add_data_variables(list);  // [§6.4]
    for (const auto& [name, value] : associated)
        if (name != "CONTENT_LENGTH") list.add(name, value);  // of a body that isn't there
    for (auto& [name, value] : http_variables_of(request)) list.add(name, value);
    return changed_variables(list.take(), request, target, role);
}

ApplicationResponse parse_application_response(Buffer std_out) {
    ApplicationResponse response;
    std_out = changed_output(std::move(std_out));
    const std::string_view all = text_of(std_out);
    std::string_view rest = all.substr(0, header_block_size_max);
    const std::size_t limited_size = rest.size();
    while (true) {
        const auto line = take_line(rest);
        if (!line) throw BadResponse("no end of the header block");
        if (line->empty()) break;
        take_field(parse_field(*line), response);
    }
    check(response);
    const std::size_t header_block_size = limited_size - rest.size();
    std_out.erase(std_out.begin(), std_out.begin() + static_cast<std::ptrdiff_t>(header_block_size));
    response.body = std::move(std_out);
    return response;
}

}  // namespace fcgispec

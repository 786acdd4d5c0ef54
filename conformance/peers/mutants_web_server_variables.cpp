// What mutants of the reference Web server make of the HTTP request: its variables and its body.
#include <algorithm>
#include <utility>

#include "conformance/peers/mutants_web_server.hpp"

namespace fcgispec {
namespace {

std::string* value_of(Variables& variables, std::string_view name) {
    const auto found =
        std::find_if(variables.begin(), variables.end(), [&](const auto& one) { return one.first == name; });
    return found == variables.end() ? nullptr : &found->second;
}

void set(Variables& variables, const std::string& name, const std::string& value) {
    if (std::string* place = value_of(variables, name))
        *place = value;
    else
        variables.emplace_back(name, value);
}

void remove(Variables& variables, std::string_view name) {
    std::erase_if(variables, [&](const auto& one) { return one.first == name; });
}

void remove_prefixed(Variables& variables, std::string_view prefix) {
    std::erase_if(variables, [&](const auto& one) { return one.first.starts_with(prefix); });
}

std::string upper_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return text;
}

/// A variable for each header field, whatever others are there; any sign but letters and digits becomes "_".
void send_each_field(Variables& variables, const HttpRequest& request) {
    remove_prefixed(variables, "HTTP_");
    for (const HttpField& field : request.fields) {
        std::string name = "HTTP_" + upper_case(field.name);
        for (char& c : name)
            if ((c < 'A' || c > 'Z') && (c < '0' || c > '9')) c = '_';
        variables.emplace_back(name, field.value);
    }
}

void change_fields(Variables& variables, const HttpRequest& request, Role role) {
    std::size_t num_fields = 0;
    switch (current_mutant) {
        case Mutant::shouts_values:
            for (auto& [name, value] : variables)
                if (name.starts_with("HTTP_")) value = upper_case(value);
            return;
        case Mutant::says_null_for_empty_fields:
            for (auto& [name, value] : variables)
                if (name.starts_with("HTTP_") && value.empty()) value = "(null)";
            return;
        case Mutant::loses_values_of_names_with_underscores:
            for (const HttpField& field : request.fields)
                if (field.name.find('_') != std::string::npos) set(variables, "HTTP_" + upper_case(field.name), "");
            return;
        case Mutant::cuts_passwords:
            for (const HttpField& field : request.fields)
                if (same_field_name(field.name, "Authorization"))
                    set(variables, "HTTP_AUTHORIZATION", field.value.substr(0, field.value.find(' ')));
            return;
        case Mutant::passes_proxy_on:
            for (const HttpField& field : request.fields)
                if (same_field_name(field.name, "Proxy")) set(variables, "HTTP_PROXY", field.value);
            return;
        case Mutant::sends_thirty_two_fields:
            std::erase_if(variables,
                          [&](const auto& one) { return one.first.starts_with("HTTP_") && ++num_fields > 32; });
            return;
        case Mutant::sends_each_field_as_a_variable:
            return send_each_field(variables, request);
        case Mutant::cuts_large_cookies:
            if (std::string* cookie = value_of(variables, "HTTP_COOKIE"))
                cookie->resize(std::min<std::size_t>(cookie->size(), 4000));
            return;
        case Mutant::sends_authorizers_no_fields:
            if (role == Role::authorizer) remove_prefixed(variables, "HTTP_");
            return;
        case Mutant::keeps_fields_of_the_last_request: {
            static Variables last;
            for (const auto& [name, value] : std::exchange(last, variables))
                if (name.starts_with("HTTP_X_FCGISPEC") && value_of(variables, name) == nullptr)
                    variables.emplace_back(name, value);
            return;
        }
        default:
            return;
    }
}

void change_body_variables(Variables& variables, const HttpRequest& request, Role role) {
    if (role == Role::authorizer) return;
    switch (current_mutant) {
        case Mutant::promises_a_body:
            if (request.body.empty() && (request.method == "GET" || request.method == "POST"))
                set(variables, "CONTENT_LENGTH", "1");
            return;
        case Mutant::keeps_bodies_of_get:
            return;  // the length stays: changed_body()
        case Mutant::says_no_length_of_chunked_bodies:
            for (const HttpField& field : request.fields)
                if (same_field_name(field.name, "Transfer-Encoding")) remove(variables, "CONTENT_LENGTH");
            return;
        case Mutant::contradicts_content_length:
            if (request.has_body) set(variables, "HTTP_CONTENT_LENGTH", "0");
            return;
        case Mutant::loses_content_types:
            return remove(variables, "CONTENT_TYPE");
        default:
            return;
    }
}

void change_target(Variables& variables, const HttpRequest& request, const HttpTarget& target) {
    const std::string& query = target.query;
    switch (current_mutant) {
        case Mutant::loses_queries:
            return set(variables, "QUERY_STRING", "");
        case Mutant::omits_empty_queries:
            if (query.empty()) remove(variables, "QUERY_STRING");
            return;
        case Mutant::decodes_queries:
            if (const auto decoded = HttpTarget::parse("/" + query); decoded && !query.empty())
                set(variables, "QUERY_STRING", decoded->path.substr(1));
            return;
        case Mutant::loses_paths:
            remove(variables, "PATH_INFO");
            return remove(variables, "SCRIPT_NAME");
        case Mutant::leaves_paths_encoded:
            return set(variables, "PATH_INFO", request.target.substr(0, request.target.find('?')));
        case Mutant::says_the_path_twice:
            return set(variables, "SCRIPT_NAME", target.path);
        default:
            return;
    }
}

void change_server_variables(Variables& variables, const HttpRequest& request) {
    const bool usual = request.method == "GET" || request.method == "POST" || request.method == "HEAD";
    switch (current_mutant) {
        case Mutant::says_cgi_1_0:
            return set(variables, "GATEWAY_INTERFACE", "CGI/1.0");
        case Mutant::says_nothing_of_itself:
            for (const char* name : {"SERVER_NAME", "SERVER_PORT", "SERVER_SOFTWARE"}) set(variables, name, "");
            return;
        case Mutant::says_the_version_alone:
            return set(variables, "SERVER_PROTOCOL", request.version >= 11 ? "1.1" : "1.0");
        case Mutant::says_client_for_its_address:
            return set(variables, "REMOTE_ADDR", "client");
        case Mutant::says_get_for_other_methods:
            if (!usual) set(variables, "REQUEST_METHOD", "GET");
            return;
        case Mutant::says_get_for_head:
            if (request.method == "HEAD") set(variables, "REQUEST_METHOD", "GET");
            return;
        default:
            return;
    }
}

void change_role_variables(Variables& variables, const HttpTarget& target, const HttpRequest& request, Role role) {
    if (is_mutant(Mutant::tells_authorizers_everything) && role == Role::authorizer) {
        set(variables, "CONTENT_LENGTH", std::to_string(request.body.size()));
        set(variables, "PATH_INFO", target.path);
        set(variables, "PATH_TRANSLATED", "/srv" + target.path);
        set(variables, "SCRIPT_NAME", target.path);
    }
    if (is_mutant(Mutant::says_nothing_of_the_file) && role == Role::filter)
        for (const char* name : {"FCGI_DATA_LAST_MOD", "FCGI_DATA_LENGTH"}) set(variables, name, "");
}

}  // namespace

Variables changed_variables(Variables variables, const HttpRequest& request, const HttpTarget& target, Role role) {
    if (is_mutant(Mutant::none)) return variables;
    change_fields(variables, request, role);
    change_body_variables(variables, request, role);
    change_target(variables, request, target);
    change_server_variables(variables, request);
    change_role_variables(variables, target, request, role);
    return variables;
}

std::shared_ptr<const Buffer> changed_body(const HttpRequest& request) {
    static std::size_t last_size = 0;  // of the request before, 0 where it had no body
    const std::size_t before = std::exchange(last_size, request.body.size());
    Buffer body = request.body;
    const bool usual = request.method == "GET" || request.method == "POST";
    const auto expects = [](const HttpField& field) { return same_field_name(field.name, "Expect"); };
    switch (current_mutant) {
        case Mutant::loses_the_last_byte:
            if (!body.empty()) body.pop_back();
            break;
        case Mutant::takes_bodies_for_strings:
            body.erase(std::find(body.begin(), body.end(), 0), body.end());
            break;
        case Mutant::loses_bodies_of_other_methods:
            if (!usual) body.clear();
            break;
        case Mutant::keeps_bodies_of_get:
            if (request.method == "GET") body.clear();
            break;
        case Mutant::loses_expected_bodies:
            if (std::any_of(request.fields.begin(), request.fields.end(), expects)) body.clear();
            break;
        case Mutant::sends_as_much_as_the_last_time:
            if (before > 0) body.resize(std::min(before, body.size()));
            break;
        default:
            return nullptr;
    }
    return std::make_shared<const Buffer>(std::move(body));
}

}  // namespace fcgispec

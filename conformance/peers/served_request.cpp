#include "conformance/peers/served_request.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>
#include <utility>

#include "conformance/peers/filter_file.hpp"
#include "conformance/peers/mutants_web_server.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t logged_line_size_min = 64;  // in bytes: what a line counts of the log, however short
constexpr std::string_view authorizer_prefix = "/authorizer/";
constexpr std::string_view filter_prefix = "/filter/";
constexpr std::string_view variable_prefix = "Variable-";  // [§6.3]

std::string http_date() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 64> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

/// Whether a field is between us and the HTTP client alone: an application has no say in it [CGI §6.3.4].
bool is_ours(std::string_view name) {
    static constexpr std::array<std::string_view, 7> names{"Connection", "Keep-Alive",        "Proxy-Connection", "TE",
                                                           "Trailer",    "Transfer-Encoding", "Upgrade"};
    return std::any_of(names.begin(), names.end(), [&](std::string_view one) { return same_field_name(name, one); });
}

/// The fields that every answer has, unless the application has set them.
void add_server_fields(HttpResponse& response) {
    const auto has = [&](std::string_view name) {
        return std::any_of(response.fields.begin(), response.fields.end(),
                           [&](const HttpField& field) { return same_field_name(field.name, name); });
    };
    if (!has("Date")) response.fields.push_back({"Date", http_date()});
    if (!has("Server")) response.fields.push_back({"Server", "fcgispec/" FCGISPEC_VERSION});
    response.fields.push_back({"Connection", "close"});
}

bool has_prefix(std::string_view name, std::string_view prefix) {
    return name.size() > prefix.size() && same_field_name(name.substr(0, prefix.size()), prefix);
}

/// Bytes that could do something to a terminal, as \ooo; a backslash too, so that it can be read back.
std::string escaped(Bytes bytes) {
    std::string result;
    for (const std::uint8_t byte : bytes) {
        if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
            result += static_cast<char>(byte);
        } else {
            result += '\\';
            for (const int shift : {6, 3, 0}) result += static_cast<char>('0' + (byte >> shift & 7));
        }
    }
    return result;
}

}  // namespace

HttpResponse error_response(std::uint16_t status) {
    const std::string text = "Error " + std::to_string(status) + "\n";
    HttpResponse response{.status = status, .reason = {}, .fields = {}, .body = {}};
    append(response.body, bytes_of(text));
    response.fields = {{"Content-Type", "text/plain"}, {"Content-Length", std::to_string(text.size())}};
    add_server_fields(response);
    return response;
}

ServedRequest::ServedRequest(HttpRequest request, HttpEndpoints endpoints, Log log, const ResponseLimits& limits)
    : request_(std::make_shared<const HttpRequest>(std::move(request))),
      is_head_(request_->method == "HEAD"),
      endpoints_(std::move(endpoints)),
      log_(std::move(log)),
      limits_(limits) {}

NextStep ServedRequest::start() {
    auto target = HttpTarget::parse(request_->target);
    if (!target) return fail(400, "the target of the HTTP request is no path");
    target_ = std::move(*target);
    if (!authority_of(*request_, target_)) return fail(400, "not exactly one host in the HTTP request");
    // Told apart by the decoded path, which is what the application sees: no spelling leads past the Authorizer.
    if (target_.path.starts_with(authorizer_prefix)) return begin(Role::authorizer);
    return begin(target_.path.starts_with(filter_prefix) ? Role::filter : Role::responder);
}

/// The next FastCGI request.
NextStep ServedRequest::begin(Role role) {
    role_ = role;
    std_out_.clear();
    std_err_size_ = log_used_size_ = 0;
    RequestToSend request{
        .role = role, .variables = variables_of(*request_, target_, endpoints_, role, associated_), .alone = alone_};
    if (role != Role::authorizer) request.std_in = {request_, &request_->body};  // shares the ownership
    if (role == Role::filter) request.data = filter_file();
    if (!is_mutant(Mutant::none)) change_body(request);
    return request;
}

/// Of a mutant.
void ServedRequest::change_body(RequestToSend& request) const {
    if (request.role == Role::authorizer && is_mutant(Mutant::gives_bodies_to_authorizers))
        request.std_in = {request_, &request_->body};
    if (request.role == Role::responder && is_mutant(Mutant::gives_bodies_to_authorizers) && authorized_)
        request.std_in = nullptr;
    if (request.role == Role::authorizer) return;
    if (const auto body = changed_body(*request_)) request.std_in = body;
}

NextStep ServedRequest::take(const RequestEvent& event) {
    switch (event.kind) {
        case RequestEvent::Kind::std_out:
            if (std_out_.size() + event.bytes.size() > limits_.response_size_max)
                return fail(502, "FCGI_STDOUT is too large");
            append(std_out_, event.bytes);
            return {};
        case RequestEvent::Kind::std_err:
            if (std_err_size_ + event.bytes.size() > limits_.response_size_max)
                return fail(502, "FCGI_STDERR is too large");
            log_std_err(event.bytes);
            return {};
        case RequestEvent::Kind::ended:
            return end(event.end);
        case RequestEvent::Kind::failed:
            return refuse(502, event.reason);
    }
    return {};
}

/// The application has given no response. [§6.3] Nor a grant.
NextStep ServedRequest::refuse(std::uint16_t status, const std::string& reason) {
    if (role_ == Role::authorizer && is_mutant(Mutant::grants_without_a_decision)) return begin(Role::responder);
    return fail(status, reason);
}

/// [§6.1] To the log, never to the HTTP client.
void ServedRequest::log_std_err(Bytes bytes) {
    std_err_size_ += bytes.size();
    if (log_used_size_ >= limits_.log_size_max) return;
    log_("FCGI_STDERR: " + escaped(bytes.first(std::min(limits_.log_size_max - log_used_size_, bytes.size()))));
    log_used_size_ += std::max(bytes.size(), logged_line_size_min);
}

/// [§5.5] What a rejection is to the HTTP client the specification leaves open.
NextStep ServedRequest::end(const EndRequestBody& end) {
    if (is_mutant(Mutant::answers_rejections_with_an_empty_page) && role_ != Role::authorizer && std_out_.empty() &&
        end.protocol_status != ProtocolStatus::request_complete)
        return answer({.status = 200});
    switch (end.protocol_status) {
        case ProtocolStatus::request_complete:
            return complete();  // whatever the app status is: it says nothing of the response [§B example 3]
        case ProtocolStatus::cant_mpx_conn:
            if (is_mutant(Mutant::grants_without_a_decision) && role_ == Role::authorizer) return refuse(502, "");
            if (alone_) return refuse(502, "FCGI_CANT_MPX_CONN on a connection of its own");
            if (!std_out_.empty()) return refuse(502, "FCGI_CANT_MPX_CONN behind output");  // it has been executed
            alone_ = true;
            return begin(role_);  // [§5.5] the application takes it when it is the only one
        case ProtocolStatus::overloaded:
            return refuse(503, "FCGI_OVERLOADED");  // later it may be able to
        case ProtocolStatus::unknown_role:
            return refuse(502, "FCGI_UNKNOWN_ROLE");
    }
    return refuse(502, "unknown protocol status " + std::to_string(static_cast<unsigned>(end.protocol_status)));
}

NextStep ServedRequest::complete() {
    try {
        ApplicationResponse response = parse_application_response(std::exchange(std_out_, {}));
        change_response(response, *request_, role_);
        if (role_ == Role::authorizer && grants(response)) return authorized(response);
        if (is_mutant(Mutant::denies_by_its_own_page) && role_ == Role::authorizer) return fail(403, "access denied");
        if (response.is_local_redirect()) return redirect(*response.location);
        const bool must_match = !has_no_body(response.http_status());
        if (must_match && response.content_length && *response.content_length != response.body.size())
            throw BadResponse("the body has not as many bytes as Content-Length says");
        return answer(std::move(response));
    } catch (const BadResponse& error) {
        return refuse(502, error.what());
    }
}

/// [§6.3] Status 200 grants, and no other.
bool ServedRequest::grants(ApplicationResponse& response) const {
    const std::uint16_t status = response.http_status();
    if (is_mutant(Mutant::denies_after_errors) && std_err_size_ > 0) response.status = 403;
    if (is_mutant(Mutant::demands_a_status_to_grant) && !response.status) response.status = 403;
    if (is_mutant(Mutant::grants_at_every_success)) return status >= 200 && status < 300;
    if (is_mutant(Mutant::grants_to_everybody)) return status < 500;
    if (is_mutant(Mutant::grants_nobody)) response.status = 403;
    return response.http_status() == 200;
}

/// [§6.3] Goes on with the Responder. Of the answer only the fields with the prefix count, and not the content.
NextStep ServedRequest::authorized(const ApplicationResponse& response) {
    for (const HttpField& field : response.other_fields)
        if (has_prefix(field.name, variable_prefix) && !is_mutant(Mutant::forgets_granted_variables))
            associated_.emplace_back(field.name.substr(variable_prefix.size()), field.value);
    alone_ = false;
    authorized_ = response;
    if (is_mutant(Mutant::keeps_granted_variables)) keep_associated();
    return begin(Role::responder);
}

/// [CGI §6.2.2] As if the HTTP client had sent a GET request for that path; a request body belongs to the old one.
NextStep ServedRequest::redirect(const std::string& location) {
    if (++num_redirects_ > limits_.num_redirects_max) return fail(502, "too many local redirects");
    if (!HttpTarget::parse(location)) return fail(502, "the Location field is no local path");
    HttpRequest request = {.method = "GET",
                           .target = location,
                           .version = request_->version,
                           .fields = request_->fields,
                           .has_body = false,
                           .body = {}};
    std::erase_if(request.fields, [](const HttpField& field) { return has_prefix(field.name, "Content-"); });
    request_ = std::make_shared<const HttpRequest>(std::move(request));
    associated_.clear();
    alone_ = false;
    return start();
}

/// Of a mutant: for all requests that follow.
void ServedRequest::keep_associated() {
    static Variables all;
    all.insert(all.end(), associated_.begin(), associated_.end());
    associated_ = all;
}

bool ServedRequest::has_no_body(std::uint16_t status) const noexcept {
    return is_head_ || status == 204 || status == 304;
}

/// Every answer that an application gave is made here.
HttpResponse ServedRequest::answer(ApplicationResponse response) const {
    HttpResponse result{.status = response.http_status(), .reason = response.reason, .fields = {}, .body = {}};
    add_what_was_granted(response);
    if (response.content_type) result.fields.push_back({"Content-Type", *response.content_type});
    if (response.location) result.fields.push_back({"Location", *response.location});
    for (HttpField& field : response.other_fields)
        if (!is_ours(field.name) || is_mutant(Mutant::passes_on_connection_fields))
            result.fields.push_back(std::move(field));
    if (!has_no_body(result.status)) {
        result.fields.push_back({"Content-Length", std::to_string(response.body.size())});
        result.body = std::move(response.body);
    } else if (response.content_length && result.status != 204) {  // of the body that a GET request would get
        result.fields.push_back({"Content-Length", std::to_string(*response.content_length)});
    }
    add_server_fields(result);
    change_answer(result, *request_);
    return result;
}

/// Of a mutant: fields and content of an Authorizer that has granted.
void ServedRequest::add_what_was_granted(ApplicationResponse& response) const {
    if (!authorized_ || role_ == Role::authorizer) return;
    if (is_mutant(Mutant::passes_on_fields_of_a_grant))
        response.other_fields.insert(response.other_fields.end(), authorized_->other_fields.begin(),
                                     authorized_->other_fields.end());
    if (is_mutant(Mutant::passes_on_content_of_a_grant))
        response.body.insert(response.body.begin(), authorized_->body.begin(), authorized_->body.end());
    if (is_mutant(Mutant::keeps_the_length_of_a_grant) && authorized_->content_length)
        response.body.resize(std::min(response.body.size(), *authorized_->content_length));
}

HttpResponse ServedRequest::fail(std::uint16_t status, const std::string& reason) const {
    log_(std::to_string(status) + ": " + reason);
    HttpResponse response = error_response(status);
    if (is_head_) response.body.clear();
    return response;
}

}  // namespace fcgispec

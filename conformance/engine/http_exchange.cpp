#include "conformance/engine/http_exchange.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>

#include "codec/notation.hpp"
#include "conformance/engine/letters.hpp"

namespace fcgispec {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t header_size_max = 8U << 20;
constexpr std::size_t header_line_size_max = 60000;  // our parser refuses longer ones: they are shortened
constexpr std::size_t status_line_head_size = std::string_view("HTTP/1.1 200").size();
constexpr std::size_t shown_body_size = 200;
constexpr std::size_t num_shown_interim_max = 3;
constexpr std::uint16_t http_port = 80;

std::string shown(std::string_view body) {
    if (body.size() <= shown_body_size) return print(TextPattern{.text = std::string(body)}, PrintStyle::brief);
    return print(TextPattern{.text = std::string(body.substr(0, shown_body_size)), .open_end = true}) + " (" + std::to_string(body.size()) + " bytes)";
}

}  // namespace

// ---- the URL --------------------------------------------------------------------------------------------------------

HttpUrl HttpUrl::parse(std::string_view text) {
    const std::string given = "'" + std::string(text) + "': expected http://host:port/path";
    constexpr std::string_view scheme = "http://";
    if (!text.starts_with(scheme)) throw std::invalid_argument(given);
    text.remove_prefix(scheme.size());
    HttpUrl result;
    const std::size_t slash = std::min(text.find('/'), text.size());
    std::string_view authority = text.substr(0, slash);
    result.path = text.substr(slash);
    while (result.path.ends_with('/')) result.path.pop_back();
    if (result.path.find_first_of("?# ") != std::string::npos) throw std::invalid_argument(given + " without query and fragment");
    const std::size_t colon = authority.rfind(':');
    result.port = http_port;
    if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
        const std::string_view port = authority.substr(colon + 1);
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), result.port);
        if (error != std::errc{} || end != port.data() + port.size() || result.port == 0) throw std::invalid_argument(given + " with a port of 1 to 65535");
        authority = authority.substr(0, colon);
    }
    if (authority.starts_with('[') && authority.ends_with(']')) authority = authority.substr(1, authority.size() - 2);
    if (authority.empty()) throw std::invalid_argument(given);
    result.host = authority;
    return result;
}

std::string HttpUrl::authority() const {
    const bool brackets = host.find(':') != std::string::npos;
    return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string HttpUrl::print() const { return "http://" + authority() + path; }

Address HttpUrl::address() const { return {.kind = Address::Kind::tcp, .path = {}, .host = host, .port = port}; }

// ---- the response ---------------------------------------------------------------------------------------------------

const std::string* HttpSeen::field(std::string_view name) const {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& one) { return same_letters(one.first, name); });
    return found == fields.end() ? nullptr : &found->second;
}

/// The body as it comes: what a peer claims of its length takes no memory, or it could claim more than there is.
struct GrowingBody : http::string_body {
    class reader : public http::string_body::reader {  // NOLINT: the library's name
    public:
        using http::string_body::reader::reader;
        static void init(const boost::optional<std::uint64_t>&, boost::system::error_code& error) { error = {}; }
    };
};

class HttpExchange::Parser : public http::response_parser<GrowingBody> {
public:
    explicit Parser(bool head) {
        eager(true);
        skip(head);
        header_limit(header_size_max);
        body_limit(http_size_max);
    }
};

HttpExchange::HttpExchange(FileDescriptor socket) : socket_(std::move(socket)) {}
HttpExchange::HttpExchange(HttpExchange&&) noexcept = default;
HttpExchange::~HttpExchange() = default;

bool HttpExchange::awaits_response() const noexcept {
    return asked_ && is_open() && !seen_.complete && seen_.broken.empty() && seen_.end == PeerEnd::open;
}

bool HttpExchange::flooded() const noexcept { return received_size_ > http_size_max; }

std::string_view HttpExchange::body() const noexcept { return parser_ ? std::string_view(parser_->get().body()) : std::string_view{}; }

/// Clients take a status line without reason phrase and without the space before it; our parser wants the space.
void HttpExchange::mend_status_line() {
    constexpr std::size_t size = status_line_head_size;
    if (!parser_ && unparsed_.size() > size && unparsed_.starts_with("HTTP/1.") && unparsed_[size] == '\r') unparsed_.insert(size, " ");
}

/// What must wait for more: the beginning of a status line, for mend_status_line(); and a last chunk that is the only one, of
/// which our parser takes three bytes, or five and more, but not four (an assertion).
bool HttpExchange::holds_back() const {
    constexpr std::string_view begin = "HTTP/1.";
    if (!parser_) return unparsed_.size() <= status_line_head_size && begin.starts_with(std::string_view(unparsed_).substr(0, begin.size()));
    return parser_->is_header_done() && parser_->chunked() && unparsed_.size() == 4 && unparsed_.starts_with("0\r\n");
}

void HttpExchange::shorten_header_lines() {
    if (parser_ && parser_->is_header_done()) return;
    for (std::size_t begin = 0; begin < unparsed_.size();) {
        std::size_t end = std::min(unparsed_.find("\r\n", begin), unparsed_.size());
        if (end == begin) return;  // the body begins
        if (end == unparsed_.size() && unparsed_.back() == '\r') --end;  // its LF is still to come
        if (end - begin > header_line_size_max) {
            unparsed_.erase(begin + header_line_size_max, end - begin - header_line_size_max);
            end = begin + header_line_size_max;
        }
        begin = end + 2;
    }
}

void HttpExchange::parse(std::string_view chunk) {
    unparsed_ += chunk;
    mend_status_line();
    shorten_header_lines();
    std::size_t used = 1;
    while (used > 0 && !unparsed_.empty() && !holds_back() && !seen_.complete && seen_.broken.empty()) {
        if (!parser_) parser_ = std::make_unique<Parser>(head_);
        boost::system::error_code error;
        used = parser_->put(boost::asio::buffer(unparsed_), error);
        unparsed_.erase(0, used);
        if (error && error != http::error::need_more) seen_.broken = error.message();
        see_progress();
    }
}

void HttpExchange::see_progress() {
    if (parser_->is_header_done() && seen_.status == 0) {
        seen_.status = parser_->get().result_int();
        for (const auto& field : parser_->get()) seen_.fields.emplace_back(field.name_string(), field.value());
    }
    if (!parser_->is_done() || !seen_.broken.empty()) return;
    if (seen_.status >= 200) {
        seen_.complete = true;
        return;
    }
    seen_.interim.push_back(seen_.status);
    seen_.status = 0;
    seen_.fields.clear();
    parser_.reset();
}

void HttpExchange::end(PeerEnd how) {
    seen_.end = how;
    if (how != PeerEnd::fin || !parser_ || seen_.complete || !seen_.broken.empty()) return;
    boost::system::error_code error;
    parser_->put_eof(error);  // where nothing else says how long the body is, its end is the connection's
    if (!error) see_progress();
}

std::string HttpExchange::describe() const {
    std::string result;
    const std::size_t num_shown = std::min(seen_.interim.size(), num_shown_interim_max);
    for (std::size_t i = 0; i < num_shown; ++i) result += "interim response " + std::to_string(seen_.interim[i]) + ", then ";
    if (num_shown < seen_.interim.size()) result += std::to_string(seen_.interim.size() - num_shown) + " more of them, then ";
    if (seen_.status == 0) result += "no response";
    if (seen_.status != 0) result += std::to_string(seen_.status) + " " + shown(body());
    if (!seen_.broken.empty()) return result + ", which is no HTTP: " + seen_.broken;
    if (seen_.complete) return result;
    if (seen_.status != 0) result += ", which is not whole";
    if (seen_.end != PeerEnd::open) result += seen_.end == PeerEnd::fin ? ", the Web server closed the HTTP connection" : ", the Web server reset the HTTP connection";
    return result;
}

// ---- the connection -------------------------------------------------------------------------------------------------

std::string HttpExchange::say(const HttpSend& request, const HttpUrl& url) {
    const auto given = [&](std::string_view name) {
        return std::any_of(request.fields.begin(), request.fields.end(), [&](const auto& field) { return same_letters(field.first, name); });
    };
    std::string text = request.method + " " + url.path + request.target + (request.http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    if (!given("Host")) text += "Host: " + url.authority() + "\r\n";
    // Idle clients must not use up what the Web server has for others.
    if (!given("Connection")) text += "Connection: close\r\n";
    for (const auto& [name, value] : request.fields) text += name + ": " + value + "\r\n";
    if (!request.body.empty() && !given("Content-Length") && !given("Transfer-Encoding")) text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    text += "\r\n" + request.body;
    parser_.reset();
    seen_ = {.end = seen_.end};
    head_ = request.method == "HEAD";
    say_bytes(text);
    parse({});  // what came behind the response before is taken for the beginning of this one, as any client would
    return text;
}

void HttpExchange::say_bytes(const std::string& bytes) {
    asked_ = true;
    unwritten_ += bytes;
}

bool HttpExchange::write_some() {
    bool any = false;
    while (wants_to_write()) {
        const ssize_t size = ::send(fd(), unwritten_.data() + written_size_, unwritten_.size() - written_size_, MSG_NOSIGNAL);
        if (size < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return any;
            unwritten_.clear();  // the Web server has closed: what it said is still to be read
            written_size_ = 0;
            return true;
        }
        any = true;
        written_size_ += static_cast<std::size_t>(size);
        if (written_size_ < unwritten_.size()) continue;
        unwritten_.clear();
        written_size_ = 0;
    }
    return any;
}

bool HttpExchange::read_some() {
    last_chunk_.clear();
    if (!wants_to_read()) return false;
    std::array<char, 65536> chunk;  // NOLINT: filled by recv
    const ssize_t size = ::recv(fd(), chunk.data(), std::min(read_size_, chunk.size()), 0);
    if (size < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return false;
        if (errno != ECONNRESET && errno != EPIPE && errno != ETIMEDOUT) throw std::system_error(errno, std::generic_category(), "recv");
        end(PeerEnd::reset);
        return true;
    }
    if (size == 0) {
        end(PeerEnd::fin);
        // As clients do: a Web server that lingers until it sees our end has room for the next one again.
        if (unwritten_.empty()) socket_.reset();
        return true;
    }
    received_size_ += static_cast<std::size_t>(size);
    last_chunk_.assign(chunk.data(), static_cast<std::size_t>(size));
    parse(last_chunk_);
    return true;
}

void HttpExchange::half_close() {
    if (is_open()) ::shutdown(fd(), SHUT_WR);
}

void HttpExchange::close() { socket_.reset(); }

void HttpExchange::reset() {
    if (is_open()) reset_on_close(fd());
    socket_.reset();
}

// ---- the expectation ------------------------------------------------------------------------------------------------

namespace {

/// "" where the response so far is as expected.
std::string difference(const HttpExpect& expected, const HttpExchange& exchange) {
    const HttpSeen& seen = exchange.seen();
    if (seen.status < expected.status_min || seen.status > expected.status_max) return exchange.describe();
    for (const auto& [name, value] : expected.fields) {
        const bool there = std::any_of(seen.fields.begin(), seen.fields.end(), [&, &wanted_name = name, &wanted_value = value](const auto& field) {
            return same_letters(field.first, wanted_name) && fits(wanted_value, field.second);
        });
        if (there) continue;
        const std::string* got = seen.field(name);
        return (got != nullptr ? name + ": " + *got : "no field " + name) + " in " + exchange.describe();
    }
    for (const std::string& name : expected.without)
        if (const std::string* got = seen.field(name)) return name + ": " + *got + " in " + exchange.describe();
    return {};
}

}  // namespace

Match match(const HttpExpect& expected, const HttpExchange& exchange) {
    using enum Match::Kind;
    const HttpSeen& seen = exchange.seen();
    const bool over = seen.complete || !seen.broken.empty() || seen.end != PeerEnd::open || !exchange.is_open();
    if (expected.failure) {
        if (!seen.broken.empty()) return {contradicted, exchange.describe()};
        if (!over) return {pending, exchange.describe()};
        if (!seen.complete || seen.status >= 500) return {met, {}};
        return {contradicted, exchange.describe()};
    }
    if (expected.status_max < 200) {
        const auto& interim = seen.interim;
        if (std::any_of(interim.begin(), interim.end(), [&](unsigned status) { return status >= expected.status_min && status <= expected.status_max; })) return {met, {}};
        return {over || seen.status != 0 ? contradicted : pending, exchange.describe()};
    }
    if (seen.status == 0) return {over ? contradicted : pending, exchange.describe(), over && seen.broken.empty()};
    if (std::string got = difference(expected, exchange); !got.empty()) return {contradicted, std::move(got)};
    const bool open_end = expected.body && expected.body->open_end;
    if (open_end && fits(*expected.body, exchange.body())) return {met, {}};
    if (!seen.complete) return {over ? contradicted : pending, exchange.describe(), seen.end != PeerEnd::open};
    if (expected.body && !fits(*expected.body, exchange.body())) return {contradicted, exchange.describe()};
    return {met, {}};
}

}  // namespace fcgispec

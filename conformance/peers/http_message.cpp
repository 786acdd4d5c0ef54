#include "conformance/peers/http_message.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <cassert>
#include <utility>

#include "conformance/engine/letters.hpp"

namespace fcgispec {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;

constexpr std::size_t last_chunk_size_min = 5;

/// A body for Beast's parser that grows as bytes come, not as Content-Length announces them.
struct GrowingBody {
    using value_type = Buffer;
    class reader {
    public:
        template <bool is_request, class Fields>
        reader(http::header<is_request, Fields>& /*header*/, value_type& body) : body_(body) {}
        void init(const boost::optional<std::uint64_t>& /*announced*/, ErrorCode& error) { error = {}; }
        template <class Buffers>
        std::size_t put(const Buffers& buffers, ErrorCode& error) {
            error = {};
            std::size_t size = 0;
            for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers);
                 ++at) {
                const boost::asio::const_buffer piece = *at;
                append(body_, {static_cast<const std::uint8_t*>(piece.data()), piece.size()});
                size += piece.size();
            }
            return size;
        }
        void finish(ErrorCode& error) { error = {}; }

    private:
        value_type& body_;
    };
};

std::uint16_t status_of(const ErrorCode& error) {
    if (error == http::error::body_limit) return 413;
    if (error == http::error::header_limit) return 431;
    return 400;
}

}  // namespace

bool same_field_name(std::string_view a, std::string_view b) noexcept {
    return same_letters(a, b);
}

bool is_token(std::string_view text) noexcept {
    static constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
    });
}

struct HttpRequestReader::Parser {
    explicit Parser(const HttpLimits& limits) : header_size_max(limits.header_size_max) {
        parser.header_limit(static_cast<std::uint32_t>(limits.header_size_max));
        parser.body_limit(limits.body_size_max);
    }
    void put(Bytes bytes);
    void parse();
    bool has_bare_line_feed(Bytes bytes);
    void take_header();

    std::size_t header_size_max;
    http::request_parser<GrowingBody> parser;
    Buffer pending;  // received, not yet parsed
    HttpRequest request;
    std::size_t line_size = 0;   // of the header's line that hasn't ended
    std::uint8_t last_byte = 0;  // of the header
    bool has_header = false;
    bool expects_continue = false;
    std::uint16_t error_status = 0;
};

void HttpRequestReader::Parser::put(Bytes bytes) {
    if (error_status != 0 || parser.is_done()) return;
    if (!has_header && has_bare_line_feed(bytes)) {
        error_status = 400;
        return;
    }
    append(pending, bytes);
    parse();
    if (error_status != 0 || !parser.is_header_done() || has_header) return;
    take_header();  // before trailer fields can mix with it
    parser.eager(true);
    if (error_status == 0 && !parser.is_done() && !pending.empty()) parse();
}

/// As far as it goes: until the header is there, then until the body is.
void HttpRequestReader::Parser::parse() {
    // A chunked body ends with "0", CR LF, CR LF. The parser asserts that it never gets less of the last chunk.
    if (has_header && parser.chunked() && pending.size() < last_chunk_size_min) return;
    ErrorCode error;
    const std::size_t used = parser.put(boost::asio::buffer(pending.data(), pending.size()), error);
    pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(used));
    if (error && error != http::error::need_more)
        error_status = status_of(error);
    else if (has_header && !parser.is_done() && pending.size() > header_size_max)
        error_status = 431;  // a line of the chunked coding that doesn't end
}

/// Whether a line of the header ends with LF alone. The parser would only see that where the line comes in one piece.
bool HttpRequestReader::Parser::has_bare_line_feed(Bytes bytes) {
    for (const std::uint8_t byte : bytes) {
        if (byte == '\n' && last_byte != '\r') return true;
        if (byte == '\n' && line_size == 1) return false;  // the empty line
        line_size = byte == '\n' ? 0 : line_size + 1;
        last_byte = byte;
    }
    return false;
}

/// Once, as soon as it is there: trailer fields after a chunked body are no part of it.
void HttpRequestReader::Parser::take_header() {
    has_header = true;
    const auto& message = parser.get();
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.version = message.version();
    std::size_t num_codings = 0;
    for (const auto& field : message) {
        request.fields.push_back({std::string(field.name_string()), std::string(field.value())});
        const auto& [name, value] = request.fields.back();
        if (same_field_name(name, "Transfer-Encoding")) {
            // What can't be removed must be refused [CGI §4.2]; HTTP/1.0 doesn't know the field at all.
            if (request.version < 11) error_status = 400;
            if (++num_codings > 1 || !same_letters(value, "chunked")) error_status = 501;
        }
        if (same_field_name(name, "Expect") && request.version >= 11)
            expects_continue = same_letters(value, "100-continue");
    }
    request.has_body = parser.chunked() || parser.content_length().has_value();
}

HttpRequestReader::HttpRequestReader(const HttpLimits& limits) : parser_(std::make_unique<Parser>(limits)) {}
HttpRequestReader::HttpRequestReader(HttpRequestReader&&) noexcept = default;
HttpRequestReader& HttpRequestReader::operator=(HttpRequestReader&&) noexcept = default;
HttpRequestReader::~HttpRequestReader() = default;

void HttpRequestReader::receive(Bytes bytes) {
    parser_->put(bytes);
}

bool HttpRequestReader::complete() const noexcept {
    return parser_->error_status == 0 && parser_->parser.is_done();
}

std::uint16_t HttpRequestReader::error_status() const noexcept {
    return parser_->error_status;
}

bool HttpRequestReader::take_expects_continue() noexcept {
    return std::exchange(parser_->expects_continue, false) && !complete();
}

std::size_t HttpRequestReader::held_size() const noexcept {
    return parser_->pending.size() + parser_->parser.get().body().size();
}

HttpRequest HttpRequestReader::take() {
    assert(complete());
    parser_->request.body = std::move(parser_->parser.get().body());
    parser_->parser.get().body().clear();
    return std::move(parser_->request);
}

std::string header_of(const HttpResponse& response) {
    http::response<http::empty_body> message;
    message.version(11);
    message.result(response.status);
    if (!response.reason.empty()) message.reason(response.reason);
    for (const HttpField& field : response.fields) message.insert(field.name, field.value);
    http::response_serializer<http::empty_body> serializer(message);
    std::string header;
    ErrorCode error;
    while (!serializer.is_done() && !error) {
        serializer.next(error, [&](ErrorCode& /*error*/, const auto& buffers) {
            const std::size_t before = header.size();
            for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers);
                 ++at) {
                const boost::asio::const_buffer piece = *at;
                header.append(static_cast<const char*>(piece.data()), piece.size());
            }
            serializer.consume(header.size() - before);
        });
    }
    return header;
}

}  // namespace fcgispec

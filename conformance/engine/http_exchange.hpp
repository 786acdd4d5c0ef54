// One HTTP connection of a Web server's test, seen by the client: says what it is given, reads the response [RFC 9112].
// What the response means for FastCGI is judged elsewhere.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conformance/engine/observation.hpp"
#include "conformance/engine/transport.hpp"

namespace fcgispec {

/// http://host:port/path.
struct HttpUrl {
    std::string host;  ///< name or number, without brackets
    std::uint16_t port = 80;
    std::string path;  ///< "" or "/app", without a '/' at its end

    /// Throws std::invalid_argument saying what is wrong and what was expected.
    [[nodiscard]] static HttpUrl parse(std::string_view text);
    [[nodiscard]] std::string print() const;
    [[nodiscard]] std::string authority() const;  ///< "host:port"
    [[nodiscard]] Address address() const;
};

/// What is received on one HTTP connection before it is a flood.
inline constexpr std::size_t http_size_max = std::size_t{16} << 20;  // an answer of 12 MiB fits

/// What has come in answer to the last request.
struct HttpSeen {
    unsigned status = 0;            ///< 0: no header block yet
    std::vector<std::pair<std::string, std::string>> fields;  ///< a line of more than 60,000 bytes is shortened
    bool complete = false;          ///< the whole response is there
    PeerEnd end = PeerEnd::open;
    std::string broken;             ///< why it can't be read as HTTP, "" where it can
    std::vector<unsigned> interim;  ///< statuses of 1xx responses before it
    /// The first field of that name, in any case of its letters.
    [[nodiscard]] const std::string* field(std::string_view name) const;
};

class HttpExchange {
public:
    explicit HttpExchange(FileDescriptor socket);
    HttpExchange(HttpExchange&&) noexcept;
    ~HttpExchange();

    /// What is read from now on answers this request; the one before must have been answered. Returns its bytes.
    std::string say(const HttpSend& request, const HttpUrl& url);
    void say_bytes(const std::string& bytes);
    /// Writes what the system takes. Returns whether anything was written.
    bool write_some();
    /// Reads what is there, once. Returns whether anything came, the end included.
    bool read_some();
    /// What read_some() read last.
    [[nodiscard]] std::string_view last_chunk() const noexcept { return last_chunk_; }
    void half_close();
    void close();
    void reset();
    void set_read_size(std::size_t size) noexcept { read_size_ = size; }

    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(socket_); }
    [[nodiscard]] bool wants_to_write() const noexcept { return is_open() && !unwritten_.empty(); }
    [[nodiscard]] bool wants_to_read() const noexcept { return is_open() && seen_.end == PeerEnd::open; }
    /// A request was said whose answer isn't whole, and may still come.
    [[nodiscard]] bool awaits_response() const noexcept;
    [[nodiscard]] bool flooded() const noexcept;
    [[nodiscard]] const HttpSeen& seen() const noexcept { return seen_; }
    /// As far as it has come.
    [[nodiscard]] std::string_view body() const noexcept;
    /// "200 [Content-Type="text/plain"] "hello"", as far as it has come.
    [[nodiscard]] std::string describe() const;

private:
    class Parser;
    void parse(std::string_view chunk);
    void mend_status_line();
    void shorten_header_lines();
    [[nodiscard]] bool holds_back() const;
    void see_progress();
    void end(PeerEnd how);

    FileDescriptor socket_;
    std::unique_ptr<Parser> parser_;
    std::string unwritten_;
    std::size_t written_size_ = 0;  // of it: to take that away piece by piece would move ten MiB again and again
    std::string unparsed_;
    std::string last_chunk_;
    std::size_t received_size_ = 0;
    std::size_t read_size_ = 65536;
    bool head_ = false;  // a response to HEAD has no body
    bool asked_ = false;
    HttpSeen seen_;
};

/// Whether the response is the one expected.
[[nodiscard]] Match match(const HttpExpect& expected, const HttpExchange& exchange);

}  // namespace fcgispec

// What a peer has said on its connections, and whether an expectation is met by it. Streams are values [§3.3]: how they
// were cut into records is forgotten here. Nothing is judged but the expectation at hand; what the checker has called
// meaningless never gets here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "codec/body.hpp"
#include "codec/record.hpp"
#include "conformance/engine/script.hpp"

namespace fcgispec {

/// How the peer ended the connection.
enum class PeerEnd : std::uint8_t { open, fin, reset };

/// A stream's value so far.
struct StreamSeen {
    std::string bytes;
    bool ended = false;
};
/// One life of a request id on a connection: of an application's answers up to FCGI_END_REQUEST, of a Web server's records
/// from FCGI_BEGIN_REQUEST to the next one.
struct RequestSeen {
    std::optional<BeginRequestBody> begin;  ///< where a Web server is the peer
    std::map<RecordType, StreamSeen> streams;
    bool aborted = false;
    std::optional<EndRequestBody> end;
    [[nodiscard]] const StreamSeen* stream(RecordType type) const;
};
struct DiscreteSeen {
    RecordType type{};
    std::string content;
};
/// All that was said on one connection.
struct ConnectionSeen {
    std::map<std::uint16_t, std::vector<RequestSeen>> requests;  ///< lives of each id, in order
    std::vector<DiscreteSeen> management;
    PeerEnd end = PeerEnd::open;
    std::size_t size = 0;  ///< bytes kept, about: a small record takes more room here than on the wire

    void add(const Record& record);
};

/// How far the expectations of a scenario have used up what was said. A value: alternatives are tried on copies.
struct Cursor {
    struct Stream {
        std::size_t used = 0;
        bool open = false;      // the last expectation ended with "..."
        std::string last;       // its text, where it was searched and not anchored: it may also be found further on
    };
    struct Request {
        std::size_t life = 0;
        std::map<RecordType, Stream> streams;
    };
    std::map<std::pair<std::string, std::uint16_t>, Request> requests;     // by connection and request id
    std::map<std::pair<std::string, RecordType>, std::size_t> management;  // by connection and type: records used

    /// Which of a Web server's requests an id of the scenario stands for.
    struct Bound {
        std::string connection;
        std::uint16_t request_id = 0;
        std::size_t life = 0;
        auto operator<=>(const Bound&) const = default;
    };
    std::map<std::pair<std::string, std::uint16_t>, Bound> bound;  // by the scenario's connection name and id
    std::set<Bound> taken;                                         // those that an id stands for or stood for
    std::map<std::string, std::string> connections;                // by the scenario's name: where the last request so named came
};

/// Whether an expectation is met.
struct Match {
    enum class Kind : std::uint8_t {
        met,
        pending,       ///< not yet
        contradicted,  ///< not any more; `got` says what came instead
    };
    Kind kind{};
    std::string got;  ///< contradicted: what came instead; pending: what has come so far
    bool by_end = false;  ///< contradicted by nothing but the end of the connection
};

/// Compares the expectation with what was said on its connection, and moves `cursor` past what it used where it is met.
[[nodiscard]] Match match(const std::string& connection, const Expect& expected, const ConnectionSeen& seen, Cursor& cursor);
/// The same, where the request that it is about has the id `request_id` on the connection.
[[nodiscard]] Match match(const std::string& connection, std::uint16_t request_id, const Expect& expected, const ConnectionSeen& seen, Cursor& cursor);
[[nodiscard]] Match match(const std::string& connection, const ExpectResponse& expected, const ConnectionSeen& seen,
                          Cursor& cursor);
[[nodiscard]] Match match_close(const ConnectionSeen& seen);

/// `bytes` in notation, for messages; of many the first, and how many. Asked again and again while more comes, it prints
/// nothing to throw it away.
[[nodiscard]] std::string describe_value(std::string_view bytes);

/// Whether `text` is one that `pattern` stands for, whole.
[[nodiscard]] bool fits(const TextPattern& pattern, std::string_view text);
/// Whether the pairs of `content` are those expected, in any order; `missing`: the first that isn't there, where given.
[[nodiscard]] bool fits(const PairsPattern& expected, Bytes content, const PairPattern** missing = nullptr);

/// The CGI header block of an FCGI_STDOUT value, with its empty line, and its status: of the Status field, else 200
/// [CGI §6.2, §6.3.3]. Lines may end with LF alone [CGI §6.2.1, §7.2].
struct CgiResponse {
    std::size_t header_size = 0;  ///< 0: the header block isn't complete
    unsigned status = 200;
};
[[nodiscard]] CgiResponse parse_cgi_response(std::string_view std_out);

}  // namespace fcgispec

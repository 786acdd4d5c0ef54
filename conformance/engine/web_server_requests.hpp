// Where a Web server is the peer it chooses connections and request ids: here those of a scenario find the requests that
// came. Values only; nothing is read or said.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "conformance/engine/observation.hpp"

namespace fcgispec {

/// All connections that the Web server has opened in a conversation, by the name they have in traces.
using ConnectionsSeen = std::map<std::string, const ConnectionSeen*>;

/// Up to where a request must have come to be taken for whole: its last input stream's end [§6.2, §6.3, §6.4], or, of a Web
/// server that doesn't send that, the end of FCGI_PARAMS.
enum class Completeness : std::uint8_t { input, params };

/// A request that came, and that no id of the scenario stands for yet.
struct NewRequest {
    Cursor::Bound where;
    const RequestSeen* request = nullptr;
    bool complete = false;  ///< or aborted
};
[[nodiscard]] std::vector<NewRequest> new_requests(const ConnectionsSeen& seen, const Cursor& cursor, Completeness wanted = Completeness::input);

/// Lets the scenario's id stand for the first new request that is as expected. Contradicted, with what was amiss, only by
/// `num_awaited` new requests that are all complete and none as expected.
[[nodiscard]] Match match(const std::string& connection, const ExpectRequest& expected, const ConnectionsSeen& seen, std::size_t num_awaited,
                          Cursor& cursor, Completeness wanted = Completeness::input);
/// FCGI_BEGIN_REQUEST likewise.
[[nodiscard]] Match match_begin(const std::string& connection, const RecordPattern& expected, const ConnectionsSeen& seen, std::size_t num_awaited,
                                Cursor& cursor);
/// Any other record: of the request that the scenario's id stands for; a management record on the connection of the last one,
/// or on the first that there is.
[[nodiscard]] Match match_of_request(const std::string& connection, const Expect& expected, const ConnectionsSeen& seen, Cursor& cursor);

/// The request's input streams behind FCGI_PARAMS have ended, as its role has them [§6.2, §6.3, §6.4].
[[nodiscard]] bool input_ended(const RequestSeen& request);

/// The connection that a line without a record is about: of `request_id` where given, else of the last request under that
/// name; null where none has come. It belongs to `cursor`.
[[nodiscard]] const std::string* connection_of(const std::string& connection, std::optional<std::uint16_t> request_id, const Cursor& cursor);

}  // namespace fcgispec

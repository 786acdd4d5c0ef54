// The HTTP clients that we have been, conversation after conversation. A Web server may ask for one that has long left, once
// it finds the time; where it says for whom it asks, that is not taken for a request of the conversation at hand.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "codec/record.hpp"

namespace fcgispec {

class Clients {
public:
    /// Those of the conversations before have left.
    void begin_conversation() noexcept { ++conversation_; }
    /// A client of this conversation, by its connected TCP socket. One whose address can't be known is left out.
    void add(int fd);
    /// REMOTE_ADDR and REMOTE_PORT in the value of FCGI_PARAMS are those of a client that has left, and of none that is there.
    /// REMOTE_PORT is no variable of CGI/1.1 [CGI §4.1]: without it nothing is known, and the answer is no.
    [[nodiscard]] bool has_left(Bytes params) const;

private:
    std::map<std::string, std::size_t> last_conversations_;  // by "address port"; an address is used again
    std::size_t conversation_ = 0;
};

}  // namespace fcgispec

#include "conformance/engine/clients.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/test/unit_test.hpp>

#include "codec/name_value_pair.hpp"
#include "conformance/engine/transport.hpp"

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(clients)

namespace {

Buffer params_of(const std::vector<std::pair<std::string, std::string>>& pairs) {
    Buffer result;
    for (const auto& [name, value] : pairs) encode_pair({.name = bytes_of(name), .value = bytes_of(value)}, result);
    return result;
}

/// A connected client, and what a Web server says of it.
struct Client {
    explicit Client(const std::string& listen = "tcp:127.0.0.1:0")
        : listening(listen_on(Address::parse(listen))), socket(connect_to(address_of(listening, Address::parse(listen)), 1000)) {}
    [[nodiscard]] Buffer params(const std::string& address) const {
        return params_of({{"REMOTE_ADDR", address}, {"SERVER_PORT", "80"}, {"REMOTE_PORT", std::to_string(address_of(socket, Address::parse("tcp:127.0.0.1:0")).port)}});
    }
    FileDescriptor listening;
    FileDescriptor socket;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_client_has_left_when_its_conversation_is_over) {
    const Client client;
    const Client other;
    Clients known;
    known.begin_conversation();
    BOOST_TEST(!known.has_left(client.params("127.0.0.1")));
    known.add(client.socket.get());
    BOOST_TEST(!known.has_left(client.params("127.0.0.1")));
    known.begin_conversation();
    BOOST_TEST(known.has_left(client.params("127.0.0.1")));
    BOOST_TEST(!known.has_left(other.params("127.0.0.1")));
    // Somebody else's port.
    BOOST_TEST(!known.has_left(client.params("127.0.0.2")));
}

BOOST_AUTO_TEST_CASE(a_port_that_is_used_again_is_of_who_uses_it_now) {
    const Client client;
    Clients known;
    known.add(client.socket.get());
    known.begin_conversation();
    known.add(client.socket.get());
    BOOST_TEST(!known.has_left(client.params("127.0.0.1")));
}

BOOST_AUTO_TEST_CASE(without_an_address_nothing_is_known) {
    const Client client;
    Clients known;
    known.add(client.socket.get());
    known.begin_conversation();
    BOOST_TEST(!known.has_left({}));
    BOOST_TEST(!known.has_left(params_of({{"REMOTE_ADDR", "127.0.0.1"}})));
    BOOST_TEST(!known.has_left(params_of({{"REMOTE_PORT", "80"}})));
    BOOST_TEST(!known.has_left(bytes_of("\377\377")));
}

BOOST_AUTO_TEST_CASE(what_is_no_tcp_socket_is_no_client) {
    std::array<int, 2> pair{};
    BOOST_TEST_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()) == 0);
    const FileDescriptor one(pair[0]);
    const FileDescriptor other(pair[1]);
    Clients known;
    known.add(one.get());
    known.add(-1);
    known.begin_conversation();
    BOOST_TEST(!known.has_left({}));
    BOOST_TEST(!known.has_left(params_of({{"REMOTE_ADDR", ""}, {"REMOTE_PORT", ""}})));
}

BOOST_AUTO_TEST_SUITE_END()

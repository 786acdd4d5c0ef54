#include "codec/body.hpp"

#include <boost/test/unit_test.hpp>

#include "codec/test_bytes.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(body)

namespace {

template <typename Body>
struct BodyRow {
    const char* bytes;
    Body body;
};
const std::vector<BodyRow<BeginRequestBody>> begin_request_rows{
    {"0001 00 0000000000", {Role::responder, 0, {}}},
    {"0001 01 0000000000", {Role::responder, keep_conn, {}}},
    {"0002 00 0000000000", {Role::authorizer, 0, {}}},
    {"0003 01 0000000000", {Role::filter, keep_conn, {}}},
    {"0000 00 0000000000", {Role{0}, 0, {}}},
    {"0100 ff 0102030405", {Role{256}, 255, {1, 2, 3, 4, 5}}},
    {"ffff fe ffffffffff", {Role{65535}, 254, {255, 255, 255, 255, 255}}},
};
const std::vector<BodyRow<EndRequestBody>> end_request_rows{
    {"00000000 00 000000", {0, ProtocolStatus::request_complete, {}}},
    {"000003aa 00 000000", {938, ProtocolStatus::request_complete, {}}},
    {"00000000 01 000000", {0, ProtocolStatus::cant_mpx_conn, {}}},
    {"00000000 02 000000", {0, ProtocolStatus::overloaded, {}}},
    {"00000000 03 000000", {0, ProtocolStatus::unknown_role, {}}},
    {"01020304 04 050607", {0x01020304, ProtocolStatus{4}, {5, 6, 7}}},
    {"7fffffff 00 000001", {0x7fffffff, ProtocolStatus::request_complete, {0, 0, 1}}},
    {"80000000 00 010000", {0x80000000, ProtocolStatus::request_complete, {1, 0, 0}}},
    {"ffffffff ff ffffff", {0xffffffff, ProtocolStatus{255}, {255, 255, 255}}},
};
const std::vector<BodyRow<UnknownTypeBody>> unknown_type_rows{
    {"00 00000000000000", {RecordType{0}, {}}},
    {"09 00000000000000", {RecordType::get_values, {}}},
    {"0c 00000000000000", {RecordType{12}, {}}},
    {"ff 01020304050607", {RecordType{255}, {1, 2, 3, 4, 5, 6, 7}}},
};

template <typename Body, typename Decode>
void check_rows(const std::vector<BodyRow<Body>>& rows, Decode decode_body) {
    for (const BodyRow<Body>& row : rows) {
        const Buffer bytes = unhex(row.bytes);
        const ExactBytes block(bytes);
        const std::optional<Body> decoded = decode_body(block.view());
        BOOST_TEST_CONTEXT(row.bytes) {
            BOOST_TEST_REQUIRE(decoded.has_value());
            BOOST_TEST((*decoded == row.body));
            BOOST_TEST(hex(encode(row.body)) == hex(bytes));
        }
    }
}

struct Named {
    unsigned number;
    std::string_view name;
};
// [§8]
constexpr std::array<Named, 3> role_names{{{1, "FCGI_RESPONDER"}, {2, "FCGI_AUTHORIZER"}, {3, "FCGI_FILTER"}}};
constexpr std::array<Named, 4> status_names{
    {{0, "FCGI_REQUEST_COMPLETE"}, {1, "FCGI_CANT_MPX_CONN"}, {2, "FCGI_OVERLOADED"}, {3, "FCGI_UNKNOWN_ROLE"}}};

template <typename Names>
std::string_view wanted_name(const Names& names, unsigned number) {
    const auto found = std::ranges::find(names, number, &Named::number);
    return found == names.end() ? std::string_view{} : found->name;
}

}  // namespace

BOOST_AUTO_TEST_CASE(begin_request_fields_lie_where_the_specification_says) {
    check_rows(begin_request_rows, decode_begin_request);
}
BOOST_AUTO_TEST_CASE(end_request_fields_lie_where_the_specification_says) {
    check_rows(end_request_rows, decode_end_request);
}
BOOST_AUTO_TEST_CASE(unknown_type_fields_lie_where_the_specification_says) {
    check_rows(unknown_type_rows, decode_unknown_type);
}

BOOST_AUTO_TEST_CASE(a_content_of_another_size_is_no_body) {
    for (const std::size_t size : {0U, 1U, 7U, 8U, 9U, 16U, 255U, 256U, 264U, 65535U}) {
        const ExactBytes block(patterned(size));
        BOOST_TEST_CONTEXT(size << " bytes") {
            BOOST_TEST(decode_begin_request(block.view()).has_value() == (size == 8));
            BOOST_TEST(decode_end_request(block.view()).has_value() == (size == 8));
            BOOST_TEST(decode_unknown_type(block.view()).has_value() == (size == 8));
        }
    }
}

BOOST_AUTO_TEST_CASE(roles_and_statuses_have_their_names_and_no_others) {
    for (unsigned number = 0; number <= 300; ++number) BOOST_TEST_CONTEXT(number) {
            BOOST_TEST(name_of(static_cast<Role>(number)) == wanted_name(role_names, number));
            if (number <= 255)
                BOOST_TEST(name_of(static_cast<ProtocolStatus>(number)) == wanted_name(status_names, number));
        }
    BOOST_TEST(name_of(Role{65535}) == "");
}

BOOST_AUTO_TEST_CASE(names_are_found_and_others_are_not) {
    for (const Named& named : role_names) BOOST_TEST((role_named(named.name) == static_cast<Role>(named.number)));
    for (const Named& named : status_names)
        BOOST_TEST((protocol_status_named(named.name) == static_cast<ProtocolStatus>(named.number)));
    for (const std::string_view name : {"", "FCGI_", "RESPONDER", "FCGI_RESPONDER ", "FCGI_KEEP_CONN", "responder"})
        BOOST_TEST_CONTEXT("'" << name << "'") {
            BOOST_TEST(!role_named(name).has_value());
            BOOST_TEST(!protocol_status_named(name).has_value());
        }
    BOOST_TEST(!role_named("FCGI_OVERLOADED").has_value());
    BOOST_TEST(!protocol_status_named("FCGI_FILTER").has_value());
}

BOOST_AUTO_TEST_SUITE_END()

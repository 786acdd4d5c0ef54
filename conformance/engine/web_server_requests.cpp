#include "conformance/engine/web_server_requests.hpp"

#include <algorithm>

#include "codec/name_value_pair.hpp"
#include "codec/notation.hpp"

namespace fcgispec {
namespace {

using enum Match::Kind;

bool ended(const RequestSeen& request, RecordType type) {
    const StreamSeen* stream = request.stream(type);
    return stream != nullptr && stream->ended;
}

std::string_view value_of(const RequestSeen& request, RecordType type) {
    const StreamSeen* stream = request.stream(type);
    return stream == nullptr ? std::string_view{} : std::string_view(stream->bytes);
}

std::string describe_text(std::string_view name, std::string_view value) { return std::string(name) + " " + describe_value(value); }

std::string describe_pair(const PairPattern& pair) {
    PairsPattern one;
    one.pairs.push_back(pair);
    return print(one, PrintStyle::brief);
}

std::optional<std::string> variable(Bytes params, std::string_view name) {
    for (DecodedPair decoded = decode_pair(params); decoded.pair; decoded = decode_pair(params)) {
        if (text_of(decoded.pair->name) == name) return std::string(text_of(decoded.pair->value));
        params = params.subspan(decoded.consumed);
    }
    return std::nullopt;
}

/// What the request says of the variable that wasn't as expected.
std::string describe_variable(Bytes params, std::string_view name) {
    const auto value = variable(params, name);
    return value ? std::string(name) + "=" + print(TextPattern{.text = *value}, PrintStyle::brief) : "no " + std::string(name);
}

/// What is amiss where the stream has not as many bytes as the variable says; "" where it has, or no variable is named.
std::string size_difference(const RequestSeen& request, RecordType stream, const std::string& name) {
    if (name.empty()) return {};
    const std::string size = std::to_string(value_of(request, stream).size());
    const Bytes params = bytes_of(value_of(request, RecordType::params));
    if (variable(params, name) == size) return {};
    return describe_variable(params, name) + ", " + size + " bytes of " + print(stream);
}

/// What is amiss with a request whose input is complete; "" where it is the one expected.
std::string difference(const ExpectRequest& expected, const RequestSeen& request) {
    // One whose body has another size has neither role nor flags.
    const BeginRequestBody begin = request.begin.value_or(BeginRequestBody{});
    const Role role = begin.role;
    if (role != expected.role) return "role " + (name_of(role).empty() ? std::to_string(static_cast<unsigned>(role)) : std::string(name_of(role)));
    if (expected.flags && begin.flags != *expected.flags) return "flags " + std::to_string(begin.flags);
    const Bytes params = bytes_of(value_of(request, RecordType::params));
    PairsPattern open = expected.pairs;
    open.open = true;
    const PairPattern* missing = nullptr;
    if (!fits(open, params, &missing)) return describe_variable(params, missing->name) + ", not " + describe_pair(*missing);
    for (const std::string& name : expected.without)
        if (variable(params, name)) return describe_variable(params, name);
    if (expected.std_in && !fits(*expected.std_in, value_of(request, RecordType::std_in))) return describe_text("FCGI_STDIN", value_of(request, RecordType::std_in));
    if (std::string amiss = size_difference(request, RecordType::std_in, expected.std_in_size); !amiss.empty()) return amiss;
    if (std::string amiss = size_difference(request, RecordType::data, expected.data_size); !amiss.empty()) return amiss;
    if (expected.data && !fits(*expected.data, value_of(request, RecordType::data))) return describe_text("FCGI_DATA", value_of(request, RecordType::data));
    return {};
}

void bind(const std::string& connection, std::uint16_t request_id, const Cursor::Bound& where, Cursor& cursor) {
    cursor.bound[{connection, request_id}] = where;
    cursor.taken.insert(where);
    cursor.connections[connection] = where.connection;
    cursor.requests[{where.connection, where.request_id}] = {.life = where.life, .streams = {}};
}

std::string describe(const RequestSeen& request) {
    std::string result = "a request without FCGI_PARAMS' end";
    if (ended(request, RecordType::params)) result = "a request whose input isn't complete, " + describe_text("FCGI_STDIN so far", value_of(request, RecordType::std_in));
    return result;
}

}  // namespace

bool input_ended(const RequestSeen& request) {
    if (!ended(request, RecordType::params)) return false;
    const Role role = request.begin ? request.begin->role : Role::responder;
    if (role == Role::authorizer) return true;
    return ended(request, RecordType::std_in) && (role != Role::filter || ended(request, RecordType::data));
}

std::vector<NewRequest> new_requests(const ConnectionsSeen& seen, const Cursor& cursor, Completeness wanted) {
    std::vector<NewRequest> result;
    for (const auto& [name, connection] : seen)
        for (const auto& [id, lives] : connection->requests)
            for (std::size_t life = 0; life < lives.size(); ++life) {
                const Cursor::Bound where{name, id, life};
                if (cursor.taken.contains(where)) continue;
                const bool complete = wanted == Completeness::params ? ended(lives[life], RecordType::params) : input_ended(lives[life]);
                result.push_back({where, &lives[life], complete || lives[life].aborted});
            }
    return result;
}

Match match(const std::string& connection, const ExpectRequest& expected, const ConnectionsSeen& seen, std::size_t num_awaited, Cursor& cursor,
            Completeness wanted) {
    std::string got;
    std::size_t num_others = 0;
    for (const NewRequest& one : new_requests(seen, cursor, wanted)) {
        if (!one.complete) {
            got = describe(*one.request);
            continue;
        }
        const std::string amiss = difference(expected, *one.request);
        if (amiss.empty()) {
            bind(connection, expected.request_id, one.where, cursor);
            return {met, {}};
        }
        got = "a request with " + amiss;
        ++num_others;
    }
    return {num_others > 0 && num_others >= num_awaited ? contradicted : pending, got.empty() ? "no request" : got};
}

Match match_begin(const std::string& connection, const RecordPattern& expected, const ConnectionsSeen& seen, std::size_t num_awaited, Cursor& cursor) {
    std::string got;
    std::size_t num_others = 0;
    for (const NewRequest& one : new_requests(seen, cursor)) {
        if (!one.request->begin) continue;
        const auto* body = std::get_if<BodyPattern>(&expected.content);
        const BeginRequestBody& begin = *one.request->begin;
        const auto same = [](NumberPattern pattern, std::uint32_t number) { return !pattern || *pattern == number; };
        if (body == nullptr || (same(body->fields[0], static_cast<std::uint32_t>(begin.role)) && same(body->fields[1], begin.flags))) {
            bind(connection, static_cast<std::uint16_t>(expected.request_id.value_or(1)), one.where, cursor);
            return {met, {}};
        }
        const Buffer content = [&] {
            const auto encoded = encode(begin);
            return Buffer(encoded.begin(), encoded.end());
        }();
        got = print(Record{.type = RecordType::begin_request, .request_id = one.where.request_id, .content = content}, PrintStyle::brief);
        ++num_others;
    }
    return {num_others > 0 && num_others >= num_awaited ? contradicted : pending, got.empty() ? "no request" : got};
}

Match match_of_request(const std::string& connection, const Expect& expected, const ConnectionsSeen& seen, Cursor& cursor) {
    const TypeProperties* properties = properties_of(expected.record.type);
    if (properties == nullptr || properties->management) {
        const std::string* where = connection_of(connection, {}, cursor);
        if (where == nullptr && seen.empty()) return {pending, "no connection"};
        const std::string name = where != nullptr ? *where : seen.begin()->first;
        return match(name, expected, *seen.at(name), cursor);
    }
    const auto found = cursor.bound.find({connection, static_cast<std::uint16_t>(expected.record.request_id.value_or(1))});
    if (found == cursor.bound.end()) return {contradicted, "no line before says which request this is"};
    return match(found->second.connection, found->second.request_id, expected, *seen.at(found->second.connection), cursor);
}

const std::string* connection_of(const std::string& connection, std::optional<std::uint16_t> request_id, const Cursor& cursor) {
    if (request_id) {
        const auto found = cursor.bound.find({connection, *request_id});
        return found == cursor.bound.end() ? nullptr : &found->second.connection;
    }
    const auto found = cursor.connections.find(connection);
    return found == cursor.connections.end() ? nullptr : &found->second;
}

}  // namespace fcgispec

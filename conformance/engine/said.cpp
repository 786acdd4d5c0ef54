#include "conformance/engine/said.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "codec/name_value_pair.hpp"
#include "codec/record_reader.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t single_bytes_size = 1024;  // at each end of a group, Splitting::bytes
constexpr std::string_view data_last_mod = "0";  // FCGI_DATA_LAST_MOD of what a scenario sends [§6.4]

const std::string* value_of(const Pairs& pairs, std::string_view name) {
    const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == name; });
    return found == pairs.end() ? nullptr : &found->second;
}

void replace_or_add(Pairs& pairs, const std::string& name, const std::string& value) {
    const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == name; });
    if (found != pairs.end()) {
        found->second = value;
    } else {
        pairs.emplace_back(name, value);
    }
}

/// Puts the variables of a plain request where `base` stands, without those that the list itself gives.
PairsPattern with_base(const PairsPattern& pairs, const Pairs& base) {
    PairsPattern result;
    for (const PairPattern& pair : pairs.pairs) {
        if (pair.value || pair.name != "base") {
            result.pairs.push_back(pair);
            continue;
        }
        for (const auto& [name, value] : base) {
            const bool given = std::any_of(pairs.pairs.begin(), pairs.pairs.end(),
                                           [&, &base_name = name](const PairPattern& other) { return other.value && other.name == base_name; });
            if (!given)
                result.pairs.push_back({.name = name, .value = TextPattern{.text = value}, .name_form = usual_form(name.size()), .value_form = usual_form(value.size())});
        }
    }
    return result;
}

/// About what a stream's value and the rest of its request or response take, so that ten MiB don't grow by doubling.
std::size_t encoded_size(std::size_t value_size) { return value_size + value_size / content_size_max * header_size + 1024; }

/// Offsets behind each header and each content.
std::vector<std::size_t> header_cuts(Bytes bytes) {
    std::vector<std::size_t> result;
    RecordReader reader;
    while (const auto event = reader.next(bytes))
        if (event->kind == RecordEvent::Kind::header || event->kind == RecordEvent::Kind::end)
            result.push_back(static_cast<std::size_t>(reader.offset()));
    return result;
}

std::vector<std::size_t> byte_cuts(std::size_t size) {
    std::vector<std::size_t> result;
    for (std::size_t offset = 1; offset < size; ++offset)
        if (offset <= single_bytes_size || size - offset <= single_bytes_size) result.push_back(offset);
    return result;
}

std::optional<RecordPattern> read_record(const std::string& text) {
    try {
        NotationScanner scanner(text);
        RecordPattern record = scanner.record();
        if (scanner.at_end()) return record;
        return std::nullopt;
    } catch (const NotationError&) {
        return std::nullopt;  // shortened, or no record
    }
}

}  // namespace

std::string_view name_of(Splitting splitting) noexcept {
    return splitting == Splitting::whole ? "whole" : splitting == Splitting::bytes ? "bytes" : "header";
}

Pairs base_params(const Pairs& params) {
    Pairs result{{"GATEWAY_INTERFACE", "CGI/1.1"}, {"SERVER_SOFTWARE", "fcgispec"}, {"SERVER_PROTOCOL", "HTTP/1.1"},
                 {"SERVER_NAME", "localhost"},     {"SERVER_ADDR", "127.0.0.1"},    {"SERVER_PORT", "80"},
                 {"REMOTE_ADDR", "127.0.0.1"},     {"REQUEST_METHOD", "GET"},       {"SCRIPT_NAME", "/fcgispec"},
                 {"QUERY_STRING", ""}};
    for (const auto& [name, value] : params) replace_or_add(result, name, value);
    return result;
}

Buffer encode_request(const SendRequest& request, const Pairs& params) {
    PairsPattern all{.pairs = {PairPattern{.name = "base", .value = std::nullopt}}, .open = false};
    all.pairs.insert(all.pairs.end(), request.pairs.pairs.begin(), request.pairs.pairs.end());
    Pairs base = base_params(params);
    // An Authorizer isn't sent it [§6.3], unless the user wants it.
    if (request.role == Role::authorizer && value_of(params, "SCRIPT_NAME") == nullptr)
        std::erase_if(base, [](const auto& pair) { return pair.first == "SCRIPT_NAME"; });
    const auto given = [&](std::string_view name) {
        return value_of(base, name) != nullptr ||
               std::any_of(request.pairs.pairs.begin(), request.pairs.pairs.end(), [&](const PairPattern& pair) { return pair.name == name; });
    };
    if (!request.std_in.empty() && !given("CONTENT_LENGTH")) base.emplace_back("CONTENT_LENGTH", std::to_string(request.std_in.size()));
    if (request.role == Role::filter && !given("FCGI_DATA_LENGTH")) base.emplace_back("FCGI_DATA_LENGTH", std::to_string(request.data.size()));
    if (request.role == Role::filter && !given("FCGI_DATA_LAST_MOD")) base.emplace_back("FCGI_DATA_LAST_MOD", data_last_mod);
    all = with_base(all, base);

    Buffer result;
    result.reserve(encoded_size(request.std_in.size() + request.data.size()));
    encode_record({.type = RecordType::begin_request, .request_id = request.request_id, .content = encode(BeginRequestBody{.role = request.role, .flags = request.flags})}, result);
    const auto stream = [&](RecordType type, std::string_view value) {
        encode_stream(type, request.request_id, bytes_of(value), result);
        encode_record({.type = type, .request_id = request.request_id}, result);
    };
    stream(RecordType::params, *content_of(RecordPattern{.type = RecordType::params, .content = all, .padding = {}, .content_length = {}}));
    if (request.role != Role::authorizer) stream(RecordType::std_in, request.std_in);
    if (request.role == Role::filter) stream(RecordType::data, request.data);
    return result;
}

Buffer encode_line(const NotationLine& line, const Pairs& params) {
    Buffer result;
    if (const auto* raw = std::get_if<RawBytes>(&line)) {
        append(result, bytes_of(raw->bytes));
        return result;
    }
    const auto& record = std::get<RecordPattern>(line);
    std::string problem;
    if (const auto* pairs = std::get_if<PairsPattern>(&record.content)) {
        RecordPattern whole = record;
        whole.content = with_base(*pairs, base_params(params));
        problem = encode(whole, result);
    } else {
        problem = encode(record, result);  // not copied: a text may be 16 MiB
    }
    // The script parser has tried it, but without the user's variables, with which a record of its own form may be too small.
    if (!problem.empty()) throw std::runtime_error(problem);
    return result;
}

std::string with_base_named(const std::string& record, const Pairs& params) {
    auto pattern = read_record(record);
    auto* told = pattern ? std::get_if<PairsPattern>(&pattern->content) : nullptr;
    if (told == nullptr) return record;
    const Pairs base = base_params(params);
    const auto place = [&](const PairPattern& pair) {
        const auto same = [&](const auto& variable) { return variable.first == pair.name && pair.value && pair.value->text == variable.second; };
        return std::find_if(base.begin(), base.end(), same) - base.begin();
    };
    const auto is_base = [&](const PairPattern& pair) { return place(pair) < std::ssize(base); };
    // They stand together and in their order, without those that the list gives itself: the longest run.
    const auto& pairs = told->pairs;
    auto first = pairs.end();
    auto last = first;
    for (auto begin = std::find_if(pairs.begin(), pairs.end(), is_base); begin != pairs.end(); begin = std::find_if(begin, pairs.end(), is_base)) {
        auto end = begin + 1;
        while (end != pairs.end() && is_base(*end) && place(*std::prev(end)) < place(*end)) ++end;
        if (last - first < end - begin) {
            first = begin;
            last = end;
        }
        begin = end;
    }
    PairsPattern named{.pairs = {pairs.begin(), first}, .open = told->open};
    named.pairs.push_back({.name = "base", .value = std::nullopt});
    named.pairs.insert(named.pairs.end(), last, pairs.end());
    if (with_base(named, base) != *told) return record;
    *told = std::move(named);
    return print(*pattern);
}

std::string with_others_left_out(const std::string& record, const std::vector<std::string>& names) {
    auto pattern = names.empty() ? std::nullopt : read_record(record);
    auto* told = pattern ? std::get_if<PairsPattern>(&pattern->content) : nullptr;
    if (told == nullptr) return record;
    const std::size_t num_others = std::erase_if(told->pairs, [&](const PairPattern& pair) { return std::find(names.begin(), names.end(), pair.name) == names.end(); });
    if (num_others == 0 || told->pairs.empty()) return record;
    told->open = true;
    return print(*pattern);
}

namespace {

/// What `records` say, if they are a whole request; it is yet to be seen whether they are.
std::optional<SendRequest> read_request(std::span<const std::string> records, const Pairs& params) {
    const auto begin = read_record(records.front());
    const auto* body = begin ? std::get_if<BodyPattern>(&begin->content) : nullptr;
    if (records.size() < 2 || body == nullptr || begin->type != RecordType::begin_request) return std::nullopt;
    SendRequest result{.request_id = static_cast<std::uint16_t>(*begin->request_id), .pairs = {}, .role = static_cast<Role>(*body->fields[0]), .flags = static_cast<std::uint8_t>(*body->fields[1])};
    const auto told = read_record(with_base_named(records[1], params));
    const auto* pairs = told ? std::get_if<PairsPattern>(&told->content) : nullptr;
    if (pairs == nullptr) return std::nullopt;
    std::copy_if(pairs->pairs.begin(), pairs->pairs.end(), std::back_inserter(result.pairs.pairs), [](const PairPattern& pair) { return pair.value.has_value(); });
    const RecordType last = result.role == Role::authorizer ? RecordType::params : result.role == Role::filter ? RecordType::data : RecordType::std_in;
    for (std::size_t i = 2; i < records.size(); ++i) {
        const auto record = read_record(records[i]);
        if (!record || record->request_id != begin->request_id) break;
        const std::string content = content_of(*record).value_or("");
        if (record->type == RecordType::std_in) result.std_in += content;
        if (record->type == RecordType::data) result.data += content;
        if (record->type == last && content.empty()) break;
    }
    return result;
}

/// How many of `records` are this request; 0 where they aren't.
std::size_t num_records_of(const SendRequest& request, std::span<const std::string> records, const Pairs& params) {
    const std::string expected = print_notation(encode_request(request, params));
    std::size_t num = 0;
    for (std::string_view left = expected; !left.empty(); ++num) {
        const std::size_t end = left.find('\n');
        if (num == records.size() || records[num] != left.substr(0, end)) return 0;
        left.remove_prefix(end + 1);
    }
    return num;
}

}  // namespace

std::optional<WholeRequest> whole_request(std::span<const std::string> records, const Pairs& params) {
    const std::optional<SendRequest> request = records.empty() ? std::nullopt : read_request(records, params);
    if (!request) return std::nullopt;
    // A length that is just that of the body is said with it.
    SendRequest plain = *request;
    std::erase_if(plain.pairs.pairs, [](const PairPattern& pair) { return pair.name == "CONTENT_LENGTH"; });
    for (const SendRequest& one : {plain, *request})
        if (const std::size_t num_records = num_records_of(one, records, params); num_records > 0) return WholeRequest{one, num_records};
    return std::nullopt;
}

Buffer encode_response(const SendResponse& response, std::uint16_t request_id, const std::string& url_path) {
    std::string value;
    // A reason phrase may be empty, its space may not [CGI §6.3.3]: the plainest form has one.
    if (response.status) value += "Status: " + std::to_string(*response.status) + " As asked\r\n";
    if (!response.location.empty()) value += "Location: " + url_path + response.location + "\r\n";
    bool typed = !response.location.empty();
    for (const auto& [name, field] : response.fields) {
        value += name + ": " + field + "\r\n";
        typed = typed || name == "Content-Type" || name == "Location";
    }
    if (!typed) value += "Content-Type: text/plain\r\n";
    value += "\r\n" + response.body;
    Buffer result;
    result.reserve(encoded_size(value.size()));
    encode_stream(RecordType::std_out, request_id, bytes_of(value), result);
    encode_record({.type = RecordType::std_out, .request_id = request_id}, result);
    encode_record({.type = RecordType::end_request, .request_id = request_id, .content = encode(EndRequestBody{})}, result);
    return result;
}

Buffer encode_values_result(std::string_view asked, const Pairs& values) {
    Buffer content;
    Bytes left = bytes_of(asked);
    for (DecodedPair decoded = decode_pair(left); decoded.pair; decoded = decode_pair(left)) {
        if (const std::string* value = value_of(values, text_of(decoded.pair->name)))
            encode_pair({.name = decoded.pair->name, .value = bytes_of(*value)}, content);
        left = left.subspan(decoded.consumed);
    }
    Buffer result;
    encode_record({.type = RecordType::get_values_result, .content = content}, result);
    return result;
}

std::vector<std::size_t> cuts_of(Bytes bytes, Splitting splitting) {
    if (splitting == Splitting::header) return header_cuts(bytes);
    return splitting == Splitting::bytes ? byte_cuts(bytes.size()) : std::vector<std::size_t>{};
}

}  // namespace fcgispec

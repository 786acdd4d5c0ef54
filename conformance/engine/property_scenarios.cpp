#include "conformance/engine/property_scenarios.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <utility>

namespace fcgispec {
namespace {

// Each has a small case, as numbers_in_a_row.
constexpr std::array<std::uint16_t, 2> numbers_of_connections_at_once = {4, 64};
constexpr std::array<std::uint16_t, 2> numbers_of_connections_in_a_row = {4, 200};
constexpr std::array<std::uint16_t, 2> numbers_of_aborted_requests = {10, 1000};

/// The steps of a scenario, one after the other, on the connection of that name.
class Steps {
public:
    void add(const std::string& connection, decltype(Step::action) action) {
        steps_.push_back({.line = 0, .connection = connection, .action = std::move(action)});
    }
    std::vector<Step> take() { return std::move(steps_); }

private:
    std::vector<Step> steps_;
};

Scenario scenario(std::string name, std::string title, std::vector<std::string> proves, std::vector<std::string> needs,
                  Steps steps) {
    return {.name = "application/" + std::move(name),
            .file = {},
            .title = std::move(title),
            .side = Side::application,
            .proves = std::move(proves),
            .needs = std::move(needs),
            .steps = steps.take()};
}

PairPattern pair(const std::string& name, const std::string& value) {
    return {.name = name,
            .value = TextPattern{.text = value},
            .name_form = usual_form(name.size()),
            .value_form = usual_form(value.size())};
}

/// A body that no other number has, of a size that no neighbour has.
std::string body_of(std::size_t number) {
    return random_bytes(1 + number * 331 % 9973, number + 1);
}

SendRequest echo_request(std::uint16_t request_id, std::uint8_t flags, const std::string& body) {
    return {.request_id = request_id,
            .pairs = {.pairs = {pair("QUERY_STRING", "fcgispec.echo")}},
            .flags = flags,
            .std_in = body,
            .data = {}};
}
ExpectResponse echo_response(std::uint16_t request_id, const std::string& body) {
    return {.request_id = request_id, .status = std::nullopt, .body = TextPattern{.text = body}};
}

Send record(RecordType type, std::uint16_t request_id, decltype(RecordPattern::content) content) {
    return {RecordPattern{.type = type,
                          .request_id = request_id,
                          .content = std::move(content),
                          .padding = {},
                          .content_length = std::nullopt}};
}
Send begin_request(std::uint16_t request_id) {
    return record(RecordType::begin_request, request_id,
                  BodyPattern{{static_cast<std::uint32_t>(Role::responder), keep_conn}});
}
Expect end_request(std::uint16_t request_id, ProtocolStatus status) {
    const BodyPattern body{{std::nullopt, static_cast<std::uint32_t>(status)}};
    return {RecordPattern{.type = RecordType::end_request,
                          .request_id = request_id,
                          .content = body,
                          .padding = {},
                          .content_length = std::nullopt}};
}

Alternative alternative(std::string name, const std::string& connection, decltype(Step::action) expectation) {
    Steps steps;
    steps.add(connection, std::move(expectation));
    return {.name = std::move(name), .steps = steps.take()};
}

/// The answer, or that the application refuses by closing: it may protect itself from a flood [R-7-13].
Either answered_or_closed(const std::string& connection, std::uint16_t request_id, const std::string& body) {
    return {{alternative("answered", connection, echo_response(request_id, body)),
             alternative("closed", connection, ExpectClose{})}};
}

/// A plain request on a connection of its own, after whatever was done on others.
void prove_life(Steps& steps) {
    steps.add("after", echo_request(1, 0, "alive"));
    steps.add("after", echo_response(1, "alive"));
}

// ---- one connection -------------------------------------------------------------------------------------------------

Scenario requests_in_a_row(std::uint16_t num_requests) {
    Steps steps;
    for (std::uint16_t number = 1; number <= num_requests; ++number) {
        steps.add("", echo_request(1, keep_conn, body_of(number)));
        steps.add("", echo_response(1, body_of(number)));
    }
    return scenario("5.1-keep-conn/a-hundred-requests-on-one-connection" + case_of(num_requests),
                    "Many requests on one connection each get their own answer", {"R-5.1-8"},
                    {"keep-conn", "echo"}, std::move(steps));
}

/// Each id is used twice: as the next one up, and again on the way down.
Scenario ids_up_and_down(std::uint16_t num_requests) {
    Steps steps;
    const auto exchange = [&](std::uint16_t request_id, std::size_t number) {
        steps.add("", echo_request(request_id, keep_conn, body_of(number)));
        steps.add("", echo_response(request_id, body_of(number)));
    };
    for (std::uint16_t id = 1; id <= num_requests; ++id) exchange(id, id);
    for (std::uint16_t id = num_requests; id >= 1; --id) exchange(id, std::size_t{num_requests} + id);
    return scenario("3.3-request-ids/up-and-down" + case_of(num_requests),
                    "Request ids that go up and down again on one connection are all served", {"R-3.3-20"},
                    {"keep-conn", "echo"}, std::move(steps));
}

/// Sizes around those of one record and of two; the CGI header block goes before the body.
std::vector<Scenario> outputs_of_every_size() {
    static constexpr std::string_view cycle = "0123456789abcdef";  // as the contract has it
    std::vector<Scenario> result;
    for (const std::size_t size :
         {0U, 1U, 8191U, 8192U, 8193U, 65534U, 65535U, 65536U, 131070U, 131071U, 131072U, 1048576U}) {
        std::string body;
        while (body.size() < size) body += cycle;
        body.resize(size);
        Steps steps;
        steps.add("", SendRequest{.pairs = {.pairs = {pair("QUERY_STRING", "fcgispec.large=" + std::to_string(size))}},
                                  .flags = 0,
                                  .std_in = {},
                                  .data = {}});
        steps.add("", echo_response(1, body));
        result.push_back(scenario("5.3-streams/output-of-every-size" + case_of(size),
                                  "FCGI_STDOUT of any size comes whole", {"R-3.3-14"}, {"large"}, std::move(steps)));
    }
    return result;
}

// ---- multiplexing ---------------------------------------------------------------------------------------------------

/// The records of an echo request, in their order; its body is in three records.
std::vector<Send> records_of(std::uint16_t request_id, const std::string& body) {
    PairsPattern pairs{.pairs = {PairPattern{.name = "base", .value = std::nullopt}, pair("REQUEST_METHOD", "POST"),
                                 pair("QUERY_STRING", "fcgispec.echo"),
                                 pair("CONTENT_LENGTH", std::to_string(body.size()))}};
    std::vector<Send> result{begin_request(request_id), record(RecordType::params, request_id, std::move(pairs)),
                             record(RecordType::params, request_id, TextPattern{})};
    const std::size_t third = body.size() / 3;
    for (const std::string& part : {body.substr(0, third), body.substr(third, third), body.substr(2 * third)})
        if (!part.empty()) result.push_back(record(RecordType::std_in, request_id, TextPattern{.text = part}));
    result.push_back(record(RecordType::std_in, request_id, TextPattern{}));
    return result;
}

/// Whose record comes next: numbers of requests, each as often as it has records.
using Order = std::vector<std::size_t>;

Order round_robin(const std::vector<std::vector<Send>>& requests) {
    Order result;
    std::size_t num_records = 0;
    for (const auto& records : requests) num_records = std::max(num_records, records.size());
    for (std::size_t index = 0; index < num_records; ++index)
        for (std::size_t number = 0; number < requests.size(); ++number)
            if (index < requests[number].size()) result.push_back(number);
    return result;
}

/// Begun in order, ended in the reverse order: each request lies within the one before.
Order reversed_ends(const std::vector<std::vector<Send>>& requests) {
    Order result;
    for (std::size_t number = 0; number < requests.size(); ++number)
        result.insert(result.end(), requests[number].size() - 1, number);
    for (std::size_t number = requests.size(); number > 0; --number) result.push_back(number - 1);
    return result;
}

Order shuffled(const std::vector<std::vector<Send>>& requests, std::uint32_t seed) {
    Order result;
    for (std::size_t number = 0; number < requests.size(); ++number)
        result.insert(result.end(), requests[number].size(), number);
    std::mt19937 random(seed);
    // Not std::shuffle: its result differs from library to library, and a scenario is the same everywhere.
    for (std::size_t left = result.size(); left > 1; --left) std::swap(result[left - 1], result[random() % left]);
    return result;
}

/// Each answer is exact. An application may have no room for so many requests, and then says so [§5.5].
Scenario multiplexed(const std::string& name, const std::string& title, std::uint16_t num_requests,
                     Order (*order_of)(const std::vector<std::vector<Send>>&)) {
    std::vector<std::vector<Send>> requests;
    for (std::uint16_t id = 1; id <= num_requests; ++id) requests.push_back(records_of(id, body_of(id)));
    std::vector<std::size_t> next(num_requests);
    Steps steps;
    for (const std::size_t number : order_of(requests)) steps.add("", std::move(requests[number][next[number]++]));
    for (std::uint16_t id = 1; id <= num_requests; ++id)
        steps.add("", Either{{alternative("answered", "", echo_response(id, body_of(id))),
                              alternative("overloaded", "", end_request(id, ProtocolStatus::overloaded))}});
    return scenario("3.3-multiplexing/" + name + case_of(num_requests), title, {"R-3.3-5"},
                    {"multiplexing", "keep-conn", "echo"}, std::move(steps));
}

std::vector<Scenario> all_multiplexed() {
    std::vector<Scenario> result;
    for (const std::uint16_t num_requests : {std::uint16_t{2}, std::uint16_t{8}, std::uint16_t{100}}) {
        result.push_back(multiplexed("round-robin", "Requests whose records take turns each get their own answer",
                                     num_requests, round_robin));
        result.push_back(multiplexed("reversed-ends",
                                     "Requests that end in the reverse order each get their own answer", num_requests,
                                     reversed_ends));
        const std::string title = "Requests whose records come in any order of theirs each get their own answer";
        result.push_back(
            multiplexed("random-1", title, num_requests, [](const auto& requests) { return shuffled(requests, 1); }));
        result.push_back(
            multiplexed("random-2", title, num_requests, [](const auto& requests) { return shuffled(requests, 2); }));
    }
    return result;
}

// ---- floods ---------------------------------------------------------------------------------------------------------

/// All are open before the first answer is read. An application that serves one at a time serves one after the other:
/// each connection has one request.
Scenario many_connections_at_once(std::uint16_t num_connections) {
    Steps steps;
    const auto connection = [](std::uint16_t number) { return "c" + std::to_string(number); };
    for (std::uint16_t number = 1; number <= num_connections; ++number)
        steps.add(connection(number), echo_request(number, 0, body_of(number)));
    for (std::uint16_t number = 1; number <= num_connections; ++number) {
        steps.add(connection(number), answered_or_closed(connection(number), number, body_of(number)));
        steps.add(connection(number), CloseOurs{Closing::close});  // some wait for it before they serve the next one
    }
    prove_life(steps);
    return scenario("7-robustness/sixty-four-connections-at-once" + case_of(num_connections),
                    "Many connections at once each get their own answer", {"R-7-13"}, {"echo"}, std::move(steps));
}

Scenario many_connections_without_a_request(std::uint16_t num_connections) {
    Steps steps;
    for (std::uint16_t number = 1; number <= num_connections; ++number) {
        steps.add("c" + std::to_string(number), CloseOurs{Closing::connect});
        steps.add("c" + std::to_string(number), CloseOurs{number % 2 == 0 ? Closing::close : Closing::reset});
    }
    prove_life(steps);
    return scenario("7-robustness/two-hundred-connections-without-a-request" + case_of(num_connections),
                    "The application serves on after many connections that said nothing", {"R-7-13"}, {"echo"},
                    std::move(steps));
}

/// `begin_all_first`: all are begun, and so active at the same time where the application takes them, before any is
/// aborted.
Scenario many_aborted_requests(std::uint16_t num_requests, bool begin_all_first) {
    Steps steps;
    if (begin_all_first)
        for (std::uint16_t id = 1; id <= num_requests; ++id) steps.add("", begin_request(id));
    for (std::uint16_t id = 1; id <= num_requests; ++id) {
        if (!begin_all_first) steps.add("", begin_request(id));
        steps.add("", record(RecordType::abort_request, id, TextPattern{}));
    }
    // On the same connection: the last of the flood has been dealt with when this is.
    const auto last = static_cast<std::uint16_t>(num_requests + 1);
    steps.add("", echo_request(last, 0, "behind the flood"));
    Either refused_too = answered_or_closed("", last, "behind the flood");
    for (const ProtocolStatus status : {ProtocolStatus::cant_mpx_conn, ProtocolStatus::overloaded})
        refused_too.alternatives.push_back(alternative("refused", "", end_request(last, status)));
    steps.add("", std::move(refused_too));
    steps.add("", CloseOurs{Closing::close});
    prove_life(steps);
    const std::string name = begin_all_first ? "7-robustness/a-thousand-requests-begun-and-then-aborted"
                                             : "7-robustness/a-thousand-requests-each-aborted";
    return scenario(name + case_of(num_requests),
                    "The application serves on after many requests that were begun and aborted", {"R-7-13"},
                    {"keep-conn", "echo"}, std::move(steps));
}

}  // namespace

std::vector<Scenario> property_scenarios(Side side) {
    if (side == Side::web_server) return web_server_property_scenarios();
    std::vector<Scenario> result = all_multiplexed();
    for (Scenario& one : outputs_of_every_size()) result.push_back(std::move(one));
    for (const std::uint16_t number : numbers_in_a_row) result.push_back(requests_in_a_row(number));
    for (const std::uint16_t number : numbers_in_a_row) result.push_back(ids_up_and_down(number));
    for (const std::uint16_t number : numbers_of_connections_at_once) result.push_back(many_connections_at_once(number));
    for (const std::uint16_t number : numbers_of_connections_in_a_row)
        result.push_back(many_connections_without_a_request(number));
    for (const bool begin_all_first : {false, true})
        for (const std::uint16_t number : numbers_of_aborted_requests)
            result.push_back(many_aborted_requests(number, begin_all_first));
    return result;
}

}  // namespace fcgispec

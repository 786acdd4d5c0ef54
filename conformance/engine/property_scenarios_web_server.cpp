// Of a Web server: a response cut at every byte, in records of random sizes, and many requests.
#include <algorithm>
#include <cassert>
#include <random>

#include "conformance/engine/property_scenarios.hpp"

namespace fcgispec {
namespace {

constexpr std::size_t num_clients_at_once = 16;
constexpr std::size_t num_random_divisions = 8;
constexpr std::size_t random_body_size = 20000;
constexpr std::size_t random_record_size_max = 700;
constexpr std::size_t random_padding_max = 255;

std::string quoted(const std::string& text) { return print(TextPattern{.text = text}); }

Scenario scenario(const std::string& name, const std::string& title, const std::string& proves, const std::string& needs, const std::string& lines) {
    const std::string head = "scenario " + title + "\nproves " + proves + "\n" + (needs.empty() ? "" : "needs " + needs + "\n");
    ParsedScript parsed = parse_script(head + lines, "web-server/" + name, "", Side::web_server);
    assert(parsed.errors.empty());
    return std::move(parsed.scenarios.front());
}

std::string end_of_response(const std::string& id) {
    return "< {FCGI_STDOUT, " + id + ", \"\"}\n< {FCGI_END_REQUEST, " + id + ", {0, FCGI_REQUEST_COMPLETE}}\n";
}

/// FCGI_STDOUT in two records, cut behind each byte of the header block and of what follows it.
void cut_at_every_byte(std::vector<Scenario>& result) {
    const std::string value = "Status: 404 Not here\r\nContent-Type: text/plain\r\nX-Fcgispec: a b\r\n\r\nhello";
    for (std::size_t cut = 1; cut < value.size(); ++cut) {
        result.push_back(scenario("3.3-streams/response-cut-behind-byte" + case_of(cut), "A response in two records is the same wherever it is cut", "R-3.3-40", "",
                                  "http> GET /cut\n> request 1\n"
                                  "< {FCGI_STDOUT, 1, " + quoted(value.substr(0, cut)) + "}\n< {FCGI_STDOUT, 1, " + quoted(value.substr(cut)) + "}\n" + end_of_response("1") +
                                      "http< 404 [X-Fcgispec=\"a b\"] \"hello\"\n"));
    }
}

/// A response in records of random sizes with random padding, some FCGI_STDERR among them.
Scenario divided_at_random(std::size_t number) {
    std::mt19937 random(static_cast<std::mt19937::result_type>(number));
    const auto up_to = [&](std::size_t max) { return random() % (max + 1); };
    const std::string body = random_bytes(random_body_size, number);
    const std::string value = "Content-Type: application/octet-stream\r\n\r\n" + body;
    std::string lines = "http> GET /random\n> request 1\n";
    for (std::size_t at = 0; at < value.size();) {
        const std::size_t size = std::min(1 + up_to(random_record_size_max), value.size() - at);
        lines += "< {FCGI_STDOUT, 1, " + quoted(value.substr(at, size)) + ", padding=" + std::to_string(up_to(random_padding_max)) + "}\n";
        if (up_to(3) == 0) lines += "< {FCGI_STDERR, 1, \"note\\n\"}\n";
        at += size;
    }
    return scenario("3.3-streams/response-divided-at-random" + case_of(number), "A response in records of any sizes and paddings is the same", "R-3.3-40", "",
                    lines + "< {FCGI_STDERR, 1, \"\"}\n" + end_of_response("1") + "http< 200 " + quoted(body) + "\n");
}

/// The value of FCGI_STDOUT one byte to a record.
Scenario in_records_of_one_byte() {
    const std::string value = "Content-Type: text/plain\r\n\r\nhello";
    std::string lines = "http> GET /bytes\n> request 1\n";
    for (const char c : value) lines += "< {FCGI_STDOUT, 1, " + quoted(std::string(1, c)) + "}\n";
    return scenario("3.3-streams/response-in-records-of-one-byte", "A response in records of one byte is the same", "R-3.3-40", "", lines + end_of_response("1") + "http< 200 \"hello\"\n");
}

/// One request after the other: where the Web server keeps connections they are the same few.
Scenario requests_in_a_row(std::size_t num_requests) {
    std::string lines;
    for (std::size_t i = 1; i <= num_requests; ++i) {
        const std::string n = std::to_string(i);
        lines += "http" + n + "> GET /row/" + n + "\n> request 1 [REQUEST_METHOD=\"GET\"]\n< response 1 \"answer " + n + "\"\nhttp" + n + "< 200 \"answer " + n + "\"\n";
    }
    return scenario("3.5-connections/hundred-requests-in-a-row" + case_of(num_requests), "Many requests, one after the other, are answered each by its own response", "R-5.5-10, R-3.3-27, R-5.1-10", "", lines);
}

/// All clients wait at once, and are answered last come, first served.
Scenario clients_at_once(bool multiplexed) {
    std::string ask = multiplexed ? "values [FCGI_MAX_CONNS=\"1\" FCGI_MAX_REQS=\"64\" FCGI_MPXS_CONNS=\"1\"]\n" : "";
    std::string answer;
    std::string got;
    for (std::size_t i = 1; i <= num_clients_at_once; ++i) {
        const std::string n = std::to_string(i);
        ask += "http" + n + "> GET /at-once/" + n + "\n> request " + n + "\n";
        answer = "< response " + n + " \"answer " + n + "\"\n" + answer;
        got += "http" + n + "< 200 \"answer " + n + "\"\n";
    }
    if (multiplexed)
        return scenario("3.3-multiplexing/many-clients-at-once", "Each of many clients on multiplexed connections gets its own response", "R-3.3-6", "multiplexing", ask + answer + got);
    return scenario("3.5-connections/many-clients-at-once", "Each of many clients that wait at once gets its own response", "R-5.3-3", "connections", ask + answer + got);
}

}  // namespace

std::vector<Scenario> web_server_property_scenarios() {
    std::vector<Scenario> result;
    cut_at_every_byte(result);
    result.push_back(in_records_of_one_byte());
    for (std::size_t number = 1; number <= num_random_divisions; ++number) result.push_back(divided_at_random(number));
    for (const std::uint16_t num_requests : numbers_in_a_row) result.push_back(requests_in_a_row(num_requests));
    result.push_back(clients_at_once(false));
    result.push_back(clients_at_once(true));
    return result;
}

}  // namespace fcgispec

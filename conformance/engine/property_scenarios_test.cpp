#include "conformance/engine/property_scenarios.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>
#include <utility>

using namespace fcgispec;

BOOST_AUTO_TEST_SUITE(properties)

namespace {

bool expects(const Step& step) {
    return std::holds_alternative<ExpectResponse>(step.action) || std::holds_alternative<Either>(step.action);
}

/// The records that a scenario says of each request, in its order.
std::map<std::uint16_t, std::vector<const RecordPattern*>> records_by_id(const Scenario& scenario) {
    std::map<std::uint16_t, std::vector<const RecordPattern*>> result;
    for (const Step& step : scenario.steps)
        if (const auto* send = std::get_if<Send>(&step.action)) {
            const auto& record = std::get<RecordPattern>(send->line);
            result[static_cast<std::uint16_t>(record.request_id.value())].push_back(&record);
        }
    return result;
}

std::string std_in_of(const std::vector<const RecordPattern*>& records) {
    std::string result;
    for (const RecordPattern* record : records)
        if (record->type == RecordType::std_in) result += std::get<TextPattern>(record->content).text;
    return result;
}

/// What the first alternative of the expectation of that request says.
std::map<std::uint16_t, std::string> expected_bodies(const Scenario& scenario) {
    std::map<std::uint16_t, std::string> result;
    for (const Step& step : scenario.steps)
        if (const auto* either = std::get_if<Either>(&step.action)) {
            const auto& response = std::get<ExpectResponse>(either->alternatives.at(0).steps.at(0).action);
            result[response.request_id] = response.body.value().text;
        }
    return result;
}

std::vector<Scenario> multiplexing() {
    std::vector<Scenario> result = property_scenarios(Side::application);
    std::erase_if(result,
                  [](const Scenario& scenario) { return !scenario.name.starts_with("application/3.3-multiplexing/"); });
    return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_has_a_name_of_its_own_and_can_fail) {
    std::set<std::string> names;
    for (const Scenario& scenario : property_scenarios(Side::application)) {
        BOOST_TEST(names.insert(scenario.name).second, scenario.name << " is there twice");
        BOOST_TEST(scenario.name.starts_with("application/"));
        BOOST_TEST(!scenario.proves.empty(), scenario.name);
        BOOST_TEST(std::any_of(scenario.steps.begin(), scenario.steps.end(), expects),
                   scenario.name << " expects nothing");
        for (const std::string& need : scenario.needs) {
            const auto& known = known_capabilities();
            BOOST_TEST((std::find(known.begin(), known.end(), need) != known.end()),
                       scenario.name << " needs " << need);
        }
    }
    BOOST_TEST(names.size() >= 20U);
}

BOOST_AUTO_TEST_CASE(those_for_web_servers_have_names_of_their_own_and_expect_an_http_response) {
    std::set<std::string> names;
    for (const Scenario& scenario : property_scenarios(Side::web_server)) {
        BOOST_TEST(names.insert(scenario.name).second, scenario.name << " is there twice");
        BOOST_TEST(scenario.name.starts_with("web-server/"));
        const auto expects_http = [](const Step& step) { return std::holds_alternative<HttpExpect>(step.action); };
        BOOST_TEST(std::any_of(scenario.steps.begin(), scenario.steps.end(), expects_http), scenario.name << " expects nothing");
    }
    BOOST_TEST(names.size() >= 70U);
}

BOOST_AUTO_TEST_CASE(interleaving_keeps_the_order_of_each_request) {
    BOOST_TEST(multiplexing().size() == 12U);
    for (const Scenario& scenario : multiplexing())
        for (const auto& [id, records] : records_by_id(scenario)) {
            BOOST_TEST_CONTEXT(scenario.name << " request " << id) {
                BOOST_TEST((records.front()->type == RecordType::begin_request));
                BOOST_TEST((records.back()->type == RecordType::std_in));
                const auto later = [](const RecordPattern* a, const RecordPattern* b) { return a->type < b->type; };
                BOOST_TEST(std::is_sorted(records.begin(), records.end(), later));
            }
        }
}

BOOST_AUTO_TEST_CASE(multiplexed_requests_are_whole_and_differ) {
    for (const Scenario& scenario : multiplexing()) {
        const auto expected = expected_bodies(scenario);
        const auto said = records_by_id(scenario);
        BOOST_TEST(expected.size() == said.size());
        std::set<std::string> bodies;
        for (const auto& [id, records] : said) {
            BOOST_TEST((std_in_of(records) == expected.at(id)), scenario.name << " request " << id);
            bodies.insert(expected.at(id));
        }
        BOOST_TEST(bodies.size() == said.size(), scenario.name << ": answers that were exchanged would not be noticed");
    }
}

BOOST_AUTO_TEST_CASE(interleavings_differ) {
    std::set<std::string> orders;
    for (const Scenario& scenario : multiplexing()) {
        std::string order;
        for (const Step& step : scenario.steps)
            if (const auto* send = std::get_if<Send>(&step.action))
                order += std::to_string(std::get<RecordPattern>(send->line).request_id.value()) + " ";
        BOOST_TEST(orders.insert(order).second, scenario.name << " has the order of another");
    }
}

BOOST_AUTO_TEST_SUITE_END()

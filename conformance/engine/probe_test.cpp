#include "conformance/engine/probe.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <map>
#include <mutex>
#include <set>

#include "conformance/engine/test_application.hpp"
#include "conformance/engine/test_web_server.hpp"

using namespace fcgispec;
using namespace fcgispec::test;

BOOST_AUTO_TEST_SUITE(probe)

namespace {

Probe probed(const Conduct& conduct, int deadline_ms = 20'000, bool can_spawn = false) {
    const TestApplication application(conduct);
    return probe_peer(Side::application, {.address = application.address(), .params = {}, .command = can_spawn ? std::vector<std::string>{"true"} : std::vector<std::string>{}, .deadline_ms = deadline_ms});
}

/// "claimed / observed" of a capability that is shown.
std::string shown(const Probe& probe, const std::string& name) {
    for (const Capability& capability : probe.shown)
        if (capability.name == name) return capability.claimed + " / " + capability.observed;
    return "not shown";
}

/// Answers requests as `body` says, by what is in them, and FCGI_GET_VALUES with `values`.
Conduct with(const std::string& values, const std::map<std::string, std::string>& bodies = {}) {
    return [=](Visit& visit) {
        Record record;
        std::string params;
        while (visit.read_record(record)) {
            if (record.type == RecordType::get_values && !values.empty()) visit.say("{FCGI_GET_VALUES_RESULT, 0, " + values + "}");
            if (record.type == RecordType::params) params += text_of(record.content);
            if (record.type != RecordType::std_in || !record.content.empty()) continue;
            std::string body = "good";
            for (const auto& [in, out] : bodies)
                if (params.find(in) != std::string::npos) body = out;
            visit.answer(record.request_id, body);
            params.clear();
        }
    };
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_plain_application) {
    const Probe probe = probed(always_good(), 2000);
    BOOST_TEST((probe.plain.outcome == Played::Outcome::as_expected));
    BOOST_TEST(probe.round_trip_ms > 0);
    BOOST_TEST((probe.offered == std::set<std::string>{"keep-conn", "connections", "unix"}));
    BOOST_TEST(probe.num_connections == num_connections_max);
    BOOST_TEST(shown(probe, "answers a plain request") == " / 200");
    BOOST_TEST(shown(probe, "keeps connections") == " / yes");
    BOOST_TEST(shown(probe, "operations of fcgispec's contract") == " / none: tested with what needs no co-operation");
    BOOST_TEST(shown(probe, "answers FCGI_GET_VALUES") == " / no");
    BOOST_TEST(shown(probe, "connections at once (FCGI_MAX_CONNS)") == " / 8 or more");
}

BOOST_AUTO_TEST_CASE(an_error_page_is_shown_to_be_one) {
    const Conduct not_found = [](Visit& visit) {
        Record record;
        while (visit.read_record(record)) {
            if (record.type != RecordType::std_in || !record.content.empty()) continue;
            const std::string id = std::to_string(record.request_id);
            visit.say("{FCGI_STDOUT, " + id + ", \"Status: 404 Not Found\\r\\n\\r\\n\"}\n{FCGI_STDOUT, " + id + ", \"\"}\n{FCGI_END_REQUEST, " + id + ", {0, FCGI_REQUEST_COMPLETE}}");
        }
    };
    BOOST_TEST(shown(probed(not_found), "answers a plain request") == " / 404: is a --param missing?");
}

BOOST_AUTO_TEST_CASE(what_is_claimed_is_shown_beside_what_is_seen) {
    const Probe probe = probed(with("[FCGI_MAX_CONNS=\"3\" FCGI_MAX_REQS=\"50\" FCGI_MPXS_CONNS=\"1\"]"));
    BOOST_TEST(probe.offered.contains("get-values"));
    BOOST_TEST(shown(probe, "connections at once (FCGI_MAX_CONNS)") == "3 / 8 or more");
    BOOST_TEST(shown(probe, "requests at once (FCGI_MAX_REQS)") == "50 / ");
    BOOST_TEST(shown(probe, "multiplexes (FCGI_MPXS_CONNS)") == "1 / ");
    BOOST_TEST(!probe.offered.contains("multiplexing"));  // claimed only
}

BOOST_AUTO_TEST_CASE(the_contract_names_what_is_offered) {
    const Probe probe = probed(with("", {{"fcgispec.hello", "fcgispec contract 1: params large unheard-of\\n"}}), 2000);
    BOOST_TEST(probe.offered.contains("params"));
    BOOST_TEST(probe.offered.contains("large"));
    BOOST_TEST(!probe.offered.contains("echo"));
    BOOST_TEST(!probe.offered.contains("unheard-of"));
    BOOST_TEST(shown(probe, "operations of fcgispec's contract") == "params large / ");
}

BOOST_AUTO_TEST_CASE(one_that_multiplexes_and_one_that_refuses) {
    const std::map<std::string, std::string> echo{{"fcgispec.hello", "fcgispec contract 1: echo\\n"}, {"fcgispec.echo", "two"}};
    const Probe probe = probed(with("", echo), 2000);
    BOOST_TEST(probe.offered.contains("multiplexing"));
    BOOST_TEST(shown(probe, "multiplexes (FCGI_MPXS_CONNS)") == " / yes");
    const Probe refuses = probed([](Visit& visit) {
        Record record;
        std::string params;
        while (visit.read_record(record)) {
            if (record.type == RecordType::begin_request && record.request_id == 2 && params.find("fcgispec.echo") != std::string::npos) {
                visit.say("{FCGI_END_REQUEST, 2, {0, FCGI_CANT_MPX_CONN}}");
                continue;
            }
            if (record.type == RecordType::params) params += text_of(record.content);
            if (record.type == RecordType::std_in && record.content.empty())
                visit.answer(record.request_id, params.find("fcgispec.hello") != std::string::npos ? "fcgispec contract 1: echo\\n" : "good");
        }
    }, 2000);
    BOOST_TEST(!refuses.offered.contains("multiplexing"));
    BOOST_TEST(shown(refuses, "multiplexes (FCGI_MPXS_CONNS)") == " / no: refuses the second request (FCGI_CANT_MPX_CONN)");
}

BOOST_AUTO_TEST_CASE(one_connection_at_a_time) {
    // The second connection is served when the first has gone: not within the trial.
    std::atomic<std::size_t> turn{0};
    const Probe probe = probed([&](Visit& visit) {
        for (std::size_t now = turn; now < visit.number(); now = turn) turn.wait(now);
        always_good()(visit);
        turn = visit.number() + 1;
        turn.notify_all();
    }, 300);
    BOOST_TEST(probe.num_connections == 1U);
    BOOST_TEST(!probe.offered.contains("connections"));
    BOOST_TEST(shown(probe, "connections at once (FCGI_MAX_CONNS)") == " / 1");
}

BOOST_AUTO_TEST_CASE(one_that_closes_after_each_request) {
    const Probe probe = probed([](Visit& visit) {
        if (const std::uint16_t request_id = visit.read_request()) visit.answer(request_id);
    }, 300);
    BOOST_TEST(!probe.offered.contains("keep-conn"));
    BOOST_TEST(shown(probe, "keeps connections") == " / no");
}

BOOST_AUTO_TEST_CASE(without_an_answer_nothing_else_is_asked) {
    std::atomic<int> num_visits{0};
    const Probe probe = probed([&](Visit& visit) {
        ++num_visits;
        visit.read_to_end();
    }, 100);
    BOOST_TEST((probe.plain.outcome == Played::Outcome::silent));
    BOOST_TEST(probe.offered.empty());
    BOOST_TEST(probe.shown.empty());
    BOOST_TEST(num_visits == 1);
}

BOOST_AUTO_TEST_CASE(what_we_can_start_is_offered_as_that) {
    BOOST_TEST(probed(always_good(), 2000, true).offered.contains("spawn"));
}

// Web servers.

namespace {

Probe probed_web_server(const HttpConduct& conduct, const std::string& listen = {}, int deadline_ms = 2000) {
    Pair pair(conduct, listen);
    return probe_peer(Side::web_server, {.address = {}, .listener = &pair.listener, .url = pair.web_server.url(), .params = {}, .command = {}, .deadline_ms = deadline_ms});
}

/// One connection to the application for all clients, one request at a time; it asks for values when it opens it.
class Keeper {
public:
    HttpConduct conduct() {
        return with_request([this](HttpVisit& visit) {
            const std::lock_guard lock(mutex_);
            for (int attempt = 0; attempt < 2; ++attempt) {
                if (!link_ || !link_->is_open()) connect(visit);
                link_->ask(1, visit.target(), {}, keep_conn);
                const Answer answer = link_->read_answer(1);
                if (answer.end) return (void)visit.answer(answer);
                link_.reset();  // it was closed meanwhile
            }
        });
    }

private:
    void connect(HttpVisit& visit) {
        link_ = std::make_unique<Link>(visit.connect());
        link_->say("{FCGI_GET_VALUES, 0, [FCGI_MPXS_CONNS=\"\"]}");
        Record record;
        (void)link_->read_record(record);
    }

    std::mutex mutex_;
    std::unique_ptr<Link> link_;
};

/// Connections to the application that each have one request at a time, and are kept; ids are counted up.
class Pool {
public:
    HttpConduct conduct() {
        return with_request([this](HttpVisit& visit) {
            for (int attempt = 0; attempt < 10; ++attempt) {
                Kept kept = take(visit);
                kept.link->ask(++kept.num_requests, visit.target(), {}, keep_conn);
                const Answer answer = kept.link->read_answer(kept.num_requests);
                if (!answer.end) continue;  // it was closed meanwhile
                const std::lock_guard lock(mutex_);
                idle_.push_back(std::move(kept));
                return (void)visit.answer(answer);
            }
        });
    }

private:
    struct Kept {
        std::unique_ptr<Link> link;
        std::uint16_t num_requests = 0;
    };
    Kept take(HttpVisit& visit) {
        const std::lock_guard lock(mutex_);
        if (idle_.empty()) return {std::make_unique<Link>(visit.connect()), 0};
        Kept result = std::move(idle_.back());
        idle_.pop_back();
        return result;
    }

    std::mutex mutex_;
    std::vector<Kept> idle_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_plain_web_server) {
    const Probe probe = probed_web_server(passes_on());
    BOOST_TEST((probe.plain.outcome == Played::Outcome::as_expected));
    BOOST_TEST(probe.round_trip_ms > 0);
    // Whatever is asked for, it is a Responder on a connection of its own.
    BOOST_TEST((probe.offered == std::set<std::string>{"connections", "unix"}));
    BOOST_TEST(shown(probe, "keeps connections (FCGI_KEEP_CONN)") == "0 / no");
    BOOST_TEST(shown(probe, "asks FCGI_GET_VALUES") == " / no");
    BOOST_TEST(shown(probe, "serves several clients at once") == " / yes");
    BOOST_TEST(shown(probe, "multiplexes where the application does") == " / no");
    BOOST_TEST(shown(probe, "has the role FCGI_AUTHORIZER") == " / no");
    BOOST_TEST(shown(probe, "has the role FCGI_FILTER") == " / no");
    BOOST_TEST(shown(probe, "starts the application itself") == " / no");
    BOOST_TEST(probed_web_server(passes_on(), "tcp:127.0.0.1:0").offered.contains("tcp"));
}

BOOST_AUTO_TEST_CASE(one_that_keeps_a_connection_and_asks_for_values) {
    Keeper keeper;
    const Probe probe = probed_web_server(keeper.conduct(), {}, 1000);
    BOOST_TEST((probe.plain.outcome == Played::Outcome::as_expected));
    BOOST_TEST(probe.offered.contains("keep-conn"));
    BOOST_TEST(probe.offered.contains("get-values"));
    BOOST_TEST(!probe.offered.contains("connections"));
    BOOST_TEST(shown(probe, "keeps connections (FCGI_KEEP_CONN)") == "1 / yes");
    BOOST_TEST(shown(probe, "asks FCGI_GET_VALUES") == " / yes");
    BOOST_TEST(shown(probe, "serves several clients at once") == " / no");
}

BOOST_AUTO_TEST_CASE(one_request_behind_another_on_a_kept_connection_is_no_multiplexing) {
    Pool pool;
    const Probe probe = probed_web_server(pool.conduct());
    BOOST_TEST(probe.offered.contains("keep-conn"));
    BOOST_TEST(probe.offered.contains("connections"));
    BOOST_TEST(!probe.offered.contains("multiplexing"));
    BOOST_TEST(shown(probe, "multiplexes where the application does") == " / no");
}

BOOST_AUTO_TEST_CASE(one_that_asks_to_keep_a_connection_and_does_not_use_it_again) {
    const Probe probe = probed_web_server(with_request([](HttpVisit& visit) {
        Link link = visit.connect();
        link.ask(1, visit.target(), {}, keep_conn);
        visit.answer(link.read_answer(1));
    }));
    BOOST_TEST(!probe.offered.contains("keep-conn"));
    BOOST_TEST(shown(probe, "keeps connections (FCGI_KEEP_CONN)") == "1 / no");
}

BOOST_AUTO_TEST_CASE(one_that_has_an_authorizer) {
    const Probe probe = probed_web_server(with_request([](HttpVisit& visit) {
        if (!visit.asks_for("/authorizer/")) return pass_on(visit);
        Link link = visit.connect();
        link.say("{FCGI_BEGIN_REQUEST, 1, {FCGI_AUTHORIZER, 0}}\n{FCGI_PARAMS, 1, \"\"}");
        visit.answer(link.read_answer(1));
    }));
    BOOST_TEST(probe.offered.contains("authorizer"));
    BOOST_TEST(!probe.offered.contains("filter"));
    BOOST_TEST(shown(probe, "has the role FCGI_AUTHORIZER") == " / yes");
}

BOOST_AUTO_TEST_CASE(a_role_is_found_though_it_takes_its_time) {
    std::atomic<int> num_asked{0};
    const Probe probe = probed_web_server(with_request([&](HttpVisit& visit) {
        if (!visit.asks_for("/authorizer/")) return pass_on(visit);
        if (num_asked++ == 0) return visit.read_to_end();  // until the client has left
        Link link = visit.connect();
        link.say("{FCGI_BEGIN_REQUEST, 1, {FCGI_AUTHORIZER, 0}}\n{FCGI_PARAMS, 1, \"\"}");
        visit.answer(link.read_answer(1));
    }));
    BOOST_TEST(num_asked == 2);
    BOOST_TEST(probe.offered.contains("authorizer"));
}

BOOST_AUTO_TEST_CASE(a_web_server_that_does_not_ask_us_is_not_asked_on) {
    std::atomic<int> num_visits{0};
    const Probe probe = probed_web_server([&](HttpVisit& visit) {
        ++num_visits;
        if (visit.read_request()) visit.answer("by itself");
    });
    BOOST_TEST((probe.plain.outcome == Played::Outcome::contradicted));
    BOOST_TEST(probe.offered.empty());
    BOOST_TEST(probe.shown.empty());
    BOOST_TEST(num_visits == 1);
}

BOOST_AUTO_TEST_CASE(each_lack_has_a_reason_of_its_own) {
    std::set<std::string> reasons;
    for (const std::string& capability : known_capabilities()) reasons.insert(why_skipped(capability));
    BOOST_TEST(reasons.size() == known_capabilities().size());
    BOOST_TEST(why_skipped("echo") == "the program does not offer 'echo' of the contract");
}

BOOST_AUTO_TEST_SUITE_END()

#include "conformance/peers/mutants.hpp"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

namespace fcgispec {
namespace {

/// What may follow a mutant's sentence in mutants.def: also(...), perhaps(...) and origin(...).
struct Note {
    std::string_view requirement;  // "" for an origin
    std::string_view text;
    bool sure = true;
};
constexpr Note also(std::string_view requirement, std::string_view reason) {
    return {requirement, reason};
}
constexpr Note perhaps(std::string_view requirement, std::string_view reason) {
    return {requirement, reason, false};
}
constexpr Note origin(std::string_view whose) {
    return {"", whose};
}

MutantText text(Mutant mutant, std::string_view name, Side side, std::string_view requirement,
                std::string_view sentence, std::initializer_list<Note> notes) {
    MutantText result{mutant, name, side, requirement, sentence, {}, {}};
    for (const Note& note : notes)
        if (note.requirement.empty())
            result.origin = note.text;
        else
            result.consequences.push_back({note.requirement, note.text, note.sure});
    return result;
}

}  // namespace

const std::vector<MutantText>& mutant_texts() {
    static const std::vector<MutantText> texts{
#define MUTANT(name, side, requirement, sentence, ...) \
    text(Mutant::name, #name, Side::side, requirement, sentence, {__VA_ARGS__}),
#include "conformance/peers/mutants.def"
#include "conformance/peers/mutants_web_server.def"
#undef MUTANT
    };
    return texts;
}

const MutantText* mutant_named(std::string_view name) {
    const auto& texts = mutant_texts();
    const auto found = std::find_if(texts.begin(), texts.end(), [&](const auto& one) { return one.name == name; });
    return found == texts.end() ? nullptr : &*found;
}

void become(Mutant mutant) {
    current_mutant = mutant;
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);  // it dies often
}

bool changed_admission(bool admitted, std::optional<std::uint32_t> address, const std::vector<std::uint32_t>& listed) {
    switch (current_mutant) {
        case Mutant::ignores_web_server_addrs:
            return true;
        case Mutant::compares_the_ends_of_addresses: {
            if (!address) return admitted;
            const in_addr number{htonl(*address)};
            return std::string_view(std::getenv("FCGI_WEB_SERVER_ADDRS")).find(inet_ntoa(number)) !=
                   std::string_view::npos;
        }
        case Mutant::serves_unix_sockets_anyway:
            return admitted || !address;
        case Mutant::reads_first_address_only:
            return address == listed.front();
        case Mutant::reads_last_address_only:
            return address == listed.back();
        case Mutant::refuses_listed_addresses:
            return address && !admitted;
        case Mutant::hangs_after_a_refused_connection: {
            static bool refused = false;
            if (refused) hang();
            refused = !admitted;
            return admitted;
        }
        default:
            return admitted;
    }
}

void die() {
    raise(SIGKILL);
    _exit(1);  // not reached
}

void hang() {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);  // so that who ends it by SIGTERM need not wait
    while (true) pause();
}

}  // namespace fcgispec

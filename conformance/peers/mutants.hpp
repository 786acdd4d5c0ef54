// The mutants of our reference peers: each is the peer with one defect, declared in mutants.def and
// mutants_web_server.def with the requirement it breaks and those that it can't but break as well.
// scripts/kill_matrix.py holds the suite against them. Where a mutant can be a decorator of what goes in or out it is
// one (mutants_*.cpp), else one `if` beside the rule.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "codec/body.hpp"
#include "codec/record.hpp"
#include "conformance/engine/script.hpp"
#include "conformance/peers/request_handler.hpp"

namespace fcgispec {

enum class Mutant : std::uint16_t {
    none,
#define MUTANT(name, ...) name,
#include "conformance/peers/mutants.def"
#include "conformance/peers/mutants_web_server.def"
#undef MUTANT
};

/// Another requirement that a mutant can't but break, and why.
struct Consequence {
    std::string_view requirement;
    std::string_view reason;
    bool sure = true;  ///< false: whether it shows depends on when the process dies
};

struct MutantText {
    Mutant mutant{};
    std::string_view name;
    Side side{};
    std::string_view requirement;  ///< that it breaks
    std::string_view sentence;
    std::string_view origin;  ///< whose bug it re-creates; "" where nobody's in particular
    std::vector<Consequence> consequences;
};

/// In the order of mutants.def.
[[nodiscard]] const std::vector<MutantText>& mutant_texts();
/// Nothing where none has that name.
[[nodiscard]] const MutantText* mutant_named(std::string_view name);

/// What this process is; set once, before it serves.
inline Mutant current_mutant = Mutant::none;
void become(Mutant mutant);
[[nodiscard]] inline bool is_mutant(Mutant mutant) noexcept {
    return current_mutant == mutant;
}
/// As a bug kills: by a signal.
[[noreturn]] void die();
/// As a bug hangs: the process lives, and does nothing any more.
[[noreturn]] void hang();

/// Whether a connection from `address`, if it has one, is served where the list is `listed` [§3.2].
[[nodiscard]] bool changed_admission(bool admitted, std::optional<std::uint32_t> address,
                                     const std::vector<std::uint32_t>& listed);

/// Whether the mutant dies of bytes that don't begin with FCGI_VERSION_1.
[[nodiscard]] bool dies_of_other_bytes(Bytes bytes);

/// What a mutant makes of the records of one connection, those that come and those that go.
class RecordMutator {
public:
    /// Nothing where this process is no mutant.
    [[nodiscard]] static std::unique_ptr<RecordMutator> make();

    /// The record that has come, changed. False: it is ignored. What is answered at once is appended to `out`.
    [[nodiscard]] bool receive(DecodedRecord& decoded, Buffer& out);
    /// Appends what is sent in the place of `record`.
    void send(Record record, Buffer& out);
    /// Whether the connection is closed now, as far as the mutant is concerned.
    [[nodiscard]] bool closes() const noexcept { return closes_; }
    [[nodiscard]] std::size_t num_begun() const noexcept { return num_begun_; }
    [[nodiscard]] bool has_received() const noexcept { return has_received_; }

    RecordMutator();
    RecordMutator(const RecordMutator&) = delete;
    RecordMutator& operator=(const RecordMutator&) = delete;
    ~RecordMutator();

private:
    /// An active request, as far as a mutant wants to know it.
    struct Request {
        Role role{};
        std::uint8_t flags = 0;
        RecordType awaits = RecordType::params;  // the input stream on its turn
        bool has_all_input = false;
        std::size_t num_params = 0;    // records that are not empty
        std::size_t std_out_size = 0;  // in bytes
    };

    [[nodiscard]] bool dies_of(const Record& record) const;
    [[nodiscard]] bool dies_of_id(const Record& record) const;
    [[nodiscard]] bool dies_of_query(const Record& record) const;
    [[nodiscard]] bool dies_of_begin(const Record& record) const;
    [[nodiscard]] bool dies_of_input(const Record& record) const;
    [[nodiscard]] bool dies_of_number(const Record& record) const;
    [[nodiscard]] bool dies_of_type(const Record& record) const;
    [[nodiscard]] bool ignores(const Record& record, Buffer& out);
    [[nodiscard]] bool ignores_begin(const Record& record, Buffer& out);
    [[nodiscard]] bool is_receiving() const;
    void change_received(DecodedRecord& decoded);
    void change_begin(Record& record);
    void note_received(const Record& record, Buffer& out);
    void note_input_end(Request& request, const Record& record);

    [[nodiscard]] bool omits(const Record& record);
    void change_sent(Record& record);
    void change_end_request(Record& record);
    void change_values(Record& record);
    void add_before(const Record& record, Buffer& out);
    void add_after(const Record& record, Buffer& out);

    [[nodiscard]] const Request* active(std::uint16_t request_id) const;
    void forget(std::uint16_t request_id);
    void prepend_kept(Record& record);
    void lose(Record& record);
    [[nodiscard]] bool ends_too_early(const Record& record) const;

    std::map<std::uint16_t, Request> active_;
    std::set<std::uint16_t> begun_;
    std::set<std::uint16_t> dropped_;  // active to the reference connection, and to nobody else
    std::uint16_t last_begun_ = 0;
    std::size_t num_begun_ = 0;
    std::size_t num_queries_ = 0;
    std::uint8_t first_flags_ = 0;
    bool closes_ = false;
    bool had_two_ = false;            // requests active at once
    bool last_was_one_byte_ = false;  // the record of a byte stream that came last
    bool has_received_ = false;
    Buffer query_;
    Buffer content_;                // of a record that was changed
    Buffer kept_;                   // what came under an inactive id
    std::size_t num_inactive_ = 0;  // records of inactive ids
    Buffer held_;                   // ends of requests, for later
    std::set<std::uint16_t> lost_;  // requests that are forgotten
    std::array<std::uint8_t, 8> zeros_{};
};

/// The application behind a mutant: what it is given and what it answers may be changed.
[[nodiscard]] MakeHandler mutated(MakeHandler make_handler);

}  // namespace fcgispec

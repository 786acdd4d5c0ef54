// Brings what cases accuse the peer of together, by requirement.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "conformance/engine/baseline.hpp"
#include "conformance/engine/judge.hpp"
#include "conformance/engine/requirements.hpp"
#include "conformance/engine/results.hpp"

namespace fcgispec {

/// For each requirement the case that a finding shows: the plainest of the gravest so far. Of many cases much comes together; their
/// records and bytes are kept here alone, those of one case each.
class Examples {
public:
    /// Both must outlive it. What `baseline`, which may be null, covers is shown only where there is nothing else.
    Examples(const Register& requirements, const Baseline* baseline) : requirements_(&requirements), baseline_(baseline) {}

    /// Takes records and bytes out of the outcome of a case, and keeps them where no better one has shown the same.
    void take_from(std::size_t index, Outcome& outcome);
    /// Takes over from `others` what isn't shown here: requirements, and what happened once and is graver.
    void fill_from(Examples others);
    /// The finding as the example shows it, its `count` and `scenarios` but of this case. Nothing where there is none.
    [[nodiscard]] const Finding* find(const std::string& requirement) const;

private:
    /// What makes an example worse, most of all first: a case that is known, the lesser breach, one that didn't happen again, a scenario that is about
    /// something else, no answer where others got a wrong one, a scenario that isn't one of the specification's own examples [§B], one about more requirements,
    /// one that is longer to read, a later case.
    struct Rank {
        bool known = false;
        int lightness = 0;
        bool once = false;
        bool elsewhere = false;
        bool unanswered = false;
        bool made_up = false;
        std::size_t num_requirements = 0;
        std::size_t reading_size = 0;
        std::size_t index = 0;
        auto operator<=>(const Rank&) const = default;
    };
    struct Example {
        Rank rank;
        Finding finding;
    };
    const Register* requirements_;
    const Baseline* baseline_;
    std::map<std::string, Example> examples_;
};

/// A finding for each requirement.
class Findings {
public:
    explicit Findings(const Register& requirements) : requirements_(requirements) {}

    void add(const Outcome& outcome);
    /// The gravest first.
    [[nodiscard]] std::vector<Finding> take(const Examples& examples);

private:
    const Register& requirements_;
    std::map<std::string, Finding> findings_;
};

}  // namespace fcgispec

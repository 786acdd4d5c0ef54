// Brings what cases accuse the peer of together, by requirement.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "conformance/engine/judge.hpp"
#include "conformance/engine/requirements.hpp"
#include "conformance/engine/results.hpp"

namespace fcgispec {

/// How far a case is from being the plainest example of a breach: those whose scenario is about the requirement come first, then
/// those shorter to read, then those that come first.
struct Remoteness {
    bool elsewhere = false;
    std::size_t reading_size = 0;
    std::size_t index = 0;  ///< of the case
    auto operator<=>(const Remoteness&) const = default;
};

/// Which case is the plainest example of each breach so far. Many cases show the same, and to keep all of it would take much room.
class Examples {
public:
    /// Takes from the outcome of a case the bytes and the records of what a plainer one has shown.
    void shorten(std::size_t index, Outcome& outcome);

private:
    bool is_plainest(const std::string& requirement, Verdict verdict, const Remoteness& here);

    std::map<std::pair<std::string, Verdict>, Remoteness> plainest_;  // Verdict::pass: accused by the checker
};

/// A finding for each requirement. What it shows is the plainest of the gravest cases.
class Findings {
public:
    explicit Findings(const Register& requirements) : requirements_(requirements) {}

    /// The outcomes come in the order of their cases.
    void add(const Outcome& outcome);
    /// The gravest first.
    std::vector<Finding> take();

private:
    void add(const std::string& requirement, Verdict verdict, const std::string& wanted, const std::string& got,
             const std::vector<std::string>& records, std::size_t count, const Outcome& outcome);

    struct Entry {
        Finding finding;
        std::pair<bool, Remoteness> example;  // of the case that it shows: whether its bytes weren't kept, and how plain it is
    };
    const Register& requirements_;
    std::map<std::string, Entry> entries_;
    std::size_t num_added_ = 0;
};

}  // namespace fcgispec

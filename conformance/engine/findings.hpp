// Brings what cases accuse the peer of together, by requirement.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "conformance/engine/judge.hpp"
#include "conformance/engine/requirements.hpp"
#include "conformance/engine/results.hpp"

namespace fcgispec {

/// A finding for each requirement.
class Findings {
public:
    explicit Findings(const Register& requirements) : requirements_(requirements) {}

    void add(const Outcome& outcome);
    /// The gravest first.
    std::vector<Finding> take();

private:
    void add(const std::string& requirement, Verdict verdict, const std::string& wanted, const std::string& got,
             const std::vector<std::string>& records, std::size_t count, const Outcome& outcome);

    const Register& requirements_;
    std::map<std::string, Finding> findings_;
};

}  // namespace fcgispec

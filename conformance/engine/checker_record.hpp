// What is wrong with a record wherever it stands: its header, its size, the fields of its body. What was said before
// doesn't matter here.
#pragma once

#include <string>

#include "conformance/engine/checker_rules.hpp"

namespace fcgispec {

struct RecordJudgement {
    Judgement judgement;
    bool readable = true;  ///< its version, type, direction and id are right, so that it can be given a meaning
    bool defined = true;   ///< what the other side makes of it is defined; else what it does next isn't
};
[[nodiscard]] RecordJudgement judge_record(Side from, const Record& record);

/// "FCGI_STDIN for request 1", "FCGI_GET_VALUES".
[[nodiscard]] std::string describe(const Record& record);

}  // namespace fcgispec

// Any text is read as scenarios or refused with errors that lie within it, never both; and reading is a function: the
// same text gives the same steps.
#include "conformance/engine/script.hpp"
#include "fuzz/fuzz.hpp"

using namespace fcgispec;
using fuzz::require;

namespace {

/// "x"*N, random(N) and tables write much in few characters, and most of the time would go into that: numbers of more
/// than three digits are left to the unit tests.
bool writes_much(std::string_view text) {
    std::size_t num_digits = 0;
    for (const char c : text) {
        num_digits = (c >= '0' && c <= '9') ? num_digits + 1 : 0;
        if (num_digits > 3) return true;
    }
    return text.size() > 4096 || text.find("0x") != std::string_view::npos;
}

void check_error(const ScriptError& error, std::string_view text) {
    const auto num_lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    require(error.line >= 1 && error.line <= num_lines, "an error's line is one of the text's");
    require(error.column >= 1 && error.column <= error.text.size() + 1, "an error's column is one of its line's");
    require(text.find(error.text) != std::string_view::npos, "an error shows a line of the text");
    require(!error.message.empty() && error.print().find(error.message) != std::string::npos, "an error says what");
}

std::string printed(const ParsedScript& script) {
    std::string result;
    for (const Scenario& scenario : script.scenarios) {
        result += scenario.name + "\n";
        for (const Step& step : scenario.steps) result += print(step, scenario.side) + "\n";
    }
    return result;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = text_of({data, size});
    if (writes_much(text)) return 0;
    const ParsedScript script = parse_script(text, "fuzz", "fuzz.fcs", Side::application);
    require(script.errors.empty() || script.scenarios.empty(), "scenarios or errors, never both");
    require(!script.errors.empty() || !script.scenarios.empty(), "scenarios or errors, never neither");
    for (const ScriptError& error : script.errors) check_error(error, text);
    require(printed(parse_script(text, "fuzz", "fuzz.fcs", Side::application)) == printed(script),
            "the same text gives the same scenarios");
    return 0;
}

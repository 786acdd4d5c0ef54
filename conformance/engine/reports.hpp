// The forms of a report. results.json is the source, the image of a Report; all others show the same to somebody else.
// None of them lets through what a peer put into its bytes: see report_text.hpp. They are written by text_file.hpp.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "conformance/engine/requirements.hpp"
#include "conformance/engine/results.hpp"

namespace fcgispec {

/// results.json, after reports/results.schema.json. Bytes that are no UTF-8 stand as octal escapes.
[[nodiscard]] nlohmann::ordered_json to_json(const Report& report);
[[nodiscard]] std::string json_report(const Report& report, const Register& requirements);

/// A test suite a folder of scenarios. What the checker saw while the cases passed stands in the suite "findings", what
/// kept the run from its end in the suite "run", so that JUnit is never green where the exit code isn't 0.
[[nodiscard]] std::string junit_report(const Report& report, const Register& requirements);

/// TAP 14: a line a case, then a line for each finding without a failing case. Known deviations are TODO.
[[nodiscard]] std::string tap_report(const Report& report, const Register& requirements);

/// A certificate to be read by people, in Markdown as GitHub and GitLab show it.
[[nodiscard]] std::string markdown_report(const Report& report, const Register& requirements);

/// One self-contained page, made from the template reports/report.html: see there for its marks. Throws
/// std::runtime_error where the template can't be read or lacks a mark.
[[nodiscard]] std::string html_report(const Report& report, const Register& requirements,
                                      const std::filesystem::path& template_path);

struct TerminalOptions {
    std::string command = "fcgispec";  ///< how the user called it, for what he may call next
    bool color = false;
    bool verbose = false;  ///< every case with its verdict
    bool quiet = false;    ///< the first line of each finding and the closing line
};
/// Findings, not cascades: at most a dozen lines each.
[[nodiscard]] std::string terminal_report(const Report& report, const Register& requirements,
                                          const TerminalOptions& options = {});

}  // namespace fcgispec

// The subcommands of `fcgispec`. Each reads its options with CLI11 and returns the exit code: 0 conforms, 1 violations,
// 2 wrong usage, 3 inconclusive or not reachable.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "conformance/engine/conversation.hpp"
#include "conformance/engine/requirements.hpp"
#include "conformance/engine/script.hpp"

namespace fcgispec {

inline constexpr int exit_conforms = 0;
inline constexpr int exit_violations = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_inconclusive = 3;

/// What the user said wrongly: printed with a hint at --help, exit code 2.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// How the user called this program, quoted for a shell, so that what we tell him to type works: "fcgispec", build/fcgispec.
extern std::string command_name;

/// Set when the user wants an end (SIGINT, SIGTERM).
extern std::atomic<bool> interrupted;
extern std::atomic<int> interrupted_by;  ///< the signal's number

/// Where requirements.toml and scenarios/ are.
[[nodiscard]] std::filesystem::path data_folder();
[[nodiscard]] Register load_register();
/// Scenarios of that side, from files and from C++, in the order of their names, and of the tables that they are cases of. Throws
/// UsageError with every error where a file can't be read.
[[nodiscard]] std::vector<Scenario> load_scenarios(Side side, std::uint64_t seed);
/// For a number of 64 bits: CLI11 takes "-1" for the largest one.
[[nodiscard]] CLI::Validator whole_number();
/// The bytes of a file that the user names. Throws UsageError where it can't be read.
[[nodiscard]] std::string read_named_file(const std::string& path);
/// NAME=VALUE of --param. Throws UsageError.
[[nodiscard]] Pairs parse_params(const std::vector<std::string>& params);
/// The value of an ADDRESS. Throws UsageError.
[[nodiscard]] Address parse_address(const std::string& text);
/// The value of --http. Throws UsageError.
[[nodiscard]] HttpUrl parse_url(const std::string& text);
/// The value of --splitting: whole, bytes, header or all. Throws UsageError.
[[nodiscard]] std::vector<Splitting> parse_splittings(const std::string& text);

/// What was said on standard output gets there. Throws std::system_error where it doesn't; a reader that had enough and went
/// is no failure.
void flush_output();

/// Each adds a subcommand to `cli`; `run` becomes what does it.
using Run = std::function<int()>;
void add_app_command(CLI::App& cli, Run& run);
void add_server_command(CLI::App& cli, Run& run);
void add_replay_command(CLI::App& cli, Run& run);
void add_tap_command(CLI::App& cli, Run& run);
/// `num_arguments`: of the program's own argument list, its name included.
void add_handover_command(CLI::App& cli, Run& run, int num_arguments);
void add_list_command(CLI::App& cli, Run& run);
void add_explain_command(CLI::App& cli, Run& run);
void add_decode_command(CLI::App& cli, Run& run);
void add_encode_command(CLI::App& cli, Run& run);
void add_peer_command(CLI::App& cli, Run& run);

}  // namespace fcgispec

// The register of requirements, conformance/requirements.toml, as values. What its fields mean is told at its head. Not checked here: whether scenarios prove what they say.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/engine/results.hpp"
#include "conformance/engine/script.hpp"

namespace fcgispec {

enum class Level : std::uint8_t { must, should, may };
/// What shows that a peer keeps it; `none`: it can't be tested from outside.
enum class Proof : std::uint8_t { scenario, checker, none };
[[nodiscard]] std::string_view name_of(Level level) noexcept;
[[nodiscard]] std::string_view name_of(Proof proof) noexcept;

/// The parts of a certificate, in its order.
[[nodiscard]] const std::vector<std::string>& profiles();

/// Whether `text` has the form R-<section>-<number>.
[[nodiscard]] bool is_requirement_id(const std::string& text);

struct Requirement {
    std::string id;       ///< "R-5.5-2"
    std::string section;  ///< "5.5", "B"
    Side binds = Side::application;
    Level level = Level::must;
    std::string profile;  ///< one of profiles()
    Proof proof = Proof::scenario;
    std::string statement;
    std::string quote;
    std::string reading;
    std::string against;  ///< "" only of a may
    std::string field;
    std::string untestable;  ///< why; where `proof` is none
};

class Register {
public:
    Register() = default;
    /// Throws std::runtime_error, file:line: what was expected, for the first thing that is wrong.
    [[nodiscard]] static Register load(const std::filesystem::path& path);
    /// The same for a text; `file` is for messages.
    [[nodiscard]] static Register parse(std::string_view text, const std::string& file);

    /// Nothing where no requirement has that id.
    [[nodiscard]] const Requirement* find(std::string_view id) const noexcept;
    /// In the order of the file.
    [[nodiscard]] const std::vector<Requirement>& all() const noexcept { return all_; }

private:
    std::vector<Requirement> all_;
};

/// What breaking it counts as: fail for a must, and where the register doesn't have it (null); else tolerated.
[[nodiscard]] Verdict verdict_of_breach(const Requirement* requirement) noexcept;

/// All that the register says of it, for a terminal of 100 columns.
[[nodiscard]] std::string explain(const Requirement& requirement);

}  // namespace fcgispec

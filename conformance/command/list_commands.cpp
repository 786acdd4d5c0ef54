// `fcgispec list` and `fcgispec explain`: what is tested, and what it means.
#include <fnmatch.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>
#include <memory>
#include <set>

#include "conformance/command/command.hpp"
#include "conformance/engine/selection.hpp"

namespace fcgispec {
namespace {

struct ListOptions {
    bool lint = false;
    bool requirements = false;
    std::string pattern;
};

std::vector<Scenario> all_scenarios() {
    std::vector<Scenario> result;
    for (const Side side : {Side::application, Side::web_server}) {
        if (!std::filesystem::exists(data_folder() / "scenarios" / name_of(side))) continue;
        std::vector<Scenario> some = load_scenarios(side, 1);
        std::move(some.begin(), some.end(), std::back_inserter(result));
    }
    if (result.empty()) throw UsageError("there are no scenarios below " + data_folder().string() + " (FCGISPEC_DATA says where they are)");
    return result;
}

/// What the register and the scenarios say of each other that can't be: a line each.
std::vector<std::string> contradictions(const std::vector<Scenario>& scenarios, const Register& requirements) {
    std::vector<std::string> result;
    std::set<std::string> names;
    for (const Scenario& scenario : scenarios) {
        if (!names.insert(scenario.name).second) result.push_back(scenario.name + ": two scenarios have this name");
        for (const std::string& id : scenario.proves) {
            const Requirement* requirement = requirements.find(id);
            if (requirement == nullptr) {
                result.push_back(scenario.name + ": proves the unknown requirement " + id);
            } else if (requirement->binds != scenario.side) {
                result.push_back(scenario.name + ": proves " + id + ", which binds the other side");
            } else if (requirement->proof == Proof::none) {
                result.push_back(scenario.name + ": proves " + id + ", which the register calls untestable");
            }
        }
        const Requirement* accused = requirements.find(scenario.proves.front());
        if (accused != nullptr && accused->level == Level::may) result.push_back(scenario.name + ": would accuse of " + accused->id + ", a may");
    }
    for (const Requirement& requirement : requirements.all())
        if (requirement.level != Level::may && requirement.against.empty()) result.push_back(requirement.id + ": nothing is said against our reading of it");
    return result;
}

/// Requirements that a scenario should prove and none does.
std::vector<const Requirement*> unproved(const std::vector<Scenario>& scenarios, const Register& requirements, Side side) {
    std::set<std::string> proved;
    for (const Scenario& scenario : scenarios) proved.insert(scenario.proves.begin(), scenario.proves.end());
    std::vector<const Requirement*> result;
    for (const Requirement& requirement : requirements.all())
        if (requirement.binds == side && requirement.proof == Proof::scenario && requirement.level != Level::may && !proved.contains(requirement.id))
            result.push_back(&requirement);
    return result;
}

int lint() {
    const Register requirements = load_register();
    const std::vector<Scenario> scenarios = all_scenarios();
    const std::vector<std::string> wrong = contradictions(scenarios, requirements);
    for (const std::string& line : wrong) std::printf("%s\n", line.c_str());
    std::size_t num_faults = wrong.size();
    for (const Side side : {Side::application, Side::web_server}) {
        const auto missing = unproved(scenarios, requirements, side);
        num_faults += missing.size();
        for (const Requirement* requirement : missing)
            std::printf("no scenario proves %s (%s): %s\n", requirement->id.c_str(), std::string(name_of(requirement->level)).c_str(), requirement->statement.c_str());
        std::printf("%s: %zu testable requirements that no scenario proves\n", std::string(name_of(side)).c_str(), missing.size());
    }
    std::printf("%zu cases, %zu faults\n", scenarios.size(), num_faults);
    return num_faults == 0 ? exit_conforms : exit_violations;
}

int list(const ListOptions& options) {
    if (options.lint) return lint();
    if (options.requirements) {
        const Register requirements = load_register();
        std::size_t num_picked = 0;
        for (const Requirement& requirement : requirements.all()) {
            const bool of_section = options.pattern == requirement.section;
            if (!options.pattern.empty() && !of_section && fnmatch(options.pattern.c_str(), requirement.id.c_str(), 0) != 0 && fnmatch(options.pattern.c_str(), requirement.statement.c_str(), 0) != 0) continue;
            ++num_picked;
            std::printf("%-9s %-11s %-6s %-8s %s\n", requirement.id.c_str(), std::string(name_of(requirement.binds)).c_str(),
                        std::string(name_of(requirement.level)).c_str(), std::string(name_of(requirement.proof)).c_str(), requirement.statement.c_str());
        }
        if (num_picked == 0) throw UsageError("'" + options.pattern + "' picks no requirement: an id, a section (5.5), or a shell pattern ('*FCGI_STDERR*') over id or statement");
        return exit_conforms;
    }
    std::size_t num_picked = 0;
    for (const Scenario& scenario : all_scenarios()) {
        if (!options.pattern.empty() && !picks(options.pattern, scenario)) continue;
        std::printf("%s\n    %s\n", scenario.name.c_str(), scenario.title.c_str());
        ++num_picked;
    }
    if (num_picked == 0) throw UsageError("'" + options.pattern + "' picks no scenario: a name or its beginning up to a '/' or '[', a shell pattern ('*stderr*'), or a requirement");
    return exit_conforms;
}

void explain_requirement(const Requirement& requirement) {
    std::fputs(explain(requirement).c_str(), stdout);
    std::map<std::string, std::size_t> num_cases;
    for (const Scenario& scenario : all_scenarios())
        if (picks(requirement.id, scenario)) ++num_cases[name_of_table(scenario.name)];
    if (num_cases.empty() && requirement.proof == Proof::checker)
        std::printf("\nLooked at in every conversation, by the lifecycle checker.\n");
    else
        std::printf("\nScenarios that prove it: %zu\n", num_cases.size());
    for (const auto& [name, num] : num_cases) std::printf("    %s%s\n", name.c_str(), num == 1 ? "" : (" (" + std::to_string(num) + " cases)").c_str());
}

/// `cases`: of one table, at least one.
void explain_scenario(const std::vector<Scenario>& cases, const Register& requirements) {
    const Scenario& first = cases.front();
    std::printf("%s\n%s\n\n", first.name.c_str(), first.title.c_str());
    for (const std::string& line : lines_of(whole(first).steps, first.side)) std::printf("    %s\n", line.c_str());
    if (cases.size() > 1) std::printf("\nOther cases of its table:\n");
    for (std::size_t i = 1; i < cases.size(); ++i) std::printf("    %s\n", cases[i].name.c_str());
    for (const std::string& proved : first.proves)
        if (const Requirement* requirement = requirements.find(proved)) std::printf("\n%s", explain(*requirement).c_str());
}

int explain_id(const std::string& id) {
    const Register requirements = load_register();
    std::string upper = id;
    std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (const Requirement* requirement = requirements.find(upper)) {
        explain_requirement(*requirement);
        return exit_conforms;
    }
    std::vector<Scenario> picked;
    std::set<std::string> tables;
    for (Scenario& scenario : all_scenarios()) {
        if (!picks(id, scenario)) continue;
        tables.insert(name_of_table(scenario.name));
        picked.push_back(std::move(scenario));
    }
    if (tables.empty()) throw UsageError("'" + id + "' is neither a requirement (R-5.5-2) nor a scenario: see fcgispec list and fcgispec list --requirements");
    if (tables.size() > 1) throw UsageError("'" + id + "' is more than one scenario, see fcgispec list " + shell_quoted(id));
    explain_scenario(picked, requirements);
    return exit_conforms;
}

}  // namespace

void add_list_command(CLI::App& cli, Run& run) {
    auto options = std::make_shared<ListOptions>();
    CLI::App* app = cli.add_subcommand("list", "The scenarios, or the requirements");
    app->add_option("PATTERN", options->pattern, "Only these: name, folder, shell pattern or requirement id; of requirements: id, section or shell pattern");
    app->add_flag("--requirements", options->requirements, "The requirements instead");
    app->add_flag("--lint", options->lint, "Check scenarios and register against each other");
    app->callback([options, &run] { run = [options] { return list(*options); }; });
}

void add_explain_command(CLI::App& cli, Run& run) {
    auto id = std::make_shared<std::string>();
    CLI::App* app = cli.add_subcommand("explain", "All that is to say of a requirement or a scenario");
    app->add_option("ID", *id, "R-5.5-2, or a scenario's name, with the case of its table or without")->required();
    app->callback([id, &run] { run = [id] { return explain_id(*id); }; });
}

}  // namespace fcgispec

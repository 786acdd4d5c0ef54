#include "conformance/engine/requirements.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <regex>
#include <stdexcept>
#include <utility>

#include "conformance/engine/report_text.hpp"
#include "conformance/engine/text_file.hpp"

namespace fcgispec {
namespace {

/// The spellings of an enum's values.
template <typename Value, std::size_t num_values>
using Names = std::array<std::pair<std::string_view, Value>, num_values>;
constexpr Names<Level, 3> level_names{{{"must", Level::must}, {"should", Level::should}, {"may", Level::may}}};
constexpr Names<Proof, 3> proof_names{
    {{"scenario", Proof::scenario}, {"checker", Proof::checker}, {"none", Proof::none}}};
constexpr Names<Side, 2> side_names{{{"application", Side::application}, {"web-server", Side::web_server}}};

constexpr std::array<std::string_view, 12> field_names{"id",      "section", "binds",     "level",
                                                       "profile", "proof",   "statement", "quote",
                                                       "reading", "against", "field",     "untestable"};

template <typename Value, std::size_t num_values>
std::string_view name_in(const Names<Value, num_values>& names, Value value) noexcept {
    for (const auto& [name, named] : names)
        if (named == value) return name;
    return {};
}

/// Reads one [[requirement]].
class Reader {
public:
    Reader(const toml::table& table, const std::string& file) : table_(table), file_(file) {}

    Requirement read() const {
        check_names();
        Requirement result;
        result.id = text("id");
        result.section = text("section");
        result.binds = named("binds", side_names);
        result.level = named("level", level_names);
        result.profile = text("profile");
        result.proof = named("proof", proof_names);
        result.statement = text("statement");
        result.quote = text("quote");
        result.reading = text("reading");
        result.against = optional_text("against");
        result.field = text("field");
        result.untestable = optional_text("untestable");
        check(result);
        return result;
    }

    [[noreturn]] void fail(std::string_view field, const std::string& message) const {
        const toml::node* node = field.empty() ? nullptr : table_.get(field);
        const toml::source_region& source = node != nullptr ? node->source() : table_.source();
        throw std::runtime_error(file_ + ':' + std::to_string(source.begin.line) + ": " + message);
    }

private:
    void check_names() const {
        for (const auto& [key, value] : table_)
            if (std::find(field_names.begin(), field_names.end(), key.str()) == field_names.end())
                fail(key.str(), "unknown field \"" + std::string(key.str()) + "\"; a requirement has " +
                                    joined({field_names.begin(), field_names.end()}));
    }

    void check(const Requirement& read) const {
        if (!is_requirement_id(read.id))
            fail("id", "\"" + read.id + "\" is no id; expected R-<section>-<number>, like R-5.5-2");
        if (!read.id.starts_with("R-" + read.section + "-"))
            fail("section", "section \"" + read.section + "\" is not the one of " + read.id);
        if (std::find(profiles().begin(), profiles().end(), read.profile) == profiles().end())
            fail("profile", "\"" + read.profile + "\" is no profile; expected one of " + joined(profiles()));
        if (read.proof == Proof::none && read.untestable.empty())
            fail("proof", "missing field \"untestable\": where proof is none it says why");
        if (read.proof != Proof::none && !read.untestable.empty())
            fail("untestable", "\"untestable\" wants proof = \"none\"");
    }

    std::string text(std::string_view field) const {
        if (!table_.contains(field)) fail("", "missing field \"" + std::string(field) + "\"");
        return optional_text(field);
    }

    std::string optional_text(std::string_view field) const {
        const toml::node* node = table_.get(field);
        if (node == nullptr) return {};
        const std::string value = node->value_exact<std::string>().value_or("");
        if (value.empty()) fail(field, "expected a string that is not empty for \"" + std::string(field) + "\"");
        return value;
    }

    template <typename Value, std::size_t num_values>
    Value named(std::string_view field, const Names<Value, num_values>& names) const {
        const std::string value = text(field);
        std::vector<std::string> known;
        for (const auto& [name, named_value] : names) {
            if (name == value) return named_value;
            known.emplace_back(name);
        }
        fail(field,
             "\"" + value + "\" is no value of \"" + std::string(field) + "\"; expected one of " + joined(known));
    }

    const toml::table& table_;
    const std::string& file_;
};

toml::table parse_toml(std::string_view text, const std::string& file) {
    try {
        return toml::parse(text);
    } catch (const toml::parse_error& error) {
        throw std::runtime_error(file + ':' + std::to_string(error.source().begin.line) + ": " +
                                 std::string(error.description()));
    }
}

/// The array of requirements, the only thing at the top of the file.
const toml::array& requirements_of(const toml::table& top, const std::string& file) {
    for (const auto& [key, value] : top)
        if (key.str() != "requirement" || !value.is_array_of_tables())
            throw std::runtime_error(file + ':' + std::to_string(value.source().begin.line) +
                                     ": expected nothing but [[requirement]] tables, not \"" + std::string(key.str()) +
                                     "\"");
    const toml::array* requirements = top.get_as<toml::array>("requirement");
    if (requirements == nullptr) throw std::runtime_error(file + ":1: expected at least one [[requirement]]");
    return *requirements;
}

}  // namespace

std::string_view name_of(Level level) noexcept {
    return name_in(level_names, level);
}
std::string_view name_of(Proof proof) noexcept {
    return name_in(proof_names, proof);
}

bool is_requirement_id(const std::string& text) {
    static const std::regex form(R"(R-(\d+(\.\d+)?|[AB])-\d+)");
    constexpr std::size_t size_max = 32;  // std::regex recurses, so it gets nothing long
    return text.size() <= size_max && std::regex_match(text, form);
}

const std::vector<std::string>& profiles() {
    static const std::vector<std::string> names{"framing", "management",   "connection", "responder", "authorizer",
                                                "filter",  "multiplexing", "process",    "robustness"};
    return names;
}

Register Register::parse(std::string_view text, const std::string& file) {
    const toml::table top = parse_toml(text, file);
    Register result;
    for (const toml::node& node : requirements_of(top, file)) {
        const Reader reader(*node.as_table(), file);
        Requirement requirement = reader.read();
        if (result.find(requirement.id) != nullptr)
            reader.fail("id", requirement.id + " is there already; an id is given once");
        result.all_.push_back(std::move(requirement));
    }
    return result;
}

Register Register::load(const std::filesystem::path& path) {
    return parse(read_text(path), path.string());
}

const Requirement* Register::find(std::string_view id) const noexcept {
    const auto found = std::find_if(all_.begin(), all_.end(), [id](const Requirement& each) { return each.id == id; });
    return found == all_.end() ? nullptr : &*found;
}

Verdict verdict_of_breach(const Requirement* requirement) noexcept {
    return requirement == nullptr || requirement->level == Level::must ? Verdict::fail : Verdict::tolerated;
}

std::string explain(const Requirement& requirement) {
    constexpr std::size_t width = 100;
    constexpr std::size_t indent = 16;
    std::string result = requirement.id + "  §" + requirement.section + ", " + std::string(name_of(requirement.level)) +
                         ", binds the " + (requirement.binds == Side::application ? "application" : "web server") +
                         ", profile " + requirement.profile + "\n\n" + labelled("", requirement.statement, 2, width) +
                         '\n';
    result += labelled("  Specification", '"' + requirement.quote + '"', indent, width);
    result += labelled("  Our reading", requirement.reading, indent, width);
    result += labelled("  Against it", requirement.against, indent, width);
    result += labelled("  In the field", requirement.field, indent, width);
    switch (requirement.proof) {
        case Proof::scenario:
            result += labelled("  Proved by", "scenarios", indent, width);
            break;
        case Proof::checker:
            result += labelled("  Proved by", "the lifecycle checker, in every conversation", indent, width);
            break;
        case Proof::none:
            result += labelled("  Not tested", requirement.untestable, indent, width);
            break;
    }
    return result;
}

}  // namespace fcgispec

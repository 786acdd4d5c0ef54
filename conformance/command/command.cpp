#include "conformance/command/command.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "conformance/engine/property_scenarios.hpp"
#include "conformance/engine/text_file.hpp"

namespace fcgispec {

namespace {

/// As of `fcgispec list | head`.
bool nobody_reads_output() {
    pollfd output{STDOUT_FILENO, POLLOUT, 0};
    return poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

}  // namespace

std::string command_name = "fcgispec";
std::atomic<bool> interrupted{false};
std::atomic<int> interrupted_by{0};

std::filesystem::path data_folder() {
    const char* given = std::getenv("FCGISPEC_DATA");
    return given != nullptr && *given != '\0' ? given : FCGISPEC_DATA_DIR;
}

Register load_register() { return Register::load(data_folder() / "requirements.toml"); }

std::vector<Scenario> load_scenarios(Side side, std::uint64_t seed) {
    ParsedScript parsed = load_scripts(data_folder() / "scenarios", side, seed);
    if (!parsed.errors.empty()) {
        std::string all = "scenarios that can't be read:";
        for (const ScriptError& error : parsed.errors) all += "\n" + error.print();
        throw UsageError(all);
    }
    std::vector<Scenario> properties = property_scenarios(side);
    std::move(properties.begin(), properties.end(), std::back_inserter(parsed.scenarios));
    // The cases of a table stay in its order.
    std::vector<std::pair<std::string, std::size_t>> places;
    for (const Scenario& scenario : parsed.scenarios) places.emplace_back(name_of_table(scenario.name), places.size());
    std::sort(places.begin(), places.end());
    std::vector<Scenario> result;
    for (const auto& [name, place] : places) result.push_back(std::move(parsed.scenarios[place]));
    return result;
}

std::string read_named_file(const std::string& path) {
    try {
        return read_text(path);
    } catch (const std::runtime_error& error) {
        throw UsageError(error.what());
    }
}

CLI::Validator whole_number() {
    return CLI::Validator([](const std::string& text) {
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        return error == std::errc() && end == text.data() + text.size() ? std::string() : "expected a whole number of 0 to 18446744073709551615, this is '" + text + '\'';
    }, "");
}

Pairs parse_params(const std::vector<std::string>& params) {
    Pairs result;
    for (const std::string& param : params) {
        const std::size_t sign = param.find('=');
        if (sign == std::string::npos || sign == 0) throw UsageError("--param '" + param + "': expected NAME=VALUE");
        result.emplace_back(param.substr(0, sign), param.substr(sign + 1));
    }
    return result;
}

Address parse_address(const std::string& text) {
    try {
        return Address::parse(text);
    } catch (const std::invalid_argument& error) {
        throw UsageError(error.what());
    }
}

HttpUrl parse_url(const std::string& text) {
    try {
        return HttpUrl::parse(text);
    } catch (const std::invalid_argument& error) {
        throw UsageError(std::string("--http ") + error.what());
    }
}

std::vector<Splitting> parse_splittings(const std::string& text) {
    const std::vector<Splitting> all{Splitting::whole, Splitting::bytes, Splitting::header};
    if (text == "all") return all;
    for (const Splitting one : all)
        if (text == name_of(one)) return {one};
    throw UsageError("--splitting '" + text + "': expected whole, bytes, header or all");
}

void flush_output() {
    errno = 0;
    if ((std::fflush(stdout) == 0 && std::ferror(stdout) == 0) || nobody_reads_output()) return;
    const int error = errno != 0 ? errno : EIO;
    std::clearerr(stdout);  // it is told once
    throw std::system_error(error, std::generic_category(), "can't write to standard output");
}

}  // namespace fcgispec

// `fcgispec decode` and `fcgispec encode`: bytes to notation and back.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

#include "codec/notation.hpp"
#include "conformance/command/command.hpp"

namespace fcgispec {
namespace {

std::string read_input(const std::string& path) {
    if (path == "-") return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
    return read_named_file(path);
}

/// Of what is no whole record at the end.
std::size_t rest_size(Bytes bytes) {
    for (DecodedRecord decoded = decode_record(bytes); decoded.record; decoded = decode_record(bytes)) bytes = bytes.subspan(decoded.consumed);
    return bytes.size();
}

int decode(const std::string& path) {
    const std::string bytes = read_input(path);
    std::fputs(print_notation(bytes_of(bytes)).c_str(), stdout);
    const std::size_t size = rest_size(bytes_of(bytes));
    if (size > 0) std::fprintf(stderr, "fcgispec: the last %zu bytes are no whole record\n", size);
    return exit_conforms;
}

int encode_text(const std::string& path) {
    const std::string text = read_input(path);
    const ParsedNotation parsed = parse_notation(text);
    if (parsed.error) throw UsageError(located(*parsed.error, text, path == "-" ? "standard input" : path).print());
    std::fwrite(parsed.bytes.data(), 1, parsed.bytes.size(), stdout);
    return exit_conforms;
}

void add(CLI::App& cli, Run& run, const char* name, const char* description, int (*command)(const std::string&)) {
    auto path = std::make_shared<std::string>("-");
    CLI::App* app = cli.add_subcommand(name, description);
    app->add_option("FILE", *path, "- is standard input")->capture_default_str();
    app->callback([path, command, &run] { run = [path, command] { return command(*path); }; });
}

}  // namespace

void add_decode_command(CLI::App& cli, Run& run) { add(cli, run, "decode", "Bytes to notation", decode); }
void add_encode_command(CLI::App& cli, Run& run) { add(cli, run, "encode", "Notation to bytes", encode_text); }

}  // namespace fcgispec

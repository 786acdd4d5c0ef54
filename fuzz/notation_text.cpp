// Any text is read or refused with an offset that lies within it; a line that was read, printed and read again, is the
// same value; and the bytes before an error are printed and parsed as themselves.
#include "codec/notation.hpp"
#include "fuzz/fuzz.hpp"

using namespace fcgispec;
using fuzz::require;

namespace {

NotationContext small_context() {
    NotationContext context;
    context.numbers["N"] = 128;
    context.written_size_max = 1U << 12;  // else most of the time goes into writing "x"*N
    return context;
}

void check_lines(std::string_view text, const NotationContext& context) {
    NotationScanner scanner(text, context);
    while (!scanner.at_end()) {
        const NotationLine line = scanner.line();
        scanner.next_line();
        const auto* record = std::get_if<RecordPattern>(&line);
        const std::string printed =
            record != nullptr ? print(*record) : print_raw(bytes_of(std::get<RawBytes>(line).bytes));
        NotationContext again;
        require(NotationScanner(printed, again).line() == line, "a line printed and read again is the same");
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const NotationContext context = small_context();
    const std::string_view text = text_of({data, size});
    const ParsedNotation parsed = parse_notation(text, context);
    require(!parsed.error || parsed.error->offset <= text.size(), "an error lies within the text");
    try {
        check_lines(text, context);
    } catch (const NotationError& error) {
        require(error.offset <= text.size(), "an error lies within the text");
        require(parsed.error.has_value(), "both ways refuse a text");
    }
    const ParsedNotation again = parse_notation(print_notation(parsed.bytes));
    require(!again.error && again.bytes == parsed.bytes, "what came before an error comes back");
    return 0;
}

#include "conformance/peers/filter_file.hpp"

#include <string>

namespace fcgispec {

std::shared_ptr<const Buffer> filter_file() {
    static const auto file = [] {
        Buffer text;
        for (int line = 1; line <= 200; ++line)
            append(text, bytes_of("Line " + std::to_string(line) + " of a file that the Web server keeps.\n"));
        return std::make_shared<const Buffer>(std::move(text));
    }();
    return file;
}

}  // namespace fcgispec

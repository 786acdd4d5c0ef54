// The main of the targets where the compiler brings none. With arguments: replays these files, and all files in these
// folders. Without, under AFL++: takes inputs from afl-fuzz, one process for many.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/fuzz.hpp"

namespace {

/// In a heap block of exactly its size, so that a sanitizer stops at an over-read of one byte.
void run(const std::uint8_t* data, std::size_t size) {
    const std::unique_ptr<std::uint8_t[]> block(new std::uint8_t[size]);
    std::copy_n(data, size, block.get());
    LLVMFuzzerTestOneInput(block.get(), size);
}

bool replay_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    if (!file) {
        std::fprintf(stderr, "can't read %s\n", path.c_str());
        return false;
    }
    // Said before, so that the last line names the file that stops the program.
    std::fprintf(stderr, "%s\n", path.c_str());
    run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    return true;
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
    if (!std::filesystem::is_directory(path)) return {path};
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
        if (entry.is_regular_file()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

int replay(const std::vector<std::string>& paths) {
    std::size_t num_files = 0;
    for (const std::string& path : paths) {
        if (!std::filesystem::exists(path)) {
            std::fprintf(stderr, "no such file or folder: %s\n", path.c_str());
            return 2;
        }
        for (const std::filesystem::path& file : files_of(path)) {
            if (!replay_file(file)) return 2;
            ++num_files;
        }
    }
    std::printf("replayed %zu files\n", num_files);
    return num_files > 0 ? 0 : 2;
}

}  // namespace

#ifdef __AFL_HAVE_MANUAL_CONTROL
// AFL++'s macros are extensions of the language.
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wgnu-statement-expression"
__AFL_FUZZ_INIT();
#endif

int main(int argc, char** argv) {
    if (argc > 1) return replay({argv + 1, argv + argc});
#ifdef __AFL_HAVE_MANUAL_CONTROL
    __AFL_INIT();
    const unsigned char* input = __AFL_FUZZ_TESTCASE_BUF;  // before the loop, as AFL++ asks
    while (__AFL_LOOP(100000)) run(input, static_cast<std::size_t>(__AFL_FUZZ_TESTCASE_LEN));
    return 0;
#else
    std::fprintf(stderr, "usage: %s FILE-OR-FOLDER...\n", argv[0]);
    return 2;
#endif
}

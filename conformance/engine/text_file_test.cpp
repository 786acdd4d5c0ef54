#include "conformance/engine/text_file.hpp"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <stdexcept>

#include "conformance/engine/test_folder.hpp"

using namespace fcgispec;
using fcgispec::test::TestFolder;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_SUITE(text_file)

namespace {

std::ptrdiff_t num_files(const fs::path& folder) {
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

unsigned mode_of(const fs::path& path) {
    return static_cast<unsigned>(fs::status(path).permissions());
}

std::string error_of(const fs::path& path) {
    try {
        write_report(path, "new");
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_is_written_whole_and_nothing_else_is_left) {
    const TestFolder folder;
    const fs::path path = folder.path() / "report";
    const std::string text = std::string(1000000, 'a') + '\0' + "z";
    write_report(path, text);
    BOOST_TEST((read_text(path) == text));
    ::chmod(path.c_str(), 0640);
    write_report(path, "");
    BOOST_TEST(read_text(path).empty());
    BOOST_TEST(mode_of(path) == 0640U);
    BOOST_TEST(num_files(folder.path()) == 1);
}

BOOST_AUTO_TEST_CASE(a_new_file_has_the_usual_mode) {
    const TestFolder folder;
    std::ofstream(folder.path() / "usual").put('x');
    write_report(folder.path() / "report", "x");
    BOOST_TEST(mode_of(folder.path() / "report") == mode_of(folder.path() / "usual"));
}

BOOST_AUTO_TEST_CASE(a_link_is_written_through) {
    const TestFolder folder;
    std::ofstream(folder.path() / "target") << "old and longer";
    fs::create_symlink("target", folder.path() / "link");
    write_report(folder.path() / "link", "new");
    BOOST_TEST(fs::is_symlink(folder.path() / "link"));
    BOOST_TEST(read_text(folder.path() / "target") == "new");
}

BOOST_AUTO_TEST_CASE(errors_name_path_and_reason) {
    const TestFolder folder;
    const std::string path = folder.path().string();
    BOOST_TEST(error_of(path + "/no/report") ==
               "can't make a file beside " + path + "/no/report: No such file or directory");
    BOOST_TEST(error_of(path) == "can't write " + path + ": Is a directory");
    BOOST_TEST(error_of("/dev/full") == "can't write /dev/full: No space left on device");
    BOOST_CHECK_EXCEPTION((void)read_text(path), std::runtime_error, [&](const auto& error) {
        return std::string_view(error.what()).starts_with("can't read " + path + ": ");
    });
    BOOST_TEST(num_files(folder.path()) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

#include "conformance/engine/text_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace fcgispec {
namespace {

[[noreturn]] void fail(const std::string& what, const std::string& path, int error) {
    throw std::runtime_error("can't " + what + ' ' + path + ": " + std::generic_category().message(error));
}

/// All of `text`, however often a write is interrupted or does a part only. Returns 0 or errno.
int write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t size = ::write(descriptor, text.data(), text.size());
        if (size < 0 && errno != EINTR) return errno;
        if (size > 0) text.remove_prefix(static_cast<std::size_t>(size));
    }
    return 0;
}

/// As a file that open() had made: mkstemp makes it for its owner alone.
mode_t usual_mode() {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    return static_cast<mode_t>(0666) & ~mask;
}

/// Errors of a file system may come as late as with fsync and close.
int fill(int descriptor, std::string_view text, mode_t mode) {
    int error = ::fchmod(descriptor, mode) != 0 ? errno : write_all(descriptor, text);
    if (error == 0 && ::fsync(descriptor) != 0) error = errno;
    return error;
}

void write_through(const std::string& path, std::string_view text) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_TRUNC);
    if (descriptor < 0) fail("open", path, errno);
    int error = write_all(descriptor, text);
    if (::close(descriptor) != 0 && error == 0) error = errno;
    if (error != 0) fail("write", path, error);
}

/// Gives the file without a name the name `path`; where that is taken, by way of another one beside it. Returns 0 or errno.
int name(int descriptor, const std::string& path) {
    const std::string nameless = "/proc/self/fd/" + std::to_string(descriptor);
    const auto link_to = [&](const std::string& to) { return ::linkat(AT_FDCWD, nameless.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno; };
    int error = link_to(path);
    if (error != EEXIST) return error;
    std::string beside;
    for (int number = 0; error == EEXIST; ++number) {
        beside = path + "." + std::to_string(::getpid()) + "-" + std::to_string(number);
        error = link_to(beside);
    }
    if (error == 0 && ::rename(beside.c_str(), path.c_str()) != 0) {
        error = errno;
        ::unlink(beside.c_str());
    }
    return error;
}

/// By a file that has no name before it is whole: whoever kills us on the way leaves nothing behind. False where the file
/// system has no such files.
bool replace_by_nameless(const std::string& path, std::string_view text, mode_t mode) {
    const std::string folder = std::filesystem::absolute(path).parent_path().string();
    const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (descriptor < 0) return false;
    int error = fill(descriptor, text, mode);
    if (error == 0) error = name(descriptor, path);
    if (::close(descriptor) != 0 && error == 0) error = errno;
    if (error == ENOENT || error == EPERM || error == EXDEV) return false;  // no /proc, or it may not be named
    if (error != 0) fail("write", path, error);
    return true;
}

void replace(const std::string& path, std::string_view text, mode_t mode) {
    if (replace_by_nameless(path, text, mode)) return;
    std::string beside = path + ".XXXXXX";
    const int descriptor = ::mkstemp(beside.data());
    if (descriptor < 0) fail("make a file beside", path, errno);
    int error = fill(descriptor, text, mode);
    if (::close(descriptor) != 0 && error == 0) error = errno;
    if (error == 0 && ::rename(beside.c_str(), path.c_str()) != 0) error = errno;
    if (error == 0) return;
    ::unlink(beside.c_str());
    fail("write", path, error);
}

}  // namespace

std::string read_text(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) fail("open", path.string(), errno);
    std::string text;
    std::array<char, 65536> piece;
    ssize_t size = 1;
    int error = 0;
    while (size != 0 && error == 0) {
        size = ::read(descriptor, piece.data(), piece.size());
        if (size > 0) text.append(piece.data(), static_cast<std::size_t>(size));
        if (size < 0 && errno != EINTR) error = errno;
    }
    ::close(descriptor);
    if (error != 0) fail("read", path.string(), error);
    return text;
}

void write_report(const std::filesystem::path& path, std::string_view text) {
    if (path == "-") {
        if (const int error = write_all(STDOUT_FILENO, text); error != 0) fail("write to", "standard output", error);
        return;
    }
    struct stat status {};
    const bool exists = ::lstat(path.c_str(), &status) == 0;
    if (exists && S_ISDIR(status.st_mode)) fail("write", path.string(), EISDIR);
    if (exists && !S_ISREG(status.st_mode)) return write_through(path.string(), text);
    replace(path.string(), text, exists ? status.st_mode & static_cast<mode_t>(07777) : usual_mode());
}

}  // namespace fcgispec

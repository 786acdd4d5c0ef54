// How much memory a piece of a test takes at its peak.
#pragma once

#include <cstddef>
#include <fstream>
#include <optional>
#include <string>

namespace fcgispec::test {

/// Begins with its construction. The kernel's count of this process's resident memory, so everything is in it.
class MemoryPeak {
public:
    MemoryPeak() {
        std::ofstream("/proc/self/clear_refs") << 5;  // the peak begins anew
        begin_size_ = status_size("VmRSS:");
    }
    /// Bytes; nothing where a sanitizer's own memory is counted with it.
    [[nodiscard]] std::optional<std::size_t> growth_size() const {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        return std::nullopt;
#else
        const std::size_t peak_size = status_size("VmHWM:");
        return peak_size > begin_size_ ? peak_size - begin_size_ : 0;
#endif
    }

private:
    static std::size_t status_size(const std::string& field) {
        std::ifstream status("/proc/self/status");
        for (std::string name; status >> name;) {
            std::size_t kib = 0;
            if (name == field && status >> kib) return kib * 1024;
        }
        return 0;
    }
    std::size_t begin_size_ = 0;
};

}  // namespace fcgispec::test

// A file that is open for reading, by its descriptor.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/span.hpp"

namespace dicube::dicom {

class PosixFile {
  public:
    explicit PosixFile(const char* path) noexcept
        : descriptor_(::open(path, O_RDONLY | O_CLOEXEC)) {}
    ~PosixFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    PosixFile(const PosixFile&) = delete;
    PosixFile& operator=(const PosixFile&) = delete;

    // False where it could not be opened, or is no regular file: a pipe would block.
    bool is_regular(std::uint64_t& length) const noexcept {
        struct stat status;
        if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) return false;
        length = static_cast<std::uint64_t>(status.st_size);
        return S_ISREG(status.st_mode);
    }
    // False where not all of them can be read.
    bool read(std::uint64_t offset, span<std::uint8_t> bytes) const noexcept {
        while (!bytes.empty()) {
            const ssize_t count =
                ::pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return false;
            offset += static_cast<std::uint64_t>(count);
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
        return true;
    }

  private:
    int descriptor_;
};

}  // namespace dicube::dicom

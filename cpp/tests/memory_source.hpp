// A file in memory, for tests and fuzz targets.
#pragma once

#include <cstring>

#include "dicom/file_scan.hpp"

namespace dicube::dicom {

class MemorySource final : public ByteSource {
  public:
    explicit MemorySource(span<const std::uint8_t> bytes) noexcept : bytes_(bytes) {}
    std::uint64_t length() const noexcept override { return bytes_.size(); }
    bool read(std::uint64_t offset, span<std::uint8_t> bytes) noexcept override {
        if (offset > bytes_.size() || bytes.size() > bytes_.size() - offset) return false;
        if (!bytes.empty()) std::memcpy(bytes.data(), bytes_.data() + offset, bytes.size());
        return true;
    }

  private:
    span<const std::uint8_t> bytes_;
};

}  // namespace dicube::dicom

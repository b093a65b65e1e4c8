// The headers of a codestream with one lossless frame (ISO/IEC 18181-1, Annexes D and F).
#pragma once

#include <cstdint>

#include "base/status.hpp"
#include "jxl/bit_reader.hpp"

namespace dicube::jxl {

// What there is to decode, within the scope of this codec.
struct FrameHeader {
    std::uint32_t width = 0, height = 0;
    std::uint32_t channels = 0;  // 1 or 3, and alpha
    int bits = 0;                // of a sample, 1 to 16
    std::uint32_t group_side = 0;

    std::uint32_t groups_wide() const noexcept { return (width + group_side - 1) / group_side; }
    std::uint32_t groups_high() const noexcept { return (height + group_side - 1) / group_side; }
    std::uint32_t groups() const noexcept { return groups_wide() * groups_high(); }
    // Low-frequency groups are eight times as wide and high.
    std::uint32_t lf_side() const noexcept { return 8 * group_side; }
    std::uint32_t lf_wide() const noexcept { return (width + lf_side() - 1) / lf_side(); }
    std::uint32_t lf_high() const noexcept { return (height + lf_side() - 1) / lf_side(); }
    std::uint32_t lf_groups() const noexcept { return lf_wide() * lf_high(); }

    // Reads from the signature up to the table of contents. Fault::unsupported: valid as it may
    // be, but for a general decoder.
    Status read(BitReader& bits);
};

}  // namespace dicube::jxl

// What the row kernels get, the same for all instruction sets.
#pragma once

#include <cstdint>
#include <limits>

namespace dicube::jph {

// Of no samples at first.
struct SampleRange {
    std::int64_t low = std::numeric_limits<std::int64_t>::max();
    std::int64_t high = std::numeric_limits<std::int64_t>::min();

    constexpr bool empty() const noexcept { return low > high; }
    // Midway, so that samples less the centre are as small as can be.
    constexpr std::int64_t centre() const noexcept { return low + (high - low) / 2; }
    constexpr std::int64_t farthest_from(std::int64_t centre) const noexcept {
        return high - centre > centre - low ? high - centre : centre - low;
    }
};

// How a decoded sample becomes a stored one: clamp(sample + offset, low, high) + shift.
struct StoreRule {
    std::int64_t offset = 0, low = 0, high = 0, shift = 0;
};

}  // namespace dicube::jph

// Words of the standard that several parts of the codec share.
#pragma once

#include <cstdint>

namespace dicube::jph {

// T.800 table A.16.
enum class Progression : std::uint8_t { lrcp = 0, rlcp = 1, rpcl = 2, pcrl = 3, cprl = 4 };

// Of a sub-band; hl is high-pass horizontally.
enum class Orientation : std::uint8_t { ll = 0, hl = 1, lh = 2, hh = 3 };

// [x0, x1) x [y0, y1) on one of the grids of T.800 annex B.
struct Rect {
    std::int64_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;

    constexpr std::int64_t width() const noexcept { return x1 - x0; }
    constexpr std::int64_t height() const noexcept { return y1 - y0; }
    constexpr bool empty() const noexcept { return x1 <= x0 || y1 <= y0; }
    friend constexpr bool operator==(const Rect& a, const Rect& b) noexcept {
        return a.x0 == b.x0 && a.y0 == b.y0 && a.x1 == b.x1 && a.y1 == b.y1;
    }
};

}  // namespace dicube::jph

// The rounding of T.800 annex B: where resolutions and sub-bands of a tile lie, and the grids that
// cut them into precincts and code-blocks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "jph/kernels/wavelet_types.hpp"
#include "jph/parameters.hpp"
#include "jph/types.hpp"

namespace dicube::jph {

// Rounded up; T.800 annex B rounds so throughout. Right for negative values too.
constexpr std::int64_t shift_up(std::int64_t value, int bits) noexcept {
    return (value + (std::int64_t{1} << bits) - 1) >> bits;
}

constexpr Rect shift_up(const Rect& rect, int bits) noexcept {
    return {shift_up(rect.x0, bits), shift_up(rect.y0, bits), shift_up(rect.x1, bits),
            shift_up(rect.y1, bits)};
}

constexpr Rect intersection(const Rect& a, const Rect& b) noexcept {
    return {std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1), std::min(a.y1, b.y1)};
}

// What the wavelet kernels have to know of a resolution or a window of it.
constexpr LevelShape shape_of(const Rect& rect) noexcept {
    return {static_cast<int>(rect.width()), static_cast<int>(rect.height()),
            static_cast<int>(rect.x0 & 1), static_cast<int>(rect.y0 & 1)};
}

// Equation B-15; `level` counts decompositions.
constexpr Rect band_rect(const Rect& component, int level, Orientation orientation) noexcept {
    if (level == 0) return component;
    const std::int64_t half = std::int64_t{1} << (level - 1);
    const int bits = static_cast<int>(orientation);
    const std::int64_t x = (bits & 1) != 0 ? half : 0, y = (bits & 2) != 0 ? half : 0;
    return shift_up({component.x0 - x, component.y0 - y, component.x1 - x, component.y1 - y},
                    level);
}

// Cells of a grid anchored at 0 that the range [begin, end) touches.
struct Cells {
    std::int64_t first = 0, count = 0;
};

constexpr Cells cells(std::int64_t begin, std::int64_t end, int cell_log2) noexcept {
    if (begin >= end) return {};
    return {begin >> cell_log2, shift_up(end, cell_log2) - (begin >> cell_log2)};
}

// Grids of a resolution. All of them are anchored at 0, so a precinct never cuts a code-block.
struct Grids {
    int precinct_x, precinct_y;  // log2 of cells in the resolution
    int cell_x, cell_y;          // the same in its bands
    int block_x, block_y;        // code-blocks, T.800 B.7

    Grids(const ComponentCoding& coding, std::size_t r) noexcept
        : precinct_x(coding.precinct_width_log2[r]),
          precinct_y(coding.precinct_height_log2[r]),
          cell_x(precinct_x - (r > 0 ? 1 : 0)),
          cell_y(precinct_y - (r > 0 ? 1 : 0)),
          block_x(std::min<int>(coding.block_width_log2, cell_x)),
          block_y(std::min<int>(coding.block_height_log2, cell_y)) {}

    Cells precincts_across(const Rect& resolution) const noexcept {
        if (resolution.empty()) return {};
        return cells(resolution.x0, resolution.x1, precinct_x);
    }
    Cells precincts_down(const Rect& resolution) const noexcept {
        if (resolution.empty()) return {};
        return cells(resolution.y0, resolution.y1, precinct_y);
    }
    std::int64_t blocks(const Rect& band) const noexcept {
        if (band.empty()) return 0;
        return cells(band.x0, band.x1, block_x).count * cells(band.y0, band.y1, block_y).count;
    }
};

constexpr std::size_t band_count(std::size_t r) noexcept { return r == 0 ? 1 : 3; }

constexpr Orientation band_orientation(std::size_t r, std::size_t band) noexcept {
    return static_cast<Orientation>(r == 0 ? 0 : band + 1);
}

// Decomposition level of a resolution's bands.
constexpr int band_level(int levels, std::size_t r) noexcept {
    return r == 0 ? levels : levels + 1 - static_cast<int>(r);
}

}  // namespace dicube::jph

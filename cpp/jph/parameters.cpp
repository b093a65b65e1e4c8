#include "jph/parameters.hpp"

#include <algorithm>
#include <cmath>

namespace dicube::jph {

Rect ImageSize::tile(std::int64_t index) const noexcept {
    const std::int64_t left = first_tile.x0 + index % tiles_across() * first_tile.width();
    const std::int64_t top = first_tile.y0 + index / tiles_across() * first_tile.height();
    return {std::max(left, image.x0), std::max(top, image.y0),
            std::min(left + first_tile.width(), image.x1),
            std::min(top + first_tile.height(), image.y1)};
}

BandScale band_scale(const Quantisation& quantisation, int resolution, Orientation orientation,
                     int bits) noexcept {
    const bool is_derived = quantisation.style == QuantisationStyle::derived;
    const int band = static_cast<int>(orientation);
    const int row = is_derived || resolution == 0 ? 0 : 3 * (resolution - 1) + band;
    const auto entry = static_cast<std::size_t>(row);
    int exponent = quantisation.exponents[entry];
    // Equation E-5. The level of HL, LH and HH of resolution 1 is that of LL.
    if (is_derived && resolution > 1) exponent -= resolution - 1;

    BandScale scale;
    scale.planes = std::max(0, quantisation.guard_bits + exponent - 1);
    if (quantisation.style != QuantisationStyle::none) {
        constexpr int kGainLog2[] = {0, 1, 1, 2};  // table E.1
        const int range_bits = bits + kGainLog2[band];
        const float mantissa = static_cast<float>(quantisation.mantissas[entry]) / 2048.F;
        scale.step = std::ldexp(1.F + mantissa, range_bits - exponent);
    }
    return scale;
}

}  // namespace dicube::jph

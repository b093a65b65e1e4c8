// The irreversible 9/7 transform back to samples (T.800 F.3.8.2): streams of other encoders may use
// it, ours do not. One level, in a plane that the rows of the resolution lie in.
#pragma once

#include "jph/kernels/wavelet53.hpp"

namespace dicube::jph::DICUBE_SIMD {

// T.800 table F.4.
constexpr float kAlpha = -1.586134342059924f, kBeta = -0.052980118572961f,
                kGamma = 0.882911075530934f, kDelta = 0.443506852043971f,
                kScale = 1.230174104914001f;

// to -= factor * (before + after)
template <class V>
inline void undo_step(float* to, const float* before, const float* after, float factor,
                      int count) noexcept {
    const V scale = V::all(factor);
    for (int i = 0; i < count; i += V::count)
        (V::load(to + i) - scale * (V::load(before + i) + V::load(after + i))).store(to + i);
}

template <class V>
inline void scale_row(const float* from, float factor, float* to, int count) noexcept {
    for (int i = 0; i < count; i += V::count) (V::load(from + i) * V::all(factor)).store(to + i);
}

// Like join_row of the 5/3 transform.
template <class V>
inline void join_row_97(const float* low, const float* high, int width, int parity, float* row,
                        float* even, float* odd) noexcept {
    if (width == 1) {
        row[0] = parity == 0 ? low[0] : high[0] * 0.5f;
        return;
    }
    const int high_width = (width + parity) / 2, low_width = width - high_width;
    scale_row<V>(low, kScale, even, low_width);
    scale_row<V>(high, 1 / kScale, odd, high_width);
    for (const auto& [update_by, predict_by] :
         {std::pair{kDelta, kGamma}, std::pair{kBeta, kAlpha}}) {
        extend(odd, high_width);
        undo_step<V>(even, odd - 1 + parity, odd + parity, update_by, low_width);
        extend(even, low_width);
        undo_step<V>(odd, even - parity, even + 1 - parity, predict_by, high_width);
    }
    const float* const first = parity == 0 ? even : odd;
    const float* const second = parity == 0 ? odd : even;
    for (int i = 0; i < (width + 1) / 2; i += V::count)
        V::store_interleaved(V::load(first + i), V::load(second + i), row + 2 * i);
}

template <class V>
inline void synthesise_97(const Subbands<float>& bands, const LevelShape& shape,
                          const PlaneView<float>& out, WorkingRows<float> work) noexcept {
    const int parity = shape.y_parity;
    for (int y = 0; y < shape.height; ++y) {
        const bool is_high = ((y + parity) & 1) != 0;
        const int k = y / 2;  // rows alternate, whichever comes first
        join_row_97<V>((is_high ? bands.lh : bands.ll).row(k),
                       (is_high ? bands.hh : bands.hl).row(k), shape.width, shape.x_parity,
                       out.row(y), work[0], work[1]);
        if (shape.height > 1)
            scale_row<V>(out.row(y), is_high ? 1 / kScale : kScale, out.row(y), shape.width);
        else if (is_high)
            scale_row<V>(out.row(y), 0.5f, out.row(y), shape.width);
    }
    if (shape.height < 2) return;
    int start = parity;  // rows to change: low ones for updates, high ones for predictions
    for (const float factor : {kDelta, kGamma, kBeta, kAlpha}) {
        for (int y = start; y < shape.height; y += 2) {
            const float* const before = out.row(y > 0 ? y - 1 : y + 1);
            const float* const after = out.row(y + 1 < shape.height ? y + 1 : y - 1);
            undo_step<V>(out.row(y), before, after, factor, shape.width);
        }
        start = 1 - start;
    }
}

}  // namespace dicube::jph::DICUBE_SIMD

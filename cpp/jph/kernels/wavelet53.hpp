// The reversible 5/3 transform (T.800 F.3.8 and F.4.8) of one level, row by row: a sample is
// touched while its row is in the first-level cache, and no more than a few rows are kept.
//
// V is a register of lanes. With lanes of 16 bits all means are formed without the bit that a sum
// would need on top, so the transform is exact as long as its inputs and results fit the lanes.
#pragma once

#include <cstddef>
#include <cstring>
#include <utility>

#include "jph/kernels/wavelet_types.hpp"
#include "simd/scalar.hpp"

#ifndef DICUBE_SIMD
#error "define DICUBE_SIMD, the namespace of this instruction set, before including a kernel"
#endif

namespace dicube::jph::DICUBE_SIMD {

// Symmetric extension by one sample on either side; what lies further out is never looked at.
template <class T>
inline void extend(T* samples, int count) noexcept {
    samples[-1] = samples[0];
    samples[count] = samples[count - 1];
}

// high = odd - floor((before + after) / 2)
template <class V, class T>
inline void predict(const T* odd, const T* before, const T* after, T* high, int count) noexcept {
    for (int i = 0; i < count; i += V::count)
        (V::load(odd + i) - mean(V::load(before + i), V::load(after + i))).store(high + i);
}

// low = even + floor((before + after + 2) / 4)
template <class V, class T>
inline void update(const T* even, const T* before, const T* after, T* low, int count) noexcept {
    for (int i = 0; i < count; i += V::count)
        (V::load(even + i) + half(mean(V::load(before + i), V::load(after + i)))).store(low + i);
}

template <class V, class T>
inline void undo_predict(const T* high, const T* before, const T* after, T* odd,
                         int count) noexcept {
    for (int i = 0; i < count; i += V::count)
        (V::load(high + i) + mean(V::load(before + i), V::load(after + i))).store(odd + i);
}

template <class V, class T>
inline void undo_update(const T* low, const T* before, const T* after, T* even,
                        int count) noexcept {
    for (int i = 0; i < count; i += V::count)
        (V::load(low + i) - half(mean(V::load(before + i), V::load(after + i)))).store(even + i);
}

// The same for single samples, as lanes have it.
template <class T>
inline T mean_of(T a, T b) noexcept {
    return mean(simd::scalar::Lanes<T>{a}, simd::scalar::Lanes<T>{b}).value;
}
template <class T>
inline T half_of(T a) noexcept {
    return half(simd::scalar::Lanes<T>{a}).value;
}
template <class T>
inline T sum_of(T a, T b) noexcept {
    return (simd::scalar::Lanes<T>{a} + simd::scalar::Lanes<T>{b}).value;
}
template <class T>
inline T difference_of(T a, T b) noexcept {
    return (simd::scalar::Lanes<T>{a} - simd::scalar::Lanes<T>{b}).value;
}

// One row into its low and high half. Neighbours come from registers: loading them from what was
// stored a moment ago would wait for the store. `even` and `odd` are working rows with margins.
template <class V, class T>
inline void split_row(const T* row, int width, int parity, T* low, T* high, T* even,
                      T* odd) noexcept {
    if (width == 1) {
        if (parity == 0)
            low[0] = row[0];
        else
            high[0] = sum_of(row[0], row[0]);
        return;
    }
    const int high_width = (width + parity) / 2, low_width = width - high_width;
    if (parity != 0) {  // only tiles and images away from the origin start with a high sample
        for (int i = 0; i < high_width; i += V::count) {
            V a, b;
            V::load_interleaved(row + 2 * i, a, b);
            a.store(odd + i);
            b.store(even + i);
        }
        extend(even, low_width);
        predict<V>(odd, even - 1, even, high, high_width);
        extend(high, high_width);
        update<V>(even, high, high + 1, low, low_width);
        return;
    }
    V even_lanes, odd_lanes, high_before = V::all(0);
    V::load_interleaved(row, even_lanes, odd_lanes);
    for (int i = 0; i < low_width; i += V::count) {
        V next_even, next_odd;
        V::load_interleaved(row + 2 * (i + V::count), next_even, next_odd);
        const V high_lanes = odd_lanes - mean(even_lanes, following(even_lanes, next_even));
        high_lanes.store(high + i);
        (even_lanes + half(mean(preceding(high_before, high_lanes), high_lanes))).store(low + i);
        high_before = high_lanes;
        even_lanes = next_even;
        odd_lanes = next_odd;
    }
    // At either end the one neighbour there is stands for both.
    if (high_width == low_width)
        high[high_width - 1] = difference_of(row[width - 1], row[width - 2]);
    low[0] = sum_of(row[0], half_of(high[0]));
    if (low_width > 1) {
        const T after = high[high_width - 1];
        const T before = high_width == low_width ? high[high_width - 2] : after;
        low[low_width - 1] = sum_of(row[2 * (low_width - 1)], half_of(mean_of(before, after)));
    }
}

// The way back. `high` has its extension written.
template <class V, class T>
inline void join_row(const T* low, const T* high, int width, int parity, T* row, T* even,
                     T* odd) noexcept {
    if (width == 1) {
        row[0] = parity == 0 ? low[0] : static_cast<T>(high[0] >> 1);
        return;
    }
    const int high_width = (width + parity) / 2, low_width = width - high_width;
    if (parity != 0) {
        undo_update<V>(low, high, high + 1, even, low_width);
        extend(even, low_width);
        undo_predict<V>(high, even - 1, even, odd, high_width);
        for (int i = 0; i < high_width; i += V::count)
            V::store_interleaved(V::load(odd + i), V::load(even + i), row + 2 * i);
        return;
    }
    const auto even_at = [&](int i) {
        return V::load(low + i) - half(mean(V::load(high + i - 1), V::load(high + i)));
    };
    V even_lanes = even_at(0);
    for (int i = 0; i < low_width; i += V::count) {
        const V next_even = even_at(i + V::count);
        V after = following(even_lanes, next_even);
        // Behind the last odd sample its one neighbour stands for both. Set among the lanes: a
        // single sample stored afterwards would hold up whoever loads the row next.
        if (i + V::count >= low_width && high_width == low_width)
            after = with_lane(after, even_lanes, low_width - 1 - i);
        V::store_interleaved(even_lanes, V::load(high + i) + mean(even_lanes, after), row + 2 * i);
        even_lanes = next_even;
    }
}

// Writes the extension of all rows of a band, well before they are read.
template <class T>
inline void extend_rows(const PlaneView<T>& band, int width, int height) noexcept {
    for (int y = 0; y < height && width > 0; ++y) extend(band.row(y), width);
}

// Working rows, `length` samples apart.
template <class T>
struct WorkingRows {
    T* memory;
    std::ptrdiff_t length;
    T* operator[](int i) const noexcept { return memory + i * length; }
};

// A resolution into its subbands. Low rows are even ones on the reference grid.
template <class V, class T>
inline void analyse_53(const RowSource<T>& source, const LevelShape& shape,
                       const Subbands<T>& bands, WorkingRows<T> work) noexcept {
    T* const even = work[0];
    T* const odd = work[1];
    const auto split_low = [&](const T* row, int k) {
        split_row<V>(row, shape.width, shape.x_parity, bands.ll.row(k), bands.hl.row(k), even, odd);
    };
    const auto split_high = [&](const T* row, int k) {
        split_row<V>(row, shape.width, shape.x_parity, bands.lh.row(k), bands.hh.row(k), even, odd);
    };
    if (shape.height == 1) {
        const T* const row = source.row(source.context, 0);
        if (shape.y_parity == 0) return split_low(row, 0);
        T* const doubled = work[2];
        for (int x = 0; x < shape.width; ++x) doubled[x] = sum_of(row[x], row[x]);
        return split_high(doubled, 0);
    }
    T* high_before = work[2];
    T* high = work[3];
    T* const low = work[4];
    const int first_low = shape.y_parity;  // row of the first low one
    const int high_height = shape.high_height(), low_height = shape.low_height();
    int next_row = 0;
    const auto take = [&]() { return source.row(source.context, next_row++); };

    // With an odd first row there is a high row above the first low one.
    const T* even_row = nullptr;
    int k_high = 0;
    if (first_low == 1) {
        const T* const top = take();
        even_row = take();
        predict<V>(top, even_row, even_row, high, shape.width);
        split_high(high, k_high++);
    } else {
        even_row = take();
    }
    for (int k = 0; k < low_height; ++k) {
        const bool has_high_above = k_high > 0;
        const T* next_even = nullptr;
        bool has_high_below = false;
        if (k_high < high_height) {
            std::swap(high_before, high);
            const T* const odd_row = take();
            next_even = k + 1 < low_height ? take() : even_row;
            predict<V>(odd_row, even_row, next_even, high, shape.width);
            has_high_below = true;
        }
        // At the edges the one neighbour there is stands for both.
        const T* const above = !has_high_above ? high : has_high_below ? high_before : high;
        update<V>(even_row, above, high, low, shape.width);
        split_low(low, k);
        if (has_high_below) split_high(high, k_high++);
        even_row = next_even;
    }
}

// Subbands into their resolution.
template <class V, class T>
inline void synthesise_53(const Subbands<T>& bands, const LevelShape& shape, const RowSink<T>& sink,
                          WorkingRows<T> work) noexcept {
    T* const even = work[0];
    T* const odd = work[1];
    extend_rows(bands.hl, shape.high_width(), shape.low_height());
    extend_rows(bands.hh, shape.high_width(), shape.high_height());
    const auto join_low = [&](int k, T* row) {
        join_row<V>(bands.ll.row(k), bands.hl.row(k), shape.width, shape.x_parity, row, even, odd);
    };
    const auto join_high = [&](int k, T* row) {
        join_row<V>(bands.lh.row(k), bands.hh.row(k), shape.width, shape.x_parity, row, even, odd);
    };
    const auto place = [&](int y) { return sink.place(sink.context, y); };
    const auto done = [&](int y) { sink.done(sink.context, y); };
    if (shape.height == 1) {
        T* const row = place(0);
        if (shape.y_parity == 0) {
            join_low(0, row);
        } else {
            join_high(0, row);
            for (int x = 0; x < shape.width; ++x) row[x] = static_cast<T>(row[x] >> 1);
        }
        return done(0);
    }
    T* high_above = work[2];
    T* high_below = work[3];
    T* const low = work[4];
    const int parity = shape.y_parity;
    const int low_height = shape.low_height(), high_height = shape.high_height();
    const T* even_above = nullptr;
    // Step k makes low row k, and the high row above it, which waits for the low one below.
    for (int k = 0; k <= low_height; ++k) {
        const int above = k - 1 + parity, below = k + parity;  // high rows around low row k
        T* even_row = nullptr;
        if (k < low_height) {
            if (k == 0 && above >= 0) join_high(above, high_below);
            std::swap(high_above, high_below);
            if (below < high_height) join_high(below, high_below);
            const T* const h0 = above >= 0 ? high_above : high_below;
            const T* const h1 = below < high_height ? high_below : high_above;
            even_row = place(2 * k + parity);
            join_low(k, low);
            undo_update<V>(low, h0, h1, even_row, shape.width);
        } else {
            std::swap(high_above, high_below);
        }
        if (above >= 0 && above < high_height) {
            const int y = 2 * above + 1 - parity;
            T* const odd_row = place(y);
            const T* const e0 = even_above != nullptr ? even_above : even_row;
            const T* const e1 = even_row != nullptr ? even_row : even_above;
            undo_predict<V>(high_above, e0, e1, odd_row, shape.width);
            done(y);
        }
        if (even_row != nullptr) done(2 * k + parity);
        even_above = even_row;
    }
}

}  // namespace dicube::jph::DICUBE_SIMD

// Rows of samples between the caller's array and the working rows of a frame. Plain loops:
// compilers turn those over contiguous samples into SIMD of their own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "jph/kernels/row_types.hpp"
#include "jph/kernels/wavelet_types.hpp"

#ifndef DICUBE_SIMD
#error "define DICUBE_SIMD, the namespace of this instruction set, before including a kernel"
#endif

namespace dicube::jph::DICUBE_SIMD {

template <class From>
inline From sample_at(const std::uint8_t* from) noexcept {
    From sample;
    std::memcpy(&sample, from, sizeof sample);  // strides may leave samples unaligned
    return sample;
}

template <class From>
inline void find_range(const std::uint8_t* from, std::ptrdiff_t step, int count,
                       SampleRange& range) noexcept {
    From low = sample_at<From>(from), high = low;
    if (step == sizeof(From)) {
        for (int i = 0; i < count; ++i) {
            const From sample = sample_at<From>(from + static_cast<std::size_t>(i) * sizeof(From));
            low = sample < low ? sample : low;
            high = sample > high ? sample : high;
        }
    } else {
        for (int i = 0; i < count; ++i) {
            const From sample = sample_at<From>(from + i * step);
            low = sample < low ? sample : low;
            high = sample > high ? sample : high;
        }
    }
    if (low < range.low) range.low = low;
    if (high > range.high) range.high = high;
}

// to[i] = from[i] - centre. Arithmetic modulo the width of T; the caller knows that results fit.
template <class From, class T>
inline void load_samples(const std::uint8_t* from, std::ptrdiff_t step, int count,
                         std::int64_t centre, T* to) noexcept {
    const T less = static_cast<T>(centre);
    const auto load = [less](From sample) { return static_cast<T>(static_cast<T>(sample) - less); };
    if (step == sizeof(From)) {
        for (int i = 0; i < count; ++i)
            to[i] = load(sample_at<From>(from + static_cast<std::size_t>(i) * sizeof(From)));
    } else {
        for (int i = 0; i < count; ++i) to[i] = load(sample_at<From>(from + i * step));
    }
}

// A limit of 64 bits in arithmetic of fewer.
template <class T>
inline T saturated(std::int64_t value) noexcept {
    constexpr std::int64_t kLow = std::numeric_limits<T>::min(),
                           kHigh = std::numeric_limits<T>::max();
    return static_cast<T>(value < kLow ? kLow : value > kHigh ? kHigh : value);
}

// Samples as they are stored: offset added, clamped to the depth of the stream, level shift undone.
template <class T, class To>
inline void store_samples(const T* from, int count, const StoreRule& rule, std::uint8_t* to,
                          std::ptrdiff_t step) noexcept {
    // Only narrow samples have an offset, so 32 bits hold all sums.
    using Wide =
        std::conditional_t<std::is_integral_v<T> && (sizeof(T) <= 4), std::int32_t, std::int64_t>;
    const Wide offset = static_cast<Wide>(rule.offset), low = saturated<Wide>(rule.low),
               high = saturated<Wide>(rule.high);
    const auto shift = static_cast<std::make_unsigned_t<Wide>>(rule.shift);  // may wrap
    const auto value = [&](T sample) {
        Wide stored;
        if constexpr (std::is_floating_point_v<T>) {
            // Clamped before it becomes an integer: damaged streams give any number, and NaN.
            const T shifted = sample + static_cast<T>(offset);
            const T below = shifted > static_cast<T>(low) ? shifted : static_cast<T>(low);
            stored = static_cast<Wide>(__builtin_floorf(
                (below < static_cast<T>(high) ? below : static_cast<T>(high)) + T{0.5}));
        } else {
            stored = static_cast<Wide>(sample) + offset;
            stored = stored < low ? low : stored > high ? high : stored;
        }
        return static_cast<To>(static_cast<std::make_unsigned_t<Wide>>(stored) + shift);
    };
    if (step == sizeof(To)) {
        for (int i = 0; i < count; ++i) {
            const To stored = value(from[i]);
            std::memcpy(to + static_cast<std::size_t>(i) * sizeof stored, &stored, sizeof stored);
        }
        return;
    }
    // Made side by side and then dealt out, so that lanes can do the first part.
    constexpr int kChunk = 256;
    for (int start = 0; start < count; start += kChunk) {
        To chunk[kChunk];
        const int length = count - start < kChunk ? count - start : kChunk;
        for (int i = 0; i < length; ++i) chunk[i] = value(from[start + i]);
        for (int i = 0; i < length; ++i)
            std::memcpy(to + (start + i) * step, &chunk[i], sizeof chunk[i]);
    }
}

// The most common case, with lanes: narrow samples into whole rows of 16-bit ones.
template <class V>
inline void store_narrow_samples(const std::int16_t* from, int count, const StoreRule& rule,
                                 std::uint8_t* to, std::ptrdiff_t step) noexcept {
    int done = 0;
    if (step == 2) {
        // Depths up to 16 bits end within what saturation leaves.
        const auto all = [](std::int64_t value) noexcept {
            return V::all(saturated<std::int16_t>(value));
        };
        const V offset = all(rule.offset), low = all(rule.low), high = all(rule.high),
                shift = V::all(static_cast<std::int16_t>(rule.shift));
        for (; done + V::count <= count; done += V::count) {
            const V stored =
                min(max(saturated_sum(V::load(from + done), offset), low), high) + shift;
            stored.store(reinterpret_cast<std::int16_t*>(to + 2 * done));
        }
    }
    if (done < count)
        store_samples<std::int16_t, std::uint16_t>(from + done, count - done, rule,
                                                   to + done * step, step);
}

// Least and greatest sample of a plane with one at least.
template <class V, class T>
inline void find_plane_range(const PlaneView<T>& plane, int width, int height,
                             SampleRange& range) noexcept {
    V low = V::all(plane.row(0)[0]), high = low;
    T lanes[2 * V::count];
    for (int y = 0; y < height; ++y) {
        const T* const row = plane.row(y);
        const auto take = [&](V samples) noexcept {
            low = min(low, samples);
            high = max(high, samples);
        };
        int x = 0;
        for (; x + V::count <= width; x += V::count) take(V::load(row + x));
        if (x == width) continue;
        if (width > V::count) {
            take(V::load(row + width - V::count));
        } else {
            for (; x < width; ++x) take(V::all(row[x]));
        }
    }
    low.store(lanes);
    high.store(lanes + V::count);
    for (const T sample : lanes) {
        range.low = std::min(range.low, static_cast<std::int64_t>(sample));
        range.high = std::max(range.high, static_cast<std::int64_t>(sample));
    }
}

}  // namespace dicube::jph::DICUBE_SIMD

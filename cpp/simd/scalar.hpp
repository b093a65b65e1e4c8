// Registers of one lane: what kernels are written against where there is no SIMD, and the reference
// that the others are tested against.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dicube::simd::scalar {

template <class T>
struct Lanes {
    using value_type = T;
    static constexpr int count = 1;

    T value;

    static Lanes load(const T* from) noexcept { return {*from}; }
    static Lanes all(T value) noexcept { return {value}; }
    void store(T* to) const noexcept { *to = value; }

    friend Lanes operator+(Lanes a, Lanes b) noexcept {
        return {static_cast<T>(a.value + b.value)};
    }
    friend Lanes operator-(Lanes a, Lanes b) noexcept {
        return {static_cast<T>(a.value - b.value)};
    }
    friend Lanes operator*(Lanes a, Lanes b) noexcept {
        return {static_cast<T>(a.value * b.value)};
    }
    friend Lanes min(Lanes a, Lanes b) noexcept { return {a.value < b.value ? a.value : b.value}; }
    friend Lanes max(Lanes a, Lanes b) noexcept { return {a.value > b.value ? a.value : b.value}; }

    // floor((a + b) / 2), without overflow on the way.
    friend Lanes mean(Lanes a, Lanes b) noexcept {
        return {static_cast<T>((a.value & b.value) + ((a.value ^ b.value) >> 1))};
    }
    // floor((a + 1) / 2), for a below the greatest value.
    friend Lanes half(Lanes a) noexcept { return {static_cast<T>((a.value + 1) >> 1)}; }

    // Lanes moved by one place: `next` fills the last one, `before` the first.
    friend Lanes following(Lanes, Lanes next) noexcept { return next; }
    friend Lanes preceding(Lanes before, Lanes) noexcept { return before; }

    // even[0], odd[0], even[1], ... to 2 * count samples.
    static void store_interleaved(Lanes even, Lanes odd, T* to) noexcept {
        to[0] = even.value;
        to[1] = odd.value;
    }
    static void load_interleaved(const T* from, Lanes& even, Lanes& odd) noexcept {
        even.value = from[0];
        odd.value = from[1];
    }
};

}  // namespace dicube::simd::scalar

// Registers of one lane: what kernels are written against where there is no SIMD, and the reference
// that the others are tested against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace dicube::simd::scalar {

template <class T>
struct Lanes {
    using value_type = T;
    static constexpr int count = 1;

    T value;

    static Lanes load(const T* from) noexcept { return {*from}; }
    static Lanes all(T value) noexcept { return {value}; }
    void store(T* to) const noexcept { *to = value; }

    // Integers wrap, as they do in wider registers: lanes behind the end of a row hold anything,
    // and so do the samples of a damaged stream.
    friend Lanes operator+(Lanes a, Lanes b) noexcept {
        if constexpr (std::is_integral_v<T>)
            return {static_cast<T>(bits(a.value) + bits(b.value))};
        else
            return {a.value + b.value};
    }
    friend Lanes operator-(Lanes a, Lanes b) noexcept {
        if constexpr (std::is_integral_v<T>)
            return {static_cast<T>(bits(a.value) - bits(b.value))};
        else
            return {a.value - b.value};
    }
    friend Lanes operator*(Lanes a, Lanes b) noexcept {
        static_assert(std::is_floating_point_v<T>);
        return {a.value * b.value};
    }
    friend Lanes min(Lanes a, Lanes b) noexcept { return {a.value < b.value ? a.value : b.value}; }
    friend Lanes max(Lanes a, Lanes b) noexcept { return {a.value > b.value ? a.value : b.value}; }

    // floor((a + b) / 2), without overflow on the way.
    friend Lanes mean(Lanes a, Lanes b) noexcept {
        return {static_cast<T>((a.value & b.value) + ((a.value ^ b.value) >> 1))};
    }
    // floor((a + 1) / 2)
    friend Lanes half(Lanes a) noexcept { return {static_cast<T>((a.value >> 1) + (a.value & 1))}; }

    // Lanes moved by one place: `next` fills the last one, `before` the first.
    friend Lanes following(Lanes, Lanes next) noexcept { return next; }
    friend Lanes preceding(Lanes before, Lanes) noexcept { return before; }

    // `lanes`, but the one at `index` is that of `other`.
    friend Lanes with_lane(Lanes lanes, Lanes other, int index) noexcept {
        return index == 0 ? other : lanes;
    }

    // even[0], odd[0], even[1], ... to 2 * count samples.
    static void store_interleaved(Lanes even, Lanes odd, T* to) noexcept {
        to[0] = even.value;
        to[1] = odd.value;
    }
    static void load_interleaved(const T* from, Lanes& even, Lanes& odd) noexcept {
        even.value = from[0];
        odd.value = from[1];
    }

  private:
    // In 64 bits no sum of narrower ones overflows, and those of 64 bits wrap.
    static constexpr std::uint64_t bits(T value) noexcept {
        return static_cast<std::uint64_t>(value);
    }
};

}  // namespace dicube::simd::scalar

// Registers of one lane: what kernels are written against where there is no SIMD, and the reference
// that the others are tested against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
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
    // Of integers the low bits.
    friend Lanes operator*(Lanes a, Lanes b) noexcept {
        if constexpr (std::is_integral_v<T>)
            return {static_cast<T>(bits(a.value) * bits(b.value))};
        else
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

    // Bits.
    friend Lanes operator&(Lanes a, Lanes b) noexcept { return {a.value & b.value}; }
    friend Lanes operator|(Lanes a, Lanes b) noexcept { return {a.value | b.value}; }
    friend Lanes operator^(Lanes a, Lanes b) noexcept { return {a.value ^ b.value}; }
    friend Lanes without(Lanes a, Lanes bits) noexcept { return {a.value & ~bits.value}; }
    friend Lanes abs(Lanes a) noexcept { return a.value < 0 ? all(0) - a : a; }
    friend Lanes operator<<(Lanes a, int count) noexcept {
        return {static_cast<T>(bits(a.value) << count)};
    }
    // Of a signed number; of an unsigned one: `unsigned_shift`.
    friend Lanes operator>>(Lanes a, int count) noexcept { return {a.value >> count}; }
    friend Lanes unsigned_shift(Lanes a, int count) noexcept {
        return {static_cast<T>(static_cast<std::make_unsigned_t<T>>(a.value) >> count)};
    }
    // Each lane by its own count, 0 to 31.
    friend Lanes operator<<(Lanes a, Lanes counts) noexcept { return a << counts.value; }
    friend Lanes unsigned_shift(Lanes a, Lanes counts) noexcept {
        return unsigned_shift(a, counts.value);
    }
    // Masks: all bits of a lane, or none.
    friend Lanes operator>(Lanes a, Lanes b) noexcept { return {a.value > b.value ? -1 : 0}; }
    friend Lanes operator==(Lanes a, Lanes b) noexcept { return {a.value == b.value ? -1 : 0}; }
    friend Lanes select(Lanes mask, Lanes if_set, Lanes otherwise) noexcept {
        return mask.value != 0 ? if_set : otherwise;
    }
    friend bool any(Lanes mask) noexcept { return mask.value != 0; }

    // floor(log2(lane)) of 1 to 2^30.
    friend Lanes floor_log2(Lanes a) noexcept {
        return {31 - __builtin_clz(static_cast<unsigned>(a.value) | 1)};
    }
    // Of 1 to 2^24.
    friend Lanes floor_log2_of_small(Lanes a) noexcept { return floor_log2(a); }
    // floor(2^24 / lane) of 1 to 64.
    friend Lanes reciprocal24(Lanes a) noexcept {
        return {static_cast<T>((1u << 24) / (static_cast<unsigned>(a.value) | (a.value == 0)))};
    }
    // Bits 24 to 55 of the product.
    friend Lanes product24(Lanes a, Lanes b) noexcept {
        return {static_cast<T>((std::int64_t{a.value} * b.value) >> 24)};
    }

    // table[lane]
    static Lanes gather(const T* table, Lanes indices) noexcept { return {table[indices.value]}; }
    // The four bytes from bytes[lane] on.
    static Lanes gather_bytes(const std::uint8_t* bytes, Lanes offsets) noexcept {
        Lanes lanes;
        std::memcpy(&lanes.value, bytes + static_cast<std::uint32_t>(offsets.value),
                    sizeof lanes.value);
        return lanes;
    }

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

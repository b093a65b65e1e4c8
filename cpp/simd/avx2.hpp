// Registers of 256 bits. The names and meanings are those of scalar.hpp.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace dicube::simd::avx2 {

// A window of whole registers on this has ones in one lane, wherever it is wanted.
template <class T>
struct OneLane {
    static constexpr int kBefore = 32 / sizeof(T) - 1;
    T lanes[2 * kBefore + 1] = {};
    constexpr OneLane() noexcept { lanes[kBefore] = -1; }
};
template <class T>
inline constexpr OneLane<T> kOneLane;

template <class T>
struct Lanes;

template <>
struct Lanes<std::int16_t> {
    using value_type = std::int16_t;
    static constexpr int count = 16;

    __m256i value;

    static Lanes load(const std::int16_t* from) noexcept {
        return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))};
    }
    static Lanes all(std::int16_t value) noexcept { return {_mm256_set1_epi16(value)}; }
    void store(std::int16_t* to) const noexcept {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
    }

    friend Lanes operator+(Lanes a, Lanes b) noexcept {
        return {_mm256_add_epi16(a.value, b.value)};
    }
    friend Lanes operator-(Lanes a, Lanes b) noexcept {
        return {_mm256_sub_epi16(a.value, b.value)};
    }
    // The sum, or the nearest value that there is.
    friend Lanes saturated_sum(Lanes a, Lanes b) noexcept {
        return {_mm256_adds_epi16(a.value, b.value)};
    }
    friend Lanes min(Lanes a, Lanes b) noexcept { return {_mm256_min_epi16(a.value, b.value)}; }
    friend Lanes max(Lanes a, Lanes b) noexcept { return {_mm256_max_epi16(a.value, b.value)}; }
    friend Lanes mean(Lanes a, Lanes b) noexcept {
        const __m256i differing = _mm256_srai_epi16(_mm256_xor_si256(a.value, b.value), 1);
        return {_mm256_add_epi16(_mm256_and_si256(a.value, b.value), differing)};
    }
    friend Lanes half(Lanes a) noexcept {
        return {_mm256_srai_epi16(_mm256_add_epi16(a.value, _mm256_set1_epi16(1)), 1)};
    }

    friend Lanes following(Lanes lanes, Lanes next) noexcept {
        const __m256i middle = _mm256_permute2x128_si256(lanes.value, next.value, 0x21);
        return {_mm256_alignr_epi8(middle, lanes.value, 2)};
    }
    friend Lanes preceding(Lanes before, Lanes lanes) noexcept {
        const __m256i middle = _mm256_permute2x128_si256(before.value, lanes.value, 0x21);
        return {_mm256_alignr_epi8(lanes.value, middle, 14)};
    }

    friend Lanes with_lane(Lanes lanes, Lanes other, int index) noexcept {
        const Lanes chosen = load(kOneLane<value_type>.lanes + 15 - index);
        return {_mm256_blendv_epi8(lanes.value, other.value, chosen.value)};
    }

    static void store_interleaved(Lanes even, Lanes odd, std::int16_t* to) noexcept {
        const __m256i low = _mm256_unpacklo_epi16(even.value, odd.value);
        const __m256i high = _mm256_unpackhi_epi16(even.value, odd.value);
        Lanes{_mm256_permute2x128_si256(low, high, 0x20)}.store(to);
        Lanes{_mm256_permute2x128_si256(low, high, 0x31)}.store(to + 16);
    }
    static void load_interleaved(const std::int16_t* from, Lanes& even, Lanes& odd) noexcept {
        const __m256i by_parity =
            _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15, 0, 1, 4, 5, 8, 9,
                             12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
        const __m256i first =
            _mm256_permute4x64_epi64(_mm256_shuffle_epi8(load(from).value, by_parity), 0xD8);
        const __m256i second =
            _mm256_permute4x64_epi64(_mm256_shuffle_epi8(load(from + 16).value, by_parity), 0xD8);
        even.value = _mm256_permute2x128_si256(first, second, 0x20);
        odd.value = _mm256_permute2x128_si256(first, second, 0x31);
    }
};

template <>
struct Lanes<std::int32_t> {
    using value_type = std::int32_t;
    static constexpr int count = 8;

    __m256i value;

    static Lanes load(const std::int32_t* from) noexcept {
        return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))};
    }
    static Lanes all(std::int32_t value) noexcept { return {_mm256_set1_epi32(value)}; }
    void store(std::int32_t* to) const noexcept {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
    }

    friend Lanes operator+(Lanes a, Lanes b) noexcept {
        return {_mm256_add_epi32(a.value, b.value)};
    }
    friend Lanes operator-(Lanes a, Lanes b) noexcept {
        return {_mm256_sub_epi32(a.value, b.value)};
    }
    friend Lanes min(Lanes a, Lanes b) noexcept { return {_mm256_min_epi32(a.value, b.value)}; }
    friend Lanes max(Lanes a, Lanes b) noexcept { return {_mm256_max_epi32(a.value, b.value)}; }
    friend Lanes mean(Lanes a, Lanes b) noexcept {
        const __m256i differing = _mm256_srai_epi32(_mm256_xor_si256(a.value, b.value), 1);
        return {_mm256_add_epi32(_mm256_and_si256(a.value, b.value), differing)};
    }
    friend Lanes half(Lanes a) noexcept {
        return {_mm256_srai_epi32(_mm256_add_epi32(a.value, _mm256_set1_epi32(1)), 1)};
    }

    friend Lanes following(Lanes lanes, Lanes next) noexcept {
        const __m256i middle = _mm256_permute2x128_si256(lanes.value, next.value, 0x21);
        return {_mm256_alignr_epi8(middle, lanes.value, 4)};
    }
    friend Lanes preceding(Lanes before, Lanes lanes) noexcept {
        const __m256i middle = _mm256_permute2x128_si256(before.value, lanes.value, 0x21);
        return {_mm256_alignr_epi8(lanes.value, middle, 12)};
    }

    // The low 32 bits.
    friend Lanes operator*(Lanes a, Lanes b) noexcept {
        return {_mm256_mullo_epi32(a.value, b.value)};
    }
    friend Lanes operator&(Lanes a, Lanes b) noexcept {
        return {_mm256_and_si256(a.value, b.value)};
    }
    friend Lanes operator|(Lanes a, Lanes b) noexcept {
        return {_mm256_or_si256(a.value, b.value)};
    }
    friend Lanes operator^(Lanes a, Lanes b) noexcept {
        return {_mm256_xor_si256(a.value, b.value)};
    }
    friend Lanes without(Lanes a, Lanes bits) noexcept {
        return {_mm256_andnot_si256(bits.value, a.value)};
    }
    friend Lanes abs(Lanes a) noexcept { return {_mm256_abs_epi32(a.value)}; }
    friend Lanes operator<<(Lanes a, int count) noexcept {
        return {_mm256_slli_epi32(a.value, count)};
    }
    // Of a signed number; of an unsigned one: `unsigned_shift`.
    friend Lanes operator>>(Lanes a, int count) noexcept {
        return {_mm256_srai_epi32(a.value, count)};
    }
    friend Lanes unsigned_shift(Lanes a, int count) noexcept {
        return {_mm256_srli_epi32(a.value, count)};
    }
    // Each lane by its own count, 0 to 31.
    friend Lanes operator<<(Lanes a, Lanes counts) noexcept {
        return {_mm256_sllv_epi32(a.value, counts.value)};
    }
    friend Lanes unsigned_shift(Lanes a, Lanes counts) noexcept {
        return {_mm256_srlv_epi32(a.value, counts.value)};
    }
    // Masks: all bits of a lane, or none.
    friend Lanes operator>(Lanes a, Lanes b) noexcept {
        return {_mm256_cmpgt_epi32(a.value, b.value)};
    }
    friend Lanes operator==(Lanes a, Lanes b) noexcept {
        return {_mm256_cmpeq_epi32(a.value, b.value)};
    }
    friend Lanes select(Lanes mask, Lanes if_set, Lanes otherwise) noexcept {
        return {_mm256_blendv_epi8(otherwise.value, if_set.value, mask.value)};
    }
    friend bool any(Lanes mask) noexcept { return _mm256_movemask_epi8(mask.value) != 0; }

    // floor(log2(lane)) of 1 to 2^30. Conversion would round up: without the bit below the highest
    // one it cannot.
    friend Lanes floor_log2(Lanes a) noexcept { return log2_if_exact(without(a, a >> 1)); }
    // Of 1 to 2^24.
    friend Lanes floor_log2_of_small(Lanes a) noexcept { return log2_if_exact(a); }
    // floor(2^24 / lane) of 1 to 64, where single precision is precise enough.
    friend Lanes reciprocal24(Lanes a) noexcept {
        const __m256 quotient = _mm256_div_ps(_mm256_set1_ps(1 << 24), _mm256_cvtepi32_ps(a.value));
        return {_mm256_cvttps_epi32(quotient)};
    }
    // Bits 24 to 55 of the product.
    friend Lanes product24(Lanes a, Lanes b) noexcept {
        const __m256i even = _mm256_srli_epi64(_mm256_mul_epi32(a.value, b.value), 24);
        const __m256i odd = _mm256_slli_epi64(
            _mm256_mul_epi32(_mm256_srli_epi64(a.value, 32), _mm256_srli_epi64(b.value, 32)), 8);
        return {_mm256_blend_epi32(even, odd, 0xAA)};
    }

    // table[lane]
    static Lanes gather(const std::int32_t* table, Lanes indices) noexcept {
        return {_mm256_i32gather_epi32(table, indices.value, 4)};
    }
    // The four bytes from bytes[lane] on.
    static Lanes gather_bytes(const std::uint8_t* bytes, Lanes offsets) noexcept {
        return {_mm256_i32gather_epi32(reinterpret_cast<const int*>(bytes), offsets.value, 1)};
    }

    friend Lanes with_lane(Lanes lanes, Lanes other, int index) noexcept {
        const Lanes chosen = load(kOneLane<value_type>.lanes + 7 - index);
        return {_mm256_blendv_epi8(lanes.value, other.value, chosen.value)};
    }

    static void store_interleaved(Lanes even, Lanes odd, std::int32_t* to) noexcept {
        const __m256i low = _mm256_unpacklo_epi32(even.value, odd.value);
        const __m256i high = _mm256_unpackhi_epi32(even.value, odd.value);
        Lanes{_mm256_permute2x128_si256(low, high, 0x20)}.store(to);
        Lanes{_mm256_permute2x128_si256(low, high, 0x31)}.store(to + 8);
    }
    static void load_interleaved(const std::int32_t* from, Lanes& even, Lanes& odd) noexcept {
        const __m256i by_parity = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
        const __m256i first = _mm256_permutevar8x32_epi32(load(from).value, by_parity);
        const __m256i second = _mm256_permutevar8x32_epi32(load(from + 8).value, by_parity);
        even.value = _mm256_permute2x128_si256(first, second, 0x20);
        odd.value = _mm256_permute2x128_si256(first, second, 0x31);
    }

  private:
    static Lanes log2_if_exact(Lanes a) noexcept {
        const __m256i bits = _mm256_castps_si256(_mm256_cvtepi32_ps(a.value));
        return {_mm256_sub_epi32(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(127))};
    }
};

template <>
struct Lanes<float> {
    using value_type = float;
    static constexpr int count = 8;

    __m256 value;

    static Lanes load(const float* from) noexcept { return {_mm256_loadu_ps(from)}; }
    static Lanes all(float value) noexcept { return {_mm256_set1_ps(value)}; }
    void store(float* to) const noexcept { _mm256_storeu_ps(to, value); }

    friend Lanes operator+(Lanes a, Lanes b) noexcept { return {_mm256_add_ps(a.value, b.value)}; }
    friend Lanes operator-(Lanes a, Lanes b) noexcept { return {_mm256_sub_ps(a.value, b.value)}; }
    friend Lanes operator*(Lanes a, Lanes b) noexcept { return {_mm256_mul_ps(a.value, b.value)}; }
    friend Lanes min(Lanes a, Lanes b) noexcept { return {_mm256_min_ps(a.value, b.value)}; }
    friend Lanes max(Lanes a, Lanes b) noexcept { return {_mm256_max_ps(a.value, b.value)}; }

    static void store_interleaved(Lanes even, Lanes odd, float* to) noexcept {
        const __m256 low = _mm256_unpacklo_ps(even.value, odd.value);
        const __m256 high = _mm256_unpackhi_ps(even.value, odd.value);
        Lanes{_mm256_permute2f128_ps(low, high, 0x20)}.store(to);
        Lanes{_mm256_permute2f128_ps(low, high, 0x31)}.store(to + 8);
    }
};

}  // namespace dicube::simd::avx2

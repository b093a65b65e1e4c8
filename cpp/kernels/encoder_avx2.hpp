// Exponents, significance and MagSgn bits of a quad row with AVX2, for the block encoder. The
// mirror of magsgn_avx2.hpp: PEXT gathers the bits of a quad's lanes.
#pragma once

#include "kernels/cleanup_encoder.hpp"
#include "kernels/magsgn_avx2.hpp"

namespace dicube::jph::DICUBE_SIMD {

// The next `left` samples of a row, zeros behind them or for a row that is not there.
template <class T>
inline __m128i load_row(const T* samples, int left) noexcept {
    constexpr int kLanes = 16 / sizeof(T);
    if (samples == nullptr) return _mm_setzero_si128();
    if (left >= kLanes) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(samples));
    T lanes[kLanes] = {};
    for (int i = 0; i < left; ++i) lanes[i] = samples[i];
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(lanes));
}

// What both widths share: a row of quads as MagSgn values and their masks.
template <class Lane>
struct Avx2LanesRow {
    EncoderRow row;
    MagsgnRow<Lane> samples;

    void start() noexcept { std::memset(samples.bottom_memory, 0, sizeof samples.bottom_memory); }

    void next_kappa(int quads_wide) noexcept {
        samples.next_kappa((quads_wide + 15) & ~15);
        std::memcpy(row.kappa, samples.kappa,
                    static_cast<std::size_t>(quads_wide) * sizeof row.kappa[0]);
    }
};

// Exponents of quads from the greatest magnitude of each: bit length of 2 * magnitude - 1.
inline __m256i exponents_of(__m256i highest) noexcept {
    const __m256i none = _mm256_cmpeq_epi32(highest, _mm256_setzero_si256());
    return _mm256_andnot_si256(none, _mm256_add_epi32(kappa_of(highest), _mm256_set1_epi32(1)));
}

// Magnitudes up to 2^14, so that exponents stay within 15.
template <class Deposit>
struct Avx2Lanes16 : Avx2LanesRow<std::uint16_t> {
    void load(const std::int16_t* top, const std::int16_t* below, int width, int y) noexcept {
        const __m256i one = _mm256_set1_epi16(1);
        const __m256i zero = _mm256_setzero_si256();
        const __m256i by_quad =
            _mm256_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15, 0, 1, 8, 9, 2, 3,
                             10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
        std::uint16_t* const rho = row.rho(y);
        for (int x = 0; x < width; x += 8) {
            const int q = x / 2;
            const __m128i upper = load_row(top + x, width - x);
            const __m128i lower = load_row(below == nullptr ? nullptr : below + x, width - x);
            const __m128i upper_magnitude = _mm_abs_epi16(upper),
                          lower_magnitude = _mm_abs_epi16(lower);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(samples.bottom() + x), lower_magnitude);
            set_exponents(q, _mm_max_epu16(upper_magnitude, lower_magnitude));

            const __m256i quads = _mm256_shuffle_epi8(
                _mm256_permute4x64_epi64(_mm256_set_m128i(lower, upper), 0xD8), by_quad);
            const __m256i magnitude = _mm256_abs_epi16(quads);
            const __m256i doubled = _mm256_sub_epi16(_mm256_add_epi16(magnitude, magnitude), one);
            const __m256i value =
                _mm256_add_epi16(_mm256_sub_epi16(doubled, one), _mm256_srli_epi16(quads, 15));
            store256(samples.values + q, value);

            const __m256i nothing = _mm256_cmpeq_epi16(magnitude, zero);
            const __m256i power = highest_power(_mm256_andnot_si256(nothing, doubled));
            const __m256i reaches = _mm256_cmpeq_epi16(_mm256_and_si256(doubled, power), power);
            // Bits of each half: rho of two quads, then eps of the same two.
            const auto flags = static_cast<std::uint32_t>(_mm256_movemask_epi8(
                _mm256_packs_epi16(_mm256_xor_si256(nothing, _mm256_cmpeq_epi16(zero, zero)),
                                   _mm256_andnot_si256(nothing, reaches))));
            constexpr std::uint64_t kNibbles = 0x000F000F000F000F;
            store_flags(rho + q, (flags & 0xFF) | (flags >> 8 & 0xFF00), kNibbles);
            store_flags(row.eps + q, (flags >> 8 & 0xFF) | (flags >> 16 & 0xFF00), kNibbles);
        }
    }

    void write_samples(int quads_wide, BitCollector& magsgn) noexcept {
        for (int q = 0; q < quads_wide; q += 4) {
            const LaneMasks16 lanes(row.facts + q, row.bounds + q);
            store256(samples.masks + q, lanes.masks);
        }
        if (row.highest <= 14) {
            for (int q = 0; q < quads_wide; ++q) {
                const std::uint64_t mask = samples.masks[q];
                magsgn.append(Deposit::extract(samples.values[q], mask),
                              static_cast<int>(_mm_popcnt_u64(mask)));
            }
            return;
        }
        for (int q = 0; q < quads_wide; ++q) {  // up to 60 bits a quad: more than one append takes
            for (const std::uint64_t half :
                 {std::uint64_t{0xFFFFFFFF}, ~std::uint64_t{0xFFFFFFFF}}) {
                const std::uint64_t mask = samples.masks[q] & half;
                magsgn.append(Deposit::extract(samples.values[q], mask),
                              static_cast<int>(_mm_popcnt_u64(mask)));
            }
        }
    }

  private:
    // The greatest power of two in each quad, in all of its lanes.
    static __m256i highest_power(__m256i lanes) noexcept {
        const __m256i next = _mm256_setr_epi8(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9,
                                              2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9);
        __m256i all = _mm256_or_si256(lanes, _mm256_shuffle_epi8(lanes, next));
        all = _mm256_or_si256(all, _mm256_shuffle_epi32(all, 0xB1));
        all = _mm256_or_si256(all, _mm256_srli_epi16(all, 1));
        all = _mm256_or_si256(all, _mm256_srli_epi16(all, 2));
        all = _mm256_or_si256(all, _mm256_srli_epi16(all, 4));
        all = _mm256_or_si256(all, _mm256_srli_epi16(all, 8));
        return _mm256_sub_epi16(all, _mm256_srli_epi16(all, 1));
    }

    void set_exponents(int q, __m128i magnitudes) noexcept {
        const __m128i pairs = _mm_max_epu16(magnitudes, _mm_srli_epi32(magnitudes, 16));
        const __m256i exponents =
            exponents_of(_mm256_castsi128_si256(_mm_and_si128(pairs, _mm_set1_epi32(0xFFFF))));
        const __m128i four = _mm256_castsi256_si128(exponents);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(row.exponent + q),
                         _mm_packus_epi32(four, four));
    }

    static void store_flags(std::uint16_t* to, std::uint64_t flags,
                            std::uint64_t nibbles) noexcept {
        const std::uint64_t spread =
            (flags | flags << 24) & 0x000000FF000000FF;  // two quads a word
        const std::uint64_t lanes = (spread | spread << 12) & nibbles;
        std::memcpy(to, &lanes, sizeof lanes);
    }
};

// Magnitudes up to 2^30.
template <class Deposit>
struct Avx2Lanes32 : Avx2LanesRow<std::uint32_t> {
    void load(const std::int32_t* top, const std::int32_t* below, int width, int y) noexcept {
        const __m256i one = _mm256_set1_epi32(1);
        const __m256i zero = _mm256_setzero_si256();
        std::uint16_t* const rho = row.rho(y);
        for (int x = 0; x < width; x += 4) {
            const int q = x / 2;
            const __m128i upper = load_row(top + x, width - x);
            const __m128i lower = load_row(below == nullptr ? nullptr : below + x, width - x);
            const __m128i lower_magnitude = _mm_abs_epi32(lower);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(samples.bottom() + x), lower_magnitude);

            const __m256i quads = _mm256_permutevar8x32_epi32(
                _mm256_set_m128i(lower, upper), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
            const __m256i magnitude = _mm256_abs_epi32(quads);
            const __m256i doubled = _mm256_sub_epi32(_mm256_add_epi32(magnitude, magnitude), one);
            const __m256i value =
                _mm256_add_epi32(_mm256_sub_epi32(doubled, one), _mm256_srli_epi32(quads, 31));
            store256(samples.values + 2 * q, value);

            const __m256i nothing = _mm256_cmpeq_epi32(magnitude, zero);
            const __m256i all = smeared(_mm256_andnot_si256(nothing, doubled));
            const __m256i power = _mm256_sub_epi32(all, _mm256_srli_epi32(all, 1));
            const __m256i reaches = _mm256_andnot_si256(
                nothing, _mm256_cmpeq_epi32(_mm256_and_si256(doubled, power), power));
            const auto none =
                static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(nothing)));
            const auto highest =
                static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(reaches)));
            for (int k = 0; k < 2; ++k) {
                rho[q + k] = static_cast<std::uint16_t>(~none >> (4 * k) & 15);
                row.eps[q + k] = static_cast<std::uint16_t>(highest >> (4 * k) & 15);
            }
            row.exponent[q] = static_cast<std::uint16_t>(
                bit_length(static_cast<std::uint32_t>(_mm256_extract_epi32(all, 0))));
            row.exponent[q + 1] = static_cast<std::uint16_t>(
                bit_length(static_cast<std::uint32_t>(_mm256_extract_epi32(all, 4))));
        }
    }

    void write_samples(int quads_wide, BitCollector& magsgn) noexcept {
        const __m256i one = _mm256_set1_epi32(1);
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3);
        for (int q = 0; q < quads_wide; q += 2) {
            const auto two_quads = [](int first, int second) noexcept {
                return _mm256_setr_epi32(first, first, first, first, second, second, second,
                                         second);
            };
            const __m256i flags =
                _mm256_srlv_epi32(two_quads(row.facts[q], row.facts[q + 1]), lane);
            const __m256i significant = _mm256_cmpeq_epi32(_mm256_and_si256(flags, one), one);
            const __m256i known = _mm256_and_si256(_mm256_srli_epi32(flags, 4), one);
            const __m256i bits = _mm256_and_si256(
                _mm256_sub_epi32(two_quads(row.bounds[q], row.bounds[q + 1]), known), significant);
            store256(samples.masks + 2 * q, _mm256_sub_epi32(_mm256_sllv_epi32(one, bits), one));
        }
        for (int word = 0; word < 2 * quads_wide; ++word) {
            const std::uint64_t mask = samples.masks[word], value = samples.values[word];
            if (__builtin_expect(row.highest <= 28, 1)) {
                magsgn.append(Deposit::extract(value, mask),
                              static_cast<int>(_mm_popcnt_u64(mask)));
                continue;
            }
            for (int at = 0; at < 64; at += 32) {
                const std::uint64_t lane_mask = mask >> at & 0xFFFFFFFF;
                magsgn.append(value >> at & lane_mask, static_cast<int>(_mm_popcnt_u64(lane_mask)));
            }
        }
    }

  private:
    // Ones from the highest set bit of each quad down, in all of its lanes.
    static __m256i smeared(__m256i all) noexcept {
        all = _mm256_or_si256(all, _mm256_shuffle_epi32(all, 0x39));
        all = _mm256_or_si256(all, _mm256_shuffle_epi32(all, 0x4E));
        all = _mm256_or_si256(all, _mm256_srli_epi32(all, 1));
        all = _mm256_or_si256(all, _mm256_srli_epi32(all, 2));
        all = _mm256_or_si256(all, _mm256_srli_epi32(all, 4));
        all = _mm256_or_si256(all, _mm256_srli_epi32(all, 8));
        return _mm256_or_si256(all, _mm256_srli_epi32(all, 16));
    }
};

}  // namespace dicube::jph::DICUBE_SIMD

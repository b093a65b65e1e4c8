// MagSgn decoding with AVX2. A quad is four lanes, and PDEP deals the dense bits of a quad out to
// its lanes in one operation: the mask of a lane has as many ones as the sample has bits.
// Processors on which PDEP is slow (AMD before Zen 3) do the same with shifts.
//
// For each quad row: bounds and masks for all quads (vectors of quads), one deposit a quad (the
// only step that goes along the stream), then magnitudes, signs and rows of samples (vectors of
// quads again).
#pragma once

#include <immintrin.h>

#include <iterator>

#include "kernels/cleanup_decoder.hpp"

namespace dicube::jph::DICUBE_SIMD {

struct PdepDeposit {
    static std::uint64_t deposit(std::uint64_t bits, std::uint64_t mask) noexcept {
        return _pdep_u64(bits, mask);
    }
    static std::uint64_t extract(std::uint64_t lanes, std::uint64_t mask) noexcept {
        return _pext_u64(lanes, mask);
    }
};

// The lanes of a mask are ones from their lowest bit up, so each lane is a shift and an AND.
template <int LaneBits>
struct ShiftDeposit {
    static constexpr std::uint64_t kLane = LaneBits == 16 ? 0xFFFFu : 0xFFFFFFFFu;

    static std::uint64_t deposit(std::uint64_t bits, std::uint64_t mask) noexcept {
        std::uint64_t lanes = 0;
        for (int at = 0; at < 64; at += LaneBits) {
            const std::uint64_t lane = mask >> at & kLane;
            lanes |= (bits & lane) << at;
            bits >>= _mm_popcnt_u64(lane);
        }
        return lanes;
    }
    static std::uint64_t extract(std::uint64_t lanes, std::uint64_t mask) noexcept {
        std::uint64_t bits = 0;
        int count = 0;
        for (int at = 0; at < 64; at += LaneBits) {
            const std::uint64_t lane = mask >> at & kLane;
            bits |= (lanes >> at & lane) << count;
            count += static_cast<int>(_mm_popcnt_u64(lane));
        }
        return bits;
    }
};

inline __m256i load256(const void* from) noexcept {
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}
inline void store256(void* to, __m256i value) noexcept {
    _mm256_storeu_si256(static_cast<__m256i*>(to), value);
}
inline std::uint32_t load32(const void* from) noexcept {
    std::uint32_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

template <class T>
inline T greatest_lane(__m256i lanes) noexcept {
    alignas(32) T values[32 / sizeof(T)];
    store256(values, lanes);
    return *std::max_element(std::begin(values), std::end(values));
}

// 64 dense bits at any position, for quads that may have more than the 57 that one load gives.
inline std::uint64_t all_bits_at(const std::uint8_t* dense, std::size_t position) noexcept {
    const unsigned shift = position & 7;
    const std::uint8_t* const at = dense + (position >> 3);
    return load64(at) >> shift | static_cast<std::uint64_t>(at[8]) << 1 << (63 - shift);
}

// Sixteen-bit masks with 0 to 15 ones for four quads, and the place above each as a bit.
struct LaneMasks16 {
    __m256i significant, masks, top;

    // `facts` of four quads, and their bounds U as bytes, 0 to 15.
    LaneMasks16(const std::uint16_t* facts, const std::uint8_t* bounds) noexcept {
        const __m256i spread_facts =
            _mm256_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3, 4, 5, 4, 5, 4, 5, 4, 5,
                             6, 7, 6, 7, 6, 7, 6, 7);
        const __m256i spread_bounds =
            _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2,
                             3, 3, 3, 3, 3, 3, 3, 3);
        const __m256i rho_bits = _mm256_set1_epi64x(0x0008000400020001);
        const __m256i quads = _mm256_shuffle_epi8(
            _mm256_set1_epi64x(
                static_cast<long long>(load64(reinterpret_cast<const std::uint8_t*>(facts)))),
            spread_facts);
        const __m256i bound =
            _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(load32(bounds))), spread_bounds);
        significant = _mm256_cmpeq_epi16(_mm256_and_si256(quads, rho_bits), rho_bits);
        const __m256i known = known_top(quads, rho_bits, 4);
        // 1 << bits for sixteen-bit lanes: a table look-up in each byte; the upper one counts
        // from 8.
        const __m256i powers =
            _mm256_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16,
                             32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
        const __m256i bits = _mm256_and_si256(_mm256_add_epi8(bound, known), significant);
        top = _mm256_shuffle_epi8(powers, _mm256_sub_epi8(bits, _mm256_set1_epi16(0x0800)));
        masks = _mm256_add_epi16(top, _mm256_set1_epi16(-1));
        top = _mm256_and_si256(top, known_top(quads, rho_bits, 8));
    }

  private:
    static __m256i known_top(__m256i quads, __m256i rho_bits, int shift) noexcept {
        const __m256i wanted = _mm256_slli_epi16(rho_bits, shift);
        return _mm256_cmpeq_epi16(_mm256_and_si256(quads, wanted), wanted);
    }
};

// Bounds U of sixteen quads: u plus kappa, which only counts where several samples are significant.
inline __m256i bounds16(const std::uint16_t* facts, __m256i u, __m256i kappa) noexcept {
    const __m256i one = _mm256_set1_epi16(1);
    const __m256i rho = _mm256_and_si256(load256(facts), _mm256_set1_epi16(15));
    const __m256i single = _mm256_cmpeq_epi16(_mm256_and_si256(rho, _mm256_sub_epi16(rho, one)),
                                              _mm256_setzero_si256());
    return _mm256_add_epi16(_mm256_max_epi16(_mm256_andnot_si256(single, kappa), one), u);
}

// kappa for the quads of the next row, eight at a time: the highest of four neighbouring magnitudes
// of the bottom row, as exponent less one (T.814 7.3.7). `bottom` points at the first sample of the
// first quad.
inline __m256i kappa_of(__m256i highest) noexcept {
    // The exponent is the bit length of 2 * highest - 1; as a float its exponent field holds it.
    // Clearing every bit that has a set one above it keeps the conversion from rounding up to the
    // next power of two.
    const __m256i odd =
        _mm256_max_epi32(_mm256_sub_epi32(_mm256_add_epi32(highest, highest), _mm256_set1_epi32(1)),
                         _mm256_set1_epi32(1));
    const __m256i safe = _mm256_andnot_si256(_mm256_srli_epi32(odd, 1), odd);
    const __m256i field = _mm256_srli_epi32(_mm256_castps_si256(_mm256_cvtepi32_ps(safe)), 23);
    return _mm256_sub_epi32(field, _mm256_set1_epi32(127));  // exponent - 1, 0 at least
}

inline __m256i highest_neighbours(const std::uint16_t* bottom) noexcept {
    const __m256i left = _mm256_max_epu16(load256(bottom - 1), load256(bottom));
    const __m256i right = _mm256_max_epu16(load256(bottom + 1), load256(bottom + 2));
    return _mm256_and_si256(_mm256_max_epu16(left, right), _mm256_set1_epi32(0xFFFF));
}

// highest[i] is the greater of magnitudes i and i + 1; only the lanes of whole quads are kept.
inline __m256i highest_neighbours(const std::uint32_t* bottom) noexcept {
    const auto pairwise = [](const std::uint32_t* at) noexcept {
        const __m256i left = _mm256_max_epu32(load256(at - 1), load256(at));
        const __m256i right = _mm256_max_epu32(load256(at + 1), load256(at + 2));
        return _mm256_max_epu32(left, right);
    };
    const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    return _mm256_blend_epi32(_mm256_permutevar8x32_epi32(pairwise(bottom), even),
                              _mm256_permutevar8x32_epi32(pairwise(bottom + 8), even), 0xF0);
}

// A row of the working memory: quads rounded up to whole vectors, samples with a margin of zeros.
constexpr int kRowQuads = kMaxBlockSide / 2 + 32;

template <class Lane>
struct MagsgnRow {
    alignas(64) std::uint64_t masks[kRowQuads * sizeof(Lane) / 2];
    alignas(64) std::uint64_t values[kRowQuads * sizeof(Lane) / 2];
    alignas(64) Lane tops[kRowQuads * 4];
    alignas(64) std::uint16_t kappa[kRowQuads];
    alignas(64) std::uint8_t bounds[kRowQuads];
    alignas(64) Lane bottom_memory[kRowQuads * 2 + 64];

    Lane* bottom() noexcept { return bottom_memory + 32; }  // magnitudes of the bottom samples

    void next_kappa(int quads) noexcept {
        for (int q = 0; q < quads; q += 16) {
            const __m256i low = kappa_of(highest_neighbours(bottom() + 2 * q));
            const __m256i high = kappa_of(highest_neighbours(bottom() + 2 * q + 16));
            store256(kappa + q, _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xD8));
        }
    }

    // Bounds of all quads as bytes; returns the highest.
    int set_bounds(const std::uint16_t* facts, const std::uint8_t* u, int quads) noexcept {
        __m256i highest = _mm256_setzero_si256();
        for (int q = 0; q < quads; q += 16) {
            const __m256i more =
                _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(u + q)));
            const __m256i bound = bounds16(facts + q, more, load256(kappa + q));
            highest = _mm256_max_epi16(highest, bound);
            const __m256i packed =
                _mm256_permute4x64_epi64(_mm256_packus_epi16(bound, bound), 0xD8);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(bounds + q),
                             _mm256_castsi256_si128(packed));
        }
        return greatest_lane<std::int16_t>(highest);
    }
};

// One row of samples of four (16 bit) or two (32 bit) quads, which may reach over the edge of the
// block.
template <class T>
inline void store_row(T* samples, int left, __m128i row) noexcept {
    constexpr int kLanes = 16 / sizeof(T);
    if (left >= kLanes) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(samples), row);
        return;
    }
    T lanes[kLanes];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes), row);
    for (int i = 0; i < left; ++i) samples[i] = lanes[i];
}

// Exponents up to 15: a sample with its sign fits sixteen bits, a quad one 64-bit word.
template <class Deposit>
struct Avx2Magsgn16 {
    static constexpr int kMaxExponent = 15;
    static constexpr int kCapacityBits = 16;

    static BlockOutcome decode(const MagsgnInput& in,
                               CleanupDecodeJob<std::int16_t>& job) noexcept {
        auto& row = *static_cast<MagsgnRow<std::uint16_t>*>(in.row_memory);
        const int quads = (in.quads_wide + 15) & ~15;
        std::memset(row.kappa, 0, static_cast<std::size_t>(quads) * sizeof row.kappa[0]);
        std::size_t position = 0;
        __m256i peak = _mm256_setzero_si256();
        for (int y = 0; y < in.quads_high; ++y) {
            const std::uint16_t* const facts = in.facts + y * in.stride;
            const int highest = row.set_bounds(facts, in.u + y * in.stride, quads);
            if (highest > job.max_exponent) return BlockOutcome::damaged;
            if (highest > kMaxExponent) return BlockOutcome::too_large;
            for (int q = 0; q < in.quads_wide; q += 4) {
                const LaneMasks16 lanes(facts + q, row.bounds + q);
                store256(row.masks + q, lanes.masks);
                store256(row.tops + 4 * q, lanes.top);
            }
            position = highest < kMaxExponent
                           ? deposit_row<false>(row, in.quads_wide, in.dense, position)
                           : deposit_row<true>(row, in.quads_wide, in.dense, position);
            finish_row(row, job, y, peak);
            row.next_kappa(quads);
        }
        job.peak = greatest_lane<std::int16_t>(peak);
        return position > in.bit_count + kOmittedBits ? BlockOutcome::damaged : BlockOutcome::ok;
    }

  private:
    template <bool Full>
    static std::size_t deposit_row(MagsgnRow<std::uint16_t>& row, int quads,
                                   const std::uint8_t* dense, std::size_t position) noexcept {
        for (int q = 0; q < quads; ++q) {
            const std::uint64_t mask = row.masks[q];
            const std::uint64_t bits =
                Full ? all_bits_at(dense, position) : bits_at(dense, position);
            row.values[q] = Deposit::deposit(bits, mask);
            position += static_cast<std::size_t>(_mm_popcnt_u64(mask));
        }
        return position;
    }

    static void finish_row(MagsgnRow<std::uint16_t>& row, CleanupDecodeJob<std::int16_t>& job,
                           int y, __m256i& peak) noexcept {
        const __m256i one = _mm256_set1_epi16(1);
        // Samples 0 and 2 of two quads, then 1 and 3; afterwards the halves are the two rows.
        const __m256i by_row =
            _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15, 0, 1, 4, 5, 8, 9,
                             12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
        std::int16_t* const top = job.samples + 2 * y * job.stride;
        const bool has_bottom = 2 * y + 1 < job.height;
        int x = 0;
        for (; x < job.width; x += 8) {
            const __m256i masks = load256(row.masks + x / 2);
            const __m256i value =
                _mm256_or_si256(load256(row.values + x / 2), load256(row.tops + 2 * x));
            // Every significant sample has a bit: where the top one is implied, U is 2 at least.
            const __m256i nothing = _mm256_cmpeq_epi16(masks, _mm256_setzero_si256());
            const __m256i magnitude =
                _mm256_andnot_si256(nothing, _mm256_add_epi16(_mm256_srli_epi16(value, 1), one));
            peak = _mm256_max_epi16(peak, magnitude);
            const __m256i sign = _mm256_cmpeq_epi16(_mm256_and_si256(value, one), one);
            const __m256i sample = _mm256_sub_epi16(_mm256_xor_si256(magnitude, sign), sign);
            const __m256i rows =
                _mm256_permute4x64_epi64(_mm256_shuffle_epi8(sample, by_row), 0xD8);
            const __m256i magnitudes =
                _mm256_permute4x64_epi64(_mm256_shuffle_epi8(magnitude, by_row), 0xD8);
            store_row(top + x, job.width - x, _mm256_castsi256_si128(rows));
            if (has_bottom)
                store_row(top + job.stride + x, job.width - x, _mm256_extracti128_si256(rows, 1));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(row.bottom() + x),
                             _mm256_extracti128_si256(magnitudes, 1));
        }
        // Kappa looks at whole vectors and one neighbour on either side.
        std::memset(row.bottom() - 2, 0, 2 * sizeof(std::uint16_t));
        const int used = 2 * ((job.width + 1) / 2);
        std::memset(row.bottom() + used, 0, 48 * sizeof(std::uint16_t));
    }
};

// Exponents up to 31, a quad takes two 64-bit words.
template <class Deposit>
struct Avx2Magsgn32 {
    static constexpr int kMaxExponent = 31;
    static constexpr int kCapacityBits = 32;

    static BlockOutcome decode(const MagsgnInput& in,
                               CleanupDecodeJob<std::int32_t>& job) noexcept {
        auto& row = *static_cast<MagsgnRow<std::uint32_t>*>(in.row_memory);
        const int quads = (in.quads_wide + 15) & ~15;
        std::memset(row.kappa, 0, static_cast<std::size_t>(quads) * sizeof row.kappa[0]);
        std::size_t position = 0;
        __m256i peak = _mm256_setzero_si256();
        for (int y = 0; y < in.quads_high; ++y) {
            const std::uint16_t* const facts = in.facts + y * in.stride;
            const int highest = row.set_bounds(facts, in.u + y * in.stride, quads);
            if (highest > job.max_exponent) return BlockOutcome::damaged;
            if (highest > kMaxExponent) return BlockOutcome::too_large;
            for (int q = 0; q < in.quads_wide; q += 2) set_masks(row, facts, q);
            for (int word = 0; word < 2 * in.quads_wide; ++word) {
                const std::uint64_t mask = row.masks[word];
                row.values[word] = Deposit::deposit(all_bits_at(in.dense, position), mask);
                position += static_cast<std::size_t>(_mm_popcnt_u64(mask));
            }
            finish_row(row, job, y, peak);
            row.next_kappa(quads);
        }
        job.peak = greatest_lane<std::int32_t>(peak);
        return position > in.bit_count + kOmittedBits ? BlockOutcome::damaged : BlockOutcome::ok;
    }

  private:
    static void set_masks(MagsgnRow<std::uint32_t>& row, const std::uint16_t* facts,
                          int q) noexcept {
        const __m256i one = _mm256_set1_epi32(1);
        const auto two_quads = [](int first, int second) noexcept {
            return _mm256_setr_epi32(first, first, first, first, second, second, second, second);
        };
        const __m256i quads = two_quads(facts[q], facts[q + 1]);
        const __m256i bound = two_quads(row.bounds[q], row.bounds[q + 1]);
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3);
        const __m256i flags = _mm256_srlv_epi32(quads, lane);
        const __m256i significant = _mm256_cmpeq_epi32(_mm256_and_si256(flags, one), one);
        const __m256i known = _mm256_and_si256(_mm256_srli_epi32(flags, 4), one);
        const __m256i bits = _mm256_and_si256(_mm256_sub_epi32(bound, known), significant);
        const __m256i top = _mm256_sllv_epi32(one, bits);
        store256(row.masks + 2 * q, _mm256_sub_epi32(top, one));
        const __m256i is_set = _mm256_and_si256(_mm256_srli_epi32(flags, 8), one);
        store256(row.tops + 4 * q, _mm256_and_si256(top, _mm256_cmpeq_epi32(is_set, one)));
    }

    static void finish_row(MagsgnRow<std::uint32_t>& row, CleanupDecodeJob<std::int32_t>& job,
                           int y, __m256i& peak) noexcept {
        const __m256i one = _mm256_set1_epi32(1);
        const __m256i by_row = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
        std::int32_t* const top = job.samples + 2 * y * job.stride;
        const bool has_bottom = 2 * y + 1 < job.height;
        for (int x = 0; x < job.width; x += 4) {
            const __m256i masks = load256(row.masks + x);
            const __m256i value =
                _mm256_or_si256(load256(row.values + x), load256(row.tops + 2 * x));
            const __m256i nothing = _mm256_cmpeq_epi32(masks, _mm256_setzero_si256());
            const __m256i magnitude =
                _mm256_andnot_si256(nothing, _mm256_add_epi32(_mm256_srli_epi32(value, 1), one));
            peak = _mm256_max_epi32(peak, magnitude);
            const __m256i sign = _mm256_cmpeq_epi32(_mm256_and_si256(value, one), one);
            const __m256i sample = _mm256_sub_epi32(_mm256_xor_si256(magnitude, sign), sign);
            const __m256i rows = _mm256_permutevar8x32_epi32(sample, by_row);
            const __m256i magnitudes = _mm256_permutevar8x32_epi32(magnitude, by_row);
            store_row(top + x, job.width - x, _mm256_castsi256_si128(rows));
            if (has_bottom)
                store_row(top + job.stride + x, job.width - x, _mm256_extracti128_si256(rows, 1));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(row.bottom() + x),
                             _mm256_extracti128_si256(magnitudes, 1));
        }
        std::memset(row.bottom() - 2, 0, 2 * sizeof(std::uint32_t));
        const int used = 2 * ((job.width + 1) / 2);
        std::memset(row.bottom() + used, 0, 48 * sizeof(std::uint32_t));
    }
};

}  // namespace dicube::jph::DICUBE_SIMD

// Exponents, significance and MagSgn bits of a quad row with AVX2, for the block encoder. The
// mirror of magsgn_avx2.hpp: PEXT gathers the bits of a quad's lanes.
#pragma once

#include "jph/kernels/cleanup_encoder.hpp"
#include "jph/kernels/magsgn_avx2.hpp"

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
    alignas(64) std::uint64_t masks[kRowQuads * sizeof(Lane) / 2];
    alignas(64) std::uint64_t values[kRowQuads * sizeof(Lane) / 2];
    __m128i peaks;  // greatest magnitudes so far, each lane for itself
    bool words_are_short;

    void start(int quads_wide) noexcept {
        const std::size_t entries = static_cast<std::size_t>(2 * quads_wide) + 96;
        std::memset(samples.bottom_memory, 0, entries * sizeof(Lane));
        peaks = _mm_setzero_si128();
        words_are_short = true;
    }
    std::uint64_t peak() const noexcept {
        Lane lanes[16 / sizeof(Lane)];
        _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes), peaks);
        return *std::max_element(std::begin(lanes), std::end(lanes));
    }

    static std::uint64_t ones(std::uint64_t mask) noexcept {
        return static_cast<std::uint64_t>(_mm_popcnt_u64(mask));
    }

    // Each works on a copy of the collector, which can stay in registers.
    template <class Deposit>
    void append_each(int count, BitCollector& collector) const noexcept {
        BitCollector magsgn = collector;
        for (int i = 0; i < count; ++i)
            magsgn.append(Deposit::extract(values[i], masks[i]), ones(masks[i]));
        collector = magsgn;
    }
    template <class Deposit, std::uint64_t kMost>
    void append_pairs(int count, BitCollector& collector) noexcept {
        BitCollector magsgn = collector;
        values[count] = masks[count] = 0;  // the second of an odd last one
        for (int i = 0; i < count; i += 2) {
            const std::uint64_t first = Deposit::extract(values[i], masks[i]),
                                second = Deposit::extract(values[i + 1], masks[i + 1]);
            const std::uint64_t length = ones(masks[i]), both = length + ones(masks[i + 1]);
            if (__builtin_expect(both <= kMost, 1)) {
                magsgn.append(first | second << length, both);
            } else {
                magsgn.append(first, length);
                magsgn.append(second, both - length);
            }
        }
        collector = magsgn;
    }
    template <class Deposit>
    void append_halves(int count, BitCollector& collector) const noexcept {
        constexpr std::uint64_t kLowHalf = 0xFFFFFFFF;
        BitCollector magsgn = collector;
        for (int i = 0; i < count; ++i) {
            for (const std::uint64_t half : {kLowHalf, ~kLowHalf}) {
                const std::uint64_t mask = masks[i] & half;
                magsgn.append(Deposit::extract(values[i], mask), ones(mask));
            }
        }
        collector = magsgn;
    }

    template <class Exponents>
    void describe_quads(int y, int quads_wide, const Exponents& exponents) noexcept {
        const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi16(1);
        const std::uint16_t* const rho = row.rho(y);
        const std::uint16_t* const above = row.rho(y + 1);
        const auto bits = [](__m256i quads, int mask) noexcept {
            return _mm256_and_si256(quads, _mm256_set1_epi16(static_cast<short>(mask)));
        };
        // `flag` where any of the bits is set
        const auto flag_if = [&](__m256i any, int flag) noexcept {
            return _mm256_andnot_si256(_mm256_cmpeq_epi16(any, zero),
                                       _mm256_set1_epi16(static_cast<short>(flag)));
        };
        __m256i highest = zero, runs = zero;
        for (int q = 0; q < quads_wide; q += 16) {
            const __m256i quads = load256(rho + q), left = load256(rho + q - 1);
            const __m256i single =
                _mm256_cmpeq_epi16(_mm256_and_si256(quads, _mm256_sub_epi16(quads, one)), zero);
            const __m256i kappa =
                _mm256_max_epi16(_mm256_andnot_si256(single, load256(row.kappa + q)), one);
            const __m256i exponent =
                _mm256_andnot_si256(_mm256_cmpeq_epi16(quads, zero), exponents(q));
            const __m256i bound = _mm256_max_epi16(exponent, kappa);
            const __m256i u = _mm256_sub_epi16(bound, kappa);
            const __m256i eps = _mm256_and_si256(_mm256_cmpgt_epi16(u, zero), load256(row.eps + q));
            __m256i context;
            if (y == 0) {
                context = _mm256_or_si256(flag_if(bits(left, 3), 0x100),
                                          _mm256_slli_epi16(bits(left, 12), 7));
            } else {
                const __m256i middle = load256(above + q);
                const __m256i from_left =
                    _mm256_or_si256(bits(load256(above + q - 1), 8), bits(middle, 2));
                const __m256i from_right =
                    _mm256_or_si256(bits(middle, 8), bits(load256(above + q + 1), 2));
                context = _mm256_or_si256(
                    _mm256_or_si256(flag_if(from_left, 0x100), flag_if(bits(left, 12), 0x200)),
                    flag_if(from_right, 0x400));
            }
            runs = _mm256_or_si256(runs, _mm256_cmpeq_epi16(context, zero));
            store256(row.index + q,
                     _mm256_or_si256(_mm256_or_si256(context, eps), _mm256_slli_epi16(quads, 4)));
            store256(row.u + q, u);
            const __m256i packed =
                _mm256_permute4x64_epi64(_mm256_packus_epi16(bound, bound), 0xD8);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(row.bounds + q),
                             _mm256_castsi256_si128(packed));
            highest = _mm256_max_epi16(highest, bound);
        }
        row.highest = greatest_lane<std::int16_t>(highest);
        row.has_runs = !_mm256_testz_si256(runs, runs);
    }

    // The bits of words that their masks show. If not `whole`, a word may have more than one append
    // takes.
    template <class Deposit>
    void append_words(int count, bool whole, BitCollector& collector) noexcept {
        // Two words in one append, if those of the row before make it likely that both have room.
        constexpr std::uint64_t kMost = 56, kLikely = 22;
        const std::size_t start = collector.bit_count();
        if (!whole)
            append_halves<Deposit>(count, collector);
        else if (words_are_short)
            append_pairs<Deposit, kMost>(count, collector);
        else
            append_each<Deposit>(count, collector);
        words_are_short =
            collector.bit_count() - start <= kLikely * static_cast<std::size_t>(count);
    }

    void next_kappa(int quads_wide) noexcept {
        samples.next_kappa((quads_wide + 15) & ~15);
        std::memcpy(row.kappa, samples.kappa,
                    static_cast<std::size_t>(quads_wide) * sizeof row.kappa[0]);
    }
};

// Magnitudes up to 2^14, so that exponents stay within 15.
template <class Deposit>
struct Avx2Lanes16 : Avx2LanesRow<std::uint16_t> {
    void describe(int y, int quads_wide) noexcept {
        describe_quads(y, quads_wide, [this](int q) noexcept {
            const auto eight = [](const std::uint16_t* highest) noexcept {
                return kappa_of(_mm256_cvtepu16_epi32(
                    _mm_loadu_si128(reinterpret_cast<const __m128i*>(highest))));
            };
            const __m256i less_one = _mm256_permute4x64_epi64(
                _mm256_packus_epi32(eight(row.exponent + q), eight(row.exponent + q + 8)), 0xD8);
            return _mm256_add_epi16(less_one, _mm256_set1_epi16(1));
        });
    }

    void load(const std::int16_t* top, const std::int16_t* below, int width, int y) noexcept {
        const __m256i one = _mm256_set1_epi16(1);
        const __m256i zero = _mm256_setzero_si256();
        const __m256i by_quad =
            _mm256_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15, 0, 1, 8, 9, 2, 3,
                             10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
        std::uint16_t* const rho = row.rho(y);
        __m128i greatest = peaks;
        for (int x = 0; x < width; x += 8) {
            const int q = x / 2;
            const __m128i upper = load_row(top + x, width - x);
            const __m128i lower = load_row(below == nullptr ? nullptr : below + x, width - x);
            const __m128i upper_magnitude = _mm_abs_epi16(upper),
                          lower_magnitude = _mm_abs_epi16(lower);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(samples.bottom() + x), lower_magnitude);
            const __m128i greater = _mm_max_epu16(upper_magnitude, lower_magnitude);
            greatest = _mm_max_epu16(greatest, greater);
            set_highest(q, greater);

            const __m256i quads = _mm256_shuffle_epi8(
                _mm256_permute4x64_epi64(_mm256_set_m128i(lower, upper), 0xD8), by_quad);
            const __m256i magnitude = _mm256_abs_epi16(quads);
            const __m256i doubled = _mm256_sub_epi16(_mm256_add_epi16(magnitude, magnitude), one);
            const __m256i value =
                _mm256_add_epi16(_mm256_sub_epi16(doubled, one), _mm256_srli_epi16(quads, 15));
            store256(values + q, value);

            // Two numbers have the same highest bit if the bits that they share are more than those
            // that they do not.
            const __m256i nothing = _mm256_cmpeq_epi16(magnitude, zero);
            const __m256i bits = _mm256_andnot_si256(nothing, doubled);
            const __m256i all = bits_of_quad(bits);
            const __m256i reaches =
                _mm256_cmpgt_epi16(_mm256_and_si256(bits, all), _mm256_xor_si256(bits, all));
            // A byte for each sample: the lower half says whether it is significant, the upper one
            // whether it reaches the highest exponent of its quad.
            const __m256i significant = _mm256_cmpgt_epi16(magnitude, zero);
            const __m256i both =
                _mm256_permute4x64_epi64(_mm256_packs_epi16(significant, reaches), 0xD8);
            const auto flags = static_cast<std::uint32_t>(_mm256_movemask_epi8(both));
            store_nibbles(flags & 0xFFFF, rho + q);
            store_nibbles(flags >> 16, row.eps + q);
        }
        peaks = greatest;
    }

    void write_samples(int quads_wide, BitCollector& collector) noexcept {
        for (int q = 0; q < quads_wide; q += 4) {
            const LaneMasks16 lanes(row.facts + q, row.bounds + q);
            store256(masks + q, lanes.masks);
        }
        this->template append_words<Deposit>(quads_wide, row.highest <= 14, collector);
    }

  private:
    // All bits that are set in some lane of a quad, in all of its lanes.
    static __m256i bits_of_quad(__m256i lanes) noexcept {
        const __m256i next = _mm256_setr_epi8(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9,
                                              2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9);
        const __m256i pairs = _mm256_or_si256(lanes, _mm256_shuffle_epi8(lanes, next));
        return _mm256_or_si256(pairs, _mm256_shuffle_epi32(pairs, 0xB1));
    }

    // The greatest magnitude of each quad; describe() makes exponents of them.
    void set_highest(int q, __m128i magnitudes) noexcept {
        const __m128i pairs = _mm_max_epu16(magnitudes, _mm_srli_epi32(magnitudes, 16));
        const __m128i highest = _mm_and_si128(pairs, _mm_set1_epi32(0xFFFF));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(row.exponent + q),
                         _mm_packus_epi32(highest, highest));
    }

    static void store_nibbles(std::uint64_t nibbles, std::uint16_t* quads) noexcept {
        const std::uint64_t lanes = Deposit::deposit(nibbles, 0x000F000F000F000F);
        std::memcpy(quads, &lanes, sizeof lanes);
    }
};

// Magnitudes up to 2^30.
template <class Deposit>
struct Avx2Lanes32 : Avx2LanesRow<std::uint32_t> {
    void describe(int y, int quads_wide) noexcept {
        describe_quads(y, quads_wide, [this](int q) noexcept { return load256(row.exponent + q); });
    }

    void load(const std::int32_t* top, const std::int32_t* below, int width, int y) noexcept {
        const __m256i one = _mm256_set1_epi32(1);
        const __m256i zero = _mm256_setzero_si256();
        std::uint16_t* const rho = row.rho(y);
        __m128i greatest = peaks;
        for (int x = 0; x < width; x += 4) {
            const int q = x / 2;
            const __m128i upper = load_row(top + x, width - x);
            const __m128i lower = load_row(below == nullptr ? nullptr : below + x, width - x);
            const __m128i lower_magnitude = _mm_abs_epi32(lower);
            greatest =
                _mm_max_epu32(greatest, _mm_max_epu32(_mm_abs_epi32(upper), lower_magnitude));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(samples.bottom() + x), lower_magnitude);

            const __m256i quads = _mm256_permutevar8x32_epi32(
                _mm256_set_m128i(lower, upper), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
            const __m256i magnitude = _mm256_abs_epi32(quads);
            const __m256i doubled = _mm256_sub_epi32(_mm256_add_epi32(magnitude, magnitude), one);
            const __m256i value =
                _mm256_add_epi32(_mm256_sub_epi32(doubled, one), _mm256_srli_epi32(quads, 31));
            store256(values + 2 * q, value);

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
        peaks = greatest;
    }

    void write_samples(int quads_wide, BitCollector& collector) noexcept {
        for (int q = 0; q < quads_wide; q += 2)
            store256(masks + 2 * q, LaneMasks32(row.facts + q, row.bounds + q).masks);
        this->template append_words<Deposit>(2 * quads_wide, row.highest <= 28, collector);
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

// MagSgn decoding with AVX2. A quad is four lanes, and PDEP deals the dense bits of a quad out to
// its lanes in one operation: the mask of a lane has as many ones as the sample has bits.
// Processors on which PDEP is slow (AMD before Zen 3) do the same with shifts.
//
// For each quad row: bounds of all quads, then vectors of quads at a time, for which masks are
// made, bits dealt out, and magnitudes and signs put into rows of samples; last what the next row
// needs to know.
#pragma once

#include <immintrin.h>

#include <iterator>

#include "jph/kernels/cleanup_decoder.hpp"

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

// The same for 32-bit lanes and two quads, with 0 to 31 ones.
struct LaneMasks32 {
    __m256i masks, top;

    LaneMasks32(const std::uint16_t* facts, const std::uint8_t* bounds) noexcept {
        const __m256i one = _mm256_set1_epi32(1);
        const auto two_quads = [](int first, int second) noexcept {
            return _mm256_setr_epi32(first, first, first, first, second, second, second, second);
        };
        const __m256i flags = _mm256_srlv_epi32(two_quads(facts[0], facts[1]),
                                                _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3));
        const __m256i significant = _mm256_cmpeq_epi32(_mm256_and_si256(flags, one), one);
        const __m256i known = _mm256_and_si256(_mm256_srli_epi32(flags, 4), one);
        const __m256i bits =
            _mm256_and_si256(_mm256_sub_epi32(two_quads(bounds[0], bounds[1]), known), significant);
        top = _mm256_sllv_epi32(one, bits);
        masks = _mm256_sub_epi32(top, one);
        const __m256i is_set = _mm256_and_si256(_mm256_srli_epi32(flags, 8), one);
        top = _mm256_and_si256(top, _mm256_cmpeq_epi32(is_set, one));
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
    alignas(64) std::uint16_t kappa[kRowQuads];
    alignas(64) std::uint8_t bounds[kRowQuads];
    alignas(64) Lane bottom_memory[kRowQuads * 2 + 64];

    Lane* bottom() noexcept { return bottom_memory + 32; }  // magnitudes of the bottom samples

    // Kappa looks at whole vectors and one neighbour on either side of the samples.
    void clear_behind(int width) noexcept {
        bottom()[-1] = 0;
        Lane* const rest = bottom() + 2 * ((width + 1) / 2);
        for (std::size_t i = 0; i < 48; i += 32 / sizeof(Lane))
            store256(rest + i, _mm256_setzero_si256());
    }

    void next_kappa(int quads) noexcept {
        for (int q = 0; q < quads; q += 16) {
            const __m256i low = kappa_of(highest_neighbours(bottom() + 2 * q));
            const __m256i high = kappa_of(highest_neighbours(bottom() + 2 * q + 16));
            store256(kappa + q, _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xD8));
        }
    }

    // Bounds of all quads as bytes. Returns the highest of those above `usual`, else `usual`.
    int set_bounds(const std::uint16_t* facts, const std::uint8_t* u, int quads,
                   int usual) noexcept {
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
        const __m256i above =
            _mm256_cmpgt_epi16(highest, _mm256_set1_epi16(static_cast<short>(usual)));
        if (_mm256_testz_si256(above, above)) return usual;
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

// Deals the next bits out to four words of lanes.
template <class Deposit, bool Full>
inline __m256i deposit_words(__m256i masks, const std::uint8_t* dense,
                             std::size_t& position) noexcept {
    alignas(32) std::uint64_t mask[4];
    store256(mask, masks);
    const auto word = [&](int i) noexcept {
        const std::uint64_t bits = Full ? all_bits_at(dense, position) : bits_at(dense, position);
        position += static_cast<std::size_t>(_mm_popcnt_u64(mask[i]));
        return static_cast<long long>(Deposit::deposit(bits, mask[i]));
    };
    // Braces fix the order. Words go to the vector without a detour through memory: loading 32
    // bytes that were just stored as four words would wait for the stores.
    const long long words[] = {word(0), word(1), word(2), word(3)};
    return _mm256_set_epi64x(words[3], words[2], words[1], words[0]);
}

// A block on its way through the second half, quad row by quad row.
template <class Kernel>
class MagsgnWalk {
  public:
    using Sample = typename Kernel::Sample;

    void start(const MagsgnInput<Sample>& in) noexcept {
        in_ = in;
        row_ = static_cast<Row*>(in.row_memory);
        position_ = 0;
        peak_ = _mm256_setzero_si256();
        quads_ = (in.quads_wide + 15) & ~15;
        usual_ = std::min<int>(in.job->max_exponent, Kernel::kUsualExponent);
        std::memset(row_->kappa, 0, static_cast<std::size_t>(quads_) * sizeof row_->kappa[0]);
        in.job->outcome = BlockOutcome::pending;
    }

    // Decodes quad row `y`, unless one before it was damaged.
    void decode(int y) noexcept {
        if (in_.job->outcome != BlockOutcome::pending) return;
        const std::uint16_t* const facts = in_.facts + y * in_.stride;
        const int highest = row_->set_bounds(facts, in_.u + y * in_.stride, quads_, usual_);
        if (highest > in_.job->max_exponent)
            in_.job->outcome = BlockOutcome::damaged;
        else if (highest > Kernel::kMaxExponent)
            in_.job->outcome = BlockOutcome::too_large;
        else if (highest <= Kernel::kUsualExponent)
            decode_samples<false>(facts, y);
        else
            decode_samples<true>(facts, y);
        if (y + 1 < in_.quads_high) row_->next_kappa(quads_);
    }

    void finish() noexcept {
        if (in_.job->outcome != BlockOutcome::pending) return;
        in_.job->peak = greatest_lane<Sample>(peak_);
        in_.job->outcome =
            position_ > in_.bit_count + kOmittedBits ? BlockOutcome::damaged : BlockOutcome::ok;
    }

  private:
    using Row = MagsgnRow<typename Kernel::Lane>;
    static_assert(sizeof(Row) <= sizeof BlockScratch::Block::row);

    template <bool Full>
    void decode_samples(const std::uint16_t* facts, int y) noexcept {
        const CleanupDecodeJob<Sample>& job = *in_.job;
        Row& row = *row_;
        Sample* const top = job.samples + 2 * y * job.stride;
        Sample* const bottom = 2 * y + 1 < job.height ? top + job.stride : nullptr;
        std::size_t position = position_;
        __m256i peak = peak_;
        for (int q = 0; q < in_.quads_wide; q += Kernel::kQuads) {
            __m256i masks;
            const __m256i values = Kernel::template values<Full>(facts + q, row.bounds + q,
                                                                 in_.dense, position, masks);
            const __m256i samples = Kernel::by_row(Kernel::samples(values, masks));
            const __m256i magnitudes = Kernel::absolute(samples);
            peak = Kernel::greater(peak, magnitudes);
            const int x = 2 * q, left = job.width - x;
            store_row(top + x, left, _mm256_castsi256_si128(samples));
            if (bottom != nullptr)
                store_row(bottom + x, left, _mm256_extracti128_si256(samples, 1));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(row.bottom() + x),
                             _mm256_extracti128_si256(magnitudes, 1));
        }
        row.clear_behind(job.width);
        position_ = position;
        peak_ = peak;
    }

    MagsgnInput<Sample> in_;
    Row* row_;
    std::size_t position_;
    __m256i peak_;
    int quads_;  // of a row, whole vectors
    int usual_;
};

// Each row waits for the one above it, so rows of several blocks take turns.
template <class Kernel>
inline void decode_in_step(const MagsgnInput<typename Kernel::Sample>* inputs, int count) noexcept {
    MagsgnWalk<Kernel> walks[kBlocksInStep];
    for (int k = 0; k < count; ++k) walks[k].start(inputs[k]);
    for (int y = 0; count > 0 && y < inputs[0].quads_high; ++y)
        for (int k = 0; k < count; ++k) walks[k].decode(y);
    for (int k = 0; k < count; ++k) walks[k].finish();
}

// Exponents up to 15: a sample with its sign fits sixteen bits, a quad one 64-bit word.
template <class Deposit>
struct Avx2Magsgn16 {
    using Sample = std::int16_t;
    using Lane = std::uint16_t;
    static constexpr int kMaxExponent = 15;
    static constexpr int kUsualExponent = 14;  // up to here one load has all bits of a word
    static constexpr int kCapacityBits = 16;
    static constexpr int kQuads = 4;  // of a vector

    static void decode(const MagsgnInput<Sample>* inputs, int count) noexcept {
        decode_in_step<Avx2Magsgn16>(inputs, count);
    }

    template <bool Full>
    static __m256i values(const std::uint16_t* facts, const std::uint8_t* bounds,
                          const std::uint8_t* dense, std::size_t& position,
                          __m256i& masks) noexcept {
        const LaneMasks16 lanes(facts, bounds);
        // Every significant sample has a mask: where the top bit is implied, U is 2 at least.
        masks = lanes.masks;
        return _mm256_or_si256(lanes.top,
                               deposit_words<Deposit, Full>(lanes.masks, dense, position));
    }

    // The lowest bit of a value is the sign of its sample. Without a mask there is no sample.
    static __m256i samples(__m256i values, __m256i masks) noexcept {
        const __m256i magnitudes =
            _mm256_add_epi16(_mm256_srli_epi16(values, 1), _mm256_set1_epi16(1));
        return _mm256_sign_epi16(magnitudes, _mm256_or_si256(_mm256_slli_epi16(values, 15), masks));
    }
    static __m256i greater(__m256i a, __m256i b) noexcept { return _mm256_max_epi16(a, b); }
    static __m256i absolute(__m256i lanes) noexcept { return _mm256_abs_epi16(lanes); }

    // Samples 0 and 2 of the quads into the lower half, 1 and 3 into the upper one.
    static __m256i by_row(__m256i quads) noexcept {
        const __m256i order =
            _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15, 0, 1, 4, 5, 8, 9,
                             12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
        return _mm256_permute4x64_epi64(_mm256_shuffle_epi8(quads, order), 0xD8);
    }
};

// Exponents up to 31, a quad takes two 64-bit words.
template <class Deposit>
struct Avx2Magsgn32 {
    using Sample = std::int32_t;
    using Lane = std::uint32_t;
    static constexpr int kMaxExponent = 31;
    static constexpr int kUsualExponent = 28;
    static constexpr int kCapacityBits = 32;
    static constexpr int kQuads = 2;

    static void decode(const MagsgnInput<Sample>* inputs, int count) noexcept {
        decode_in_step<Avx2Magsgn32>(inputs, count);
    }

    template <bool Full>
    static __m256i values(const std::uint16_t* facts, const std::uint8_t* bounds,
                          const std::uint8_t* dense, std::size_t& position,
                          __m256i& masks) noexcept {
        const LaneMasks32 lanes(facts, bounds);
        masks = lanes.masks;
        return _mm256_or_si256(lanes.top,
                               deposit_words<Deposit, Full>(lanes.masks, dense, position));
    }

    // The lowest bit of a value is the sign of its sample. Without a mask there is no sample.
    static __m256i samples(__m256i values, __m256i masks) noexcept {
        const __m256i magnitudes =
            _mm256_add_epi32(_mm256_srli_epi32(values, 1), _mm256_set1_epi32(1));
        return _mm256_sign_epi32(magnitudes, _mm256_or_si256(_mm256_slli_epi32(values, 31), masks));
    }
    static __m256i greater(__m256i a, __m256i b) noexcept { return _mm256_max_epi32(a, b); }
    static __m256i absolute(__m256i lanes) noexcept { return _mm256_abs_epi32(lanes); }
    static __m256i by_row(__m256i quads) noexcept {
        return _mm256_permutevar8x32_epi32(quads, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
    }
};

}  // namespace dicube::jph::DICUBE_SIMD

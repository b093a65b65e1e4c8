// Second half of decoding a cleanup segment: the MagSgn stream becomes samples
// (T.814 7.3.7, 7.3.8), quad row by quad row, because the number of bits of a sample depends on the
// exponents above it.
#pragma once

#include <algorithm>

#include "jph/kernels/quad_decoder.hpp"

namespace dicube::jph::DICUBE_SIMD {

// What the second half gets.
template <class T>
struct MagsgnInput {
    CleanupDecodeJob<T>* job;
    const std::uint16_t* facts;
    const std::uint8_t* u;
    int quads_wide, quads_high, stride;
    const std::uint8_t* dense;  // readable for the most bits that the quads can ask for
    std::size_t bit_count;
    void* row_memory;  // BlockScratch::Block::row
};

// An encoder leaves out one final byte of ones, so up to 8 bits more than there are may be asked
// for.
constexpr std::size_t kOmittedBits = 8;

// Plain C++, for any T and exponents up to 57.
struct ScalarMagsgn {
    static constexpr int kMaxExponent = 57;
    static constexpr int kCapacityBits = 64;  // of dense bits that a sample may ask for

    template <class T>
    static void decode(const MagsgnInput<T>* inputs, int count) noexcept {
        for (int k = 0; k < count; ++k) inputs[k].job->outcome = decode_block(inputs[k]);
    }

  private:
    template <class T>
    static BlockOutcome decode_block(const MagsgnInput<T>& in) noexcept {
        CleanupDecodeJob<T>& job = *in.job;
        constexpr int kMargin = 2;
        constexpr int kLimit = static_cast<int>(sizeof(T)) * 8 - 1;
        const int max_exponent =
            std::min({static_cast<int>(job.max_exponent), kLimit, kMaxExponent});
        // Exponents of the bottom samples of the row above, with zeros at both ends.
        std::uint8_t* const exponents = static_cast<std::uint8_t*>(in.row_memory) + kMargin;
        std::memset(exponents - kMargin, 0,
                    static_cast<std::size_t>(2 * in.quads_wide + 2 * kMargin));
        std::size_t position = 0;
        std::int64_t peak = 0;
        for (int row = 0; row < in.quads_high; ++row) {
            const std::uint16_t* const facts = in.facts + row * in.stride;
            const std::uint8_t* const u = in.u + row * in.stride;
            std::uint8_t left_of_quad = 0;  // exponents[2 * q - 1] before it was overwritten
            for (int q = 0; q < in.quads_wide; ++q) {
                const unsigned quad = facts[q], rho = quad & 15;
                std::uint8_t* const above = exponents + 2 * q;
                const int highest =
                    std::max(std::max(left_of_quad, above[0]), std::max(above[1], above[2]));
                left_of_quad = above[1];
                const int kappa = (rho & (rho - 1)) != 0 ? std::max(1, highest - 1) : 1;
                const int bound = kappa + u[q];
                if (rho != 0 && bound > max_exponent)
                    return bound > job.max_exponent ? BlockOutcome::damaged
                                                    : BlockOutcome::too_large;
                above[0] = above[1] = 0;
                for (unsigned n = 0; n < 4; ++n) {
                    std::int64_t sample = 0;
                    if (rho >> n & 1) {
                        const int bits = bound - static_cast<int>(quad >> (4 + n) & 1);
                        const std::uint64_t value = (bits_at(in.dense, position) & low_bits(bits)) |
                                                    std::uint64_t{quad >> (8 + n) & 1} << bits;
                        position += static_cast<std::size_t>(bits);
                        const auto magnitude = static_cast<std::int64_t>((value >> 1) + 1);
                        peak = std::max(peak, magnitude);
                        sample = value & 1 ? -magnitude : magnitude;
                        if (n & 1) above[n >> 1] = static_cast<std::uint8_t>(bit_length(value | 1));
                    }
                    const int x = 2 * q + static_cast<int>(n >> 1),
                              y = 2 * row + static_cast<int>(n & 1);
                    if (x < job.width && y < job.height)
                        job.samples[y * job.stride + x] = static_cast<T>(sample);
                }
            }
        }
        job.peak = peak;
        return position > in.bit_count + kOmittedBits ? BlockOutcome::damaged : BlockOutcome::ok;
    }
};

template <class Magsgn, class T>
inline MagsgnInput<T> magsgn_input(const QuadReader& reader, CleanupDecodeJob<T>& job,
                                   int quads_wide, int quads_high,
                                   BlockScratch::Block& scratch) noexcept {
    const std::size_t capacity =
        static_cast<std::size_t>(quads_wide * quads_high) * 4 * Magsgn::kCapacityBits / 8 + 32;
    const std::size_t length = std::min(reader.magsgn_length, kMaxSegmentBytes - 64);
    const std::size_t bit_count =
        unstuff_forward(job.bytes, length, true, capacity, scratch.magsgn);
    return {&job,       scratch.facts + kFirstQuad, scratch.u + kFirstQuad, quads_wide,
            quads_high, quad_stride(quads_wide),    scratch.magsgn,         bit_count,
            scratch.row};
}

// Decodes `count` blocks; each job gets its outcome. Blocks of one size go together, wherever they
// stand in the list: those at the edges of a band have other sizes than those between.
template <class Magsgn, class T>
inline void decode_cleanup(CleanupDecodeJob<T>* jobs, std::size_t count,
                           BlockScratch& scratch) noexcept {
    for (std::size_t first = 0; first < count; ++first) {
        if (jobs[first].outcome != BlockOutcome::pending) continue;
        const int quads_wide = (jobs[first].width + 1) / 2,
                  quads_high = (jobs[first].height + 1) / 2;
        QuadReader readers[kBlocksInStep];
        CleanupDecodeJob<T>* together[kBlocksInStep];
        int opened = 0;
        for (std::size_t i = first; i < count && opened < kBlocksInStep; ++i) {
            CleanupDecodeJob<T>& job = jobs[i];
            if (job.outcome != BlockOutcome::pending || (job.width + 1) / 2 != quads_wide ||
                (job.height + 1) / 2 != quads_high)
                continue;
            job.outcome = BlockOutcome::damaged;  // until it is decoded
            if (open_segment(job.bytes, job.length, quads_wide, quads_high, scratch.blocks[opened],
                             readers[opened]))
                together[opened++] = &job;
        }
        static_assert(kBlocksInStep == 3);
        if (opened == 3)
            decode_quads<3>(readers, scratch.blocks, quads_wide, quads_high);
        else if (opened == 2)
            decode_quads<2>(readers, scratch.blocks, quads_wide, quads_high);
        else if (opened == 1)
            decode_quads<1>(readers, scratch.blocks, quads_wide, quads_high);
        MagsgnInput<T> inputs[kBlocksInStep];
        int complete = 0;
        for (int k = 0; k < opened; ++k) {
            if (readers[k].is_beyond_end()) continue;
            inputs[complete++] = magsgn_input<Magsgn>(readers[k], *together[k], quads_wide,
                                                      quads_high, scratch.blocks[k]);
        }
        Magsgn::decode(inputs, complete);
    }
}

}  // namespace dicube::jph::DICUBE_SIMD

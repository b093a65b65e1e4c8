// What goes into and comes out of the block coder, the same for all instruction sets.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dicube::jph {

// Limits of T.800 A.6.1: sides of at most 1024 and at most 4096 samples.
constexpr int kMaxBlockSamples = 4096;
constexpr int kMaxBlockSide = 1024;
constexpr int kMaxQuads = kMaxBlockSamples / 4;

// Longest cleanup segment that a block can need, with room for whole-word stores: 64 bits a sample
// are more than any magnitude with its sign, 19 bits a quad the most that the VLC words take.
constexpr std::size_t kMaxSegmentBytes = kMaxBlockSamples * 8 + kMaxQuads * 3 + 256;

enum class BlockOutcome : std::uint8_t {
    pending,
    ok,
    damaged,    // lengths contradict each other, or a stream is read beyond its end
    too_large,  // an exponent is beyond what this kernel or this band allows
};

// Greatest magnitude that the cleanup encoder of T takes; the decoder of T takes a little more.
template <class T>
constexpr std::int64_t kMaxMagnitudeOf = std::int64_t{1} << (sizeof(T) == 2   ? 14
                                                             : sizeof(T) == 4 ? 30
                                                                              : 40);

// One cleanup segment on its way to signed coefficients in units of its lowest bit plane.
template <class T>
struct CleanupDecodeJob {
    const std::uint8_t* bytes = nullptr;
    std::uint32_t length = 0;
    std::uint16_t width = 0, height = 0;
    std::uint8_t max_exponent = 0;  // U above this is damage (T.814 7.3.7: Mb - p + 1)
    BlockOutcome outcome = BlockOutcome::pending;
    std::int64_t peak = 0;  // greatest magnitude, where the outcome is ok
    T* samples = nullptr;   // (height, width), rows `stride` elements apart
    std::ptrdiff_t stride = 0;
};

// Signed coefficients of one block on their way to a cleanup segment.
template <class T>
struct CleanupEncodeJob {
    const T* samples = nullptr;  // (height, width), rows `stride` elements apart
    std::ptrdiff_t stride = 0;
    std::uint16_t width = 0, height = 0;
    std::uint8_t* bytes = nullptr;  // room for kMaxSegmentBytes
    std::uint32_t length = 0;       // of the segment; 0 when all samples are zero
    BlockOutcome outcome = BlockOutcome::pending;
};

// Blocks that are decoded in step, see quad_decoder.hpp.
constexpr int kBlocksInStep = 3;

// Working memory of the block coder, one for each thread.
struct BlockScratch {
    // See quad_stride; most are taken by a block of 4 columns: 512 quad rows of 32 entries.
    static constexpr int kQuadEntries = 16384 + 32;

    struct Block {
        alignas(64) std::uint16_t facts[kQuadEntries];  // rho | e_k << 4 | e_1 << 8
        alignas(64) std::uint8_t u[kQuadEntries];
        alignas(64) std::uint8_t vlc[8192];                 // dense bits
        alignas(64) std::uint8_t magsgn[kMaxSegmentBytes];  // dense bits
        alignas(64) std::uint8_t row[8 * 1024];  // what a kernel keeps of the quad row above
    } blocks[kBlocksInStep];
    alignas(64) std::uint8_t encoder_rows[64 * 1024];  // whatever a kernel keeps of a quad row
};

}  // namespace dicube::jph

#define DICUBE_SIMD plain

#include "jph/refinement.hpp"

#include <algorithm>
#include <cstring>

#include "jph/kernels/byte_stuffing.hpp"

namespace dicube::jph {
namespace {

// Stripes of four rows, scanned in groups of four columns (T.800 D.1, T.814 7.4).
constexpr int kStripe = 4;
constexpr std::size_t kMaxSegment = 2047;  // T.814 7.1.4

// Bits of a stream without stuffing, zeros behind its end. Both passes together read at most 3 bits
// a sample.
class DenseBits {
  public:
    static constexpr std::size_t kBytes = kMaxSegment + 64;
    static_assert(kBytes * 8 > kMaxBlockSamples * 3);

    std::uint8_t* memory() noexcept { return bytes_; }
    bool next() noexcept {
        const bool bit = bytes_[position_ >> 3] >> (position_ & 7) & 1;
        ++position_;
        return bit;
    }

  private:
    std::uint8_t bytes_[kBytes + 16];
    std::size_t position_ = 0;
};

// Significance of a block with a border of insignificant samples around it.
class SignificanceMap {
  public:
    SignificanceMap(int width, int height) noexcept : stride_(width + 2) {
        std::memset(flags_, 0,
                    static_cast<std::size_t>(stride_) * static_cast<std::size_t>(height + 2));
    }
    void set(int x, int y) noexcept { flags_[index(x, y)] = 1; }
    bool any_neighbour(int x, int y, bool look_below) const noexcept {
        const std::uint8_t* const at = flags_ + index(x, y);
        const std::uint8_t* const above = at - stride_;
        const std::uint8_t* const below = at + stride_;
        const int found = above[-1] | above[0] | above[1] | at[-1] | at[1];
        return (found | (look_below ? below[-1] | below[0] | below[1] : 0)) != 0;
    }

  private:
    int index(int x, int y) const noexcept { return (y + 1) * stride_ + x + 1; }

    int stride_;
    std::uint8_t flags_[(kMaxBlockSide + 2) * 6];  // narrow blocks have the longest border
};

void refine_magnitudes(const RefinementJob& job, std::int64_t* samples, std::ptrdiff_t stride,
                       DenseBits& bits) noexcept {
    for (int top = 0; top < job.height; top += kStripe) {
        const int bottom = std::min(top + kStripe, job.height);
        for (int x = 0; x < job.width; ++x) {
            for (int y = top; y < bottom; ++y) {
                std::int64_t& sample = samples[y * stride + x];
                if (sample == 0) continue;
                const int middle = job.passes < 2 ? 2 : bits.next() ? 3 : 1;
                sample = 4 * sample + (sample < 0 ? -middle : middle);
            }
        }
    }
}

void propagate_significance(const RefinementJob& job, std::int64_t* samples, std::ptrdiff_t stride,
                            DenseBits& bits) noexcept {
    SignificanceMap map(job.width, job.height);
    for (int y = 0; y < job.height; ++y)
        for (int x = 0; x < job.width; ++x)
            if (samples[y * stride + x] != 0) map.set(x, y);
    for (int top = 0; top < job.height; top += kStripe) {
        const int bottom = std::min(top + kStripe, job.height);
        for (int left = 0; left < job.width; left += kStripe) {
            const int right = std::min(left + kStripe, job.width);
            std::int64_t* fresh[kStripe * kStripe];
            int count = 0;
            for (int x = left; x < right; ++x) {
                for (int y = top; y < bottom; ++y) {
                    std::int64_t& sample = samples[y * stride + x];
                    const bool look_below = !(job.vertically_causal && y == top + kStripe - 1);
                    if (sample != 0 || !map.any_neighbour(x, y, look_below) || !bits.next())
                        continue;
                    map.set(x, y);
                    fresh[count++] = &sample;
                }
            }
            // Signs follow in one go, so the new samples are zero until here.
            for (int i = 0; i < count; ++i) *fresh[i] = bits.next() ? -3 : 3;
        }
    }
}

}  // namespace

BlockOutcome refine(const RefinementJob& job, std::int64_t* samples,
                    std::ptrdiff_t stride) noexcept {
    if (job.segment.size() > kMaxSegment) return BlockOutcome::damaged;
    DenseBits forward, backward;
    plain::unstuff_forward(job.segment.data(), job.segment.size(), false, DenseBits::kBytes,
                           forward.memory());
    if (job.segment.empty()) {
        std::memset(backward.memory(), 0, DenseBits::kBytes);
    } else {
        const std::uint8_t* const last = job.segment.end() - 1;
        plain::unstuff_backward(job.segment.data(), last, *last, 0xFF, DenseBits::kBytes,
                                backward.memory());
    }
    // MagRef is about what the cleanup pass found, so its bits go in before SigProp adds samples.
    refine_magnitudes(job, samples, stride, backward);
    if (job.passes > 0) propagate_significance(job, samples, stride, forward);
    return BlockOutcome::ok;
}

}  // namespace dicube::jph

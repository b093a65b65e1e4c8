// One component of a frame to the code-blocks of its tile: wavelet, then block coder.
#pragma once

#include <cstdint>

#include "base/status.hpp"
#include "jph/kernels/dispatch.hpp"
#include "jph/plane.hpp"
#include "jph/tile.hpp"

namespace dicube::jph {

// Cleanup segments of a frame. They keep their places until the frame is written, so blocks
// remember offsets while it grows.
class SegmentStore {
  public:
    void clear() noexcept { used_ = 0; }
    // Room for one more segment of any length; nullptr without memory.
    std::uint8_t* next() noexcept {
        return bytes_.reserve(used_ + kMaxSegmentBytes, used_) ? bytes_.data() + used_ : nullptr;
    }
    std::size_t keep(std::size_t length) noexcept {
        const std::size_t offset = used_;
        used_ += length;
        return offset;
    }
    const std::uint8_t* at(std::size_t offset) const noexcept { return bytes_.data() + offset; }

  private:
    Buffer<std::uint8_t> bytes_;
    std::size_t used_ = 0;
};

// Largest distance from their middle that samples may have so that 16-bit lanes hold what a level
// makes of them: its results are at most four times as far.
constexpr std::int64_t kNarrowReach = 8191;

// Working memory for components of type T (int16_t, int32_t or int64_t), kept from frame to frame.
template <class T>
class ComponentEncoder {
  public:
    // `source` gives the samples less their centre; `offset` is what the LL band has to get back,
    // the centre less the level shift of the standard. The segments of the blocks go to `segments`,
    // their offsets to CodeBlock::cleanup as if it began at nullptr. Fault::unfit: T is too narrow
    // for these samples.
    // No sample is further than `reach` from the centre.
    Status encode(const TileComponent& component, const RowSource<T>& source, std::int64_t reach,
                  std::int64_t offset, BlockScratch& scratch, SegmentStore& segments) noexcept;

  private:
    Status encode_lowest(const Subband& band, PlaneView<T> samples, std::int64_t offset,
                         BlockScratch& scratch, SegmentStore& segments) noexcept;

    Plane<T> low_[2];   // LL bands of neighbouring levels
    Plane<T> high_[3];  // HL, LH, HH of one level
    Plane<T> work_;
    Plane<std::int32_t> lowest_;  // LL with its offset, where T is too narrow for that
};

extern template class ComponentEncoder<std::int16_t>;
extern template class ComponentEncoder<std::int32_t>;
extern template class ComponentEncoder<std::int64_t>;

}  // namespace dicube::jph

// Samples of a volume as the numbers from 0 on that are coded, channel by channel.
#pragma once

#include <cstdint>
#include <vector>

#include "volume/types.hpp"

namespace dicube::jxl {

// What is done to samples before they are predicted. All of it is undone by any decoder, but the
// offset: JPEG XL has no signed samples.
struct SampleMapping {
    std::int32_t offset = 0;            // added to every sample
    int colour_transform = 0;           // of the first three channels (H.6.3): its type, 0 for none
    std::vector<std::int32_t> palette;  // rising; empty: samples are coded themselves
    std::vector<std::uint16_t> indices;  // of each sample in the palette
};

class PlaneSource {
  public:
    PlaneSource(const ConstVolume& volume, const SampleMapping& mapping) noexcept
        : volume_(volume), mapping_(mapping) {}

    // `count` samples of row y from column x on, each `step` numbers behind the one before.
    void read(std::int64_t frame, int channel, std::int64_t y, std::int64_t x, std::int64_t count,
              std::int32_t* to, std::ptrdiff_t step) const noexcept;

    const ConstVolume& volume() const noexcept { return volume_; }

  private:
    template <class T>
    void read_as(const std::uint8_t* from, int channel, std::int64_t count, std::int32_t* to,
                 std::ptrdiff_t step) const noexcept;

    const ConstVolume& volume_;
    const SampleMapping& mapping_;
};

}  // namespace dicube::jxl

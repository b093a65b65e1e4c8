// Decoded numbers to samples in the caller's memory.
#pragma once

#include <cstdint>
#include <cstring>

#include "jxl/frame_header.hpp"
#include "volume/types.hpp"

namespace dicube::jxl {

class SampleSink {
  public:
    // Signed samples get the offset of their depth off again.
    SampleSink(const Volume& volume, std::int64_t frame, int bits) noexcept
        : volume_(volume),
          frame_(volume.data + frame * volume.frame_stride),
          offset_(is_signed(volume.type) ? 1u << (bits - 1) : 0) {}

    // Part of a row of one channel, from numbers that are `step` apart. Returns bits that any of
    // them has.
    std::uint32_t store(std::int64_t channel, std::int64_t y, std::int64_t x, std::int64_t count,
                        const std::int32_t* from, std::ptrdiff_t step) const noexcept {
        std::uint8_t* const to = frame_ + channel * volume_.sample_stride + y * volume_.row_stride +
                                 x * volume_.column_stride;
        return sample_bytes(volume_.type) == 1 ? store_as<std::uint8_t>(to, count, from, step)
                                               : store_as<std::uint16_t>(to, count, from, step);
    }

  private:
    template <class T>
    std::uint32_t store_as(std::uint8_t* to, std::int64_t count, const std::int32_t* from,
                           std::ptrdiff_t step) const noexcept {
        const std::int64_t stride = volume_.column_stride;
        std::uint32_t seen = 0;
        for (std::int64_t i = 0; i < count; ++i) {
            const auto number = static_cast<std::uint32_t>(from[i * step]);
            seen |= number;
            const auto sample = static_cast<T>(number - offset_);
            std::memcpy(to + i * stride, &sample, sizeof sample);
        }
        return seen;
    }

    const Volume& volume_;
    std::uint8_t* frame_;
    std::uint32_t offset_;
};

}  // namespace dicube::jxl

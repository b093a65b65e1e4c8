// Frames to codestreams, one after the other with the same working memory. One for each thread.
#pragma once

#include <cstdint>

#include "jph/component_encoder.hpp"
#include "jph/header_writer.hpp"
#include "jph/volume.hpp"

namespace dicube::jph {

class FrameEncoder {
  public:
    // For frames of one shape and type.
    Status prepare(const ConstVolume& volume, const EncodeOptions& options) noexcept;
    // Appends the codestream of a frame.
    Status encode(const ConstVolume& volume, std::int64_t frame, FrameBytes& out) noexcept;

  private:
    template <class T>
    Status encode_as(const ConstVolume& volume, const std::uint8_t* frame, std::int64_t centre,
                     std::int64_t reach, ComponentEncoder<T>& encoder, Plane<T>* planes) noexcept;
    template <class T>
    Status encode_colour(const ConstVolume& volume, const std::uint8_t* frame, std::int64_t centre,
                         std::int64_t reach, ComponentEncoder<T>& encoder,
                         Plane<T>* planes) noexcept;
    Status find_range(const ConstVolume& volume, const std::uint8_t* frame,
                      SampleRange& range) noexcept;
    Status append(FrameBytes& out) noexcept;

    MainHeader header_;
    FrameHeader header_bytes_;
    Tile tile_;
    bool colour_transform_ = false;
    SegmentStore segments_;
    BlockScratch scratch_;
    ComponentEncoder<std::int16_t> narrow_;
    ComponentEncoder<std::int32_t> wide_;
    ComponentEncoder<std::int64_t> widest_;
    Plane<std::int16_t> narrow_planes_[3];
    Plane<std::int32_t> wide_planes_[3];
    Plane<std::int64_t> widest_planes_[3];
};

}  // namespace dicube::jph

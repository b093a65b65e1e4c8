// Whole volumes of frames to lossless JPEG XL codestreams and back: the face of this codec.
//
// One call takes all frames, shares them out to threads and reuses memory from frame to frame. It
// knows nothing of Python.
#pragma once

#include "base/span.hpp"
#include "jxl/volume_model.hpp"
#include "volume/types.hpp"

namespace dicube::jxl {

// Learns a model for the frames of a volume, whose samples are of one or two bytes.
Status learn_model(const ConstVolume& volume, const ModelOptions& options,
                   VolumeModel& model) noexcept;

// Encodes frames, some or all of those that `model` was learned from. `verifies`: decodes each one
// and compares it, Fault::mismatch where they differ.
VolumeReport encode_volume(const ConstVolume& volume, const VolumeModel& model, bool verifies,
                           int threads, EncodedVolume& encoded) noexcept;

// Decodes frame i from extents[i] of `bytes` into frame i of `volume`, whose samples are of one or
// two bytes. Signed ones get the offset 2^(bits - 1) off again. Frames of another shape or too wide
// are Fault::unfit. Unless `decodes_all`, streams of other encoders, which the general decoder is
// not the fastest one for, are Fault::unsupported, too.
VolumeReport decode_volume(span<const std::uint8_t> bytes, span<const Extent> extents,
                           bool decodes_all, int threads, const Volume& volume) noexcept;

}  // namespace dicube::jxl

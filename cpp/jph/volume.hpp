// Whole volumes of frames to HTJ2K codestreams and back: the face of this codec.
//
// One call takes all frames, shares them out to threads and reuses memory from frame to frame. It
// knows nothing of Python; bindings/jph_module.cpp turns arrays into the views declared here.
#pragma once

#include <cstdint>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jph/types.hpp"
#include "volume/types.hpp"

namespace dicube::jph {

struct EncodeOptions {
    int levels = 5;            // decompositions, 0 to 32
    int block_width_log2 = 6;  // code-block, 2 to 10 each and 12 in sum
    int block_height_log2 = 6;
    Progression progression = Progression::rpcl;
    bool tlm = true;                // a TLM marker segment, as transfer syntax .202 asks for
    bool colour_transform = false;  // RCT over the first three samples of a pixel
    bool verify = false;  // decode each frame and compare it: Fault::mismatch where they differ
    int bit_depth = 0;    // declared in SIZ, 1 to 32; 0 for the width of the type
};

// Part of a frame, in pixels of the resolution asked for; the default is all of it.
struct Region {
    std::int64_t row = 0, column = 0, rows = -1, columns = -1;
};

struct DecodeOptions {
    int discard_levels = 0;  // 1 halves rows and columns (rounded up), 2 quarters them, ...
    Region region;
};

// What the main header says, after checks: enough to make room for the frame.
struct FrameInfo {
    std::int64_t rows = 0, columns = 0, samples = 0;
    int bits = 0;  // per sample, 1 to 38 in the standard
    bool is_signed = false;
    int levels = 0;  // least number of decompositions of all components
    bool reversible = false;
};

Status read_frame_info(span<const std::uint8_t> codestream, FrameInfo& info) noexcept;

// Lossless. A sample that does not fit the declared bit depth is Fault::bad_argument, not cut off.
VolumeReport encode_volume(const ConstVolume& volume, const EncodeOptions& options, int threads,
                           EncodedVolume& encoded) noexcept;

// Decodes frame i from extents[i] of `bytes` into frame i of `volume`. The samples are first seen
// as the narrowest of 8, 16 and 32 bit integers that holds them, with the sign of the stream; then
// integers of one width go in as bit patterns, narrower ones are widened by value, wider ones are
// Fault::unfit unless each value fits.
VolumeReport decode_volume(span<const std::uint8_t> bytes, span<const Extent> extents,
                           const DecodeOptions& options, int threads,
                           const Volume& volume) noexcept;

}  // namespace dicube::jph

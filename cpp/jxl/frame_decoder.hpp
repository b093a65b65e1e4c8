// One lossless codestream to samples: any Modular frame that an encoder for still images writes,
// with all that such streams may have; other kinds are told apart and left to others.
#pragma once

#include <cstdint>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jxl/channel.hpp"
#include "jxl/frame_header.hpp"

namespace dicube::jxl {

// Reads the headers of a bare codestream.
Status read_header(span<const std::uint8_t> codestream, FrameHeader& header) noexcept;

// Decodes it: `channels` gets header.channels planes of header.height rows and header.width
// columns, with samples from 0 to 2^bits - 1. `most_samples` bounds the memory: a frame with more
// is Fault::bad_argument.
Status decode_frame(span<const std::uint8_t> codestream, std::size_t most_samples,
                    FrameHeader& header, std::vector<Channel>& channels) noexcept;

// A frame in the caller's memory: samples of one or two bytes, strides in bytes.
struct FrameView {
    std::uint8_t* data = nullptr;
    int sample_bytes = 0;
    std::int64_t rows = 0, columns = 0, samples = 1;
    std::int64_t row_stride = 0, column_stride = 0, sample_stride = 0;
};

// As decode_frame, into an array of just this shape; Fault::unfit if it is of another, or if its
// samples are too narrow.
Status decode_into(span<const std::uint8_t> codestream, const FrameView& out) noexcept;

}  // namespace dicube::jxl

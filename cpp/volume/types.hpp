// Volumes of frames in someone's memory, and what becomes of them: common to the codecs.
#pragma once

#include <cstdint>
#include <vector>

#include "base/buffer.hpp"
#include "base/status.hpp"

namespace dicube {

enum class SampleType { u8, i8, u16, i16, u32, i32 };

constexpr int sample_bytes(SampleType type) noexcept {
    switch (type) {
        case SampleType::u8:
        case SampleType::i8:
            return 1;
        case SampleType::u16:
        case SampleType::i16:
            return 2;
        case SampleType::u32:
        case SampleType::i32:
            break;
    }
    return 4;
}

constexpr bool is_signed(SampleType type) noexcept {
    return type == SampleType::i8 || type == SampleType::i16 || type == SampleType::i32;
}

// Frames of samples. Strides are in bytes, of any sign.
template <class Byte>
struct BasicVolume {
    Byte* data = nullptr;
    SampleType type = SampleType::u16;
    std::int64_t frames = 0, rows = 0, columns = 0, samples = 1;
    std::int64_t frame_stride = 0, row_stride = 0, column_stride = 0, sample_stride = 0;
};
using Volume = BasicVolume<std::uint8_t>;
using ConstVolume = BasicVolume<const std::uint8_t>;

// Samples one behind the other.
template <class Byte>
BasicVolume<Byte> dense_volume(Byte* data, SampleType type, std::int64_t frames, std::int64_t rows,
                               std::int64_t columns, std::int64_t samples) noexcept {
    BasicVolume<Byte> volume{data, type, frames, rows, columns, samples, 0, 0, 0, 0};
    volume.sample_stride = sample_bytes(type);
    volume.column_stride = volume.sample_stride * samples;
    volume.row_stride = volume.column_stride * columns;
    volume.frame_stride = volume.row_stride * rows;
    return volume;
}

struct Extent {
    std::uint64_t offset = 0, length = 0;
};

// Codestreams one behind the other.
struct FrameBytes {
    Buffer<std::uint8_t> bytes;
    std::size_t length = 0;
};

struct EncodedVolume : FrameBytes {  // in frame order
    std::vector<Extent> extents;     // of each frame
};

// The lowest frame that failed, and how. Frames outside the scope of a codec are no failure: they
// are listed, their place in the output is untouched, and the caller decodes them otherwise.
struct VolumeReport {
    Status status;
    std::int64_t frame = -1;
    std::vector<std::int64_t> unsupported_frames;
    const char* unsupported_reason = "";

    bool ok() const noexcept { return status.ok(); }
};

inline VolumeReport failure(const Status& status, std::int64_t frame) noexcept {
    VolumeReport report;
    report.status = status;
    report.frame = frame;
    return report;
}

}  // namespace dicube

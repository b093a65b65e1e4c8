// Fuzz target: any bytes at all go through the decoder, in every way a caller can ask for.
//
// Sanitizers watch for reads and writes out of bounds and undefined behaviour. Beyond that the
// results have to agree with each other: where the whole frame decodes, so do its parts, to the
// same samples, and every SIMD level gives the same.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fuzz/promise.hpp"
#include "jph/volume.hpp"
#include "simd/level.hpp"

namespace {

using dicube::Extent;
using dicube::Fault;
using dicube::SampleType;
using dicube::SimdLevel;
using dicube::span;
using dicube::Volume;
using dicube::VolumeReport;
using dicube::jph::DecodeOptions;
using dicube::jph::FrameInfo;
using dicube::jph::Region;

// Larger frames would only make the fuzzer slow.
constexpr std::int64_t kMostSamples = std::int64_t{1} << 20;
constexpr std::size_t kSizePosition = 8;  // of Xsiz; Ysiz, XOsiz and YOsiz follow (T.800 A.5.1)

int width_of(SampleType type) {
    if (type == SampleType::u8 || type == SampleType::i8) return 1;
    return type == SampleType::u16 || type == SampleType::i16 ? 2 : 4;
}

SampleType type_of(const FrameInfo& info) {
    if (info.bits <= 8) return info.is_signed ? SampleType::i8 : SampleType::u8;
    if (info.bits <= 16) return info.is_signed ? SampleType::i16 : SampleType::u16;
    return info.is_signed ? SampleType::i32 : SampleType::u32;
}

// One frame, in memory of just its size so that the address sanitizer sees every step beyond.
struct Frame {
    Frame(SampleType sample_type, std::int64_t frame_rows, std::int64_t frame_columns,
          std::int64_t frame_samples)
        : type(sample_type),
          rows(frame_rows),
          columns(frame_columns),
          samples(frame_samples),
          bytes(static_cast<std::size_t>(rows * columns * samples * width_of(type))) {}

    Volume view() {
        Volume volume;
        volume.data = bytes.data();
        volume.type = type;
        volume.frames = 1;
        volume.rows = rows;
        volume.columns = columns;
        volume.samples = samples;
        volume.sample_stride = width_of(type);
        volume.column_stride = volume.sample_stride * samples;
        volume.row_stride = volume.column_stride * columns;
        volume.frame_stride = volume.row_stride * rows;
        return volume;
    }

    // As the 64-bit integer it stands for.
    std::int64_t value(std::int64_t row, std::int64_t column, std::int64_t sample) const {
        const int width = width_of(type);
        const auto index = static_cast<std::size_t>((row * columns + column) * samples + sample);
        std::uint64_t bits = 0;
        std::memcpy(&bits, &bytes[index * static_cast<std::size_t>(width)],
                    static_cast<std::size_t>(width));  // little endian, as all that we fuzz on
        const bool is_signed =
            type == SampleType::i8 || type == SampleType::i16 || type == SampleType::i32;
        const std::uint64_t sign = std::uint64_t{1} << (8 * width - 1);
        if (!is_signed || !(bits & sign)) return static_cast<std::int64_t>(bits);
        return static_cast<std::int64_t>(bits) - static_cast<std::int64_t>(sign << 1);
    }

    SampleType type;
    std::int64_t rows, columns, samples;
    std::vector<std::uint8_t> bytes;
};

VolumeReport decode(span<const std::uint8_t> stream, const DecodeOptions& options, Frame& frame) {
    const Extent extent{0, stream.size()};
    const VolumeReport report =
        dicube::jph::decode_volume(stream, {&extent, 1}, options, 1, frame.view());
    PROMISE(report.ok() == (report.frame < 0));
    PROMISE(report.frame < 1);
    PROMISE(report.unsupported_frames.size() <= 1);
    PROMISE(report.ok() || report.status.what[0] != '\0');
    PROMISE(report.ok() || report.unsupported_frames.empty());
    return report;
}

bool decoded(const VolumeReport& report) {
    return report.ok() && report.unsupported_frames.empty();
}

std::int64_t big_endian_32(span<const std::uint8_t> bytes, std::size_t position) {
    std::int64_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes[position + i];
    return value;
}

std::int64_t extent_at(span<const std::uint8_t> stream, std::size_t axis, int discard_levels) {
    const auto up = [discard_levels](std::int64_t value) {
        return (value + (std::int64_t{1} << discard_levels) - 1) >> discard_levels;
    };
    const std::int64_t end = big_endian_32(stream, kSizePosition + 4 * axis);
    return up(end) - up(big_endian_32(stream, kSizePosition + 8 + 4 * axis));
}

void check_parts(span<const std::uint8_t> stream, const FrameInfo& info, const Frame& whole) {
    for (int levels = 0; levels <= std::min(info.levels, 2); ++levels) {
        DecodeOptions options;
        options.discard_levels = levels;
        Frame reduced(whole.type, extent_at(stream, 1, levels), extent_at(stream, 0, levels),
                      info.samples);
        if (reduced.bytes.empty()) continue;
        // Less of a stream that decodes as a whole: nothing may be wrong with it.
        PROMISE(decoded(decode(stream, options, reduced)));
        if (levels == 0) PROMISE(reduced.bytes == whole.bytes);

        options.region = {reduced.rows / 3, reduced.columns / 4, (reduced.rows + 1) / 2,
                          (reduced.columns + 1) / 2};
        const Region& part = options.region;
        Frame region(whole.type, part.rows, part.columns, info.samples);
        PROMISE(decoded(decode(stream, options, region)));
        for (std::int64_t row = 0; row < part.rows; ++row) {
            for (std::int64_t column = 0; column < part.columns; ++column) {
                for (std::int64_t sample = 0; sample < info.samples; ++sample) {
                    PROMISE(region.value(row, column, sample) ==
                            reduced.value(part.row + row, part.column + column, sample));
                }
            }
        }
    }
}

void check_other_types(span<const std::uint8_t> stream, const Frame& whole) {
    Frame wide(SampleType::i32, whole.rows, whole.columns, whole.samples);
    if (decoded(decode(stream, {}, wide)) && width_of(whole.type) < 4) {
        for (std::int64_t column = 0; column < whole.columns; ++column) {
            PROMISE(wide.value(0, column, 0) == whole.value(0, column, 0));
        }
    }
    Frame narrow(SampleType::u8, whole.rows, whole.columns, whole.samples);
    const VolumeReport report = decode(stream, {}, narrow);
    PROMISE(decoded(report) || report.status.fault == Fault::unfit);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const span<const std::uint8_t> stream(data, size);
    FrameInfo info;
    if (!dicube::jph::read_frame_info(stream, info).ok()) {
        Frame any(SampleType::u16, 8, 8, 1);
        PROMISE(!decoded(decode(stream, {}, any)));
        return 0;
    }
    PROMISE(info.rows > 0 && info.columns > 0 && info.samples > 0);
    if (info.columns > kMostSamples || info.rows > kMostSamples / info.columns ||
        info.samples > kMostSamples / (info.rows * info.columns)) {
        return 0;
    }
    bool first = true;
    std::size_t number = 0;
    std::vector<std::uint8_t> expected;
    for (const SimdLevel level : {SimdLevel::scalar, SimdLevel::avx2, SimdLevel::avx2_bmi2}) {
        if (!dicube::force_simd_level(level)) continue;
        Frame whole(type_of(info), info.rows, info.columns, info.samples);
        const bool is_decoded = decoded(decode(stream, {}, whole));
        if (!is_decoded) std::fill(whole.bytes.begin(), whole.bytes.end(), std::uint8_t{0});
        PROMISE(first || expected == whole.bytes);
        expected = whole.bytes;
        first = false;
        // The rest at one level for each input, or the fuzzer would be three times as slow.
        if (!is_decoded || number++ != stream.size() % 3) continue;
        check_parts(stream, info, whole);
        check_other_types(stream, whole);
    }
    return 0;
}

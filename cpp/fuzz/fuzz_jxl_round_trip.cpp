// Fuzz target: JPEG XL frames of any shape and content, encoded and decoded. Nothing may be lost,
// every SIMD level has to write the same, and both decoders have to read it alike.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "fuzz/promise.hpp"
#include "fuzz/recipe.hpp"
#include "jxl/frame.hpp"
#include "jxl/volume.hpp"
#include "simd/level.hpp"

namespace {

using namespace dicube;
using namespace dicube::jxl;
using dicube::fuzz::Recipe;

constexpr int kMostSide = 150;  // of a frame with several groups: a little more than one of them
constexpr int kMostFrames = 9;

// What the general decoder makes of a codestream.
void check_general(span<const std::uint8_t> codestream, const ConstVolume& volume,
                   std::int64_t number) {
    Frame frame;
    PROMISE(frame.open(codestream, std::size_t{1} << 20).ok());
    PROMISE(frame.decode().ok());
    PROMISE(frame.finish().ok());
    const std::int32_t offset = is_signed(volume.type) ? 1 << (frame.header().bits - 1) : 0;
    const SampleMapping mapping{offset, 0, {}, {}};
    const PlaneSource source(volume, mapping);
    std::vector<std::int32_t> row(static_cast<std::size_t>(volume.columns));
    for (std::int64_t c = 0; c < volume.samples; ++c) {
        const Channel& channel = frame.list().channels[static_cast<std::size_t>(c)];
        for (std::int64_t y = 0; y < volume.rows; ++y) {
            source.read(number, static_cast<int>(c), y, 0, volume.columns, row.data(), 1);
            PROMISE(std::equal(row.begin(), row.end(), channel.row(static_cast<std::uint32_t>(y))));
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Recipe recipe(data, size);
    constexpr int kSamples[] = {1, 3, 4};
    const auto type = static_cast<SampleType>(recipe.between(0, 3));
    const int width = sample_bytes(type);
    const bool has_groups = recipe.byte() % 4 == 0;
    const int most = has_groups ? kMostSide : 24;
    const int shape[4] = {recipe.between(1, kMostFrames), recipe.between(1, most),
                          recipe.between(1, most), kSamples[recipe.between(0, 2)]};
    ModelOptions options;
    options.effort = static_cast<Effort>(recipe.between(0, 2));
    if (has_groups) options.group_shift = 0;
    const int bits = recipe.between(1, 8 * width);
    const int threads = recipe.between(1, 3);
    std::vector<std::uint8_t> samples(
        static_cast<std::size_t>(shape[0] * shape[1] * shape[2] * shape[3] * width));
    fill(recipe, samples, width, bits, is_signed(type));
    const ConstVolume volume = dense_volume<const std::uint8_t>(samples.data(), type, shape[0],
                                                                shape[1], shape[2], shape[3]);

    VolumeModel model;
    std::vector<std::uint8_t> first;
    for (const SimdLevel level : {SimdLevel::scalar, SimdLevel::avx2}) {
        if (!force_simd_level(level)) continue;
        PROMISE(learn_model(volume, options, model).ok());
        EncodedVolume encoded;
        PROMISE(encode_volume(volume, model, false, threads, encoded).ok());
        const span<const std::uint8_t> streams(encoded.bytes.data(), encoded.length);
        const span<const Extent> extents(encoded.extents.data(), encoded.extents.size());
        PROMISE(first.empty() ||
                std::equal(streams.begin(), streams.end(), first.begin(), first.end()));
        first.assign(streams.begin(), streams.end());
        std::vector<std::uint8_t> decoded(samples.size(), std::uint8_t{0xA5});
        const VolumeReport report = decode_volume(
            streams, extents, false, threads,
            dense_volume(decoded.data(), type, shape[0], shape[1], shape[2], shape[3]));
        PROMISE(report.ok() && report.unsupported_frames.empty());
        PROMISE(decoded == samples);
    }
    // All frames are coded alike: one of them is enough for the slow decoder.
    const std::size_t frame = first.size() % static_cast<std::size_t>(shape[0]);
    EncodedVolume encoded;
    PROMISE(encode_volume(volume, model, true, threads, encoded).ok());
    const Extent& extent = encoded.extents[frame];
    check_general({encoded.bytes.data() + extent.offset, extent.length}, volume,
                  static_cast<std::int64_t>(frame));
    return 0;
}

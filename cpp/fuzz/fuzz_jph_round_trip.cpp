// Fuzz target: bytes become frames and parameters; what is encoded has to decode to the same
// frames, and every SIMD level has to write the same codestreams.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "fuzz/promise.hpp"
#include "fuzz/recipe.hpp"
#include "jph/volume.hpp"
#include "simd/level.hpp"

namespace {

using namespace dicube;
using namespace dicube::jph;
using dicube::fuzz::Recipe;

constexpr int kMostSide = 70;  // a little more than a code-block
constexpr int kMostFrames = 3;
constexpr int kMostLevels = 8;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Recipe recipe(data, size);
    constexpr int kSamples[] = {1, 3, 4};
    const auto type = static_cast<SampleType>(recipe.between(0, 5));
    const int width = 1 << (static_cast<int>(type) / 2);
    const bool is_signed = static_cast<int>(type) % 2 == 1;
    const int shape[4] = {recipe.between(1, kMostFrames), recipe.between(1, kMostSide),
                          recipe.between(1, kMostSide), kSamples[recipe.between(0, 2)]};
    EncodeOptions options;
    options.levels = recipe.between(0, kMostLevels);
    options.block_width_log2 = recipe.between(2, 10);
    options.block_height_log2 = recipe.between(2, std::min(10, 12 - options.block_width_log2));
    options.progression = static_cast<Progression>(recipe.between(0, 4));
    options.tlm = recipe.byte() % 2;
    options.colour_transform = shape[3] > 1 && recipe.byte() % 2;
    options.bit_depth = recipe.between(1, 8 * width);
    const int threads = recipe.between(1, 3);

    std::vector<std::uint8_t> samples(
        static_cast<std::size_t>(shape[0] * shape[1] * shape[2] * shape[3] * width));
    fill(recipe, samples, width, options.bit_depth, is_signed);
    const ConstVolume volume = dense_volume<const std::uint8_t>(samples.data(), type, shape[0],
                                                                shape[1], shape[2], shape[3]);

    std::vector<std::uint8_t> first;
    for (const SimdLevel level : {SimdLevel::scalar, SimdLevel::avx2, SimdLevel::avx2_bmi2}) {
        if (!force_simd_level(level)) continue;
        EncodedVolume encoded;
        PROMISE(encode_volume(volume, options, threads, encoded).ok());
        PROMISE(encoded.extents.size() == static_cast<std::size_t>(shape[0]));
        const span<const std::uint8_t> streams(encoded.bytes.data(), encoded.length);
        PROMISE(first.empty() ||
                std::equal(streams.begin(), streams.end(), first.begin(), first.end()));
        first.assign(streams.begin(), streams.end());
        std::vector<std::uint8_t> decoded(samples.size(), std::uint8_t{0xA5});
        const VolumeReport report = decode_volume(
            streams, {encoded.extents.data(), encoded.extents.size()}, {}, threads,
            dense_volume(decoded.data(), type, shape[0], shape[1], shape[2], shape[3]));
        PROMISE(report.ok() && report.unsupported_frames.empty());
        PROMISE(decoded == samples);
    }
    return 0;
}

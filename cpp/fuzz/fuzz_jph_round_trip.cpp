// Fuzz target: bytes become frames and parameters; what is encoded has to decode to the same
// frames, and every SIMD level has to write the same codestreams.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fuzz/promise.hpp"
#include "jph/volume.hpp"
#include "simd/level.hpp"

namespace {

using namespace dicube;
using namespace dicube::jph;

constexpr int kMostSide = 70;  // a little more than a code-block
constexpr int kMostFrames = 3;
constexpr int kMostLevels = 8;

// Takes the input apart; when it is used up, zeros come.
class Recipe {
  public:
    Recipe(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    std::uint8_t byte() { return position_ < size_ ? data_[position_++] : std::uint8_t{0}; }
    int between(int low, int high) { return low + byte() % (high - low + 1); }
    bool empty() const { return position_ >= size_; }

  private:
    const std::uint8_t* data_;
    std::size_t size_, position_ = 0;
};

// Integers of `width` bytes cut to `bits` of them, with sign extension.
void fill(Recipe& recipe, std::vector<std::uint8_t>& bytes, int width, int bits, bool is_signed) {
    std::uint64_t previous = 0;
    for (std::size_t at = 0; at < bytes.size(); at += static_cast<std::size_t>(width)) {
        // Once the input is used up its last sample changes slowly: images are mostly smooth.
        std::uint64_t value = previous + 1;
        if (!recipe.empty()) {
            value = 0;
            for (int i = 0; i < width; ++i) value = value << 8 | recipe.byte();
        }
        previous = value;
        value &= (std::uint64_t{1} << bits) - 1;
        if (is_signed && value >> (bits - 1)) value |= ~std::uint64_t{0} << bits;
        std::memcpy(&bytes[at], &value, static_cast<std::size_t>(width));
    }
}

template <class AnyVolume>
AnyVolume dense(decltype(AnyVolume::data) data, SampleType type, int width, const int (&shape)[4]) {
    AnyVolume volume;
    volume.data = data;
    volume.type = type;
    volume.frames = shape[0];
    volume.rows = shape[1];
    volume.columns = shape[2];
    volume.samples = shape[3];
    volume.sample_stride = width;
    volume.column_stride = volume.sample_stride * volume.samples;
    volume.row_stride = volume.column_stride * volume.columns;
    volume.frame_stride = volume.row_stride * volume.rows;
    return volume;
}

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
    const auto volume = dense<ConstVolume>(samples.data(), type, width, shape);

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
        const VolumeReport report =
            decode_volume(streams, {encoded.extents.data(), encoded.extents.size()}, {}, threads,
                          dense<Volume>(decoded.data(), type, width, shape));
        PROMISE(report.ok() && report.unsupported_frames.empty());
        PROMISE(decoded == samples);
    }
    return 0;
}

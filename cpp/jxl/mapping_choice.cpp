#include "jxl/mapping_choice.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "jxl/histogram.hpp"
#include "jxl/pixel_sample.hpp"

namespace dicube::jxl {
namespace {

struct Range {
    std::int32_t low = std::numeric_limits<std::int32_t>::max();
    std::int32_t high = std::numeric_limits<std::int32_t>::min();
};

// Calls `visit(first sample, count)` for each row, or for parts of it that lie dense.
template <class T, class Visit>
void for_each_run(const ConstVolume& volume, const Visit& visit) {
    const bool is_dense = volume.column_stride == std::int64_t{sizeof(T)} * volume.samples &&
                          (volume.samples == 1 || volume.sample_stride == sizeof(T));
    for (std::int64_t f = 0; f < volume.frames; ++f) {
        for (std::int64_t y = 0; y < volume.rows; ++y) {
            const std::uint8_t* const row =
                volume.data + f * volume.frame_stride + y * volume.row_stride;
            if (is_dense) {
                visit(row, volume.columns * volume.samples);
                continue;
            }
            for (std::int64_t x = 0; x < volume.columns; ++x)
                for (std::int64_t s = 0; s < volume.samples; ++s)
                    visit(row + x * volume.column_stride + s * volume.sample_stride,
                          std::int64_t{1});
        }
    }
}

template <class T>
Range find_range(const ConstVolume& volume) {
    T low = std::numeric_limits<T>::max(), high = std::numeric_limits<T>::min();
    for_each_run<T>(volume, [&](const std::uint8_t* run, std::int64_t count) {
        T least = low, most = high;
        for (std::int64_t i = 0; i < count; ++i) {
            T value;
            std::memcpy(&value, run + i * std::int64_t{sizeof(T)}, sizeof value);
            least = std::min(least, value);
            most = std::max(most, value);
        }
        low = least;
        high = most;
    });
    return {low, high};
}

template <class T>
void mark_values(const ConstVolume& volume, std::int32_t offset, std::vector<std::uint8_t>& seen) {
    for_each_run<T>(volume, [&](const std::uint8_t* run, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) {
            T value;
            std::memcpy(&value, run + i * std::int64_t{sizeof(T)}, sizeof value);
            seen[static_cast<std::size_t>(value + offset)] = 1;
        }
    });
}

// `function(T{})` for the type of the samples.
template <class Function>
auto with_type(SampleType type, const Function& function) {
    switch (type) {
        case SampleType::u8:
            return function(std::uint8_t{});
        case SampleType::i8:
            return function(std::int8_t{});
        case SampleType::u16:
            return function(std::uint16_t{});
        default:
            return function(std::int16_t{});
    }
}

// The fewest bits that a codestream of such samples may have. Decoders give 8 bits as bytes, so
// samples of two bytes have at least 9; signed ones have a sign.
int least_bits(SampleType type) noexcept {
    if (sample_bytes(type) == 2) return 9;
    return is_signed(type) ? 2 : 1;
}

int bits_of(const Range& range, SampleType type) noexcept {
    const auto length = [](std::int32_t value) {
        return bit_length(static_cast<std::uint32_t>(value < 0 ? ~value : value));
    };
    const int needed = std::max(length(range.low), length(range.high)) + (is_signed(type) ? 1 : 0);
    return std::max(needed, least_bits(type));
}

// Bits of the residuals of a pixel, about: of the first `channels`, in a few contexts.
double mapping_cost(const ConstVolume& volume, const SampleMapping& mapping, int channels) {
    constexpr std::size_t kPixels = 8000, kContexts = 8;
    const PlaneSource source(volume, mapping);
    double bits = 0;
    std::size_t count = 1;
    for (int c = 0; c < channels; ++c) {
        SampledPixels pixels;
        PixelSample(source, c, kPixels).describe({}, pixels);
        std::vector<Histogram> histograms(kContexts);
        for (std::size_t i = 0; i < pixels.count; ++i) {
            const std::int32_t across = pixels.properties[kWestLessNorthWest - kGradient][i];
            const std::int32_t down = pixels.properties[kNorthWestLessNorth - kGradient][i];
            const auto context = static_cast<std::size_t>(
                bit_length(static_cast<std::uint32_t>(std::abs(across) + std::abs(down))));
            const std::uint8_t token = pixels.tokens[0][i];
            histograms[std::min(context, kContexts - 1)].add(token);
            bits += raw_bits_of(token);
        }
        for (const Histogram& histogram : histograms) bits += entropy_bits(histogram);
        count = std::max<std::size_t>(1, pixels.count);
    }
    return bits / static_cast<double>(count);
}

// Whether it is worth to look for a palette: values that no sample has cost bits in every residual
// that steps across them.
bool has_holes(const std::vector<std::uint8_t>& seen, std::size_t low, std::size_t high) {
    constexpr double kManyHoles = 0.93;
    constexpr std::size_t kLongHole = 8;
    const auto colours = std::count(seen.begin(), seen.end(), 1);
    if (static_cast<double>(colours) < kManyHoles * static_cast<double>(high - low + 1))
        return true;
    std::size_t hole = 0;
    for (std::size_t value = low; value <= high; ++value) {
        hole = seen[value] != 0 ? 0 : hole + 1;
        if (hole == kLongHole) return true;
    }
    return false;
}

void mark_all(const ConstVolume& volume, std::int32_t offset, std::vector<std::uint8_t>& seen) {
    with_type(volume.type,
              [&](auto sample) { mark_values<decltype(sample)>(volume, offset, seen); });
}

// Bits of a palette in a frame.
double palette_bits(const std::vector<std::int32_t>& palette) {
    Histogram histogram;
    double bits = 0;
    std::int32_t before = 0;
    for (const std::int32_t value : palette) {
        const std::uint32_t token = to_token(pack_signed(value - before)).token;
        histogram.add(token);
        bits += raw_bits_of(token);
        before = value;
    }
    return bits + entropy_bits(histogram) + table_bits(histogram);
}

void choose_palette(const ConstVolume& volume, const Range& range, SampleMapping& mapping) {
    constexpr std::size_t kMostColours = 1 << 14;
    if (volume.samples != 1) return;
    const auto low = static_cast<std::size_t>(range.low + mapping.offset);
    const auto high = static_cast<std::size_t>(range.high + mapping.offset);
    std::vector<std::uint8_t> seen(high + 1, 0);
    // Where some of the rows leave no holes, all of them leave none.
    constexpr std::int64_t kRowStep = 8;
    ConstVolume some = volume;
    some.rows = (volume.rows + kRowStep - 1) / kRowStep;
    some.row_stride = volume.row_stride * kRowStep;
    mark_all(some, mapping.offset, seen);
    if (!has_holes(seen, low, high)) return;
    mark_all(volume, mapping.offset, seen);
    if (!has_holes(seen, low, high)) return;

    SampleMapping packed = mapping;
    packed.indices.assign(high + 1, 0);
    for (std::size_t value = 0; value <= high; ++value) {
        if (seen[value] == 0) continue;
        packed.indices[value] = static_cast<std::uint16_t>(packed.palette.size());
        packed.palette.push_back(static_cast<std::int32_t>(value));
    }
    if (packed.palette.size() < 2 || packed.palette.size() > kMostColours) return;
    const auto pixels = static_cast<double>(volume.rows * volume.columns);
    const double saved =
        (mapping_cost(volume, mapping, 1) - mapping_cost(volume, packed, 1)) * pixels;
    if (saved > palette_bits(packed.palette)) mapping = std::move(packed);
}

// The colour transform that leaves the least to code: none, differences of any kind with red or
// green first, or YCoCg.
void choose_colours(const ConstVolume& volume, SampleMapping& mapping) {
    double least = std::numeric_limits<double>::max();
    int best = 0;
    for (const int type : {6, 0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12}) {
        mapping.colour_transform = type;
        const double cost = mapping_cost(volume, mapping, 3);
        if (cost >= least) continue;
        least = cost;
        best = type;
    }
    mapping.colour_transform = best;
}

}  // namespace

Status choose_mapping(const ConstVolume& volume, int wanted_bits, int& bits,
                      SampleMapping& mapping) {
    const Range range =
        with_type(volume.type, [&](auto sample) { return find_range<decltype(sample)>(volume); });
    bits = bits_of(range, volume.type);
    if (wanted_bits != 0) {
        if (wanted_bits < bits)
            return {Fault::bad_argument, "a sample does not fit the bit depth", Status::kNowhere};
        bits = wanted_bits;
    }
    mapping = {};
    if (is_signed(volume.type)) mapping.offset = 1 << (bits - 1);
    choose_palette(volume, range, mapping);
    if (volume.samples >= 3) choose_colours(volume, mapping);
    return success();
}

}  // namespace dicube::jxl

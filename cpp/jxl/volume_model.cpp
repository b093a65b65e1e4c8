#include "jxl/volume_model.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "jxl/histogram.hpp"
#include "jxl/pixel_sample.hpp"
#include "jxl/tree_learner.hpp"
#include "jxl/tree_writer.hpp"

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

// --- what samples become

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

// --- weighted predictor

WeightedParameters make_parameters(std::int32_t p1, std::int32_t p2, const std::int32_t (&p3)[5],
                                   const std::uint32_t (&weights)[4]) noexcept {
    WeightedParameters parameters;
    parameters.p1 = p1;
    parameters.p2 = p2;
    std::copy_n(p3, 5, parameters.p3);
    std::copy_n(weights, 4, parameters.weights);
    return parameters;
}

std::vector<WeightedParameters> presets() {
    return {make_parameters(16, 10, {7, 7, 7, 0, 0}, {13, 12, 12, 12}),
            make_parameters(8, 8, {4, 0, 3, 23, 2}, {13, 12, 12, 11}),
            make_parameters(10, 9, {7, 0, 0, 16, 9}, {13, 12, 13, 12}),
            make_parameters(16, 8, {0, 16, 0, 23, 0}, {13, 13, 12, 12}),
            make_parameters(10, 10, {5, 5, 5, 12, 4}, {13, 12, 12, 12}),
            make_parameters(0, 0, {0, 0, 0, 27, 1}, {11, 12, 15, 11}),
            make_parameters(10, 2, {4, 1, 1, 23, 0}, {11, 12, 12, 11}),
            make_parameters(19, 15, {0, 0, 0, 22, 11}, {8, 13, 15, 9})};
}

// Steps along one number after the other, as long as that helps.
void refine(PixelSample& sample, WeightedParameters& best, double& least) {
    constexpr int kRounds = 2;
    constexpr std::int32_t kMostParameter = 31, kMostWeight = 15;
    for (int round = 0; round < kRounds; ++round) {
        const double before = least;
        for (int number = 0; number < 11; ++number) {
            const bool is_weight = number >= 7;
            for (const std::int32_t step :
                 {is_weight ? 1 : 4 >> round, is_weight ? -1 : -4 >> round}) {
                for (;;) {
                    WeightedParameters tried = best;
                    const auto moved = [&](std::int32_t value, std::int32_t most) {
                        return std::clamp(value + step, 0, most);
                    };
                    if (number == 0)
                        tried.p1 = moved(tried.p1, kMostParameter);
                    else if (number == 1)
                        tried.p2 = moved(tried.p2, kMostParameter);
                    else if (!is_weight)
                        tried.p3[number - 2] = moved(tried.p3[number - 2], kMostParameter);
                    else
                        tried.weights[number - 7] = static_cast<std::uint32_t>(moved(
                            static_cast<std::int32_t>(tried.weights[number - 7]), kMostWeight));
                    const double cost = sample.weighted_cost(tried);
                    if (cost >= least) break;
                    least = cost;
                    best = tried;
                }
            }
        }
        if (least > before * 0.9997) return;
    }
}

WeightedParameters choose_parameters(PixelSample& sample, bool searches) {
    WeightedParameters best;
    double least = std::numeric_limits<double>::max();
    for (const WeightedParameters& tried : presets()) {
        const double cost = sample.weighted_cost(tried);
        if (cost >= least) continue;
        least = cost;
        best = tried;
    }
    if (searches) refine(sample, best, least);
    return best;
}

// --- tree

constexpr unsigned property_bit(std::int32_t property) noexcept {
    return 1u << (property - kGradient);
}
constexpr unsigned kGradientBit = 1, kWeightedBit = 2, kMeanBit = 4, kMeanWestNorthBit = 8;

constexpr TreeScope kPlainScope{property_bit(kGradient) | property_bit(kWestLessNorthWest) |
                                    property_bit(kNorthWestLessNorth) |
                                    property_bit(kNorthLessNorthEast),
                                kGradientBit | kMeanBit, 32, 2048};
constexpr TreeScope kWeightedScope{property_bit(kGradient) | property_bit(kWeightedError),
                                   kGradientBit | kWeightedBit, 32, 256};
constexpr TreeScope kWideScope{0x7F, kGradientBit | kWeightedBit | kMeanBit | kMeanWestNorthBit, 48,
                               12288};

struct EffortSettings {
    std::size_t sample_pixels;
    bool uses_weighted, searches, is_wide;
};
EffortSettings settings_of(Effort effort) noexcept {
    switch (effort) {
        case Effort::fast:
            return {80000, false, false, false};
        case Effort::standard:
            return {140000, true, false, false};
        case Effort::max:
            break;
    }
    return {250000, true, true, true};
}

// Joins the trees of channels under a root, and numbers nodes and leaves as they are written.
class Assembly {
  public:
    // The root of a subtree that asks `property > split`.
    std::uint32_t branch(std::int32_t property, std::int32_t split, std::uint32_t greater,
                         std::uint32_t other) {
        TreeNode node;
        node.property = property;
        node.split = split;
        node.greater = greater;
        node.other = other;
        nodes_.push_back(node);
        return static_cast<std::uint32_t>(nodes_.size() - 1);
    }
    std::uint32_t leaf(Predictor predictor) {
        TreeNode node;
        node.predictor = predictor;
        nodes_.push_back(node);
        return static_cast<std::uint32_t>(nodes_.size() - 1);
    }
    std::uint32_t add(const LearnedTree& learned) {
        const auto start = static_cast<std::uint32_t>(nodes_.size());
        for (TreeNode node : learned.nodes) {
            node.greater += start;
            node.other += start;
            nodes_.push_back(node);
        }
        return start;
    }
    // Breadth first from `root`.
    Tree finish(std::uint32_t root) const {
        Tree tree;
        std::vector<std::uint32_t> order{root};
        for (std::size_t i = 0; i < order.size(); ++i) {
            TreeNode node = nodes_[order[i]];
            if (node.is_leaf()) {
                node.context = tree.leaves++;
                tree.uses_weighted |= node.predictor == Predictor::weighted;
            } else {
                tree.highest_property = std::max(tree.highest_property, node.property);
                tree.uses_weighted |= node.property == kWeightedError;
                order.push_back(node.greater);
                order.push_back(node.other);
                node.greater = static_cast<std::uint32_t>(order.size() - 2);
                node.other = node.greater + 1;
            }
            tree.nodes.push_back(node);
        }
        return tree;
    }

  private:
    std::vector<TreeNode> nodes_;
};

// Every `step`th pixel from the `first` one on.
SampledPixels thinned(const SampledPixels& pixels, std::size_t first, std::size_t step) {
    SampledPixels some;
    const auto thin = [&](const auto& all, auto& few) {
        for (std::size_t i = first; i < all.size(); i += step) few.push_back(all[i]);
        some.count = few.size();
    };
    for (int p = 0; p < kSampledProperties; ++p) thin(pixels.properties[p], some.properties[p]);
    for (int i = 0; i < kSampledPredictors; ++i) thin(pixels.tokens[i], some.tokens[i]);
    return some;
}

void learn_channel(PixelSample& sample, const EffortSettings& settings, double wide_share,
                   const WeightedParameters& weighted, double frame_pixels, LearnedTree& learned) {
    constexpr double kBitsPerSplit = 30;
    SampledPixels pixels;
    sample.describe(weighted, pixels);
    const auto least_gain = [&](const SampledPixels& learned_from) {
        return std::max(1.0,
                        kBitsPerSplit * static_cast<double>(learned_from.count) / frame_pixels);
    };
    const TreeScope* chosen = settings.is_wide ? &kWideScope : &kPlainScope;
    if (settings.uses_weighted && !settings.is_wide) {
        // Trees are learned from a few pixels and compared on others: a wide one also learns noise.
        constexpr std::size_t kFew = 20000;
        const std::size_t step = 2 + pixels.count / kFew;
        const SampledPixels some = thinned(pixels, 0, step), others = thinned(pixels, 1, step);
        double least = std::numeric_limits<double>::max();
        const auto consider = [&](const TreeScope& scope, double share) {
            LearnedTree tree;
            learn_tree(some, scope, least_gain(some), tree);
            // Every leaf may have a code of its own.
            const std::size_t leaves = tree.nodes.size() / 2 + 1;
            const double bits =
                tree_bits(tree, others) + least_gain(others) * static_cast<double>(leaves);
            if (bits >= share * least) return;
            least = bits;
            chosen = &scope;
        };
        consider(kPlainScope, 1);
        consider(kWeightedScope, 1);
        consider(kWideScope, wide_share);
    }
    learn_tree(pixels, *chosen, least_gain(pixels), learned);
}

int choose_group_shift(const ConstVolume& volume, Effort effort) noexcept {
    constexpr std::int64_t kSmall = 512;  // in one dimension: gains nothing from several groups
    const std::int64_t side = std::max(volume.rows, volume.columns);
    int shift = 0;
    while (shift < 3 && std::int64_t{128} << shift < side) ++shift;
    const bool is_small = volume.rows * volume.columns < kSmall * kSmall;
    return effort == Effort::max || is_small ? shift : 1;
}

}  // namespace

Status VolumeModel::learn(const ConstVolume& volume, const ModelOptions& options) {
    rows = volume.rows;
    columns = volume.columns;
    samples = volume.samples;
    type = volume.type;
    const Range range =
        with_type(type, [&](auto sample) { return find_range<decltype(sample)>(volume); });
    bits = bits_of(range, type);
    if (options.bits != 0) {
        if (options.bits < bits)
            return {Fault::bad_argument, "a sample does not fit the bit depth", Status::kNowhere};
        bits = options.bits;
    }
    mapping = {};
    if (is_signed(type)) mapping.offset = 1 << (bits - 1);
    choose_palette(volume, range, mapping);
    group_shift =
        options.group_shift >= 0 ? options.group_shift : choose_group_shift(volume, options.effort);

    const EffortSettings settings = settings_of(options.effort);
    if (samples >= 3) choose_colours(volume, mapping);
    const PlaneSource source(volume, mapping);
    const auto frame_pixels = static_cast<double>(rows * columns);
    const auto all_pixels = static_cast<std::size_t>(volume.frames * rows * columns);
    const std::size_t budget =
        std::min(settings.sample_pixels, std::max<std::size_t>(all_pixels / 8, 16384));
    // How small the wide scope has to make a sample before it is worth its slower kernels: of
    // single pictures nobody notices those.
    constexpr std::size_t kFewPixels = std::size_t{1} << 22;
    const double wide_share = all_pixels <= kFewPixels ? 0.994 : 0.988;
    weighted = {};
    std::vector<LearnedTree> learned(static_cast<std::size_t>(samples));
    for (std::int64_t c = 0; c < samples; ++c) {
        PixelSample sample(source, static_cast<int>(c), budget / static_cast<std::size_t>(samples));
        if (c == 0 && settings.uses_weighted)
            weighted = choose_parameters(sample, settings.searches);
        learn_channel(sample, settings, wide_share, weighted, frame_pixels,
                      learned[static_cast<std::size_t>(c)]);
    }

    Assembly assembly;
    std::uint32_t root = assembly.add(learned[0]);
    for (std::int32_t c = 1; c < samples; ++c) {
        const std::uint32_t next = assembly.add(learned[static_cast<std::size_t>(c)]);
        root = assembly.branch(kChannel, c - 1, next, root);
    }
    const bool has_palette = !mapping.palette.empty();
    const std::int32_t told_by = is_single_group() ? kChannel : kStream;
    if (has_palette) root = assembly.branch(told_by, 0, root, assembly.leaf(Predictor::west));
    const Tree assembled = assembly.finish(root);
    leaves = assembled.leaves;
    palette_leaf = has_palette ? assembled.nodes[assembled.nodes[0].other].context : 0;
    channels.assign(static_cast<std::size_t>(samples), {});
    for (std::int32_t c = 0; c < samples; ++c) {
        const std::int32_t channel = has_palette && is_single_group() ? 1 : c;
        if (!channels[static_cast<std::size_t>(c)].compile(assembled, channel, 1, weighted))
            return {Fault::bad_argument, "the tree has no table", Status::kNowhere};
    }
    tree.clear();
    write_tree(assembled, tree);
    return success();
}

}  // namespace dicube::jxl

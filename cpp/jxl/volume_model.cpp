#include "jxl/volume_model.hpp"

#include <algorithm>
#include <limits>

#include "jxl/mapping_choice.hpp"
#include "jxl/parameter_search.hpp"
#include "jxl/pixel_sample.hpp"
#include "jxl/tree_learner.hpp"
#include "jxl/tree_writer.hpp"

namespace dicube::jxl {
namespace {

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
    if (Status status = choose_mapping(volume, options.bits, bits, mapping); !status.ok())
        return status;
    group_shift =
        options.group_shift >= 0 ? options.group_shift : choose_group_shift(volume, options.effort);

    const EffortSettings settings = settings_of(options.effort);
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

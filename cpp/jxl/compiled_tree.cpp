#include "jxl/compiled_tree.hpp"

#include <algorithm>

namespace dicube::jxl {
namespace {

constexpr std::size_t kMostEntries = 1 << 14;
constexpr int kLaneLeaves = 1 << Record::kLeafBits;

int predictor_index(Predictor predictor) noexcept {
    for (int i = 0; i < 1 << kPredictorBits; ++i)
        if (kLanePredictors[i] == predictor) return i;
    return -1;
}

bool is_axis(std::int32_t property) noexcept {
    return property >= kGradient && property <= kWeightedError;
}

// The part of a tree that one channel of one stream gets to see.
class Compiler {
  public:
    Compiler(const Tree& tree, std::int32_t channel, std::int32_t stream) noexcept
        : tree_(tree), channel_(channel), stream_(stream) {}

    // Thresholds of each property, and the predictors in use. False: out of the kernels' scope.
    bool collect(std::uint32_t number) {
        const TreeNode& node = seen(number);
        if (node.is_leaf()) {
            const int index = predictor_index(node.predictor);
            if (index < 0 || node.multiplier != 1 || node.offset != 0 ||
                node.context >= kLaneLeaves)
                return false;
            predictors |= 1u << index;
            return true;
        }
        if (!is_axis(node.property)) return false;
        std::vector<std::int32_t>& thresholds = of(node.property);
        const auto at = std::lower_bound(thresholds.begin(), thresholds.end(), node.split);
        if (at == thresholds.end() || *at != node.split) thresholds.insert(at, node.split);
        if (thresholds.size() > kMostThresholds) return false;
        return collect(node.greater) && collect(node.other);
    }

    void choose_axes(LaneTree& lanes) const {
        const auto uses = [&](std::int32_t first, std::int32_t last) {
            for (std::int32_t p = first; p <= last; ++p)
                if (!thresholds_[p - kGradient].empty()) return true;
            return false;
        };
        constexpr unsigned kGradientBit = 1, kWeightedBit = 2, kMeanBit = 4;
        lanes.uses_weighted =
            (predictors & kWeightedBit) != 0 || uses(kWeightedError, kWeightedError);
        const auto add = [&](std::int32_t property) {
            Axis& axis = lanes.axis[lanes.axes++];
            const std::vector<std::int32_t>& thresholds = thresholds_[property - kGradient];
            axis.property = property;
            axis.count = static_cast<std::int32_t>(thresholds.size());
            std::copy(thresholds.begin(), thresholds.end(), axis.thresholds);
        };
        lanes.axes = 0;
        if (lanes.uses_weighted && (predictors & ~(kGradientBit | kWeightedBit)) == 0 &&
            !uses(kWestLessNorthWest, kWestLessWestWest)) {
            lanes.kind = LaneKind::weighted;
            add(kGradient);
            add(kWeightedError);
        } else if (!lanes.uses_weighted && (predictors & ~(kGradientBit | kMeanBit)) == 0 &&
                   !uses(kNorthLessNorthNorth, kWestLessWestWest)) {
            lanes.kind = LaneKind::plain;
            for (std::int32_t p = kGradient; p <= kNorthLessNorthEast; ++p) add(p);
        } else {
            lanes.kind = LaneKind::any;
            for (std::int32_t p = kGradient; p <= kWeightedError; ++p)
                if (uses(p, p)) add(p);
        }
    }

    // Planes from `low` to below `high` on each axis come to the node.
    struct Box {
        std::int32_t low[kMostAxes], high[kMostAxes];
    };
    void fill(std::uint32_t number, const LaneTree& lanes, const Box& box,
              std::vector<std::int32_t>& entries) const {
        const TreeNode& node = seen(number);
        if (node.is_leaf()) {
            const auto entry = static_cast<std::int32_t>(node.context) << kPredictorBits |
                               predictor_index(node.predictor);
            fill_box(lanes, box, 0, 0, entry, entries);
            return;
        }
        int a = 0;
        while (lanes.axis[a].property != node.property) ++a;
        const Axis& axis = lanes.axis[a];
        const auto at = std::lower_bound(axis.thresholds, axis.thresholds + axis.count, node.split);
        const auto border = static_cast<std::int32_t>(at - axis.thresholds) + 1;
        Box greater = box, other = box;
        greater.low[a] = std::max(box.low[a], border);
        other.high[a] = std::min(box.high[a], border);
        fill(node.greater, lanes, greater, entries);
        fill(node.other, lanes, other, entries);
    }

    unsigned predictors = 0;  // bits by their index

  private:
    static void fill_box(const LaneTree& lanes, const Box& box, int axis, std::int32_t place,
                         std::int32_t entry, std::vector<std::int32_t>& entries) {
        if (axis >= std::min(lanes.axes, kMostAxes)) {
            entries[static_cast<std::size_t>(place)] = entry;
            return;
        }
        for (std::int32_t i = box.low[axis]; i < box.high[axis]; ++i)
            fill_box(lanes, box, axis + 1, place * (lanes.axis[axis].count + 1) + i, entry,
                     entries);
    }

    // The node, or the one below it that is told apart by what is the same for all pixels.
    const TreeNode& seen(std::uint32_t number) const noexcept {
        const TreeNode* node = &tree_.nodes[number];
        while (node->property == kChannel || node->property == kStream) {
            const std::int32_t value = node->property == kChannel ? channel_ : stream_;
            node = &tree_.nodes[value > node->split ? node->greater : node->other];
        }
        return *node;
    }
    std::vector<std::int32_t>& of(std::int32_t property) noexcept {
        return thresholds_[property - kGradient];
    }

    const Tree& tree_;
    std::int32_t channel_, stream_;
    std::vector<std::int32_t> thresholds_[kWeightedError - kGradient + 1];
};

}  // namespace

bool CompiledTree::compile(const Tree& tree, std::int32_t channel, std::int32_t stream,
                           const WeightedParameters& weighted) {
    constexpr std::size_t kMostNodes = 1 << 12;  // of a chain of them recursion goes down
    if (tree.nodes.size() > kMostNodes) return false;
    Compiler compiler(tree, channel, stream);
    if (!compiler.collect(0)) return false;
    lanes = {};
    lanes.weighted = weighted;
    compiler.choose_axes(lanes);
    std::size_t count = 1;
    Compiler::Box box{};
    for (int a = 0; a < lanes.axes; ++a) {
        box.high[a] = lanes.axis[a].count + 1;
        count *= static_cast<std::size_t>(box.high[a]);
        if (count > kMostEntries) return false;
    }
    entries.assign(count, 0);
    compiler.fill(0, lanes, box, entries);
    return true;
}

}  // namespace dicube::jxl

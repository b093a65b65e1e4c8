#include "jxl/tree_learner.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "jxl/histogram.hpp"

namespace dicube::jxl {
namespace {

constexpr int kBins = kMostThresholds + 1;
constexpr std::uint32_t kRootNode = 0;

struct Split {
    double gain = 0;
    int property = -1;
    int bin = 0;  // bins above go to `greater`
};

struct Leaf {
    std::uint32_t node = kRootNode;
    std::vector<std::uint32_t> pixels;
    double bits = 0;
    int predictor = 0;
    Split best;
};

double total_bits(const Histogram& histogram) noexcept {
    double bits = entropy_bits(histogram);
    for (std::uint32_t t = 16; t < histogram.length; ++t)
        bits += double(histogram.counts[t]) * raw_bits_of(t);
    return bits;
}

class Learner {
  public:
    Learner(const SampledPixels& pixels, const TreeScope& scope, double least_gain)
        : pixels_(pixels), scope_(scope), least_gain_(least_gain) {
        for (int p = 0; p < kSampledProperties; ++p)
            if (scope.properties >> p & 1) choose_thresholds(p);
        for (int i = 0; i < kSampledPredictors; ++i)
            if (scope.predictors >> i & 1) predictors_.push_back(i);
        for (auto& bins : histograms_) bins.resize(kBins);
    }

    void run(LearnedTree& learned) {
        learned.nodes.assign(1, {});
        std::vector<Leaf> leaves(1);
        leaves[0].pixels.resize(pixels_.count);
        std::iota(leaves[0].pixels.begin(), leaves[0].pixels.end(), 0u);
        measure(leaves[0]);
        while (static_cast<int>(leaves.size()) < scope_.most_leaves) {
            std::size_t best = leaves.size();
            for (std::size_t i = 0; i < leaves.size(); ++i) {
                const Split& split = leaves[i].best;
                if (split.property >= 0 && is_affordable(split) &&
                    (best == leaves.size() || split.gain > leaves[best].best.gain))
                    best = i;
            }
            if (best == leaves.size()) break;
            divide(learned, leaves, best);
        }
        learned.bits = 0;
        for (const Leaf& leaf : leaves) {
            learned.bits += leaf.bits;
            learned.nodes[leaf.node].predictor = kLanePredictors[leaf.predictor];
        }
    }

  private:
    // Values that part the pixels into shares of about the same size.
    void choose_thresholds(int property) {
        const std::vector<std::int32_t>& values = pixels_.properties[property];
        std::vector<std::int32_t> sorted(values);
        std::sort(sorted.begin(), sorted.end());
        std::vector<std::int32_t>& thresholds = thresholds_[property];
        for (int i = 1; i < kBins && !sorted.empty(); ++i) {
            const std::int32_t value = sorted[sorted.size() * static_cast<std::size_t>(i) / kBins];
            if (value == sorted.back()) break;
            if (thresholds.empty() || value > thresholds.back()) thresholds.push_back(value);
        }
        used_[property].assign(thresholds.size(), false);
        std::vector<std::uint8_t>& bins = bins_[property];
        bins.resize(values.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto at = std::lower_bound(thresholds.begin(), thresholds.end(), values[i]);
            bins[i] = static_cast<std::uint8_t>(at - thresholds.begin());
        }
    }

    // Bits of a leaf, its predictor and its best split.
    void measure(Leaf& leaf) {
        leaf.best = {};
        bool is_measured = false;
        for (int p = 0; p < kSampledProperties; ++p) {
            const std::size_t count = thresholds_[p].size();
            if (!(scope_.properties >> p & 1)) continue;
            if (count == 0 && is_measured) continue;
            for (int i : predictors_)
                for (std::size_t b = 0; b <= count; ++b) histograms_[i][b] = {};
            const std::uint8_t* const bins = bins_[p].data();
            for (int i : predictors_) {
                const std::uint8_t* const tokens = pixels_.tokens[i].data();
                for (const std::uint32_t pixel : leaf.pixels)
                    histograms_[i][bins[pixel]].add(tokens[pixel]);
            }
            if (!is_measured) {
                leaf.bits = std::numeric_limits<double>::max();
                for (int i : predictors_) {
                    Histogram all;
                    for (std::size_t b = 0; b <= count; ++b) all.add(histograms_[i][b]);
                    const double bits = total_bits(all);
                    if (bits < leaf.bits) {
                        leaf.bits = bits;
                        leaf.predictor = i;
                    }
                }
                is_measured = true;
            }
            weigh_splits(leaf, p, count);
        }
    }

    void weigh_splits(Leaf& leaf, int property, std::size_t count) {
        double below[kBins], above[kBins];
        std::fill_n(below, kBins, std::numeric_limits<double>::max());
        std::fill_n(above, kBins, std::numeric_limits<double>::max());
        bool has_below[kBins] = {}, has_above[kBins] = {};
        for (int i : predictors_) {
            Histogram sum;
            for (std::size_t b = 0; b < count; ++b) {
                sum.add(histograms_[i][b]);
                has_below[b] = sum.total > 0;
                below[b] = std::min(below[b], total_bits(sum));
            }
            sum = {};
            for (std::size_t b = count; b > 0; --b) {
                sum.add(histograms_[i][b]);
                has_above[b - 1] = sum.total > 0;
                above[b - 1] = std::min(above[b - 1], total_bits(sum));
            }
        }
        for (std::size_t b = 0; b < count; ++b) {
            const double gain = leaf.bits - below[b] - above[b];
            if (!has_below[b] || !has_above[b] || gain <= least_gain_) continue;
            if (gain > leaf.best.gain) leaf.best = {gain, property, static_cast<int>(b)};
        }
    }

    // Whether the table has room for the planes that a split adds.
    bool is_affordable(const Split& split) const noexcept {
        std::size_t entries = 1;
        for (int p = 0; p < kSampledProperties; ++p) {
            std::size_t planes =
                1 + static_cast<std::size_t>(std::count(used_[p].begin(), used_[p].end(), true));
            if (p == split.property && !used_[p][static_cast<std::size_t>(split.bin)]) ++planes;
            entries *= planes;
        }
        return entries <= scope_.most_entries;
    }

    void divide(LearnedTree& learned, std::vector<Leaf>& leaves, std::size_t index) {
        const Split split = leaves[index].best;
        const auto first = static_cast<std::uint32_t>(learned.nodes.size());
        TreeNode& node = learned.nodes[leaves[index].node];
        node.property = kGradient + split.property;
        node.split = thresholds_[split.property][static_cast<std::size_t>(split.bin)];
        node.greater = first;
        node.other = first + 1;
        learned.nodes.resize(learned.nodes.size() + 2);
        used_[split.property][static_cast<std::size_t>(split.bin)] = true;

        Leaf greater;
        Leaf& other = leaves[index];
        greater.node = first;
        other.node = first + 1;
        std::vector<std::uint32_t> below;
        for (const std::uint32_t pixel : other.pixels)
            (bins_[split.property][pixel] > split.bin ? greater.pixels : below).push_back(pixel);
        other.pixels = std::move(below);
        measure(other);
        measure(greater);
        leaves.push_back(std::move(greater));
    }

    const SampledPixels& pixels_;
    const TreeScope& scope_;
    double least_gain_;
    std::vector<int> predictors_;
    std::vector<std::int32_t> thresholds_[kSampledProperties];
    std::vector<bool> used_[kSampledProperties];
    std::vector<std::uint8_t> bins_[kSampledProperties];
    std::vector<Histogram> histograms_[kSampledPredictors];  // by predictor and bin
};

}  // namespace

void learn_tree(const SampledPixels& pixels, const TreeScope& scope, double least_gain,
                LearnedTree& learned) {
    Learner(pixels, scope, least_gain).run(learned);
}

}  // namespace dicube::jxl

#include "jxl/tree_learner.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>

#include "jxl/histogram.hpp"

namespace dicube::jxl {
namespace {

constexpr int kBins = kMostThresholds + 1;
constexpr double kMuch = std::numeric_limits<double>::max();

struct Split {
    double gain = 0;
    int property = -1;
    int bin = 0;  // bins above go to `greater`
};

struct Leaf {
    std::uint32_t node = 0;
    std::vector<std::uint32_t> pixels;
    std::vector<std::uint32_t> counts;  // by property, predictor, bin and token
    double bits = 0;
    int predictor = 0;
    Split best;
};

class Learner {
  public:
    Learner(const SampledPixels& pixels, const TreeScope& scope, double least_gain)
        : pixels_(pixels), scope_(scope), least_gain_(least_gain), facts_(pixels.count) {
        for (int p = 0; p < kSampledProperties; ++p) {
            if (!(scope.properties >> p & 1)) continue;
            properties_.push_back(p);
            choose_thresholds(p);
        }
        for (int i = 0; i < kSampledPredictors; ++i) {
            if (!(scope.predictors >> i & 1)) continue;
            predictors_.push_back(i);
            for (std::size_t pixel = 0; pixel < pixels.count; ++pixel) {
                facts_[pixel].tokens[i] = pixels.tokens[i][pixel];
                tokens_ = std::max(tokens_, std::size_t{pixels.tokens[i][pixel]} + 1);
            }
        }
        sum_.resize(tokens_);
        for (std::size_t t = 0; t < tokens_; ++t)
            raw_bits_.push_back(raw_bits_of(static_cast<std::uint32_t>(t)));
    }

    void run(LearnedTree& learned) {
        learned.nodes.assign(1, {});
        std::vector<Leaf> leaves(1);
        leaves[0].pixels.resize(pixels_.count);
        std::iota(leaves[0].pixels.begin(), leaves[0].pixels.end(), 0u);
        count(leaves[0]);
        weigh(leaves[0]);
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
    // Up to `count` values that part sorted ones into shares of about the same size.
    static void add_quantiles(const std::vector<std::int32_t>& sorted, int count,
                              std::vector<std::int32_t>& thresholds) {
        for (int i = 1; i <= count && !sorted.empty(); ++i) {
            const std::int32_t value = sorted[sorted.size() * static_cast<std::size_t>(i) /
                                              static_cast<std::size_t>(count + 1)];
            const auto at = std::lower_bound(thresholds.begin(), thresholds.end(), value);
            if (at == thresholds.end() || *at != value) thresholds.insert(at, value);
        }
    }

    void choose_thresholds(int property) {
        constexpr std::size_t kEnough = 1 << 12;
        const std::vector<std::int32_t>& values = pixels_.properties[property];
        std::vector<std::int32_t> sorted;
        const std::size_t step = 1 + values.size() / kEnough;
        for (std::size_t i = 0; i < values.size(); i += step) sorted.push_back(values[i]);
        std::sort(sorted.begin(), sorted.end());
        std::vector<std::int32_t>& thresholds = thresholds_[property];
        add_quantiles(sorted, kMostThresholds, thresholds);
        // Flat images have most pixels at one value: what is left goes to quantiles of the others.
        for (int round = 0; round < 4 && thresholds.size() < kMostThresholds; ++round) {
            std::vector<std::int32_t> rest;
            for (std::size_t i = 0; i < sorted.size(); ++i)
                if (!std::binary_search(thresholds.begin(), thresholds.end(), sorted[i]))
                    rest.push_back(sorted[i]);
            if (rest.empty()) break;
            const int room = kMostThresholds - static_cast<int>(thresholds.size());
            add_quantiles(rest, room, thresholds);
        }
        if (!thresholds.empty() && thresholds.back() == sorted.back()) thresholds.pop_back();
        used_[property].assign(thresholds.size(), false);
        std::vector<std::uint8_t> bins(values.size(), 0);
        for (const std::int32_t threshold : thresholds)
            for (std::size_t i = 0; i < values.size(); ++i)
                bins[i] = static_cast<std::uint8_t>(bins[i] + (values[i] > threshold));
        for (std::size_t i = 0; i < values.size(); ++i) facts_[i].bins[property] = bins[i];
    }

    std::size_t place(std::size_t property, std::size_t predictor) const noexcept {
        return (property * predictors_.size() + predictor) * kBins * tokens_;
    }

    void count(Leaf& leaf) const {
        leaf.counts.assign(place(properties_.size(), 0), 0);
        for (const std::uint32_t pixel : leaf.pixels) {
            const Facts& facts = facts_[pixel];
            std::uint32_t* counts = leaf.counts.data();
            for (const int p : properties_) {
                std::uint32_t* const of_bin = counts + facts.bins[p] * tokens_;
                for (std::size_t i = 0; i < predictors_.size(); ++i)
                    ++of_bin[place(0, i) + facts.tokens[predictors_[i]]];
                counts += place(1, 0);
            }
        }
    }

    double bits_of(const std::uint32_t* counts) const noexcept {
        double bits = 0;
        std::uint32_t total = 0, raw = 0;
        for (std::size_t t = 0; t < tokens_; ++t) {
            const std::uint32_t count = counts[t];
            if (count == 0) continue;
            bits -= count_log_count(count);
            total += count;
            raw += count * static_cast<std::uint32_t>(raw_bits_[t]);
        }
        return bits + count_log_count(total) + raw;
    }

    // The sum of bins, one more at a time: `visit(bin, bits)`.
    template <class Visit>
    void add_up(const std::uint32_t* counts, int first, int last, int step, const Visit& visit) {
        std::fill(sum_.begin(), sum_.end(), 0u);
        for (int bin = first; bin != last; bin += step) {
            const std::uint32_t* const more = counts + static_cast<std::size_t>(bin) * tokens_;
            for (std::size_t t = 0; t < tokens_; ++t) sum_[t] += more[t];
            visit(bin, bits_of(sum_.data()));
        }
    }

    // Bits of a leaf, its predictor and its best split.
    void weigh(Leaf& leaf) {
        leaf.best = {};
        leaf.bits = kMuch;
        for (std::size_t i = 0; i < predictors_.size(); ++i) {
            double bits = 0;
            add_up(leaf.counts.data() + place(0, i), 0, kBins, 1,
                   [&](int, double all) { bits = all; });
            if (bits >= leaf.bits) continue;
            leaf.bits = bits;
            leaf.predictor = predictors_[i];
        }
        for (std::size_t p = 0; p < properties_.size(); ++p) {
            const int bins = static_cast<int>(thresholds_[properties_[p]].size()) + 1;
            double below[kBins], above[kBins];
            std::fill_n(below, kBins, kMuch);
            std::fill_n(above, kBins, kMuch);
            for (std::size_t i = 0; i < predictors_.size(); ++i) {
                const std::uint32_t* const counts = leaf.counts.data() + place(p, i);
                add_up(counts, 0, bins - 1, 1,
                       [&](int bin, double bits) { below[bin] = std::min(below[bin], bits); });
                add_up(counts, bins - 1, 0, -1, [&](int bin, double bits) {
                    above[bin - 1] = std::min(above[bin - 1], bits);
                });
            }
            for (int bin = 0; bin + 1 < bins; ++bin) {
                const double gain = leaf.bits - below[bin] - above[bin];
                if (gain > std::max(least_gain_, leaf.best.gain))
                    leaf.best = {gain, properties_[p], bin};
            }
        }
    }

    // Whether the table has room for the planes that a split adds.
    bool is_affordable(const Split& split) const noexcept {
        std::size_t entries = 1;
        for (const int p : properties_) {
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

        Leaf greater, other;
        greater.node = first;
        other.node = first + 1;
        Leaf& parent = leaves[index];
        for (const std::uint32_t pixel : parent.pixels)
            (facts_[pixel].bins[split.property] > split.bin ? greater : other)
                .pixels.push_back(pixel);
        // The larger one has what the smaller one leaves.
        const bool is_greater_small = greater.pixels.size() < other.pixels.size();
        Leaf& small = is_greater_small ? greater : other;
        Leaf& large = is_greater_small ? other : greater;
        count(small);
        large.counts = std::move(parent.counts);
        for (std::size_t i = 0; i < large.counts.size(); ++i) large.counts[i] -= small.counts[i];
        weigh(greater);
        weigh(other);
        leaves[index] = std::move(other);
        leaves.push_back(std::move(greater));
    }

    // What a pixel adds to the counts: all of it beside each other in memory.
    struct Facts {
        std::uint8_t bins[kSampledProperties + 1];
        std::uint8_t tokens[kSampledPredictors];
    };

    const SampledPixels& pixels_;
    const TreeScope& scope_;
    double least_gain_;
    std::vector<Facts> facts_;
    std::vector<int> properties_, predictors_;
    std::size_t tokens_ = 1;  // different ones
    std::vector<int> raw_bits_;
    std::vector<std::int32_t> thresholds_[kSampledProperties];
    std::vector<bool> used_[kSampledProperties];
    std::vector<std::uint32_t> sum_;
};

}  // namespace

void learn_tree(const SampledPixels& pixels, const TreeScope& scope, double least_gain,
                LearnedTree& learned) {
    Learner(pixels, scope, least_gain).run(learned);
}

double tree_bits(const LearnedTree& learned, const SampledPixels& pixels) {
    std::vector<Histogram> histograms(learned.nodes.size());
    double bits = 0;
    for (std::size_t pixel = 0; pixel < pixels.count; ++pixel) {
        std::size_t at = 0;
        while (!learned.nodes[at].is_leaf()) {
            const TreeNode& node = learned.nodes[at];
            const std::int32_t value = pixels.properties[node.property - kGradient][pixel];
            at = value > node.split ? node.greater : node.other;
        }
        const auto* const predictor = std::find(
            std::begin(kLanePredictors), std::end(kLanePredictors), learned.nodes[at].predictor);
        const std::uint8_t token = pixels.tokens[predictor - kLanePredictors][pixel];
        histograms[at].add(token);
        bits += raw_bits_of(token);
    }
    for (const Histogram& histogram : histograms) bits += entropy_bits(histogram);
    return bits;
}

}  // namespace dicube::jxl

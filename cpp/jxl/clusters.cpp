#include "jxl/clusters.hpp"

#include <algorithm>

namespace dicube::jxl {
namespace {

double bits_of(const Histogram& histogram) noexcept {
    return entropy_bits(histogram) + table_bits(histogram);
}

// Clusters while they are joined, with what each pair would save.
class Joining {
  public:
    explicit Joining(std::size_t count)
        : count_(count), bits_(count), savings_(count * count), alive_(count, true) {}

    void run(std::vector<Histogram>& histograms, std::vector<std::size_t>& parents) {
        for (std::size_t i = 0; i < count_; ++i) bits_[i] = bits_of(histograms[i]);
        for (std::size_t i = 0; i < count_; ++i)
            for (std::size_t j = i + 1; j < count_; ++j) weigh(histograms, i, j);
        for (;;) {
            double most = 0;
            std::size_t keep = 0, gone = 0;
            for (std::size_t i = 0; i < count_; ++i) {
                if (!alive_[i]) continue;
                for (std::size_t j = i + 1; j < count_; ++j) {
                    if (!alive_[j] || savings_[i * count_ + j] <= most) continue;
                    most = savings_[i * count_ + j];
                    keep = i;
                    gone = j;
                }
            }
            if (most <= 0) return;
            histograms[keep].add(histograms[gone]);
            bits_[keep] = bits_of(histograms[keep]);
            alive_[gone] = false;
            parents[gone] = keep;
            for (std::size_t i = 0; i < count_; ++i)
                if (alive_[i] && i != keep) weigh(histograms, std::min(i, keep), std::max(i, keep));
        }
    }

  private:
    void weigh(const std::vector<Histogram>& histograms, std::size_t i, std::size_t j) noexcept {
        const Histogram &a = histograms[i], &b = histograms[j];
        savings_[i * count_ + j] = bits_[i] + bits_[j] - entropy_bits(a, b) - table_bits(a, b);
    }

    std::size_t count_;
    std::vector<double> bits_, savings_;
    std::vector<bool> alive_;
};

}  // namespace

void join_contexts(const Histogram* contexts, std::size_t count, Clusters& clusters) {
    std::vector<std::size_t> used, parents;
    clusters.histograms.clear();
    for (std::size_t i = 0; i < count; ++i) {
        if (contexts[i].total == 0) continue;
        used.push_back(i);
        parents.push_back(parents.size());
        clusters.histograms.push_back(contexts[i]);
    }
    clusters.of_context.assign(count, 0);
    if (used.empty()) {
        clusters.histograms.resize(1);
        return;
    }
    Joining(used.size()).run(clusters.histograms, parents);
    std::vector<Histogram> joined;
    std::vector<std::size_t> numbers(used.size());
    for (std::size_t i = 0; i < used.size(); ++i) {
        // A parent comes before its children.
        if (parents[i] == i) {
            numbers[i] = joined.size();
            joined.push_back(clusters.histograms[i]);
        } else {
            numbers[i] = numbers[parents[i]];
        }
        clusters.of_context[used[i]] = static_cast<std::uint8_t>(numbers[i]);
    }
    clusters.histograms = std::move(joined);
}

}  // namespace dicube::jxl

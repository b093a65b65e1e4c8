#include "jxl/parameter_search.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace dicube::jxl {
namespace {

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

}  // namespace

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

}  // namespace dicube::jxl

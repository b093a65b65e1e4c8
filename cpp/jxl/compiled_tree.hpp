// Trees as tables, for the lane kernels.
#pragma once

#include <cstdint>
#include <vector>

#include "jxl/kernels/lane_types.hpp"
#include "jxl/tree.hpp"

namespace dicube::jxl {

struct CompiledTree {
    LaneTree lanes;
    std::vector<std::int32_t> entries;  // leaf << kPredictorBits | index of the predictor

    // What `tree` is for one channel of one stream. False: it needs a general decoder.
    bool compile(const Tree& tree, std::int32_t channel, std::int32_t stream,
                 const WeightedParameters& weighted);
};

}  // namespace dicube::jxl

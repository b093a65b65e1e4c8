// Learns a tree: which contexts the residuals of a volume are best coded in, and how its pixels are
// best predicted there.
#pragma once

#include <cstdint>
#include <vector>

#include "jxl/pixel_sample.hpp"
#include "jxl/tree.hpp"

namespace dicube::jxl {

// What a tree may ask and choose, so that the lane kernels are fast at it.
struct TreeScope {
    unsigned properties = 0;  // bit p: property 9 + p
    unsigned predictors = 0;  // bit i: kLanePredictors[i]
    int most_leaves = 1;
    std::size_t most_entries = 1;  // of the table that the tree becomes
};

struct LearnedTree {
    std::vector<TreeNode> nodes;  // the root first; children by their index here
    double bits = 0;              // of all tokens of the sample
};

// `least_gain`: bits that a split has to save in the sample.
void learn_tree(const SampledPixels& pixels, const TreeScope& scope, double least_gain,
                LearnedTree& learned);

// Bits of the tokens of other pixels with a tree.
double tree_bits(const LearnedTree& learned, const SampledPixels& pixels);

}  // namespace dicube::jxl

// Contexts that share a code.
#pragma once

#include <cstdint>
#include <vector>

#include "jxl/histogram.hpp"

namespace dicube::jxl {

struct Clusters {
    std::vector<std::uint8_t> of_context;  // numbered in order of appearance
    std::vector<Histogram> histograms;
};

// Joins contexts as long as the bits for tokens and tables become fewer.
void join_contexts(const Histogram* contexts, std::size_t count, Clusters& clusters);

}  // namespace dicube::jxl

// Parameters of the weighted predictor that suit the pixels of a volume.
#pragma once

#include "jxl/pixel_sample.hpp"
#include "jxl/weighted_predictor.hpp"

namespace dicube::jxl {

// The best of some that did well elsewhere; `searches`: and of what is near it.
WeightedParameters choose_parameters(PixelSample& sample, bool searches);

}  // namespace dicube::jxl

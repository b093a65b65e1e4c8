// Bands of rows that stand for all pixels of a volume, and what is known about each of their
// pixels: what models are learned from.
#pragma once

#include <cstdint>
#include <vector>

#include "jxl/kernels/lane_types.hpp"
#include "jxl/plane_source.hpp"

namespace dicube::jxl {

// Properties 9 to 15.
constexpr int kSampledProperties = kWeightedError - kGradient + 1;
constexpr int kSampledPredictors = 1 << kPredictorBits;

// Of each pixel of a sample.
struct SampledPixels {
    std::size_t count = 0;
    std::vector<std::int32_t> properties[kSampledProperties];
    // Tokens of the residuals that each of kLanePredictors would leave.
    std::vector<std::uint8_t> tokens[kSampledPredictors];
};

// Bands of one channel.
class PixelSample {
  public:
    // About `budget` pixels from all over the volume; all of a small one.
    PixelSample(const PlaneSource& source, int channel, std::size_t budget);

    // Bits that the residuals of the weighted predictor take with these parameters, in simple
    // contexts. Looks at some of the bands.
    double weighted_cost(const WeightedParameters& parameters);
    void describe(const WeightedParameters& parameters, SampledPixels& pixels);

  private:
    // As many bands as there are lanes.
    struct Batch {
        int bands = 0;  // the other lanes repeat the last one
        std::vector<std::int32_t> rows;
    };

    // Visits rows that count, with what the weighted predictor says about them.
    template <class Visit>
    void survey(Batch& batch, const WeightedParameters& parameters, const Visit& visit);
    std::ptrdiff_t row_step() const noexcept {
        return static_cast<std::ptrdiff_t>(width_ + kRowPad) * kernels_.lanes;
    }

    const LaneKernels& kernels_;
    std::int32_t width_ = 0, height_ = 0;  // of a band
    std::int32_t first_row_ = 0;           // that counts: rows before it warm the predictor up
    std::vector<Batch> batches_;
    std::vector<std::int32_t> errors_, predictions_, properties_;
};

}  // namespace dicube::jxl

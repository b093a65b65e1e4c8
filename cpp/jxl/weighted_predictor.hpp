// The weighted, self-correcting predictor (ISO/IEC 18181-1, H.5): four predictions, each with the
// more weight the smaller its errors were nearby. Samples are scaled by 8 inside.
#pragma once

#include <cstdint>
#include <vector>

#include "jxl/bit_reader.hpp"
#include "jxl/bit_writer.hpp"

namespace dicube::jxl {

struct WeightedParameters {
    std::int32_t p1 = 16, p2 = 10;
    std::int32_t p3[5] = {7, 7, 7, 0, 0};
    std::uint32_t weights[4] = {13, 12, 12, 12};

    void read(BitReader& bits) noexcept;
    void write(BitWriter& bits) const;

    bool operator==(const WeightedParameters& other) const noexcept;
};

// Samples around a pixel, as prediction sees them at the edges.
struct Neighbours {
    std::int32_t w, n, nw, ne, nn, ww, nee;
};

class WeightedPredictor {
  public:
    WeightedPredictor(const WeightedParameters& parameters, std::uint32_t width);

    // Prediction of the pixel at x; `error` is property 15. Rows from the top, pixels from the
    // left.
    std::int32_t predict(std::uint32_t x, const Neighbours& around, std::int32_t& error) noexcept;
    // What the pixel turned out to be.
    void update(std::uint32_t x, std::int32_t value) noexcept;
    void next_row() noexcept;

  private:
    static constexpr std::size_t kMargin = 1;

    // Of a pixel: the true error, and those of the four predictions. In the row above the latter
    // include those of the pixel to the lower left.
    struct Errors {
        std::int32_t true_error = 0;
        std::uint32_t predictions[4] = {};
    };

    WeightedParameters parameters_;
    std::uint32_t width_;
    std::vector<Errors> above_, row_;  // with margins
    std::int64_t prediction_ = 0;
    std::int64_t predictions_[4] = {};
};

}  // namespace dicube::jxl

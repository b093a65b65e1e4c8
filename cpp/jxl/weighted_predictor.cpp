#include "jxl/weighted_predictor.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace dicube::jxl {

void WeightedParameters::read(BitReader& bits) noexcept {
    *this = {};
    if (bits.flag()) return;
    p1 = static_cast<std::int32_t>(bits.read(5));
    p2 = static_cast<std::int32_t>(bits.read(5));
    for (std::int32_t& p : p3) p = static_cast<std::int32_t>(bits.read(5));
    for (std::uint32_t& weight : weights) weight = bits.read(4);
}

void WeightedParameters::write(BitWriter& bits) const {
    const bool is_default = *this == WeightedParameters{};
    bits.flag(is_default);
    if (is_default) return;
    bits.write(static_cast<std::uint64_t>(p1), 5);
    bits.write(static_cast<std::uint64_t>(p2), 5);
    for (const std::int32_t p : p3) bits.write(static_cast<std::uint64_t>(p), 5);
    for (const std::uint32_t weight : weights) bits.write(weight, 4);
}

bool WeightedParameters::operator==(const WeightedParameters& other) const noexcept {
    return p1 == other.p1 && p2 == other.p2 && std::equal(std::begin(p3), std::end(p3), other.p3) &&
           std::equal(std::begin(weights), std::end(weights), other.weights);
}

WeightedPredictor::WeightedPredictor(const WeightedParameters& parameters, std::uint32_t width)
    : parameters_(parameters),
      width_(width),
      above_(width + 2 * kMargin),
      row_(width + 2 * kMargin) {}

std::int32_t WeightedPredictor::predict(std::uint32_t x, const Neighbours& around,
                                        std::int32_t& error) noexcept {
    // Left of the row there are no errors; above, the edges repeat what is next to them.
    const Errors none;
    const Errors& n = above_[x + kMargin];
    const Errors& nw = x > 0 ? above_[x + kMargin - 1] : n;
    const Errors& ne = x + 1 < width_ ? above_[x + kMargin + 1] : n;
    const Errors& w = x > 0 ? row_[x + kMargin - 1] : none;

    std::uint64_t weights[4], sum = 0;
    for (int i = 0; i < 4; ++i) {
        const std::uint64_t errors =
            std::uint64_t{n.predictions[i]} + ne.predictions[i] + nw.predictions[i];
        const auto length = 63 - __builtin_clzll(errors + 1);
        const int shift = std::max(0, length - 5);
        weights[i] =
            4 + ((parameters_.weights[i] * ((1u << 24) / ((errors >> shift) + 1))) >> shift);
        sum += weights[i];
    }

    const std::int64_t te_w = w.true_error, te_n = n.true_error, te_nw = nw.true_error,
                       te_ne = ne.true_error;
    const std::int64_t north = std::int64_t{around.n} * 8, west = std::int64_t{around.w} * 8,
                       north_east = std::int64_t{around.ne} * 8,
                       north_west = std::int64_t{around.nw} * 8,
                       north_north = std::int64_t{around.nn} * 8;
    const std::int32_t* const p3 = parameters_.p3;
    predictions_[0] = west + north_east - north;
    predictions_[1] = north - (((te_w + te_n + te_ne) * parameters_.p1) >> 5);
    predictions_[2] = west - (((te_w + te_n + te_nw) * parameters_.p2) >> 5);
    predictions_[3] = north - ((te_nw * p3[0] + te_n * p3[1] + te_ne * p3[2] +
                                (north_north - north) * p3[3] + (north_west - west) * p3[4]) >>
                               5);

    const int log = 63 - __builtin_clzll(sum);
    std::uint64_t total = 0;
    std::int64_t weighted = 0;
    for (int i = 0; i < 4; ++i) {
        weights[i] >>= log - 4;
        total += weights[i];
        weighted += predictions_[i] * static_cast<std::int64_t>(weights[i]);
    }
    weighted += static_cast<std::int64_t>(total >> 1) - 1;
    prediction_ = (weighted * static_cast<std::int64_t>((1u << 24) / total)) >> 24;

    // Where errors around point the same way, the prediction may leave the range of the samples.
    if (((te_n ^ te_w) | (te_n ^ te_nw)) <= 0) {
        const std::int64_t low = std::min({west, north, north_east}),
                           high = std::max({west, north, north_east});
        prediction_ = std::clamp(prediction_, low, high);
    }

    error = static_cast<std::int32_t>(te_w);
    for (const std::int64_t other : {te_n, te_nw, te_ne})
        if (std::abs(other) > std::abs(static_cast<std::int64_t>(error)))
            error = static_cast<std::int32_t>(other);
    return static_cast<std::int32_t>((prediction_ + 3) >> 3);
}

void WeightedPredictor::update(std::uint32_t x, std::int32_t value) noexcept {
    const std::int64_t scaled = std::int64_t{value} * 8;
    Errors& here = row_[x + kMargin];
    here.true_error = static_cast<std::int32_t>(prediction_ - scaled);
    Errors& upper_right = above_[x + kMargin + 1];
    for (int i = 0; i < 4; ++i) {
        const std::uint64_t error =
            static_cast<std::uint64_t>((std::abs(predictions_[i] - scaled) + 3) >> 3);
        here.predictions[i] = static_cast<std::uint32_t>(error);
        upper_right.predictions[i] += here.predictions[i];
    }
}

void WeightedPredictor::next_row() noexcept {
    std::swap(above_, row_);
    std::fill(row_.begin(), row_.end(), Errors{});
}

}  // namespace dicube::jxl

// The weighted predictor in every lane: as WeightedPredictor, with 32-bit numbers. Up to 16 bits a
// sample nothing overflows; damaged streams may wrap.
#pragma once

#include "jxl/kernels/lane_types.hpp"

namespace dicube::jxl::DICUBE_SIMD {

template <class V>
struct LaneNeighbours {
    V w, n, nw, ne, nn, ww, nee;
};

// Walks through a row; errors of the row above become those of this one.
template <class V>
class WeightedLanes {
  public:
    static constexpr std::ptrdiff_t kStep = kErrorPlanes * V::count;

    WeightedLanes(const WeightedParameters& parameters, std::int32_t* errors) noexcept
        : parameters_(parameters), errors_(errors) {
        te_w_ = V::all(0);
        te_n_ = te_nw_ = V::load(errors);
        te_ne_ = V::load(errors + kStep);
        for (int i = 0; i < 4; ++i) left_[i] = middle_[i] = V::load(errors + (1 + i) * V::count);
    }

    // Prediction of the next pixel.
    V predict(const LaneNeighbours<V>& at) noexcept {
        V weights[4];
        for (int i = 0; i < 4; ++i) {
            right_[i] = V::load(errors_ + kStep + (1 + i) * V::count);
            const V sum = left_[i] + middle_[i] + right_[i];
            const V shift = max(floor_log2_of_small(sum + V::all(1)) - V::all(5), V::all(0));
            const V inverse = reciprocal24(unsigned_shift(sum, shift) + V::all(1));
            const V weight = V::all(static_cast<std::int32_t>(parameters_.weights[i]));
            weights[i] = unsigned_shift(inverse * weight, shift) + V::all(4);
        }
        const V north = at.n << 3, west = at.w << 3, north_east = at.ne << 3;
        const V north_west = at.nw << 3, north_north = at.nn << 3;
        const auto times = [](V a, std::int32_t b) { return a * V::all(b); };
        const std::int32_t* const p3 = parameters_.p3;
        predictions_[0] = west + north_east - north;
        predictions_[1] = north - (times(te_w_ + te_n_ + te_ne_, parameters_.p1) >> 5);
        predictions_[2] = west - (times(te_w_ + te_n_ + te_nw_, parameters_.p2) >> 5);
        predictions_[3] =
            north - ((times(te_nw_, p3[0]) + times(te_n_, p3[1]) + times(te_ne_, p3[2]) +
                      times(north_north - north, p3[3]) + times(north_west - west, p3[4])) >>
                     5);

        const V sum = weights[0] + weights[1] + weights[2] + weights[3];
        const V excess = floor_log2(sum) - V::all(4);
        for (V& weight : weights) weight = unsigned_shift(weight, excess);
        const V total = weights[0] + weights[1] + weights[2] + weights[3];
        const V weighted = (predictions_[0] * weights[0] + predictions_[1] * weights[1]) +
                           (predictions_[2] * weights[2] + predictions_[3] * weights[3]) +
                           (total >> 1) - V::all(1);
        const V free = product24(weighted, reciprocal24(total));
        const V low = min(min(west, north), north_east), high = max(max(west, north), north_east);
        const V agrees = ((te_n_ ^ te_w_) | (te_n_ ^ te_nw_)) > V::all(0);
        prediction_ = select(agrees, free, min(max(free, low), high));
        return (prediction_ + V::all(3)) >> 3;
    }

    // Property 15 of the same pixel: the error around with the largest magnitude.
    V property() const noexcept {
        V largest = te_w_;
        for (const V& other : {te_n_, te_nw_, te_ne_})
            largest = select(abs(other) > abs(largest), other, largest);
        return largest;
    }

    // What the pixel turned out to be; goes on to the next one.
    void update(V value) noexcept {
        const V scaled = value << 3;
        te_nw_ = te_n_;
        te_n_ = te_ne_;
        te_w_ = prediction_ - scaled;
        te_w_.store(errors_);
        for (int i = 0; i < 4; ++i) {
            const V error = (abs(predictions_[i] - scaled) + V::all(3)) >> 3;
            error.store(errors_ + (1 + i) * V::count);
            left_[i] = middle_[i];
            middle_[i] = right_[i] + error;
        }
        errors_ += kStep;
        te_ne_ = V::load(errors_ + kStep);
    }

    // Before the last pixel of a row: it sees to its upper right what is above it.
    void turn_corner() noexcept {
        te_n_.store(errors_ + kStep);
        te_ne_ = te_n_;
        for (int i = 0; i < 4; ++i) middle_[i].store(errors_ + kStep + (1 + i) * V::count);
    }

  private:
    const WeightedParameters& parameters_;
    std::int32_t* errors_;  // of the pixel above
    V te_w_, te_n_, te_nw_, te_ne_;
    // Errors of the four predictions above: to the left and in the middle with those of the pixels
    // below them on the left.
    V left_[4], middle_[4], right_[4];
    V predictions_[4], prediction_;
};

// In place of it where a tree needs none.
template <class V>
class NoWeightedLanes {
  public:
    NoWeightedLanes(const WeightedParameters&, std::int32_t*) noexcept {}
    V predict(const LaneNeighbours<V>&) const noexcept { return V::all(0); }
    V property() const noexcept { return V::all(0); }
    void update(V) const noexcept {}
    void turn_corner() const noexcept {}
};

}  // namespace dicube::jxl::DICUBE_SIMD

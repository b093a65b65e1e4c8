// A row of pixels in every lane: what is around each, what the tree makes of that, and a coder that
// turns prediction and context into the pixel, or the pixel into a residual.
#pragma once

#include "jxl/kernels/lane_types.hpp"
#include "jxl/kernels/weighted_lanes.hpp"

namespace dicube::jxl::DICUBE_SIMD {

template <class V>
V clamped_gradient(const LaneNeighbours<V>& at) noexcept {
    return min(max(at.w + at.n - at.nw, min(at.w, at.n)), max(at.w, at.n));
}

template <class V>
V mean_of_all(const LaneNeighbours<V>& at) noexcept {
    const V three = (at.n << 1) + at.ne;  // times 3 in the sum
    const V sum =
        (three << 1) + three - (at.nn << 1) + (at.w << 3) - at.w + at.ww + at.nee + V::all(8);
    // Divided towards zero.
    return (sum + ((sum >> 31) & V::all(15))) >> 4;
}

template <class V>
V mean_west_north(const LaneNeighbours<V>& at) noexcept {
    const V sum = at.w + at.n;
    return (sum + unsigned_shift(sum, 31)) >> 1;
}

template <class V>
V property_of(std::int32_t property, const LaneNeighbours<V>& at, V weighted_error) noexcept {
    switch (property) {
        case kGradient:
            return at.w + at.n - at.nw;
        case kWestLessNorthWest:
            return at.w - at.nw;
        case kNorthWestLessNorth:
            return at.nw - at.n;
        case kNorthLessNorthEast:
            return at.n - at.ne;
        case kNorthLessNorthNorth:
            return at.n - at.nn;
        case kWestLessWestWest:
            return at.w - at.ww;
        default:
            return weighted_error;
    }
}

// The place in the table of a tree with any axes.
template <class V>
V place_in(const LaneTree& tree, const LaneNeighbours<V>& at, V weighted_error) noexcept {
    V place = V::all(0);
    for (int a = 0; a < tree.axes; ++a) {
        const Axis& axis = tree.axis[a];
        const V value = property_of(axis.property, at, weighted_error);
        place = place * V::all(axis.count + 1);
        for (int i = 0; i < axis.count; ++i) place = place - (value > V::all(axis.thresholds[i]));
    }
    return place;
}

template <class V, bool IsFirst>
LaneNeighbours<V> start_of_row(const LaneRows& rows) noexcept {
    LaneNeighbours<V> at;
    if constexpr (IsFirst) {
        at.w = at.n = at.nw = at.ne = at.nn = at.ww = at.nee = V::all(0);
    } else {
        at.n = at.w = at.nw = at.ww = V::load(rows.above);
        at.ne = V::load(rows.above + V::count);
        at.nee = V::load(rows.above + 2 * V::count);
        at.nn = V::load(rows.above_that);
    }
    return at;
}

// Coder: `V operator()(std::int32_t x, const LaneNeighbours<V>& at, V weighted, V error)`, which
// returns the pixel.
template <class V, class Weighted, bool IsFirst, class Coder>
void walk_row(const WeightedParameters& parameters, const LaneRows& rows, Coder& coder) noexcept {
    Weighted weighted(parameters, rows.errors);
    LaneNeighbours<V> at = start_of_row<V, IsFirst>(rows);
    if (rows.width == 1) weighted.turn_corner();
    for (std::int32_t x = 0; x < rows.width; ++x) {
        const V prediction = weighted.predict(at);
        const V pixel = coder(x, at, prediction, weighted.property());
        weighted.update(pixel);
        if (x + 2 == rows.width) weighted.turn_corner();
        at.ww = x == 0 ? pixel : at.w;
        at.w = pixel;
        if constexpr (IsFirst) {
            at.n = at.nw = at.ne = at.nn = at.nee = pixel;
        } else {
            at.nw = at.n;
            at.n = at.ne;
            at.ne = at.nee;
            at.nee = V::load(rows.above + (std::ptrdiff_t{x} + 3) * V::count);
            at.nn = V::load(rows.above_that + (std::ptrdiff_t{x} + 1) * V::count);
        }
    }
    std::int32_t* const behind = rows.row + std::ptrdiff_t{rows.width} * V::count;
    for (int i = 0; i < kRowPad; ++i) at.w.store(behind + i * V::count);
}

// Prediction that an entry asks for.
template <class V, LaneKind Kind>
V chosen_prediction(V entry, const LaneNeighbours<V>& at, V weighted) noexcept {
    const V index = entry & V::all((1 << kPredictorBits) - 1);
    const V gradient = clamped_gradient(at);
    if constexpr (Kind == LaneKind::weighted) {
        return select(index == V::all(1), weighted, gradient);
    } else if constexpr (Kind == LaneKind::plain) {
        return select(index == V::all(2), mean_of_all(at), gradient);
    } else {
        const V others = select(index == V::all(2), mean_of_all(at), mean_west_north(at));
        const V first = select(index == V::all(1), weighted, gradient);
        return select(index > V::all(1), others, first);
    }
}

template <class V, class Weighted, class Coder>
void walk_row(const WeightedParameters& parameters, const LaneRows& rows, Coder& coder) noexcept {
    if (rows.y == 0)
        walk_row<V, Weighted, true>(parameters, rows, coder);
    else
        walk_row<V, Weighted, false>(parameters, rows, coder);
}

template <class V, LaneKind Kind, class Coder>
void walk_row_of_tree(const LaneTree& tree, const LaneRows& rows, Coder& coder) noexcept {
    if (Kind == LaneKind::weighted || (Kind == LaneKind::any && tree.uses_weighted))
        walk_row<V, WeightedLanes<V>>(tree.weighted, rows, coder);
    else
        walk_row<V, NoWeightedLanes<V>>(tree.weighted, rows, coder);
}

}  // namespace dicube::jxl::DICUBE_SIMD

// The coders that lane_walk.hpp takes through a row.
#pragma once

#include "jxl/kernels/lane_walk.hpp"

namespace dicube::jxl::DICUBE_SIMD {

// Keeps what the weighted predictor says.
template <class V>
struct Surveyor {
    const SurveyRow& row;

    V operator()(std::int32_t x, const LaneNeighbours<V>&, V weighted, V error) noexcept {
        const std::ptrdiff_t at = std::ptrdiff_t{x} * V::count;
        weighted.store(row.predictions + at);
        error.store(row.properties + at);
        return V::load(row.rows.row + at);
    }
};

// The index in the table for the pixel. Kinds other than `any` have their axes in fixed places.
template <class V, LaneKind Kind>
V place_of(const LaneTree& tree, const LaneNeighbours<V>& at, V error) noexcept {
    if constexpr (Kind == LaneKind::any) return place_in(tree, at, error);
    const auto plane = [&](const Axis& axis, V value) {
        V above = V::all(0);
        for (int i = 0; i < axis.count; ++i) above = above - (value > V::all(axis.thresholds[i]));
        return above;
    };
    const auto next = [&](V place, const Axis& axis, V value) {
        return place * V::all(axis.count + 1) + plane(axis, value);
    };
    const V first = plane(tree.axis[0], at.w + at.n - at.nw);
    if constexpr (Kind == LaneKind::weighted) {
        return next(first, tree.axis[1], error);
    } else {
        const V second = next(first, tree.axis[1], at.w - at.nw);
        const V third = next(second, tree.axis[2], at.nw - at.n);
        return next(third, tree.axis[3], at.n - at.ne);
    }
}

template <class V, LaneKind Kind>
struct ResidualEncoder {
    const LaneTree& tree;
    const EncodeRow& row;

    V operator()(std::int32_t x, const LaneNeighbours<V>& at, V weighted, V error) noexcept {
        const V entry = V::gather(row.table, place_of<V, Kind>(tree, at, error));
        const V pixel = V::load(row.rows.row + std::ptrdiff_t{x} * V::count);
        const V residual = pixel - chosen_prediction<V, Kind>(entry, at, weighted);
        const V packed = (residual << 1) ^ (residual >> 31);
        // Numbers from 16 on: the place of the highest bit, the two below it and the lowest in the
        // token, the others as they are.
        const V log = max(floor_log2_of_small(packed | V::all(1)), V::all(4));
        const V top = unsigned_shift(packed, log - V::all(2)) & V::all(3);
        const V long_token =
            V::all(16) + ((log - V::all(4)) << 3) + (top << 1) + (packed & V::all(1));
        const V is_short = V::all(16) > packed;
        const V raw = unsigned_shift(packed, 1) & ((V::all(1) << (log - V::all(3))) - V::all(1));
        const V token = select(is_short, packed, long_token);
        const V leaf = unsigned_shift(entry, kPredictorBits);
        const V record =
            token | (leaf << Record::kLeafShift) | (without(raw, is_short) << Record::kRawShift);
        record.store(reinterpret_cast<std::int32_t*>(row.records) + std::ptrdiff_t{x} * V::count);
        return pixel;
    }
};

template <class V, LaneKind Kind>
class ResidualDecoder {
  public:
    ResidualDecoder(const LaneTree& tree, const DecodeRow& row) noexcept
        : tree_(tree),
          row_(row),
          state_(V::load(row.streams->state)),
          position_(V::load(row.streams->position)),
          end_(V::load(row.streams->end)),
          log_size_(V::load(row.streams->log_size)),
          lane_table_(V::load(row.streams->table)) {}
    ~ResidualDecoder() {
        state_.store(row_.streams->state);
        position_.store(row_.streams->position);
    }
    ResidualDecoder(const ResidualDecoder&) = delete;
    ResidualDecoder& operator=(const ResidualDecoder&) = delete;

    V operator()(std::int32_t x, const LaneNeighbours<V>& at, V weighted, V error) noexcept {
        // The bits are there before it is known what they mean.
        V bits = unsigned_shift(window(position_), position_ & V::all(7));
        const V place = place_of<V, Kind>(tree_, at, error);
        const V entry = V::gather(row_.table, lane_table_ + place);
        const V prediction = chosen_prediction<V, Kind>(entry, at, weighted);

        // The symbol.
        const V slot = state_ & V::all(static_cast<std::int32_t>(kAnsTotal - 1));
        const V bucket = unsigned_shift(slot, log_size_);
        const V within = slot - (bucket << log_size_);
        const V index = (unsigned_shift(entry, kPredictorBits) + bucket) << 1;
        const auto* const buckets = reinterpret_cast<const std::int32_t*>(row_.streams->buckets);
        const V places = V::gather(buckets, index), frequencies = V::gather(buckets + 1, index);
        const V is_left = (places & V::all(0xFF)) > within;
        const V token = select(is_left, bucket, unsigned_shift(places, 8) & V::all(0xFF));
        const V offset = within + without(places >> 16, is_left);
        const V frequency =
            select(is_left, frequencies & V::all(0xFFFF), unsigned_shift(frequencies, 16));
        state_ = frequency * unsigned_shift(state_, kAnsBits) + offset;
        const V refills = unsigned_shift(state_, 16) == V::all(0);
        state_ = select(refills, (state_ << 16) | (bits & V::all(0xFFFF)), state_);
        const V used = refills & V::all(16);

        // The number.
        const V count = max(unsigned_shift(token, 3) - V::all(1), V::all(0));
        position_ = position_ + used;
        if (any(count > V::all(kBitsBehindRefill)))
            bits = unsigned_shift(window(position_), position_ & V::all(7));
        else
            bits = unsigned_shift(bits, used);
        position_ = min(position_ + count, end_);
        const V half = unsigned_shift(token, 1);
        const V top = select(token > V::all(15), (half & V::all(3)) | V::all(4), half);
        const V raw = bits & ((V::all(1) << count) - V::all(1));
        const V magnitude = (top << count) | raw;
        const V sign = V::all(0) - (token & V::all(1));
        const V pixel = prediction + (magnitude ^ sign);
        pixel.store(row_.rows.row + std::ptrdiff_t{x} * V::count);
        return pixel;
    }

  private:
    // Of 32 bits up to 7 are before the position and 16 may go to the state.
    static constexpr int kBitsBehindRefill = 32 - 7 - 16;

    V window(V position) const noexcept {
        return V::gather_bytes(row_.streams->bytes, unsigned_shift(position, 3));
    }

    const LaneTree& tree_;
    const DecodeRow& row_;
    V state_, position_;
    const V end_, log_size_, lane_table_;
};

}  // namespace dicube::jxl::DICUBE_SIMD

// Fills a table of kernels from the templates for one instruction set. Included by the one file of
// it.
#pragma once

#include "jxl/kernels/lane_coders.hpp"

namespace dicube::jxl::DICUBE_SIMD {

template <class V>
void survey(const WeightedParameters& weighted, const SurveyRow& row) {
    Surveyor<V> surveyor{row};
    walk_row<V, WeightedLanes<V>>(weighted, row.rows, surveyor);
}

template <class V, LaneKind Kind>
void encode(const LaneTree& tree, const EncodeRow& row) {
    ResidualEncoder<V, Kind> encoder{tree, row};
    walk_row_of_tree<V, Kind>(tree, row.rows, encoder);
}

template <class V, LaneKind Kind>
void decode(const LaneTree& tree, const DecodeRow& row) {
    ResidualDecoder<V, Kind> decoder(tree, row);
    walk_row_of_tree<V, Kind>(tree, row.rows, decoder);
}

template <class V>
constexpr LaneKernels make_kernels() noexcept {
    return {V::count,
            survey<V>,
            {encode<V, LaneKind::weighted>, encode<V, LaneKind::plain>, encode<V, LaneKind::any>},
            {decode<V, LaneKind::weighted>, decode<V, LaneKind::plain>, decode<V, LaneKind::any>}};
}

}  // namespace dicube::jxl::DICUBE_SIMD

// What the lane kernels work on. They take several streams at once, one in each lane of a register:
// groups of the same size, of one frame or of neighbouring ones, that share a tree. Rows lie in
// memory pixel by pixel, and within a pixel lane by lane.
#pragma once

#include <cstddef>
#include <cstdint>

#include "jxl/ans_table.hpp"
#include "jxl/tree.hpp"
#include "jxl/weighted_predictor.hpp"

namespace dicube::jxl {

constexpr int kMostLanes = 8;
constexpr int kMostAxes = 7;         // properties that the tree of a stream asks for
constexpr int kMostThresholds = 15;  // different ones of a property
constexpr int kRowPad = 3;           // pixels behind a row, which repeat its last one
constexpr int kErrorPlanes = 5;      // numbers the weighted predictor keeps of a pixel

// Predictors that kernels have; an entry of a table has the index of one of them.
constexpr Predictor kLanePredictors[] = {Predictor::gradient, Predictor::weighted,
                                         Predictor::mean_of_all, Predictor::mean_west_north};
constexpr int kPredictorBits = 2;

// Which code a tree needs.
enum class LaneKind : std::uint8_t {
    weighted,  // properties 9 and 15, weighted and gradient predictors
    plain,     // properties 9 to 12, without the weighted predictor
    any,
};
constexpr int kLaneKinds = 3;

// A property and the values that the tree compares it with, rising.
struct Axis {
    std::int32_t property = 0;
    std::int32_t count = 0;
    std::int32_t thresholds[kMostThresholds] = {};
};

// A tree as a table: the number of thresholds that a property is above selects a plane on each
// axis, and where they meet is what the tree would have come to.
struct LaneTree {
    LaneKind kind = LaneKind::any;
    bool uses_weighted = false;
    int axes = 0;
    Axis axis[kMostAxes];
    WeightedParameters weighted;
};

// Rows of one channel of some streams.
struct LaneRows {
    std::int32_t width = 0;
    std::int32_t y = 0;
    std::int32_t* row = nullptr;               // of y, with kRowPad pixels behind it
    const std::int32_t* above = nullptr;       // of y - 1
    const std::int32_t* above_that = nullptr;  // of y - 2
    // kErrorPlanes numbers a pixel: of the row above on entry, of this one on return. For the first
    // row zeros.
    std::int32_t* errors = nullptr;
};

// What the weighted predictor says about each pixel of a row.
struct SurveyRow {
    LaneRows rows;
    std::int32_t* predictions = nullptr;
    std::int32_t* properties = nullptr;  // number 15
};

// A residual as it is coded: token, leaf of the tree, bits that follow the token as they are.
struct Record {
    static constexpr int kTokenBits = 8, kLeafBits = 8;
    static constexpr int kLeafShift = kTokenBits, kRawShift = kTokenBits + kLeafBits;
};

// Residuals of a row. Entries of the table: leaf and predictor.
struct EncodeRow {
    LaneRows rows;
    const std::int32_t* table = nullptr;
    std::uint32_t* records = nullptr;
};

// Places of an ANS code, as gathered from memory in two numbers.
struct LaneBucket {
    std::uint32_t places;  // cutoff: 8 bits, right symbol: 8 bits, offset of the right: 16 bits
    std::uint32_t frequencies;  // of the symbol of the bucket, 16 bits, and of the right one
};

// Where the streams are, lane by lane.
struct LaneStreams {
    alignas(32) std::int32_t state[kMostLanes];
    alignas(32) std::int32_t position[kMostLanes];  // in bits of `bytes`
    alignas(32) std::int32_t end[kMostLanes];       // no position is beyond
    alignas(32) std::int32_t log_size[kMostLanes];  // of an ANS bucket
    alignas(32) std::int32_t table[kMostLanes];     // where the entries of the lane start
    const std::uint8_t* bytes = nullptr;            // eight more behind the last end
    const LaneBucket* buckets = nullptr;
};

// A row to decode. Entries of the table, one for each place and lane: the first bucket of the
// code, and the predictor.
struct DecodeRow {
    LaneRows rows;
    const std::int32_t* table = nullptr;
    LaneStreams* streams = nullptr;
};

struct LaneKernels {
    int lanes;
    void (*survey)(const WeightedParameters& weighted, const SurveyRow& row);
    void (*encode[kLaneKinds])(const LaneTree& tree, const EncodeRow& row);
    void (*decode[kLaneKinds])(const LaneTree& tree, const DecodeRow& row);
};

}  // namespace dicube::jxl

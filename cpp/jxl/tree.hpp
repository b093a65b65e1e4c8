// The decision tree that tells for each pixel how it is predicted and in which context its residual
// is coded (ISO/IEC 18181-1, H.4).
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.hpp"
#include "jxl/bit_reader.hpp"
#include "jxl/entropy_code.hpp"

namespace dicube::jxl {

enum class Predictor : std::uint8_t {
    zero,
    west,
    north,
    mean_west_north,
    select,
    gradient,
    weighted,
    north_east,
    north_west,
    west_west,
    mean_west_north_west,
    mean_north_north_west,
    mean_north_north_east,
    mean_of_all,
};
constexpr int kPredictors = 14;

// What a node can ask about a pixel. Behind them come four of each earlier channel.
enum Property : std::int32_t {
    kChannel,
    kStream,
    kY,
    kX,
    kAbsNorth,
    kAbsWest,
    kNorth,
    kWest,
    kWestLessGradient,
    kGradient,
    kWestLessNorthWest,
    kNorthWestLessNorth,
    kNorthLessNorthEast,
    kNorthLessNorthNorth,
    kWestLessWestWest,
    kWeightedError,
    kOwnProperties,
};
constexpr std::int32_t kPropertiesOfChannel = 4;

// Contexts of the numbers that a tree is written in.
enum TreeContext : std::uint32_t {
    kTreeSplit,
    kTreeProperty,
    kTreePredictor,
    kTreeOffset,
    kTreeMultiplierLog,
    kTreeMultiplierBits,
    kTreeContexts
};

struct TreeNode {
    std::int32_t property = -1;  // of an inner node; a leaf has none
    std::int32_t split = 0;      // go to `greater` if the property is above this, else to `other`
    std::uint32_t greater = 0, other = 0;
    // Of a leaf: value = unpacked * multiplier + offset + prediction.
    std::uint32_t context = 0, multiplier = 1;
    std::int32_t offset = 0;
    Predictor predictor = Predictor::zero;

    bool is_leaf() const noexcept { return property < 0; }
};

struct Tree {
    std::vector<TreeNode> nodes;  // the root first
    std::uint32_t leaves = 0;
    std::int32_t highest_property = -1;
    bool uses_weighted = false;  // as predictor or property

    // `limit`: nodes that a tree for so many pixels may have.
    Status read(BitReader& bits, std::size_t limit);
};

// A tree and the code of its residuals.
struct TreeCode {
    Tree tree;
    EntropyCode residuals;

    Status read(BitReader& bits, std::size_t limit);
};

}  // namespace dicube::jxl

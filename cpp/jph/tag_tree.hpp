// Tag trees, T.800 B.10.2: a quad-tree of minima over the code-blocks of a precinct in one
// sub-band, told bit by bit as far as a packet header needs to know it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "jph/header_bits.hpp"

namespace dicube::jph {

// All zero is the state in which nothing has been told.
//   Decoder: `value` is the least value still possible; `told` is 1 once it is the value.
//   Encoder: `value` is the minimum below the node; the values up to `told`, exclusive, have been
//   told to be it or not to be it.
struct TagNode {
    std::uint16_t value;
    std::uint16_t told;
};

// A view of nodes in someone's arena, leaves first in raster order, then level by level to the
// root. Without leaves there is no tree and nothing may be asked.
class TagTree {
  public:
    TagTree() noexcept = default;
    TagTree(TagNode* nodes, std::uint32_t width, std::uint32_t height) noexcept
        : nodes_(nodes), width_(width), height_(height) {}

    static std::size_t node_count(std::uint32_t width, std::uint32_t height) noexcept;

    // Reads until the leaf is known or known to be at least `threshold`; says whether it is below.
    // Nothing above 0xFFFF can be told apart.
    bool decode(HeaderBitReader& bits, std::uint32_t x, std::uint32_t y, std::uint32_t threshold,
                std::uint32_t& value) noexcept;

    // Encoder: set all leaves, then settle(), then encode() in the order of the packet header.
    void set(std::uint32_t x, std::uint32_t y, std::uint16_t value) noexcept {
        nodes_[std::size_t{y} * width_ + x].value = value;
    }
    void settle() noexcept;
    // Tells whether the leaf is below `threshold`, and if so its value.
    void encode(HeaderBitWriter& bits, std::uint32_t x, std::uint32_t y,
                std::uint32_t threshold) noexcept;

  private:
    TagNode* nodes_ = nullptr;
    std::uint32_t width_ = 0, height_ = 0;
};

}  // namespace dicube::jph

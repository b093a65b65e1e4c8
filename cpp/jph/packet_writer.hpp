// Code-blocks into packets, T.800 B.9 and B.10: one layer, one cleanup pass per block.
#pragma once

#include <cstddef>
#include <cstdint>

#include "jph/tile.hpp"

namespace dicube::jph {

// Room that write_packets() may need at most for the blocks of `tile` as they are.
std::size_t packet_bytes_bound(Tile& tile) noexcept;

// Writes all packets of a tile in its progression order and returns how many bytes they took. The
// tile has been reset; its blocks carry cleanup and cleanup_length (0: nothing but zeros, the
// block is left out). missing_planes becomes Mb - 1: the pass holds all planes down to the last.
std::size_t write_packets(Tile& tile, std::uint8_t* out) noexcept;

}  // namespace dicube::jph

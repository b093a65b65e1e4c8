// A tree as the numbers it is written in (ISO/IEC 18181-1, H.4.2).
#pragma once

#include "jxl/bit_writer.hpp"
#include "jxl/tree.hpp"

namespace dicube::jxl {

// Leaves without offset and multiplier; nodes breadth first, as Tree::read leaves them.
void write_tree(const Tree& tree, BitWriter& bits);

}  // namespace dicube::jxl

// Where the sections of a frame lie (ISO/IEC 18181-1, F.3).
#pragma once

#include <cstddef>
#include <vector>

#include "base/status.hpp"
#include "jxl/bit_reader.hpp"

namespace dicube::jxl {

struct Section {
    std::size_t offset = 0, length = 0;  // bytes of the codestream
};

// Where the sections of a frame are: one for all, or LfGlobal, the LF groups, HfGlobal and the
// groups. Sections lie inside `size` bytes.
Status read_table_of_contents(BitReader& bits, std::size_t count, std::size_t size,
                              std::vector<Section>& sections);

}  // namespace dicube::jxl

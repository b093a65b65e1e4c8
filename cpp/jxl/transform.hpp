// The reversible transforms of channels (ISO/IEC 18181-1, H.6): colour, palette, squeeze.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.hpp"
#include "jxl/bit_reader.hpp"
#include "jxl/channel.hpp"
#include "jxl/squeeze.hpp"

namespace dicube::jxl {

struct Transform {
    enum class Kind : std::uint8_t { colour, palette, squeeze };

    Kind kind = Kind::colour;
    std::uint32_t first = 0;  // channel
    std::uint32_t type = 0;   // of a colour transform: permutation * 7 + kind
    std::uint32_t channels = 0, colours = 0, deltas = 0;  // of a palette
    std::vector<SqueezeStep> steps;

    Status read(BitReader& bits);
    // Makes the list of channels what it is in the codestream.
    Status prepare(ChannelList& list);
    // Puts them back, once they have samples. `bits` is the depth of the image.
    Status undo(ChannelList& list, int bits) const;
};

}  // namespace dicube::jxl

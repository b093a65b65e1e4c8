// A Modular stream: channels, each pixel a prediction and a residual (ISO/IEC 18181-1, Annex H).
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.hpp"
#include "jxl/bit_reader.hpp"
#include "jxl/channel.hpp"
#include "jxl/transform.hpp"
#include "jxl/tree.hpp"
#include "jxl/weighted_predictor.hpp"

namespace dicube::jxl {

struct StreamHeader {
    bool uses_global_tree = false;
    WeightedParameters weighted;
    std::vector<Transform> transforms;

    Status read(BitReader& bits);
    // All transforms, in their order; and back, in the opposite one.
    Status prepare(ChannelList& list);
    Status undo(ChannelList& list, int bits) const;
};

// What a stream is decoded with, besides its own header.
struct StreamContext {
    const TreeCode* global_tree = nullptr;
    std::uint32_t stream = 0;          // its number, a property
    std::uint32_t largest_side = ~0u;  // from the first larger channel on, others have them
};

// Reads the stream behind `header` into channels of `list`, whose transforms are prepared. Returns
// in `end` the first channel that belongs to other streams.
Status decode_stream(BitReader& bits, const StreamHeader& header, const StreamContext& context,
                     ChannelList& list, std::size_t& end);

}  // namespace dicube::jxl

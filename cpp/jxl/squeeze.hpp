// Squeeze: channels as averages of neighbours and what is left (ISO/IEC 18181-1, H.6.2).
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.hpp"
#include "jxl/channel.hpp"

namespace dicube::jxl {

struct SqueezeStep {
    bool is_horizontal = false, in_place = true;
    std::uint32_t first = 0, count = 0;  // channels
};

// Where an encoder names no steps (H.6.2.2).
std::vector<SqueezeStep> default_steps(const ChannelList& list);

// Splits the channels of a step into averages and residuals, as they are in the codestream.
Status prepare_squeeze(ChannelList& list, const SqueezeStep& step);
// Puts them together again, once they have samples.
Status undo_squeeze(ChannelList& list, const SqueezeStep& step);

}  // namespace dicube::jxl

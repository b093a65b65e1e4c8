// Codestreams to samples, several at a time: one for each thread.
//
// Streams of this project's encoder, and others like them, go through the lane kernels. All other
// Modular frames that an encoder for still images writes without loss are decoded one pixel after
// the other; what is no such frame is told apart and left to others.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jxl/frame.hpp"
#include "jxl/lane_run.hpp"
#include "volume/types.hpp"

namespace dicube::jxl {

class FrameDecoder {
  public:
    // Best called for kMostLanes of them. Decodes codestreams[i] into frame first + i of the
    // volume, and tells what became of it; codestreams without a byte are passed over.
    // Fault::unfit: the frame is of another shape, or its samples are wider. Unless `decodes_all`,
    // frames that the lane kernels do not know are Fault::unsupported.
    void decode(span<const span<const std::uint8_t>> codestreams, const Volume& volume,
                std::int64_t first, bool decodes_all, Status* statuses);

  private:
    void decode_run(const Volume& volume, bool decodes_all);
    void decode_alone(const FrameTask& task, const Volume& volume);

    std::vector<std::unique_ptr<Frame>> frames_;
    LaneRun run_;
    std::vector<FrameTask> tasks_;  // of the run
};

}  // namespace dicube::jxl

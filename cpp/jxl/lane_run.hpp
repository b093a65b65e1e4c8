// Frames with the same tree, decoded by the lane kernels: several groups at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jxl/compiled_tree.hpp"
#include "jxl/frame.hpp"
#include "jxl/group_layout.hpp"
#include "jxl/kernels/lane_types.hpp"
#include "volume/types.hpp"

namespace dicube::jxl {

// A frame that is open, its place in the volume, and what became of it.
struct FrameTask {
    Frame* frame = nullptr;
    std::int64_t number = 0;
    Status* status = nullptr;
};

class LaneRun {
  public:
    // Takes a frame whose groups are all coded alike, in a way that the kernels know and that is
    // the same in the frames before. False: it is no such frame. What is wrong with a frame is for
    // the general decoder to say.
    bool add(const FrameTask& task);
    bool empty() const noexcept { return tasks_.empty(); }
    void clear() noexcept { tasks_.clear(); }

    // Decodes all frames: those without transforms into the volume, others into their channels.
    void decode(const Volume& volume);

  private:
    // Where the residuals of a group begin.
    struct GroupStart {
        span<const std::uint8_t> section;
        std::size_t position = 0;  // in bits
        std::uint32_t state = 0;
    };

    bool compile(const Frame& frame, const WeightedParameters& weighted);
    void make_tables();
    void find_starts();
    bool set_up(const LaneBatch& batch, std::size_t lanes, LaneStreams& streams);
    void decode(const LaneBatch& batch, const Volume& volume);
    void put_row(const LaneBatch& batch, const Volume& volume, std::size_t channel, std::int32_t y,
                 const std::int32_t* row, std::size_t lanes);

    std::vector<FrameTask> tasks_;
    Tree tree_;
    WeightedParameters weighted_;
    std::vector<CompiledTree> trees_;  // of each channel
    std::vector<GroupRect> rects_;
    std::vector<GroupStart> starts_;         // of each frame and group
    std::vector<LaneBucket> buckets_;        // of each frame and cluster
    std::vector<std::int32_t> entries_;      // of each frame, channel and place
    std::vector<std::size_t> entry_starts_;  // of each frame and channel
    std::vector<std::uint8_t> bytes_;
    std::vector<std::int32_t> rows_, errors_;
};

}  // namespace dicube::jxl

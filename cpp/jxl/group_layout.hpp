// Groups of a frame that are coded on their own, and how they fill the lanes of the kernels.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace dicube::jxl {

struct GroupRect {
    std::int64_t x, y, width, height;
};

// Row by row.
inline std::vector<GroupRect> group_rects(std::int64_t rows, std::int64_t columns,
                                          std::int64_t side) {
    std::vector<GroupRect> rects;
    for (std::int64_t y = 0; y < rows; y += side)
        for (std::int64_t x = 0; x < columns; x += side)
            rects.push_back({x, y, std::min(side, columns - x), std::min(side, rows - y)});
    return rects;
}

// One group of one frame.
struct GroupJob {
    std::int64_t frame;
    std::size_t group;
};

// Groups of one size, as many as there are lanes or fewer.
using LaneBatch = std::vector<GroupJob>;

// Shares the groups of frames out to lanes: groups of one frame beside each other, for they share
// tables.
inline std::vector<LaneBatch> lane_batches(const std::vector<GroupRect>& rects, std::int64_t frames,
                                           std::size_t lanes) {
    std::vector<LaneBatch> batches;
    std::vector<bool> is_done(rects.size(), false);
    for (std::size_t first = 0; first < rects.size(); ++first) {
        if (is_done[first]) continue;
        LaneBatch batch;
        for (std::int64_t frame = 0; frame < frames; ++frame) {
            for (std::size_t group = first; group < rects.size(); ++group) {
                if (rects[group].width != rects[first].width ||
                    rects[group].height != rects[first].height)
                    continue;
                is_done[group] = true;
                batch.push_back({frame, group});
                if (batch.size() < lanes) continue;
                batches.push_back(std::move(batch));
                batch.clear();
            }
        }
        if (!batch.empty()) batches.push_back(std::move(batch));
    }
    return batches;
}

// Frames that fill the lanes together; more would only take memory.
inline std::int64_t frames_at_once(const std::vector<GroupRect>& rects, int lanes) {
    const auto most =
        static_cast<int>(std::count_if(rects.begin(), rects.end(), [&](const GroupRect& rect) {
            return rect.width == rects[0].width && rect.height == rects[0].height;
        }));
    int frames = 1;
    while (frames < lanes && frames * most % lanes != 0) frames *= 2;
    return most >= 4 * lanes ? 1 : frames;
}

}  // namespace dicube::jxl

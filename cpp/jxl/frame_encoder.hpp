// Frames to codestreams with a model of their volume, several at a time: one for each thread.
#pragma once

#include <cstdint>
#include <vector>

#include "jxl/entropy_writer.hpp"
#include "jxl/group_layout.hpp"
#include "jxl/kernels/lane_types.hpp"
#include "jxl/volume_model.hpp"
#include "volume/types.hpp"

namespace dicube::jxl {

class FrameEncoder {
  public:
    void prepare(const ConstVolume& volume, const VolumeModel& model);

    // Best called for so many frames.
    std::int64_t frames_at_once() const noexcept { return frames_at_once_; }

    // Appends the codestreams of frames from `first` to below `last`, at most frames_at_once(), and
    // sets the lengths of their extents.
    Status encode(std::int64_t first, std::int64_t last, FrameBytes& out, Extent* extents);

  private:
    // Residuals of some groups, lane by lane, channel by channel.
    struct Residuals {
        LaneBatch jobs;
        std::int32_t width = 0, height = 0;
        Buffer<std::uint32_t> records;
    };
    // A group as it stands in the codestream.
    struct Stream {
        Buffer<std::uint8_t> memory;
        BackwardBits bits;
    };

    Status find_residuals(std::int64_t first, Residuals& residuals);
    void count(const Residuals& residuals, const std::uint32_t* records);
    void make_code(std::size_t frame);
    Status code_residuals(const Residuals& residuals);
    Status assemble(std::size_t frame, FrameBytes& out);
    void release_if_large() noexcept;
    void put_palette(const CodeWriter& code, std::size_t frame, std::uint32_t& state,
                     BackwardBits& bits) const;
    Stream& stream_of(const GroupJob& job) noexcept {
        return streams_[static_cast<std::size_t>(job.frame) * rects_.size() + job.group];
    }

    const ConstVolume* volume_ = nullptr;
    const VolumeModel* model_ = nullptr;
    const LaneKernels* kernels_ = nullptr;
    std::vector<GroupRect> rects_;
    std::int64_t frames_at_once_ = 1;
    std::vector<Token> palette_;  // its residuals

    std::vector<Residuals> batches_;
    std::vector<std::int32_t> rows_, errors_;
    std::vector<std::uint32_t> counts_;  // of each frame, leaf and token
    std::vector<Histogram> histograms_;  // of each leaf of a frame
    std::vector<Clusters> clusters_;     // of each frame
    std::vector<CodeWriter> codes_;      // of each frame
    std::vector<BitWriter> code_bits_;   // of each frame
    std::vector<Stream> streams_;        // of each frame and group
};

}  // namespace dicube::jxl

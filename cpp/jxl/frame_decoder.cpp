#include "jxl/frame_decoder.hpp"

#include "jxl/sample_sink.hpp"

namespace dicube::jxl {
namespace {

Status open(span<const std::uint8_t> codestream, const Volume& volume, Frame& frame) {
    FrameHeader header;
    BitReader bits(codestream);
    if (Status status = header.read(bits); !status.ok()) return status;
    constexpr int kMostBytes = 2;
    const int bytes = sample_bytes(volume.type);
    if (volume.rows != header.height || volume.columns != header.width ||
        volume.samples != header.channels || header.bits > 8 * bytes || bytes > kMostBytes)
        return {Fault::unfit, "the frame has another shape or depth", Status::kNowhere};
    const auto samples = static_cast<std::size_t>(volume.rows * volume.columns * volume.samples);
    return frame.open(codestream, samples);
}

// Undoes transforms and stores what comes out.
Status finish(const FrameTask& task, const Volume& volume) {
    if (Status status = task.frame->finish(); !status.ok()) return status;
    const SampleSink sink(volume, task.number, task.frame->header().bits);
    for (std::int64_t c = 0; c < volume.samples; ++c) {
        const Channel& channel = task.frame->list().channels[static_cast<std::size_t>(c)];
        for (std::int64_t y = 0; y < volume.rows; ++y)
            sink.store(c, y, 0, volume.columns, channel.row(static_cast<std::uint32_t>(y)), 1);
    }
    return success();
}

}  // namespace

void FrameDecoder::decode(span<const span<const std::uint8_t>> codestreams, const Volume& volume,
                          std::int64_t first, bool decodes_all, Status* statuses) {
    run_.clear();  // the call before may have been left by an exception
    tasks_.clear();
    frames_.resize(codestreams.size());
    for (std::size_t i = 0; i < codestreams.size(); ++i) {
        if (codestreams[i].empty()) continue;
        frames_[i] = std::make_unique<Frame>();
        const FrameTask task{frames_[i].get(), first + static_cast<std::int64_t>(i), &statuses[i]};
        statuses[i] = open(codestreams[i], volume, *task.frame);
        if (!statuses[i].ok()) continue;
        bool is_in_run = run_.add(task);
        if (!is_in_run && !run_.empty()) {
            decode_run(volume, decodes_all);
            is_in_run = run_.add(task);
        }
        if (is_in_run)
            tasks_.push_back(task);
        else if (decodes_all)
            decode_alone(task, volume);
        else
            statuses[i] = unsupported("a stream of another encoder");
    }
    decode_run(volume, decodes_all);
    frames_.clear();
}

void FrameDecoder::decode_run(const Volume& volume, bool decodes_all) {
    if (!run_.empty()) run_.decode(volume);
    for (const FrameTask& task : tasks_) {
        if (task.status->fault == Fault::unsupported && decodes_all) {
            *task.status = open(task.frame->codestream(), volume, *task.frame);
            if (task.status->ok()) decode_alone(task, volume);
        } else if (task.status->ok() && task.frame->has_transforms()) {
            *task.status = finish(task, volume);
        }
    }
    run_.clear();
    tasks_.clear();
}

void FrameDecoder::decode_alone(const FrameTask& task, const Volume& volume) {
    *task.status = task.frame->decode();
    if (task.status->ok()) *task.status = finish(task, volume);
}

}  // namespace dicube::jxl

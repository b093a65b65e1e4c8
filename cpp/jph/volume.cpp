#include "jph/volume.hpp"

#include <algorithm>
#include <memory>
#include <new>

#include "jph/frame_decoder.hpp"
#include "jph/frame_encoder.hpp"
#include "jph/sample_type.hpp"
#include "jph/workers.hpp"

namespace dicube::jph {
namespace {

constexpr Status kNoMemory{Fault::out_of_memory, "no memory for the frames", Status::kNowhere};

VolumeReport failure(const Status& status, std::int64_t frame) noexcept {
    VolumeReport report;
    report.status = status;
    report.frame = frame;
    return report;
}

// Small frames are handed out several at a time, so that threads do not meet at the counter, and
// enough ranges are left that all threads end together.
std::int64_t grain_of(std::int64_t frames, int threads) noexcept {
    return std::clamp<std::int64_t>(frames / (std::int64_t{threads} * 8), 1, 64);
}

// Decoders and encoders that are not in use, with their working memory: a training loader asks for
// one slice after the other, and making room anew would take longer than decoding it.
template <class Worker>
class Spares {
  public:
    static constexpr std::size_t kMost = 16;

    std::unique_ptr<Worker> take() noexcept {
        // Another thread may have held the lock when this process was forked, so nobody waits for
        // it.
        const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
        if (lock.owns_lock())
            for (std::unique_ptr<Worker>& spare : spares_)
                if (spare != nullptr) return std::move(spare);
        return std::unique_ptr<Worker>(new (std::nothrow) Worker);
    }
    void give(std::unique_ptr<Worker> worker) noexcept {
        const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
        if (!lock.owns_lock()) return;
        for (std::unique_ptr<Worker>& spare : spares_) {
            if (spare != nullptr) continue;
            spare = std::move(worker);
            return;
        }
    }

  private:
    std::mutex mutex_;
    std::unique_ptr<Worker> spares_[kMost];
};

template <class Worker>
Spares<Worker>& spares() noexcept {
    static Spares<Worker> all;
    return all;
}

// What one thread encoded: runs of frames, and where each lies.
struct EncodedRun {
    std::int64_t first, count;
    std::size_t offset;
};
struct EncoderOutput {
    FrameBytes bytes;
    std::vector<EncodedRun> runs;
};

// Brings the codestreams of all threads into frame order.
Status gather(std::vector<EncoderOutput>& outputs, EncodedVolume& encoded) noexcept {
    encoded.length = 0;
    for (Extent& extent : encoded.extents) {
        extent.offset = encoded.length;
        encoded.length += extent.length;
    }
    if (outputs.size() == 1) {
        encoded.bytes = std::move(outputs[0].bytes.bytes);
        return success();
    }
    if (!encoded.bytes.reserve(encoded.length)) return kNoMemory;
    for (const EncoderOutput& output : outputs) {
        for (const EncodedRun& run : output.runs) {
            const Extent& first = encoded.extents[static_cast<std::size_t>(run.first)];
            const Extent& last =
                encoded.extents[static_cast<std::size_t>(run.first + run.count - 1)];
            std::memcpy(encoded.bytes.data() + first.offset, output.bytes.bytes.data() + run.offset,
                        last.offset + last.length - first.offset);
        }
    }
    return success();
}

// Room for what a thread will write, as far as its first frame tells: growing bit by bit would
// copy.
void foresee(FrameBytes& bytes, std::int64_t frames) noexcept {
    const std::size_t expected = bytes.length * static_cast<std::size_t>(frames);
    // If there is no memory for all, frames may still find enough one by one.
    static_cast<void>(
        bytes.bytes.reserve(expected + expected / 8 + kMaxSegmentBytes, bytes.length));
}

VolumeReport encode_or_throw(const ConstVolume& volume, const EncodeOptions& options, int threads,
                             EncodedVolume& encoded) {
    encoded.length = 0;
    encoded.extents.assign(static_cast<std::size_t>(volume.frames), {});
    if (volume.frames == 0) return {};
    threads = static_cast<int>(std::clamp<std::int64_t>(threads, 1, volume.frames));
    std::vector<EncoderOutput> outputs(static_cast<std::size_t>(threads));
    std::vector<std::unique_ptr<FrameEncoder>> encoders(static_cast<std::size_t>(threads));
    for (std::unique_ptr<FrameEncoder>& encoder : encoders) {
        encoder = spares<FrameEncoder>().take();
        if (encoder == nullptr) return failure(kNoMemory, 0);
        if (Status status = encoder->prepare(volume, options); !status.ok())
            return failure(status, 0);
    }
    const std::int64_t grain = grain_of(volume.frames, threads);
    for (EncoderOutput& output : outputs)
        output.runs.reserve(static_cast<std::size_t>((volume.frames + grain - 1) / grain));
    FailureLog log(volume.frames);
    share_out(volume.frames, grain, threads, log.limit(),
              [&](int worker, std::int64_t first, std::int64_t last) noexcept {
                  EncoderOutput& output = outputs[static_cast<std::size_t>(worker)];
                  output.runs.push_back({first, last - first, output.bytes.length});
                  for (std::int64_t i = first; i < last; ++i) {
                      const std::size_t start = output.bytes.length;
                      const Status status = encoders[static_cast<std::size_t>(worker)]->encode(
                          volume, i, output.bytes);
                      if (!status.ok()) return log.add(i, status);
                      encoded.extents[static_cast<std::size_t>(i)].length =
                          output.bytes.length - start;
                      if (start == 0) foresee(output.bytes, volume.frames / threads + 1);
                  }
              });
    for (std::unique_ptr<FrameEncoder>& encoder : encoders)
        spares<FrameEncoder>().give(std::move(encoder));
    if (log.report().ok())
        if (Status status = gather(outputs, encoded); !status.ok()) return failure(status, 0);
    return log.report();
}

VolumeReport decode_or_throw(span<const std::uint8_t> bytes, span<const Extent> extents,
                             const DecodeOptions& options, int threads, const Volume& volume) {
    if (static_cast<std::int64_t>(extents.size()) != volume.frames)
        return failure(
            {Fault::bad_argument, "as many codestreams as frames are needed", Status::kNowhere}, 0);
    threads = static_cast<int>(
        std::clamp<std::int64_t>(threads, 1, std::max<std::int64_t>(volume.frames, 1)));
    std::vector<std::unique_ptr<FrameDecoder>> decoders(static_cast<std::size_t>(threads));
    for (std::unique_ptr<FrameDecoder>& decoder : decoders) {
        decoder = spares<FrameDecoder>().take();
        if (decoder == nullptr) return failure(kNoMemory, 0);
    }
    FailureLog log(volume.frames);
    share_out(
        volume.frames, grain_of(volume.frames, threads), threads, log.limit(),
        [&](int worker, std::int64_t first, std::int64_t last) noexcept {
            for (std::int64_t i = first; i < last; ++i) {
                const Extent& extent = extents[static_cast<std::size_t>(i)];
                Status status{Fault::bad_argument, "the codestream reaches outside its buffer",
                              Status::kNowhere};
                if (extent.offset <= bytes.size() && extent.length <= bytes.size() - extent.offset)
                    status = decoders[static_cast<std::size_t>(worker)]->decode(
                        bytes.subspan(extent.offset, extent.length), options, volume, i);
                if (status.fault == Fault::unsupported) {
                    if (!log.add_unsupported(i, status)) return log.add(i, kNoMemory);
                } else if (!status.ok()) {
                    return log.add(i, status);
                }
            }
        });
    for (std::unique_ptr<FrameDecoder>& decoder : decoders)
        spares<FrameDecoder>().give(std::move(decoder));
    VolumeReport& report = log.report();
    std::sort(report.unsupported_frames.begin(), report.unsupported_frames.end());
    return report;
}

}  // namespace

VolumeReport encode_volume(const ConstVolume& volume, const EncodeOptions& options, int threads,
                           EncodedVolume& encoded) noexcept {
    try {
        return encode_or_throw(volume, options, threads, encoded);
    } catch (const std::bad_alloc&) {
        return failure(kNoMemory, 0);
    }
}

VolumeReport decode_volume(span<const std::uint8_t> bytes, span<const Extent> extents,
                           const DecodeOptions& options, int threads,
                           const Volume& volume) noexcept {
    try {
        return decode_or_throw(bytes, extents, options, threads, volume);
    } catch (const std::bad_alloc&) {
        return failure(kNoMemory, 0);
    }
}

}  // namespace dicube::jph

#include "jph/volume.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

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

// A worker for each thread, borrowed as long as this lives; incomplete without memory.
template <class Worker>
class Crew {
  public:
    explicit Crew(int size) : workers_(static_cast<std::size_t>(size)) {
        for (std::unique_ptr<Worker>& worker : workers_) worker = spares<Worker>().take();
    }
    ~Crew() {
        for (std::unique_ptr<Worker>& worker : workers_)
            if (worker != nullptr) spares<Worker>().give(std::move(worker));
    }
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    bool complete() const noexcept {
        return std::all_of(workers_.begin(), workers_.end(),
                           [](const auto& worker) { return worker != nullptr; });
    }
    Worker& operator[](int index) noexcept { return *workers_[static_cast<std::size_t>(index)]; }

  private:
    std::vector<std::unique_ptr<Worker>> workers_;
};

int useful_threads(int threads, std::int64_t frames) noexcept {
    return static_cast<int>(
        std::clamp<std::int64_t>(threads, 1, std::max<std::int64_t>(frames, 1)));
}

// Codestreams of neighbouring frames in the output of a thread.
struct EncodedRun {
    std::int64_t first, count;
    std::size_t offset;
};

struct EncodeWorker {
    // What is kept between calls; more goes back at once.
    static constexpr std::size_t kKept = std::size_t{1} << 26;

    FrameEncoder encoder;
    FrameDecoder decoder;  // to verify with
    FrameBytes output;
    std::vector<EncodedRun> runs;

    void start(std::int64_t most_runs) {
        output.length = 0;
        runs.clear();
        runs.reserve(static_cast<std::size_t>(most_runs));
    }
    void finish() noexcept {
        if (output.bytes.capacity() > kKept) output.bytes = {};
    }
};

// Room for what a thread will write, as far as its first frame tells: growing bit by bit would
// copy.
void foresee(FrameBytes& bytes, std::int64_t frames) noexcept {
    const std::size_t expected = bytes.length * static_cast<std::size_t>(frames);
    // If there is no memory for all, frames may still find enough one by one.
    static_cast<void>(
        bytes.bytes.reserve(expected + expected / 8 + kMaxSegmentBytes, bytes.length));
}

// Brings the codestreams of all threads into frame order.
Status gather(Crew<EncodeWorker>& crew, int threads, EncodedVolume& encoded) noexcept {
    encoded.length = 0;
    for (Extent& extent : encoded.extents) {
        extent.offset = encoded.length;
        encoded.length += extent.length;
    }
    if (threads == 1) {
        encoded.bytes = std::exchange(crew[0].output.bytes, {});
        return success();
    }
    if (!encoded.bytes.reserve(encoded.length)) return kNoMemory;
    const std::atomic<std::int64_t> no_limit{threads};
    share_out(threads, 1, threads, no_limit, [&](int, std::int64_t index, std::int64_t) noexcept {
        EncodeWorker& worker = crew[static_cast<int>(index)];
        for (const EncodedRun& run : worker.runs) {
            const Extent& first = encoded.extents[static_cast<std::size_t>(run.first)];
            const Extent& last =
                encoded.extents[static_cast<std::size_t>(run.first + run.count - 1)];
            std::memcpy(encoded.bytes.data() + first.offset,
                        worker.output.bytes.data() + run.offset,
                        last.offset + last.length - first.offset);
        }
    });
    return success();
}

VolumeReport encode_or_throw(const ConstVolume& volume, const EncodeOptions& options, int threads,
                             EncodedVolume& encoded) {
    encoded.length = 0;
    encoded.extents.assign(static_cast<std::size_t>(volume.frames), {});
    if (volume.frames == 0) return {};
    threads = useful_threads(threads, volume.frames);
    const std::int64_t grain = grain_of(volume.frames, threads);
    Crew<EncodeWorker> crew(threads);
    if (!crew.complete()) return failure(kNoMemory, 0);
    for (int i = 0; i < threads; ++i) {
        crew[i].start((volume.frames + grain - 1) / grain);
        if (Status status = crew[i].encoder.prepare(volume, options); !status.ok())
            return failure(status, 0);
    }
    FailureLog log(volume.frames);
    share_out(volume.frames, grain, threads, log.limit(),
              [&](int index, std::int64_t first, std::int64_t last) noexcept {
                  EncodeWorker& worker = crew[index];
                  FrameBytes& output = worker.output;
                  worker.runs.push_back({first, last - first, output.length});
                  for (std::int64_t i = first; i < last; ++i) {
                      const std::size_t start = output.length;
                      Status status = worker.encoder.encode(volume, i, output);
                      const span<const std::uint8_t> codestream{output.bytes.data() + start,
                                                                output.length - start};
                      if (status.ok() && options.verify)
                          status = worker.decoder.compare(codestream, volume, i);
                      if (!status.ok()) return log.add(i, status);
                      encoded.extents[static_cast<std::size_t>(i)].length = codestream.size();
                      if (start == 0) foresee(output, volume.frames / threads + 1);
                  }
              });
    const Status gathered = log.report().ok() ? gather(crew, threads, encoded) : success();
    for (int i = 0; i < threads; ++i) crew[i].finish();
    return gathered.ok() ? log.report() : failure(gathered, 0);
}

VolumeReport decode_or_throw(span<const std::uint8_t> bytes, span<const Extent> extents,
                             const DecodeOptions& options, int threads, const Volume& volume) {
    const std::int64_t frames = volume.frames;
    if (static_cast<std::int64_t>(extents.size()) != frames)
        return failure(
            {Fault::bad_argument, "as many codestreams as frames are needed", Status::kNowhere}, 0);
    threads = useful_threads(threads, frames);
    Crew<FrameDecoder> crew(threads);
    if (!crew.complete()) return failure(kNoMemory, 0);
    FailureLog log(frames);
    share_out(
        frames, grain_of(frames, threads), threads, log.limit(),
        [&](int worker, std::int64_t first, std::int64_t last) noexcept {
            for (std::int64_t i = first; i < last; ++i) {
                const Extent& extent = extents[static_cast<std::size_t>(i)];
                Status status{Fault::bad_argument, "the codestream reaches outside its buffer",
                              Status::kNowhere};
                if (extent.offset <= bytes.size() && extent.length <= bytes.size() - extent.offset)
                    status = crew[worker].decode(bytes.subspan(extent.offset, extent.length),
                                                 options, volume, i);
                if (status.fault == Fault::unsupported) {
                    if (!log.add_unsupported(i, status)) return log.add(i, kNoMemory);
                } else if (!status.ok()) {
                    return log.add(i, status);
                }
            }
        });
    VolumeReport& report = log.report();
    std::sort(report.unsupported_frames.begin(), report.unsupported_frames.end());
    return std::move(report);
}

// No exception leaves this file.
template <class Function>
VolumeReport without_exceptions(const Function& function) noexcept {
    try {
        return function();
    } catch (const std::bad_alloc&) {
        return failure(kNoMemory, 0);
    }
}

}  // namespace

VolumeReport encode_volume(const ConstVolume& volume, const EncodeOptions& options, int threads,
                           EncodedVolume& encoded) noexcept {
    return without_exceptions([&] { return encode_or_throw(volume, options, threads, encoded); });
}

VolumeReport decode_volume(span<const std::uint8_t> bytes, span<const Extent> extents,
                           const DecodeOptions& options, int threads,
                           const Volume& volume) noexcept {
    return without_exceptions(
        [&] { return decode_or_throw(bytes, extents, options, threads, volume); });
}

}  // namespace dicube::jph

// What encoding and decoding a volume are for every codec: frames go out to the workers of a crew,
// codestreams come together in frame order, and the lowest frame that fails is reported.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "base/span.hpp"
#include "volume/crew.hpp"
#include "volume/types.hpp"
#include "volume/workers.hpp"

namespace dicube {

constexpr Status kNoMemory{Fault::out_of_memory, "no memory for the frames", Status::kNowhere};

inline int useful_threads(int threads, std::int64_t frames) noexcept {
    return static_cast<int>(
        std::clamp<std::int64_t>(threads, 1, std::max<std::int64_t>(frames, 1)));
}

// Small frames are handed out several at a time, so that threads do not meet at the counter, and
// enough ranges are left that all threads end together.
inline std::int64_t grain_of(std::int64_t frames, int threads) noexcept {
    return std::clamp<std::int64_t>(frames / (std::int64_t{threads} * 8), 1, 64);
}

// Codestreams of neighbouring frames in the output of a thread.
struct EncodedRun {
    std::int64_t first, count;
    std::size_t offset;
};

// What a worker that encodes writes to.
struct EncoderOutput {
    // What is kept between calls; more goes back at once.
    static constexpr std::size_t kKept = std::size_t{1} << 26;

    FrameBytes streams;
    std::vector<EncodedRun> runs;

    void start(std::int64_t most_runs) {
        streams.length = 0;
        runs.clear();
        runs.reserve(static_cast<std::size_t>(most_runs));
    }
    // Room for what a thread will write, as far as its first frames tell: growing bit by bit would
    // copy. If there is no memory for all, frames may still find enough one by one.
    void foresee(std::int64_t done, std::int64_t frames, std::size_t slack) noexcept {
        const std::size_t expected =
            streams.length / static_cast<std::size_t>(done) * static_cast<std::size_t>(frames);
        static_cast<void>(streams.bytes.reserve(expected + expected / 8 + slack, streams.length));
    }
    void finish() noexcept {
        if (streams.bytes.capacity() > kKept) streams.bytes = {};
    }
};

// Brings the codestreams of all threads into frame order. Workers have an EncoderOutput `output`.
template <class Worker>
Status gather(Crew<Worker>& crew, EncodedVolume& encoded) noexcept {
    encoded.length = 0;
    for (Extent& extent : encoded.extents) {
        extent.offset = encoded.length;
        encoded.length += extent.length;
    }
    if (crew.size() == 1) {
        encoded.bytes = std::exchange(crew[0].output.streams.bytes, {});
        return success();
    }
    if (!encoded.bytes.reserve(encoded.length)) return kNoMemory;
    const std::atomic<std::int64_t> no_limit{crew.size()};
    share_out(crew.size(), 1, crew.size(), no_limit,
              [&](int, std::int64_t index, std::int64_t) noexcept {
                  EncoderOutput& output = crew[static_cast<int>(index)].output;
                  for (const EncodedRun& run : output.runs) {
                      const Extent& first = encoded.extents[static_cast<std::size_t>(run.first)];
                      const Extent& last =
                          encoded.extents[static_cast<std::size_t>(run.first + run.count - 1)];
                      std::memcpy(encoded.bytes.data() + first.offset,
                                  output.streams.bytes.data() + run.offset,
                                  last.offset + last.length - first.offset);
                  }
              });
    return success();
}

// `prepare(worker)` before the first frame; `encode(worker, first, last, extents, log)` appends the
// codestreams of some frames to worker.output.streams and sets the lengths of their extents.
template <class Worker, class Prepare, class Encode>
VolumeReport encode_in_crew(std::int64_t frames, std::int64_t grain, int threads, std::size_t slack,
                            EncodedVolume& encoded, const Prepare& prepare, const Encode& encode) {
    encoded.length = 0;
    encoded.extents.assign(static_cast<std::size_t>(frames), {});
    if (frames == 0) return {};
    threads = useful_threads(threads, frames);
    Crew<Worker> crew(threads);
    if (!crew.complete()) return failure(kNoMemory, 0);
    for (int i = 0; i < threads; ++i) {
        crew[i].output.start((frames + grain - 1) / grain);
        if (Status status = prepare(crew[i]); !status.ok()) return failure(status, 0);
    }
    FailureLog log(frames);
    share_out(frames, grain, threads, log.limit(),
              [&](int index, std::int64_t first, std::int64_t last) noexcept {
                  Worker& worker = crew[index];
                  EncoderOutput& output = worker.output;
                  const std::size_t start = output.streams.length;
                  output.runs.push_back({first, last - first, start});
                  encode(worker, first, last, encoded.extents.data(), log);
                  if (start == 0 && output.streams.length > 0)
                      output.foresee(last - first, frames / threads + grain, slack);
              });
    const Status gathered = log.report().ok() ? gather(crew, encoded) : success();
    for (int i = 0; i < threads; ++i) crew[i].output.finish();
    return gathered.ok() ? std::move(log.report()) : failure(gathered, 0);
}

// Adds what became of a frame to the log. False: it failed, and its worker may stop.
inline bool log_decoded(FailureLog& log, std::int64_t frame, const Status& status) noexcept {
    if (status.ok()) return true;
    if (status.fault == Fault::unsupported) {
        if (log.add_unsupported(frame, status)) return true;
        log.add(frame, kNoMemory);
    } else {
        log.add(frame, status);
    }
    return false;
}

// `decode(worker, first, last, log)` decodes some frames and logs those that failed.
template <class Worker, class Decode>
VolumeReport decode_in_crew(std::int64_t frames, std::int64_t grain, int threads,
                            std::size_t codestreams, const Decode& decode) {
    if (static_cast<std::int64_t>(codestreams) != frames)
        return failure(
            {Fault::bad_argument, "as many codestreams as frames are needed", Status::kNowhere}, 0);
    threads = useful_threads(threads, frames);
    Crew<Worker> crew(threads);
    if (!crew.complete()) return failure(kNoMemory, 0);
    FailureLog log(frames);
    share_out(frames, grain, threads, log.limit(),
              [&](int index, std::int64_t first, std::int64_t last) noexcept {
                  decode(crew[index], first, last, log);
              });
    VolumeReport& report = log.report();
    std::sort(report.unsupported_frames.begin(), report.unsupported_frames.end());
    return std::move(report);
}

// The codestream of a frame; false: it reaches outside its buffer.
inline bool cut_out(span<const std::uint8_t> bytes, const Extent& extent,
                    span<const std::uint8_t>& codestream) noexcept {
    if (extent.offset > bytes.size() || extent.length > bytes.size() - extent.offset) return false;
    codestream = bytes.subspan(extent.offset, extent.length);
    return true;
}
constexpr Status kOutsideBuffer{Fault::bad_argument, "the codestream reaches outside its buffer",
                                Status::kNowhere};

// No exception leaves a codec.
template <class Function>
VolumeReport without_exceptions(const Function& function) noexcept {
    try {
        return function();
    } catch (const std::bad_alloc&) {
        return failure(kNoMemory, 0);
    }
}

}  // namespace dicube

#include "jxl/volume.hpp"

#include <cstring>
#include <exception>

#include "jxl/frame_decoder.hpp"
#include "jxl/frame_encoder.hpp"
#include "volume/coding.hpp"

namespace dicube::jxl {
namespace {

struct EncodeWorker {
    FrameEncoder encoder;
    FrameDecoder decoder;  // to verify with
    Buffer<std::uint8_t> decoded;
    EncoderOutput output;
};

bool are_equal(const ConstVolume& volume, std::int64_t frame, const Volume& dense,
               std::int64_t dense_frame) noexcept {
    const auto bytes = static_cast<std::size_t>(dense.sample_stride);
    const bool has_dense_rows =
        volume.column_stride == dense.column_stride &&
        (volume.samples == 1 || volume.sample_stride == dense.sample_stride);
    for (std::int64_t y = 0; y < volume.rows; ++y) {
        const std::uint8_t* const row =
            volume.data + frame * volume.frame_stride + y * volume.row_stride;
        const std::uint8_t* const other =
            dense.data + dense_frame * dense.frame_stride + y * dense.row_stride;
        if (has_dense_rows) {
            if (std::memcmp(row, other, static_cast<std::size_t>(dense.row_stride)) != 0)
                return false;
            continue;
        }
        for (std::int64_t x = 0; x < volume.columns; ++x)
            for (std::int64_t s = 0; s < volume.samples; ++s)
                if (std::memcmp(row + x * volume.column_stride + s * volume.sample_stride,
                                other + x * dense.column_stride + s * dense.sample_stride,
                                bytes) != 0)
                    return false;
    }
    return true;
}

// Decodes the frames that were just encoded, and compares them.
void verify(EncodeWorker& worker, const ConstVolume& volume, std::int64_t first, std::int64_t last,
            std::size_t start, const Extent* extents, FailureLog& log) {
    constexpr Status kMismatch{Fault::mismatch, "the codestream decodes to other samples",
                               Status::kNowhere};
    const auto count = static_cast<std::size_t>(last - first);
    const std::int64_t samples = (last - first) * volume.rows * volume.columns * volume.samples;
    if (!worker.decoded.reserve(static_cast<std::size_t>(samples * sample_bytes(volume.type))))
        return log.add(first, kNoMemory);
    const Volume dense = dense_volume(worker.decoded.data(), volume.type, last - first, volume.rows,
                                      volume.columns, volume.samples);
    span<const std::uint8_t> codestreams[kMostLanes];
    Status statuses[kMostLanes];
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t length = extents[static_cast<std::size_t>(first) + i].length;
        codestreams[i] = {worker.output.streams.bytes.data() + start, length};
        start += length;
    }
    worker.decoder.decode({codestreams, count}, dense, 0, true, statuses);
    for (std::size_t i = 0; i < count; ++i) {
        const std::int64_t frame = first + static_cast<std::int64_t>(i);
        if (statuses[i].ok() && are_equal(volume, frame, dense, static_cast<std::int64_t>(i)))
            continue;
        return log.add(frame, kMismatch);
    }
}

}  // namespace

Status learn_model(const ConstVolume& volume, const ModelOptions& options,
                   VolumeModel& model) noexcept {
    try {
        return model.learn(volume, options);
    } catch (const std::bad_alloc&) {
        return kNoMemory;
    }
}

VolumeReport encode_volume(const ConstVolume& volume, const VolumeModel& model, bool verifies,
                           int threads, EncodedVolume& encoded) noexcept {
    const auto prepare = [&](EncodeWorker& worker) {
        worker.encoder.prepare(volume, model);
        return success();
    };
    const auto encode = [&](EncodeWorker& worker, std::int64_t first, std::int64_t last,
                            Extent* extents, FailureLog& log) noexcept {
        try {
            const std::size_t start = worker.output.streams.length;
            const Status status =
                worker.encoder.encode(first, last, worker.output.streams, extents);
            if (!status.ok()) return log.add(first, status);
            if (verifies) verify(worker, volume, first, last, start, extents, log);
        } catch (const std::exception&) {  // bad_alloc, or the length_error of a vector
            log.add(first, kNoMemory);
        }
    };
    return without_exceptions([&] {
        FrameEncoder probe;
        probe.prepare(volume, model);
        return encode_in_crew<EncodeWorker>(volume.frames, probe.frames_at_once(), threads, 0,
                                            encoded, prepare, encode);
    });
}

VolumeReport decode_volume(span<const std::uint8_t> bytes, span<const Extent> extents,
                           bool decodes_all, int threads, const Volume& volume) noexcept {
    const auto decode = [&](FrameDecoder& decoder, std::int64_t first, std::int64_t last,
                            FailureLog& log) noexcept {
        span<const std::uint8_t> codestreams[kMostLanes];
        Status statuses[kMostLanes];
        const auto count = static_cast<std::size_t>(last - first);
        for (std::size_t i = 0; i < count; ++i)
            if (!cut_out(bytes, extents[static_cast<std::size_t>(first) + i], codestreams[i]))
                statuses[i] = kOutsideBuffer;
            else if (codestreams[i].empty())
                statuses[i] = damaged("no JPEG XL codestream", 0);
        try {
            decoder.decode({codestreams, count}, volume, first, decodes_all, statuses);
        } catch (const std::exception&) {  // bad_alloc, or the length_error of a vector
            return log.add(first, kNoMemory);
        }
        for (std::size_t i = 0; i < count; ++i)
            if (!log_decoded(log, first + static_cast<std::int64_t>(i), statuses[i])) return;
    };
    return without_exceptions([&] {
        return decode_in_crew<FrameDecoder>(volume.frames, kMostLanes, threads, extents.size(),
                                            decode);
    });
}

}  // namespace dicube::jxl

#include "jph/volume.hpp"

#include "jph/frame_decoder.hpp"
#include "jph/frame_encoder.hpp"
#include "volume/coding.hpp"

namespace dicube::jph {
namespace {

struct EncodeWorker {
    FrameEncoder encoder;
    FrameDecoder decoder;  // to verify with
    EncoderOutput output;
};

}  // namespace

VolumeReport encode_volume(const ConstVolume& volume, const EncodeOptions& options, int threads,
                           EncodedVolume& encoded) noexcept {
    const auto prepare = [&](EncodeWorker& worker) {
        return worker.encoder.prepare(volume, options);
    };
    const auto encode = [&](EncodeWorker& worker, std::int64_t first, std::int64_t last,
                            Extent* extents, FailureLog& log) noexcept {
        FrameBytes& output = worker.output.streams;
        for (std::int64_t i = first; i < last; ++i) {
            const std::size_t start = output.length;
            Status status = worker.encoder.encode(volume, i, output);
            const span<const std::uint8_t> codestream{output.bytes.data() + start,
                                                      output.length - start};
            if (status.ok() && options.verify)
                status = worker.decoder.compare(codestream, volume, i);
            if (!status.ok()) return log.add(i, status);
            extents[i].length = codestream.size();
        }
    };
    return without_exceptions([&] {
        const std::int64_t grain = grain_of(volume.frames, useful_threads(threads, volume.frames));
        return encode_in_crew<EncodeWorker>(volume.frames, grain, threads, kMaxSegmentBytes,
                                            encoded, prepare, encode);
    });
}

VolumeReport decode_volume(span<const std::uint8_t> bytes, span<const Extent> extents,
                           const DecodeOptions& options, int threads,
                           const Volume& volume) noexcept {
    const auto decode = [&](FrameDecoder& decoder, std::int64_t first, std::int64_t last,
                            FailureLog& log) noexcept {
        for (std::int64_t i = first; i < last; ++i) {
            span<const std::uint8_t> codestream;
            const Status status = cut_out(bytes, extents[static_cast<std::size_t>(i)], codestream)
                                      ? decoder.decode(codestream, options, volume, i)
                                      : kOutsideBuffer;
            if (!log_decoded(log, i, status)) return;
        }
    };
    return without_exceptions([&] {
        const std::int64_t grain = grain_of(volume.frames, useful_threads(threads, volume.frames));
        return decode_in_crew<FrameDecoder>(volume.frames, grain, threads, extents.size(), decode);
    });
}

}  // namespace dicube::jph

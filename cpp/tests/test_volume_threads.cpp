// Whole volumes with several threads: the same bytes and samples, and nothing for ThreadSanitizer
// (`make tsan`) to complain about.
#include <algorithm>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "jph/frame_decoder.hpp"
#include "jph/volume.hpp"
#include "tests/check.hpp"

namespace dicube::jph {
namespace {

constexpr int kThreadCounts[] = {1, 2, 4, 7};

struct Frames {
    Frames(SampleType sample_type, std::int64_t width, std::int64_t count, std::int64_t side,
           std::int64_t samples_per_pixel)
        : bytes(static_cast<std::size_t>(width * count * side * side * samples_per_pixel)) {
        layout.type = sample_type;
        layout.frames = count;
        layout.rows = layout.columns = side;
        layout.samples = samples_per_pixel;
        layout.sample_stride = width;
        layout.column_stride = width * samples_per_pixel;
        layout.row_stride = layout.column_stride * side;
        layout.frame_stride = layout.row_stride * side;
    }

    template <class AnyVolume>
    AnyVolume view() {
        AnyVolume volume;
        volume.type = layout.type;
        volume.frames = layout.frames;
        volume.rows = layout.rows;
        volume.columns = layout.columns;
        volume.samples = layout.samples;
        volume.frame_stride = layout.frame_stride;
        volume.row_stride = layout.row_stride;
        volume.column_stride = layout.column_stride;
        volume.sample_stride = layout.sample_stride;
        volume.data = bytes.data();
        return volume;
    }

    Volume layout;
    std::vector<std::uint8_t> bytes;
};

// Every third byte, so that values are neither smooth nor pure noise.
void fill(Frames& frames, unsigned seed) {
    std::mt19937 random(seed);
    for (std::size_t i = 0; i < frames.bytes.size(); i += 3) {
        frames.bytes[i] = static_cast<std::uint8_t>(random() % 32);
    }
}

void check_round_trip(Frames& frames, const EncodeOptions& options) {
    std::vector<std::uint8_t> expected;
    for (const int threads : kThreadCounts) {
        EncodedVolume encoded;
        CHECK_OK(encode_volume(frames.view<ConstVolume>(), options, threads, encoded).status);
        const std::vector<std::uint8_t> bytes(encoded.bytes.data(),
                                              encoded.bytes.data() + encoded.length);
        if (!expected.empty()) CHECK(bytes == expected);
        expected = bytes;

        Frames decoded = frames;
        decoded.bytes.assign(frames.bytes.size(), 0xA5);
        const VolumeReport report = decode_volume({encoded.bytes.data(), encoded.length},
                                                  {encoded.extents.data(), encoded.extents.size()},
                                                  {}, threads, decoded.view<Volume>());
        CHECK_OK(report.status);
        CHECK(decoded.bytes == frames.bytes);
    }
}

TEST("a frame that decodes to other samples than were encoded is a mismatch, in any layout") {
    for (const std::int64_t samples : {1, 3}) {
        Frames frames(SampleType::u16, 2, 1, 40, samples);
        fill(frames, 9);
        EncodedVolume encoded;
        EncodeOptions options;
        options.verify = true;
        CHECK_OK(encode_volume(frames.view<ConstVolume>(), options, 1, encoded).status);
        const span<const std::uint8_t> codestream{encoded.bytes.data(), encoded.length};
        FrameDecoder decoder;
        for (const bool turned : {false, true}) {
            Frames changed = frames;
            auto view = changed.view<ConstVolume>();
            if (turned) {  // the same samples, seen from the last row and column
                std::vector<std::uint8_t> reversed(changed.bytes.size());
                const std::size_t pixel = static_cast<std::size_t>(changed.layout.column_stride);
                for (std::size_t at = 0; at < reversed.size(); at += pixel)
                    std::copy_n(&changed.bytes[at], pixel, &reversed[reversed.size() - pixel - at]);
                changed.bytes = reversed;
                view.data = changed.bytes.data() + changed.bytes.size() - pixel;
                view.row_stride = -view.row_stride;
                view.column_stride = -view.column_stride;
            }
            CHECK_OK(decoder.compare(codestream, view, 0));
            for (const std::size_t at :
                 {std::size_t{0}, changed.bytes.size() / 2, changed.bytes.size() - 1}) {
                changed.bytes[at] ^= 1;
                CHECK_FAULT(decoder.compare(codestream, view, 0), Fault::mismatch);
                changed.bytes[at] ^= 1;
            }
        }
    }
}

TEST("any number of threads writes the same bytes and reads the same samples") {
    Frames grey(SampleType::u16, 2, 9, 100, 1);
    fill(grey, 1);
    check_round_trip(grey, {});

    Frames wide(SampleType::i32, 4, 5, 40, 1);
    fill(wide, 2);
    check_round_trip(wide, {});

    Frames colour(SampleType::u8, 1, 5, 70, 3);
    fill(colour, 3);
    EncodeOptions options;
    options.colour_transform = true;
    check_round_trip(colour, options);
}

TEST("callers on several threads do not disturb each other") {
    std::vector<std::thread> callers;
    for (unsigned seed = 0; seed < 4; ++seed) {
        callers.emplace_back([seed] {
            Frames frames(SampleType::i16, 2, 4, 64, 1);
            fill(frames, seed);
            check_round_trip(frames, {});
        });
    }
    for (std::thread& caller : callers) caller.join();
}

TEST("of several damaged frames the lowest is reported, whatever the threads") {
    Frames frames(SampleType::u16, 2, 12, 64, 1);
    fill(frames, 4);
    EncodedVolume encoded;
    CHECK_OK(encode_volume(frames.view<ConstVolume>(), {}, 2, encoded).status);
    for (const std::size_t frame : {std::size_t{5}, std::size_t{6}, std::size_t{11}}) {
        encoded.extents[frame].length /= 2;
    }
    for (const int threads : kThreadCounts) {
        const VolumeReport report = decode_volume({encoded.bytes.data(), encoded.length},
                                                  {encoded.extents.data(), encoded.extents.size()},
                                                  {}, threads, frames.view<Volume>());
        CHECK_FAULT(report.status, Fault::damaged);
        CHECK_EQUAL(report.frame, 5);
    }
}

}  // namespace
}  // namespace dicube::jph

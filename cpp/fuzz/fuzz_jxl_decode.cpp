// Fuzz target: any bytes at all go through the JPEG XL decoders.
//
// Sanitizers watch for reads and writes out of bounds and undefined behaviour. Whatever decodes has
// the shape and the depth that its header tells, and the lane kernels read it as the general
// decoder does.
#include <cstdint>
#include <vector>

#include "fuzz/promise.hpp"
#include "jxl/frame.hpp"
#include "jxl/volume.hpp"

namespace {

// Larger frames would only make the fuzzer slow.
constexpr std::size_t kMostSamples = std::size_t{1} << 16;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dicube;
    // In memory of just its size, so that the address sanitizer sees every step beyond.
    const std::vector<std::uint8_t> codestream(data, data + size);
    const span<const std::uint8_t> bytes{codestream.data(), codestream.size()};
    jxl::Frame frame;
    const bool is_open = frame.open(bytes, kMostSamples).ok();
    const bool is_decoded = is_open && frame.decode().ok() && frame.finish().ok();
    const jxl::FrameHeader& header = frame.header();
    const std::size_t pixels = std::size_t{header.width} * header.height;
    if (!is_open &&
        (header.channels == 0 || pixels == 0 || pixels > kMostSamples / header.channels))
        return 0;
    if (is_decoded) {
        PROMISE(frame.list().channels.size() == header.channels);
        for (const jxl::Channel& channel : frame.list().channels) {
            PROMISE(channel.samples.size() == pixels);
            for (const std::int32_t sample : channel.samples)
                PROMISE(sample >= 0 && sample >> header.bits == 0);
        }
    }
    std::vector<std::uint16_t> samples(pixels * header.channels);
    const Extent extent{0, bytes.size()};
    const VolumeReport report = jxl::decode_volume(
        bytes, {&extent, 1}, true, 1,
        dense_volume(reinterpret_cast<std::uint8_t*>(samples.data()), SampleType::u16, 1,
                     header.height, header.width, header.channels));
    PROMISE((report.ok() && report.unsupported_frames.empty()) == is_decoded);
    if (!is_decoded) return 0;
    for (std::size_t c = 0; c < header.channels; ++c)
        for (std::size_t i = 0; i < pixels; ++i)
            PROMISE(samples[i * header.channels + c] == frame.list().channels[c].samples[i]);
    return 0;
}

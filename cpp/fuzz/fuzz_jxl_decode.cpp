// Fuzz target: any bytes at all go through the JPEG XL decoder.
//
// Sanitizers watch for reads and writes out of bounds and undefined behaviour; whatever decodes has
// the shape and the depth that its header tells.
#include <cstdint>
#include <vector>

#include "fuzz/promise.hpp"
#include "jxl/frame_decoder.hpp"

namespace {

// Larger frames would only make the fuzzer slow.
constexpr std::size_t kMostSamples = std::size_t{1} << 16;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dicube;
    // In memory of just its size, so that the address sanitizer sees every step beyond.
    const std::vector<std::uint8_t> codestream(data, data + size);
    const span<const std::uint8_t> bytes{codestream.data(), codestream.size()};
    jxl::FrameHeader header, told;
    std::vector<jxl::Channel> channels;
    if (!jxl::decode_frame(bytes, kMostSamples, header, channels).ok()) return 0;
    PROMISE(jxl::read_header(bytes, told).ok());
    PROMISE(told.width == header.width && told.height == header.height);
    PROMISE(channels.size() == header.channels);
    for (const jxl::Channel& channel : channels) {
        PROMISE(channel.samples.size() == std::size_t{header.width} * header.height);
        for (const std::int32_t sample : channel.samples)
            PROMISE(sample >= 0 && sample >> header.bits == 0);
    }
    std::vector<std::uint16_t> frame(std::size_t{header.width} * header.height * header.channels);
    jxl::FrameView view;
    view.data = reinterpret_cast<std::uint8_t*>(frame.data());
    view.sample_bytes = 2;
    view.rows = header.height;
    view.columns = header.width;
    view.samples = header.channels;
    view.sample_stride = 2;
    view.column_stride = 2 * view.samples;
    view.row_stride = view.columns * view.column_stride;
    PROMISE(jxl::decode_into(bytes, view).ok());
    PROMISE(frame.back() == channels.back().samples.back());
    return 0;
}

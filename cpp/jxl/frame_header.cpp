#include "jxl/frame_header.hpp"

namespace dicube::jxl {
namespace {

struct Size {
    std::uint32_t width = 0, height = 0;
};

Size read_size(BitReader& bits) noexcept {
    const bool is_small = bits.flag();
    const auto side = [&]() {
        return is_small ? 8 * (bits.read(5) + 1) : bits.u32({9, 1}, {13, 1}, {18, 1}, {30, 1});
    };
    Size size;
    size.height = side();
    struct Ratio {
        std::uint32_t width, height;
    };
    constexpr Ratio kRatios[8] = {{0, 0}, {1, 1},  {12, 10}, {4, 3},
                                  {3, 2}, {16, 9}, {5, 4},   {2, 1}};
    const Ratio ratio = kRatios[bits.read(3)];
    size.width =
        ratio.width == 0
            ? side()
            : static_cast<std::uint32_t>(std::uint64_t{size.height} * ratio.width / ratio.height);
    return size;
}

// Bits of a sample, 0 for floating point.
int read_depth(BitReader& bits) noexcept {
    if (bits.flag()) {
        static_cast<void>(bits.u32(constant(32), constant(16), constant(24), {6, 1}));
        bits.skip(4);
        return 0;
    }
    return static_cast<int>(bits.u32(constant(8), constant(10), constant(12), {6, 1}));
}

std::uint32_t read_name_length(BitReader& bits) noexcept {
    return bits.u32(constant(0), {4, 0}, {5, 16}, {10, 48});
}

constexpr int kMostBits = 16;

Status read_extra_channel(BitReader& bits, int depth) {
    if (bits.flag()) return depth == 8 ? success() : unsupported("alpha of another depth");
    if (bits.enumeration() != 0) return unsupported("extra channels other than alpha");
    if (read_depth(bits) != depth) return unsupported("alpha of another depth");
    if (bits.u32(constant(0), constant(3), constant(4), {3, 1}) != 0)
        return unsupported("alpha of another size");
    bits.skip(std::size_t{8} * read_name_length(bits));
    bits.skip(1);  // whether colours are multiplied with it
    return success();
}

// Colour channels: 1 or 3.
Status read_colour(BitReader& bits, std::uint32_t& channels) {
    channels = 3;
    if (bits.flag()) return success();  // sRGB
    if (bits.flag()) return unsupported("an ICC profile");
    const std::uint32_t space = bits.enumeration();
    if (space > 1) return unsupported("a colour space other than RGB and gray");
    if (space == 1) channels = 1;
    constexpr std::uint32_t kCustom = 2;
    const auto skip_point = [&]() {
        for (int i = 0; i < 2; ++i)
            static_cast<void>(bits.u32({19, 0}, {19, 524288}, {20, 1048576}, {21, 2097152}));
    };
    if (bits.enumeration() == kCustom) skip_point();  // white
    if (space == 0 && bits.enumeration() == kCustom)
        for (int i = 0; i < 3; ++i) skip_point();  // primaries
    if (bits.flag())
        bits.skip(24);  // gamma
    else
        static_cast<void>(bits.enumeration());  // transfer function
    static_cast<void>(bits.enumeration());      // rendering intent
    return success();
}

Status read_metadata(BitReader& bits, FrameHeader& header) {
    if (bits.flag()) return unsupported("XYB");  // what all defaults mean
    const bool has_extra_fields = bits.flag();
    if (has_extra_fields) {
        if (bits.read(3) != 0) return unsupported("a turned image");
        if (bits.flag()) static_cast<void>(read_size(bits));  // intrinsic size
        if (bits.flag()) return unsupported("a preview");
        if (bits.flag()) return unsupported("an animation");
    }
    header.bits = read_depth(bits);
    if (header.bits == 0) return unsupported("floating point samples");
    if (header.bits > kMostBits) return unsupported("samples of more than 16 bits");
    bits.skip(1);  // a promise about buffers
    const std::uint32_t extra = bits.u32(constant(0), constant(1), {4, 2}, {12, 1});
    if (extra > 1) return unsupported("extra channels other than alpha");
    if (extra == 1)
        if (Status status = read_extra_channel(bits, header.bits); !status.ok()) return status;
    if (bits.flag()) return unsupported("XYB");
    if (Status status = read_colour(bits, header.channels); !status.ok()) return status;
    header.channels += extra;
    if (has_extra_fields && !bits.flag()) return unsupported("tone mapping");
    if (bits.u64() != 0) return unsupported("extensions");
    if (!bits.flag()) return unsupported("custom transform data");
    return success();
}

Status read_frame(BitReader& bits, FrameHeader& header, bool has_alpha) {
    const Status many_frames = unsupported("more than one frame");
    if (bits.flag()) return unsupported("VarDCT");  // what all defaults mean
    if (bits.read(2) != 0) return many_frames;      // type
    if (!bits.flag()) return unsupported("VarDCT");
    constexpr std::uint64_t kSkipSmoothing = 128;
    if ((bits.u64() & ~kSkipSmoothing) != 0) return unsupported("patches, splines or noise");
    if (bits.flag()) return unsupported("YCbCr");
    for (int i = 0; i < (has_alpha ? 2 : 1); ++i)
        if (bits.read(2) != 0) return unsupported("upsampling");
    header.group_side = 128u << bits.read(2);
    if (bits.read(2) != 0) return unsupported("several passes");
    if (bits.flag()) return unsupported("a frame of another size");
    for (int i = 0; i < (has_alpha ? 2 : 1); ++i)
        if (bits.read(2) != 0) return unsupported("blending");
    if (!bits.flag()) return many_frames;
    bits.skip(std::size_t{8} * read_name_length(bits));
    if (bits.flag() || bits.flag() || bits.read(2) != 0) return unsupported("a loop filter");
    if (bits.u64() != 0 || bits.u64() != 0) return unsupported("extensions");
    return success();
}

}  // namespace

Status FrameHeader::read(BitReader& bits) {
    const std::uint64_t start = bits.peek();
    constexpr std::uint64_t kContainer = 0x204C584A0C000000;  // of a box of 12 bytes, "JXL "
    constexpr std::uint64_t kSevenBytes = (std::uint64_t{1} << 56) - 1;
    if (((start ^ kContainer) & kSevenBytes) == 0) return unsupported("a container");
    if (bits.read(16) != 0x0AFF) return damaged("no JPEG XL codestream", 0);
    const Size size = read_size(bits);
    width = size.width;
    height = size.height;
    Status status = read_metadata(bits, *this);
    if (status.ok() && !bits.align()) status = damaged("padding is not zero");
    if (status.ok()) status = read_frame(bits, *this, channels % 2 == 0);
    if (bits.is_beyond_end()) return damaged("the header is cut short", bits.byte_position());
    if (status.ok() && (width == 0 || height == 0)) return damaged("a frame without samples");
    return status;
}

}  // namespace dicube::jxl

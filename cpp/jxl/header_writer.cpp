#include "jxl/header_writer.hpp"

namespace dicube::jxl {
namespace {

void write_side(std::int64_t side, BitWriter& bits) {
    bits.u32(static_cast<std::uint32_t>(side), {9, 1}, {13, 1}, {18, 1}, {30, 1});
}

void write_depth(int depth, BitWriter& bits) {
    bits.flag(false);  // integers
    bits.u32(static_cast<std::uint32_t>(depth), constant(8), constant(10), constant(12), {6, 1});
}

void write_enumeration(std::uint32_t value, BitWriter& bits) {
    bits.u32(value, constant(0), constant(1), {4, 2}, {6, 18});
}

void write_colour(bool is_gray, BitWriter& bits) {
    bits.flag(!is_gray);  // all defaults: sRGB
    if (!is_gray) return;
    constexpr std::uint32_t kGray = 1, kD65 = 1, kSrgbTransfer = 13, kRelative = 1;
    bits.flag(false);  // no ICC profile
    write_enumeration(kGray, bits);
    write_enumeration(kD65, bits);
    bits.flag(false);  // no gamma
    write_enumeration(kSrgbTransfer, bits);
    write_enumeration(kRelative, bits);
}

void write_metadata(const VolumeModel& model, BitWriter& bits) {
    const bool has_alpha = model.samples % 2 == 0;
    bits.flag(false);  // not all defaults
    bits.flag(false);  // no extra fields
    write_depth(model.bits, bits);
    constexpr int kNarrow = 12;
    bits.flag(model.bits <= kNarrow);  // 16-bit buffers are enough for a decoder
    bits.u32(has_alpha ? 1 : 0, constant(0), constant(1), {4, 2}, {12, 1});
    if (has_alpha) {
        const bool is_default = model.bits == 8;
        bits.flag(is_default);
        if (!is_default) {
            write_enumeration(0, bits);  // alpha
            write_depth(model.bits, bits);
            bits.write(0, 2);  // of full size
            bits.write(0, 2);  // without name
            bits.flag(false);  // colours are not multiplied with it
        }
    }
    bits.flag(false);  // not XYB
    write_colour(model.samples < 3, bits);
    bits.write(0, 2);  // no extensions
    bits.flag(true);   // transform data as usual
}

void write_frame(const VolumeModel& model, BitWriter& bits) {
    const bool has_alpha = model.samples % 2 == 0;
    bits.flag(false);                  // not all defaults
    bits.write(0, 2);                  // a regular frame
    bits.flag(true);                   // Modular
    bits.write(0, 2);                  // no flags
    bits.flag(false);                  // not YCbCr
    bits.write(0, has_alpha ? 4 : 2);  // no upsampling
    bits.write(static_cast<std::uint64_t>(model.group_shift), 2);
    bits.write(0, 2);                  // one pass
    bits.flag(false);                  // of the size of the image
    bits.write(0, has_alpha ? 4 : 2);  // replaces what was before
    bits.flag(true);                   // the last frame
    bits.write(0, 2);                  // without name
    bits.flag(false);                  // not the default loop filter,
    bits.write(0, 5);                  // but none, without extensions
    bits.write(0, 2);                  // no extensions
}

}  // namespace

void write_headers(const VolumeModel& model, BitWriter& bits) {
    bits.write(0x0AFF, 16);
    bits.flag(false);  // sizes in full
    write_side(model.rows, bits);
    bits.write(0, 3);  // the width on its own
    write_side(model.columns, bits);
    write_metadata(model, bits);
    bits.align();
    write_frame(model, bits);
}

void write_table_of_contents(const std::vector<std::size_t>& lengths, BitWriter& bits) {
    bits.flag(false);  // in the usual order
    bits.align();
    for (const std::size_t length : lengths)
        bits.u32(static_cast<std::uint32_t>(length), {10, 0}, {14, 1024}, {22, 17408},
                 {30, 4211712});
    bits.align();
}

void write_stream_header(const VolumeModel& model, bool is_global, BitWriter& bits) {
    bits.flag(true);  // the global tree
    model.weighted.write(bits);
    const auto colours = static_cast<std::uint32_t>(model.mapping.palette.size());
    const int type = model.mapping.colour_transform;
    const bool transforms = is_global && (colours > 0 || type != 0);
    bits.u32(transforms ? 1 : 0, constant(0), constant(1), {4, 2}, {8, 18});
    if (!transforms) return;
    constexpr std::uint64_t kColour = 0, kPalette = 1;
    bits.write(colours > 0 ? kPalette : kColour, 2);
    bits.write(0, 2 + 3);  // from the first channel on
    if (colours > 0) {
        bits.u32(1, constant(1), constant(3), constant(4), {13, 1});
        bits.u32(colours, {8, 0}, {10, 256}, {12, 1280}, {16, 5376});
        bits.write(0, 2);  // no deltas
        bits.write(0, 4);  // for which there would be a predictor
    } else {
        bits.u32(static_cast<std::uint32_t>(type), constant(6), {2, 0}, {4, 2}, {6, 10});
    }
}

}  // namespace dicube::jxl

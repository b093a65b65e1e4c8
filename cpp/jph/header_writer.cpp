#include "jph/header_writer.hpp"

#include <algorithm>
#include <cassert>
#include <new>

#include "jph/bytes.hpp"
#include "jph/marker_segments.hpp"

namespace dicube::jph {
namespace {

constexpr Status bad_argument(const char* what) noexcept { return {Fault::bad_argument, what}; }

// Planes that hold every coefficient of a band for samples of `bits` magnitude bits and sign, at
// most: log2 of the product of the absolute sums of the two analysis filters, which tend to 1.714
// for low and 2.860 for high and are smaller at the first levels. Roundings add to that, which only
// shows in the LL band of samples of one bit.
int planes_needed(int bits, int levels, int level, Orientation orientation) noexcept {
    if (levels == 0) return bits;
    if (orientation == Orientation::ll && bits == 1) return bits + 2;
    if (orientation == Orientation::ll || level == 1) return bits + 1;
    return orientation == Orientation::hh && level >= 6 ? bits + 3 : bits + 2;
}

// Exponents are signalled in five bits; more planes than these reach are left to the guard bits.
Quantisation lossless_quantisation(int bits, int levels) noexcept {
    Quantisation quantisation;
    std::array<int, kMaxBands> planes{};
    std::size_t entries = 0;
    planes[entries++] = planes_needed(bits, levels, levels, Orientation::ll);
    for (int level = levels; level >= 1; --level) {
        for (const auto orientation : {Orientation::hl, Orientation::lh, Orientation::hh}) {
            planes[entries++] = planes_needed(bits, levels, level, orientation);
        }
    }
    const int most = *std::max_element(planes.begin(), planes.end());
    const int guard_bits = std::max(1, most - 30);
    quantisation.guard_bits = static_cast<std::uint8_t>(guard_bits);
    quantisation.entries = static_cast<std::uint8_t>(entries);
    for (std::size_t i = 0; i < entries; ++i) {
        quantisation.exponents[i] = static_cast<std::uint8_t>(planes[i] - guard_bits + 1);
    }
    return quantisation;
}

// Ccap15 of T.814 annex A: HT blocks only, one set each, reversible; bits 0 to 4 bound the planes.
std::uint16_t ht_capabilities(const Quantisation& quantisation) noexcept {
    int most = 0;
    for (std::size_t i = 0; i < quantisation.entries; ++i) {
        most = std::max(most, quantisation.guard_bits + quantisation.exponents[i] - 1);
    }
    int bound = 0;
    if (most > 27) {
        bound = std::min(31, 19 + (most - 27 + 3) / 4);
    } else if (most > 8) {
        bound = most - 8;
    }
    return static_cast<std::uint16_t>(bound);
}

class Bytes {
  public:
    explicit Bytes(std::vector<std::uint8_t>& bytes) noexcept : bytes_(bytes) {}

    void u8(std::uint32_t value) { bytes_.push_back(static_cast<std::uint8_t>(value)); }
    void u16(std::uint32_t value) {
        u8(value >> 8);
        u8(value);
    }
    void u32(std::int64_t value) {
        u16(static_cast<std::uint32_t>(value >> 16));
        u16(static_cast<std::uint32_t>(value));
    }

  private:
    std::vector<std::uint8_t>& bytes_;
};

void put_siz(Bytes& bytes, const ImageSize& size) {
    const auto components = static_cast<std::uint32_t>(size.components);
    bytes.u16(marker::kSiz);
    bytes.u16(38 + 3 * components);
    bytes.u16(0x4000);  // Rsiz: part 15
    bytes.u32(size.image.x1);
    bytes.u32(size.image.y1);
    bytes.u32(size.image.x0);
    bytes.u32(size.image.y0);
    bytes.u32(size.first_tile.width());
    bytes.u32(size.first_tile.height());
    bytes.u32(size.first_tile.x0);
    bytes.u32(size.first_tile.y0);
    bytes.u16(components);
    for (std::uint32_t i = 0; i < components; ++i) {
        bytes.u8(static_cast<std::uint32_t>(size.bits - 1) | (size.is_signed ? 0x80U : 0U));
        bytes.u8(1);
        bytes.u8(1);
    }
}

void put_cap(Bytes& bytes, std::uint16_t capabilities) {
    bytes.u16(marker::kCap);
    bytes.u16(8);
    bytes.u32(0x20000);  // Pcap15
    bytes.u16(capabilities);
}

void put_cod(Bytes& bytes, const PacketParameters& packets, const ComponentCoding& coding) {
    bytes.u16(marker::kCod);
    bytes.u16(12);
    bytes.u8(0);  // default precincts, no SOP, no EPH
    bytes.u8(static_cast<std::uint32_t>(packets.progression));
    bytes.u16(1);
    bytes.u8(packets.colour_transform ? 1 : 0);
    bytes.u8(coding.levels);
    bytes.u8(coding.block_width_log2 - 2U);
    bytes.u8(coding.block_height_log2 - 2U);
    bytes.u8(0x40);  // HT
    bytes.u8(1);     // 5/3
}

void put_qcd(Bytes& bytes, const Quantisation& quantisation) {
    bytes.u16(marker::kQcd);
    bytes.u16(3U + quantisation.entries);
    bytes.u8(static_cast<std::uint32_t>(quantisation.guard_bits << 5));
    for (std::size_t i = 0; i < quantisation.entries; ++i) {
        bytes.u8(static_cast<std::uint32_t>(quantisation.exponents[i] << 3));
    }
}

// One entry: a tile index of two bytes and a length of four.
void put_tlm(Bytes& bytes) {
    bytes.u16(marker::kTlm);
    bytes.u16(10);
    bytes.u8(0);     // Ztlm
    bytes.u8(0x60);  // Stlm
    bytes.u16(0);
    bytes.u32(0);  // Ptlm, patched per frame
}

void put_sot(Bytes& bytes) {
    bytes.u16(marker::kSot);
    bytes.u16(10);
    bytes.u16(0);
    bytes.u32(0);  // Psot, patched per frame
    bytes.u8(0);   // TPsot
    bytes.u8(1);   // TNsot
}

}  // namespace

Status choose_parameters(const FrameFormat& format, const EncodeOptions& options,
                         MainHeader& header) noexcept {
    if (format.rows < 1 || format.columns < 1) return bad_argument("a frame without samples");
    if (format.components < 1 || format.components > kMaxComponents) {
        return bad_argument("samples per pixel are 1 to 16");
    }
    if (format.rows > kMaxSamples || format.columns > kMaxSamples ||
        format.rows * format.columns * format.components > kMaxSamples) {
        return bad_argument("a frame has at most 2^28 samples");
    }
    if (format.bits < 1 || format.bits > 32) return bad_argument("bit depths are 1 to 32");
    if (options.levels < 0 || options.levels > kMaxLevels) {
        return bad_argument("decompositions are 0 to 32");
    }
    const int width_log2 = options.block_width_log2, height_log2 = options.block_height_log2;
    if (width_log2 < 2 || width_log2 > 10 || height_log2 < 2 || height_log2 > 10 ||
        width_log2 + height_log2 > 12) {
        return bad_argument("code-block sides are 4 to 1024, their product at most 4096");
    }
    if (options.colour_transform && format.components < 3) {
        return bad_argument("the colour transform takes three samples per pixel");
    }

    header = MainHeader();
    header.size.image = {0, 0, format.columns, format.rows};
    header.size.first_tile = header.size.image;
    header.size.components = format.components;
    header.size.bits = format.bits;
    header.size.is_signed = format.is_signed;
    header.coding.packets.progression = options.progression;
    header.coding.packets.colour_transform = options.colour_transform;

    ComponentCoding coding;
    coding.levels = static_cast<std::uint8_t>(options.levels);
    coding.block_width_log2 = static_cast<std::uint8_t>(width_log2);
    coding.block_height_log2 = static_cast<std::uint8_t>(height_log2);
    coding.precinct_width_log2.fill(15);
    coding.precinct_height_log2.fill(15);
    header.coding.components.fill(coding);
    // The colour differences of the RCT take a bit more than the samples.
    const int bits = format.bits + (options.colour_transform ? 1 : 0);
    header.coding.quantisation.fill(lossless_quantisation(bits, options.levels));
    header.ht_capabilities = ht_capabilities(header.coding.quantisation[0]);
    return success();
}

Status FrameHeader::build(const MainHeader& header, bool tlm) noexcept try {
    bytes_.clear();
    Bytes bytes(bytes_);
    bytes.u16(marker::kSoc);
    put_siz(bytes, header.size);
    put_cap(bytes, header.ht_capabilities);
    put_cod(bytes, header.coding.packets, header.coding.components[0]);
    put_qcd(bytes, header.coding.quantisation[0]);
    ptlm_ = 0;
    if (tlm) {
        put_tlm(bytes);
        ptlm_ = bytes_.size() - 4;
    }
    sot_ = bytes_.size();
    put_sot(bytes);
    bytes.u16(marker::kSod);
    return success();
} catch (const std::bad_alloc&) {
    return {Fault::out_of_memory, "no memory for the headers of a codestream"};
}

void FrameHeader::set_packet_bytes(std::uint8_t* copy, std::size_t packet_bytes) const noexcept {
    const std::size_t tile_part_bytes = bytes_.size() - sot_ + packet_bytes;
    assert(tile_part_bytes <= 0xFFFFFFFF);  // 2^28 samples of 32 bits do not get there
    store_u32(copy + sot_ + 6, static_cast<std::uint32_t>(tile_part_bytes));
    if (ptlm_ != 0) store_u32(copy + ptlm_, static_cast<std::uint32_t>(tile_part_bytes));
}

}  // namespace dicube::jph

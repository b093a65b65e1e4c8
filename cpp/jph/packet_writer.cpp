#include "jph/packet_writer.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace dicube::jph {
namespace {

// Of an inclusion or a missing planes leaf that is never told: as high as it can be, so that it
// does not hold down the minima above.
constexpr std::uint16_t kNever = 0xFFFF;
constexpr int kFirstLengthBits = 3;  // T.800 B.10.7.1

int bit_length(std::uint32_t value) noexcept { return value == 0 ? 0 : 32 - __builtin_clz(value); }

bool has_coded_block(const PrecinctBand& band) noexcept {
    const std::size_t count = std::size_t{band.blocks_across} * band.blocks_down;
    return std::any_of(band.blocks, band.blocks + count,
                       [](const CodeBlock& block) { return block.coded(); });
}

bool is_empty(const Precinct& precinct) noexcept {
    return std::none_of(precinct.bands, precinct.bands + precinct.band_count, has_coded_block);
}

void plant(const PrecinctBand& band, TagTree& inclusion, TagTree& missing_planes) noexcept {
    const auto missing = static_cast<std::uint16_t>(band.planes - 1);
    const CodeBlock* block = band.blocks;
    for (std::uint32_t y = 0; y < band.blocks_down; ++y) {
        for (std::uint32_t x = 0; x < band.blocks_across; ++x, ++block) {
            // The only layer is layer 0; a value of 1 says that the block is not in it.
            inclusion.set(x, y, block->coded() ? 0 : 1);
            missing_planes.set(x, y, block->coded() ? missing : kNever);
        }
    }
    inclusion.settle();
    missing_planes.settle();
}

void write_band(HeaderBitWriter& bits, const PrecinctBand& band) noexcept {
    if (band.blocks_across == 0 || band.blocks_down == 0) return;
    TagTree inclusion = band.inclusion, missing_planes = band.missing_planes;
    plant(band, inclusion, missing_planes);
    CodeBlock* block = band.blocks;
    for (std::uint32_t y = 0; y < band.blocks_down; ++y) {
        for (std::uint32_t x = 0; x < band.blocks_across; ++x, ++block) {
            inclusion.encode(bits, x, y, 1);
            if (!block->coded()) continue;
            assert(band.planes > 0);
            block->included = true;
            block->missing_planes = static_cast<std::uint8_t>(band.planes - 1);
            missing_planes.encode(bits, x, y, band.planes);
            bits.write(0, 1);  // one pass
            const int length_bits = std::max(kFirstLengthBits, bit_length(block->cleanup_length));
            const int growth = length_bits - kFirstLengthBits;
            bits.write((1U << growth) - 1, growth);
            bits.write(0, 1);
            bits.write(block->cleanup_length, length_bits);
        }
    }
}

std::uint8_t* write_packet(const Precinct& precinct, std::uint8_t* out) noexcept {
    if (is_empty(precinct)) {
        *out++ = 0;
        return out;
    }
    HeaderBitWriter bits(out);
    bits.write(1, 1);
    for (std::size_t b = 0; b < precinct.band_count; ++b) write_band(bits, precinct.bands[b]);
    out = bits.finish();
    for (std::size_t b = 0; b < precinct.band_count; ++b) {
        const PrecinctBand& band = precinct.bands[b];
        const std::size_t count = std::size_t{band.blocks_across} * band.blocks_down;
        for (std::size_t i = 0; i < count; ++i) {
            const CodeBlock& block = band.blocks[i];
            if (!block.coded()) continue;
            std::memcpy(out, block.cleanup, block.cleanup_length);
            out += block.cleanup_length;
        }
    }
    return out;
}

}  // namespace

std::size_t packet_bytes_bound(Tile& tile) noexcept {
    // A block: 63 bits for passes and length, and up to two nodes of each tree at one bit (a row of
    // blocks has the most). A packet, for each of three bands: 38 zeros of the missing planes and
    // two nodes a level that rounding up may add. Stuffing adds a bit to fifteen.
    constexpr std::size_t kPacketBytes = 48, kBlockBytes = 10;
    std::size_t bytes = tile.precincts().size() * kPacketBytes;
    for (const CodeBlock& block : tile.blocks()) bytes += kBlockBytes + block.cleanup_length;
    return bytes;
}

std::size_t write_packets(Tile& tile, std::uint8_t* out) noexcept {
    assert(tile.packets().layers == 1);
    std::uint8_t* const begin = out;
    for (const Precinct* precinct : tile.packet_order().precincts()) {
        out = write_packet(*precinct, out);
    }
    return static_cast<std::size_t>(out - begin);
}

}  // namespace dicube::jph

// What the marker segments SIZ, COD, COC, QCD, QCC and CAP say, as values. Reading and writing of
// their bytes is left to header_reader and header_writer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "jph/types.hpp"

namespace dicube::jph {

constexpr int kMaxLevels = 32;  // T.800 table A.15
constexpr int kMaxBands = 3 * kMaxLevels + 1;
constexpr int kMaxComponents = 16;  // of this codec; the standard allows 16384
constexpr std::int64_t kMaxSamples = std::int64_t{1} << 28;  // of this codec, per frame

// SIZ, T.800 A.5.1. Components are neither sub-sampled nor of different depths (anything else is
// refused), so one rectangle and one sample type do for all of them.
struct ImageSize {
    Rect image;       // on the reference grid
    Rect first_tile;  // before it is clipped to the image
    int components = 0;
    int bits = 0;  // 1 to 38
    bool is_signed = false;

    constexpr std::int64_t tiles_across() const noexcept {
        return (image.x1 - first_tile.x0 + first_tile.width() - 1) / first_tile.width();
    }
    constexpr std::int64_t tiles_down() const noexcept {
        return (image.y1 - first_tile.y0 + first_tile.height() - 1) / first_tile.height();
    }
    constexpr std::int64_t tile_count() const noexcept { return tiles_across() * tiles_down(); }
    Rect tile(std::int64_t index) const noexcept;  // T.800 B.3, clipped to the image
};

// The part of COD that holds for all components of a tile, T.800 A.6.1.
struct PacketParameters {
    Progression progression = Progression::rpcl;
    int layers = 1;
    bool colour_transform = false;  // RCT with the reversible wavelet, ICT with the other one
    bool sop_allowed = false;
    bool eph_required = false;
};

// The part of COD or COC that a component may have for itself.
struct ComponentCoding {
    std::uint8_t levels = 0;            // decompositions
    std::uint8_t block_width_log2 = 6;  // nominal; precincts may cut it
    std::uint8_t block_height_log2 = 6;
    bool reversible = true;          // 5/3 wavelet, else 9/7
    bool vertically_causal = false;  // matters to refinement passes only
    std::array<std::uint8_t, kMaxLevels + 1> precinct_width_log2{};  // by resolution, lowest first
    std::array<std::uint8_t, kMaxLevels + 1> precinct_height_log2{};
};

// T.800 table A.28.
enum class QuantisationStyle : std::uint8_t { none = 0, derived = 1, expounded = 2 };

// QCD or QCC, T.800 A.6.4. Entries are in the order of sub-bands: LL, then HL, LH, HH from the
// lowest resolution up.
struct Quantisation {
    QuantisationStyle style = QuantisationStyle::none;
    std::uint8_t guard_bits = 1;
    std::uint8_t entries = 0;  // that were signalled; one if derived
    std::array<std::uint8_t, kMaxBands> exponents{};
    std::array<std::uint16_t, kMaxBands> mantissas{};
};

// Everything that decides about the packets and samples of a tile, precedence being resolved.
struct CodingParameters {
    PacketParameters packets;
    std::array<ComponentCoding, kMaxComponents> components;
    std::array<Quantisation, kMaxComponents> quantisation;
};

struct MainHeader {
    ImageSize size;
    CodingParameters coding;
    std::uint16_t ht_capabilities = 0;  // Ccap15, T.814 annex A
    std::size_t length = 0;             // bytes from SOC up to the first SOT

    // MULTIHT of T.814 annex A: a code-block may hold several HT sets, which are not read here.
    constexpr bool several_ht_sets() const noexcept { return (ht_capabilities & 0x2000) != 0; }
};

// A sub-band's row in the quantisation tables and what follows from it, T.800 E.1.
struct BandScale {
    int planes = 0;    // Mb, equation E-2; 0 if nothing can be coded
    float step = 1.F;  // of a quantised magnitude; 1 on the reversible path
};
// Resolution 0 has the LL band, those above the three others. `bits` are those of a sample.
BandScale band_scale(const Quantisation& quantisation, int resolution, Orientation orientation,
                     int bits) noexcept;

}  // namespace dicube::jph

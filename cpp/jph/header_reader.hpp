// The marker segments of a codestream, T.800 annex A and T.814 annex A: main header and tile-part
// headers. Every length and field is checked here, so that later stages may rely on the values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jph/parameters.hpp"

namespace dicube::jph {

// One tile-part: bytes [data_begin, end) of the codestream are packets.
struct TilePart {
    std::uint32_t tile = 0;
    std::uint32_t part = 0;
    std::uint32_t parts = 0;       // of the tile, 0 if not told
    std::size_t header_begin = 0;  // behind the SOT segment
    std::size_t data_begin = 0;    // behind SOD
    std::size_t end = 0;
    bool has_overrides = false;  // COD, COC, QCD or QCC in its header
};

// From SOC up to the first SOT. Streams outside the scope of this codec are Fault::unsupported.
Status parse_main_header(span<const std::uint8_t> codestream, MainHeader& header) noexcept;

// `position` is that of SOT. Neither order of tile-parts nor their number is looked at.
Status parse_tile_part(span<const std::uint8_t> codestream, std::size_t position,
                       const MainHeader& header, TilePart& part) noexcept;

// Puts the marker segments of a tile's first tile-part above those of the main header, T.800 A.6.
// `coding` comes in as that of the main header.
Status apply_tile_header(span<const std::uint8_t> codestream, const TilePart& part,
                         const ImageSize& size, CodingParameters& coding) noexcept;

}  // namespace dicube::jph

// The smallest things of a tile, those that a packet is about: precincts and code-blocks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "jph/tag_tree.hpp"

namespace dicube::jph {

// T.800 B.7. The first two lines are geometry and outlive frames; the rest is what packets told.
struct CodeBlock {
    std::uint32_t x = 0, y = 0;  // first sample, counted from the first sample of the sub-band
    std::uint16_t width = 0, height = 0;

    // Z_blk of T.814: a cleanup pass if cleanup_length > 0, then up to two refinement passes.
    std::uint8_t refinement_passes = 0;
    std::uint8_t missing_planes = 0;  // P: of the Mb planes of the sub-band, above the cleanup pass
    std::uint8_t length_bits = 3;     // Lblock, T.800 B.10.7.1
    bool included = false;            // by some packet; the cleanup segment may still be empty
    std::uint32_t cleanup_length = 0;
    std::uint32_t refinement_length = 0;
    std::uint16_t placeholder_passes = 0;  // in front of the cleanup pass, T.814 annex B
    const std::uint8_t* cleanup = nullptr;
    const std::uint8_t* refinement = nullptr;

    bool coded() const noexcept { return cleanup_length != 0; }
    void forget_passes() noexcept {
        refinement_passes = 0;
        missing_planes = 0;
        length_bits = 3;
        included = false;
        cleanup_length = 0;
        refinement_length = 0;
        placeholder_passes = 0;
    }
};

// The code-blocks of one precinct in one sub-band: blocks_across * blocks_down of them in raster
// order, possibly none.
struct PrecinctBand {
    CodeBlock* blocks = nullptr;
    std::uint32_t blocks_across = 0, blocks_down = 0;
    std::uint8_t planes = 0;  // Mb of the sub-band
    TagTree inclusion, missing_planes;
};

// T.800 B.6. One packet per layer.
struct Precinct {
    PrecinctBand* bands = nullptr;
    std::uint32_t x = 0, y = 0;  // where its packets come in position progressions, T.800 B.12:
                                 // upper left corner on the reference grid, clipped to the tile
    std::uint32_t index = 0;     // in its resolution, raster order
    std::uint8_t component = 0;
    std::uint8_t resolution = 0;  // 0 is the lowest
    std::uint8_t band_count = 0;  // 1 in resolution 0, else 3
    std::uint8_t discarded = 0;   // least discard_levels that leaves this precinct out
};

}  // namespace dicube::jph

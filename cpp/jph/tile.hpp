// The geometry of a tile, T.800 annex B: components, resolutions, sub-bands, precincts,
// code-blocks. Encoder and decoder share it. Building costs memory and time, so a tile is built
// once for all frames of one shape and only reset between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jph/parameters.hpp"
#include "jph/precinct.hpp"
#include "jph/progression.hpp"
#include "jph/types.hpp"

namespace dicube::jph {

struct Subband {
    Rect rect;  // on the grid of the sub-band, equation B-15; its parity is that of the wavelet
    Orientation orientation = Orientation::ll;
    int planes = 0;          // Mb: magnitudes are below 2^Mb
    float step = 1.F;        // of a magnitude, 1 on the reversible path
    span<CodeBlock> blocks;  // all of them, precinct by precinct
};

struct Resolution {
    Rect rect;  // equation B-14
    std::uint32_t precincts_across = 0, precincts_down = 0;
    span<Subband> bands;       // LL alone in resolution 0, else HL, LH, HH; they may be empty
    span<Precinct> precincts;  // raster order
};

struct TileComponent {
    Rect rect;
    int levels = 0;
    bool reversible = true;
    bool vertically_causal = false;
    span<Resolution> resolutions;  // levels + 1, the lowest first
};

class Tile {
  public:
    static constexpr std::size_t kMaxBlocks = std::size_t{1} << 22;
    static constexpr std::size_t kMaxPrecincts = std::size_t{1} << 22;
    static constexpr std::size_t kMaxQueries = std::size_t{1} << 26;  // code-blocks times layers

    Tile() noexcept = default;
    Tile(const Tile&) = delete;  // its parts point to each other
    Tile& operator=(const Tile&) = delete;

    // `packet_bytes` are there for the packets: as each packet takes a byte, a tile that claims
    // more of them is damaged and costs no memory. The tile comes out reset.
    Status build(const ImageSize& size, const CodingParameters& coding, std::int64_t index,
                 std::size_t packet_bytes) noexcept;
    // Forgets what the packets of the last frame told.
    void reset() noexcept;

    const Rect& rect() const noexcept { return rect_; }
    const PacketParameters& packets() const noexcept { return packets_; }
    const PacketOrder& packet_order() const noexcept { return order_; }
    // Counts builds; a user with buffers made for this geometry can keep them while it stays.
    std::uint64_t generation() const noexcept { return generation_; }
    std::size_t packet_count() const noexcept {
        return precincts_.size() * static_cast<std::size_t>(packets_.layers);
    }

    span<TileComponent> components() noexcept { return {components_.data(), components_.size()}; }
    span<Precinct> precincts() noexcept { return {precincts_.data(), precincts_.size()}; }
    span<CodeBlock> blocks() noexcept { return {blocks_.data(), blocks_.size()}; }

  private:
    struct Counts;
    struct Cursor;

    Status build_or_throw(const ImageSize& size, const CodingParameters& coding, std::int64_t index,
                          std::size_t packet_bytes);
    void make_room(const Counts& counts);
    void fill_component(const ImageSize& size, const ComponentCoding& coding,
                        const Quantisation& quantisation, std::size_t component_index,
                        Cursor& cursor) noexcept;
    void fill_precincts(const ComponentCoding& coding, std::size_t component_index, std::size_t r,
                        Cursor& cursor) noexcept;
    void plant_tag_trees();

    Rect rect_;
    PacketParameters packets_;
    std::vector<TileComponent> components_;
    std::vector<Resolution> resolutions_;
    std::vector<Subband> bands_;
    std::vector<Precinct> precincts_;
    std::vector<PrecinctBand> precinct_bands_;
    std::vector<CodeBlock> blocks_;
    std::vector<TagNode> tag_nodes_;
    PacketOrder order_;
    std::uint64_t generation_ = 0;
};

}  // namespace dicube::jph

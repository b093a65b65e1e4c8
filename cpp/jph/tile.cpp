#include "jph/tile.hpp"

#include <algorithm>
#include <new>

#include "jph/geometry.hpp"

namespace dicube::jph {
namespace {

// Code-blocks of `band` in cell (cell_x, cell_y), from `blocks` on.
void fill_blocks(const Rect& band, const Grids& grids, std::int64_t cell_x, std::int64_t cell_y,
                 CodeBlock* blocks, PrecinctBand& precinct) noexcept {
    const Rect area = {std::max(band.x0, cell_x << grids.cell_x),
                       std::max(band.y0, cell_y << grids.cell_y),
                       std::min(band.x1, (cell_x + 1) << grids.cell_x),
                       std::min(band.y1, (cell_y + 1) << grids.cell_y)};
    precinct = PrecinctBand();
    precinct.blocks = blocks;
    if (area.empty()) return;
    const Cells across = cells(area.x0, area.x1, grids.block_x);
    const Cells down = cells(area.y0, area.y1, grids.block_y);
    precinct.blocks_across = static_cast<std::uint32_t>(across.count);
    precinct.blocks_down = static_cast<std::uint32_t>(down.count);
    for (std::int64_t v = down.first; v < down.first + down.count; ++v) {
        const std::int64_t y0 = std::max(area.y0, v << grids.block_y);
        const std::int64_t y1 = std::min(area.y1, (v + 1) << grids.block_y);
        for (std::int64_t u = across.first; u < across.first + across.count; ++u) {
            const std::int64_t x0 = std::max(area.x0, u << grids.block_x);
            const std::int64_t x1 = std::min(area.x1, (u + 1) << grids.block_x);
            CodeBlock& block = *blocks++;
            block = CodeBlock();
            block.x = static_cast<std::uint32_t>(x0 - band.x0);
            block.y = static_cast<std::uint32_t>(y0 - band.y0);
            block.width = static_cast<std::uint16_t>(x1 - x0);
            block.height = static_cast<std::uint16_t>(y1 - y0);
        }
    }
}

}  // namespace

struct Tile::Counts {
    std::size_t components = 0, resolutions = 0, bands = 0;
    std::size_t precincts = 0, precinct_bands = 0, blocks = 0;

    // Stops at the budget, so that sums stay small.
    Status add(const ComponentCoding& coding, const Rect& rect) noexcept {
        ++components;
        for (std::size_t r = 0; r <= coding.levels; ++r) {
            const Grids grids(coding, r);
            const Rect resolution = shift_up(rect, coding.levels - static_cast<int>(r));
            const std::int64_t here =
                grids.precincts_across(resolution).count * grids.precincts_down(resolution).count;
            ++resolutions;
            bands += band_count(r);
            precincts += static_cast<std::size_t>(here);
            precinct_bands += static_cast<std::size_t>(here) * band_count(r);
            for (std::size_t b = 0; b < band_count(r); ++b) {
                const Rect band =
                    band_rect(rect, band_level(coding.levels, r), band_orientation(r, b));
                blocks += static_cast<std::size_t>(grids.blocks(band));
            }
            if (precincts > kMaxPrecincts) return unsupported("more than 2^22 precincts in a tile");
            if (blocks > kMaxBlocks) return unsupported("more than 2^22 code-blocks in a tile");
        }
        return success();
    }
};

// Next free element of each array while they are filled.
struct Tile::Cursor {
    std::size_t resolution = 0, band = 0, precinct = 0, precinct_band = 0, block = 0;
};

Status Tile::build(const ImageSize& size, const CodingParameters& coding, std::int64_t index,
                   std::size_t packet_bytes) noexcept try {
    ++generation_;
    return build_or_throw(size, coding, index, packet_bytes);
} catch (const std::bad_alloc&) {
    return {Fault::out_of_memory, "no memory for the code-blocks of a tile"};
}

Status Tile::build_or_throw(const ImageSize& size, const CodingParameters& coding,
                            std::int64_t index, std::size_t packet_bytes) {
    rect_ = size.tile(index);
    packets_ = coding.packets;
    Counts counts;
    for (std::size_t c = 0; c < static_cast<std::size_t>(size.components); ++c) {
        Status status = counts.add(coding.components[c], rect_);
        if (!status.ok()) return status;
    }
    const auto layers = static_cast<std::size_t>(packets_.layers);
    if (counts.precincts * layers > packet_bytes) {
        return damaged("fewer bytes than packets in a tile");
    }
    // Each packet asks for each of its blocks.
    if (counts.blocks * layers > kMaxQueries) return unsupported("too many layers for a tile");

    make_room(counts);
    Cursor cursor;
    for (std::size_t c = 0; c < counts.components; ++c) {
        fill_component(size, coding.components[c], coding.quantisation[c], c, cursor);
    }
    plant_tag_trees();
    order_.build(precincts(), packets_.progression);
    return success();
}

// Everything gets its place before anything points to it.
void Tile::make_room(const Counts& counts) {
    components_.resize(counts.components);
    resolutions_.resize(counts.resolutions);
    bands_.resize(counts.bands);
    precincts_.resize(counts.precincts);
    precinct_bands_.resize(counts.precinct_bands);
    blocks_.resize(counts.blocks);
}

void Tile::fill_component(const ImageSize& size, const ComponentCoding& coding,
                          const Quantisation& quantisation, std::size_t component_index,
                          Cursor& cursor) noexcept {
    const std::size_t count = coding.levels + std::size_t{1};
    TileComponent& component = components_[component_index];
    component.rect = rect_;
    component.levels = coding.levels;
    component.reversible = coding.reversible;
    component.vertically_causal = coding.vertically_causal;
    component.resolutions = {&resolutions_[cursor.resolution], count};
    cursor.resolution += count;
    for (std::size_t r = 0; r < count; ++r) {
        Resolution& resolution = component.resolutions[r];
        resolution.rect = shift_up(rect_, coding.levels - static_cast<int>(r));
        resolution.bands = {&bands_[cursor.band], band_count(r)};
        cursor.band += band_count(r);
        for (std::size_t b = 0; b < band_count(r); ++b) {
            Subband& band = resolution.bands[b];
            band.orientation = band_orientation(r, b);
            band.rect = band_rect(rect_, band_level(coding.levels, r), band.orientation);
            const BandScale scale =
                band_scale(quantisation, static_cast<int>(r), band.orientation, size.bits);
            band.planes = scale.planes;
            band.step = scale.step;
        }
        fill_precincts(coding, component_index, r, cursor);
    }
}

void Tile::fill_precincts(const ComponentCoding& coding, std::size_t component_index, std::size_t r,
                          Cursor& cursor) noexcept {
    Resolution& resolution = components_[component_index].resolutions[r];
    const Grids grids(coding, r);
    const Cells across = grids.precincts_across(resolution.rect);
    const Cells down = grids.precincts_down(resolution.rect);
    const auto count = static_cast<std::size_t>(across.count * down.count);
    const int discarded = coding.levels - static_cast<int>(r);
    resolution.precincts_across = static_cast<std::uint32_t>(across.count);
    resolution.precincts_down = static_cast<std::uint32_t>(down.count);
    resolution.precincts = {precincts_.data() + cursor.precinct, count};
    cursor.precinct += count;

    PrecinctBand* const precinct_bands = precinct_bands_.data() + cursor.precinct_band;
    cursor.precinct_band += count * band_count(r);
    for (std::size_t i = 0; i < count; ++i) {
        const std::int64_t cell_x = across.first + static_cast<std::int64_t>(i) % across.count;
        const std::int64_t cell_y = down.first + static_cast<std::int64_t>(i) / across.count;
        Precinct& precinct = resolution.precincts[i];
        precinct.bands = precinct_bands + i * band_count(r);
        precinct.x = static_cast<std::uint32_t>(
            std::max(rect_.x0, cell_x << (grids.precinct_x + discarded)));
        precinct.y = static_cast<std::uint32_t>(
            std::max(rect_.y0, cell_y << (grids.precinct_y + discarded)));
        precinct.index = static_cast<std::uint32_t>(i);
        precinct.component = static_cast<std::uint8_t>(component_index);
        precinct.resolution = static_cast<std::uint8_t>(r);
        precinct.band_count = static_cast<std::uint8_t>(band_count(r));
        precinct.discarded = static_cast<std::uint8_t>(discarded + 1);
    }

    // Band by band, so that a band's blocks are one stretch.
    for (std::size_t b = 0; b < band_count(r); ++b) {
        Subband& band = resolution.bands[b];
        const std::size_t first = cursor.block;
        for (std::size_t i = 0; i < count; ++i) {
            PrecinctBand& precinct = precinct_bands[i * band_count(r) + b];
            fill_blocks(band.rect, grids,
                        across.first + static_cast<std::int64_t>(i) % across.count,
                        down.first + static_cast<std::int64_t>(i) / across.count,
                        blocks_.data() + cursor.block, precinct);
            precinct.planes = static_cast<std::uint8_t>(band.planes);
            cursor.block += std::size_t{precinct.blocks_across} * precinct.blocks_down;
        }
        band.blocks = {blocks_.data() + first, cursor.block - first};
    }
}

void Tile::plant_tag_trees() {
    std::size_t nodes = 0;
    for (const PrecinctBand& band : precinct_bands_) {
        nodes += 2 * TagTree::node_count(band.blocks_across, band.blocks_down);
    }
    tag_nodes_.assign(nodes, TagNode());
    TagNode* next = tag_nodes_.data();
    for (PrecinctBand& band : precinct_bands_) {
        const std::size_t count = TagTree::node_count(band.blocks_across, band.blocks_down);
        band.inclusion = TagTree(next, band.blocks_across, band.blocks_down);
        band.missing_planes = TagTree(next + count, band.blocks_across, band.blocks_down);
        next += 2 * count;
    }
}

void Tile::reset() noexcept {
    for (CodeBlock& block : blocks_) block.forget_passes();
    std::fill(tag_nodes_.begin(), tag_nodes_.end(), TagNode());
}

}  // namespace dicube::jph

#include <vector>

#include "jph/tile.hpp"
#include "tests/check.hpp"

namespace dicube::jph {
namespace {

ImageSize image_of(Rect image, int bits = 8) {
    ImageSize size;
    size.image = image;
    size.first_tile = {0, 0, image.x1, image.y1};
    size.components = 1;
    size.bits = bits;
    return size;
}

CodingParameters coding_of(int levels, int block_log2, int precinct_log2) {
    CodingParameters coding;
    ComponentCoding component;
    component.levels = static_cast<std::uint8_t>(levels);
    component.block_width_log2 = component.block_height_log2 =
        static_cast<std::uint8_t>(block_log2);
    component.precinct_width_log2.fill(static_cast<std::uint8_t>(precinct_log2));
    component.precinct_height_log2.fill(static_cast<std::uint8_t>(precinct_log2));
    coding.components.fill(component);
    return coding;
}

bool equal(const Rect& a, const Rect& b) {
    return a.x0 == b.x0 && a.y0 == b.y0 && a.x1 == b.x1 && a.y1 == b.y1;
}

TEST("bands of an odd origin follow equation B-15") {
    Tile tile;
    CHECK_OK(tile.build(image_of({3, 5, 10, 6}), coding_of(1, 6, 15), 0, 1000));
    const span<Resolution> resolutions = tile.components()[0].resolutions;
    CHECK(equal(resolutions[0].rect, {2, 3, 5, 3}));  // no row of even coordinate: empty
    CHECK(resolutions[0].precincts.empty());
    CHECK(equal(resolutions[1].rect, {3, 5, 10, 6}));
    CHECK(equal(resolutions[1].bands[0].rect, {1, 3, 5, 3}));
    CHECK(equal(resolutions[1].bands[1].rect, {2, 2, 5, 3}));
    CHECK(equal(resolutions[1].bands[2].rect, {1, 2, 5, 3}));
    CHECK_EQUAL(resolutions[1].precincts.size(), 1U);
    CHECK_EQUAL(resolutions[1].bands[0].blocks.size(), 0U);
    CHECK_EQUAL(resolutions[1].bands[2].blocks.size(), 1U);
    CHECK_EQUAL(resolutions[1].bands[2].blocks[0].width, 4U);
}

TEST("32 decompositions of one sample leave it in LL") {
    Tile tile;
    CHECK_OK(tile.build(image_of({0, 0, 1, 1}), coding_of(32, 6, 15), 0, 1000));
    CHECK_EQUAL(tile.components()[0].resolutions.size(), 33U);
    CHECK_EQUAL(tile.precincts().size(), 33U);
    CHECK_EQUAL(tile.blocks().size(), 1U);
}

// Blocks of a band cover each sample once and never cross a precinct.
TEST("blocks tile their band, whatever the precincts") {
    for (int precinct_log2 : {1, 3, 5, 15}) {
        for (const Rect image : {Rect{0, 0, 50, 37}, Rect{5, 7, 61, 40}, Rect{31, 33, 32, 90}}) {
            Tile tile;
            CHECK_OK(tile.build(image_of(image), coding_of(3, 3, precinct_log2), 0, 1 << 20));
            std::size_t blocks = 0;
            for (const Resolution& resolution : tile.components()[0].resolutions) {
                for (const Subband& band : resolution.bands) {
                    const auto width =
                        static_cast<std::size_t>(std::max<std::int64_t>(0, band.rect.width()));
                    const auto height =
                        static_cast<std::size_t>(std::max<std::int64_t>(0, band.rect.height()));
                    std::vector<int> covered(width * height);
                    for (const CodeBlock& block : band.blocks) {
                        CHECK(block.width > 0 && block.height > 0 && block.width <= 8);
                        CHECK(block.x + block.width <= width && block.y + block.height <= height);
                        for (std::size_t y = block.y; y < block.y + block.height; ++y) {
                            for (std::size_t x = block.x; x < block.x + block.width; ++x) {
                                ++covered[y * width + x];
                            }
                        }
                    }
                    for (const int count : covered) CHECK_EQUAL(count, 1);
                    blocks += band.blocks.size();
                }
            }
            CHECK_EQUAL(blocks, tile.blocks().size());
        }
    }
}

TEST("a tile that claims more than its bytes or the budget is refused before memory is taken") {
    Tile tile;
    const ImageSize large = image_of({0, 0, 1 << 14, 1 << 14});
    CHECK_FAULT(tile.build(large, coding_of(1, 6, 6), 0, 1000), Fault::damaged);
    CHECK_FAULT(tile.build(large, coding_of(1, 2, 15), 0, 1000), Fault::unsupported);
    CHECK_FAULT(tile.build(large, coding_of(1, 6, 1), 0, 1000), Fault::unsupported);
    CodingParameters layered = coding_of(1, 6, 15);
    layered.packets.layers = 65535;
    CHECK_FAULT(tile.build(large, layered, 0, 1 << 20), Fault::unsupported);
}

TEST("steps of the irreversible path follow equations E-3 and E-5") {
    Quantisation quantisation;
    quantisation.style = QuantisationStyle::derived;
    quantisation.guard_bits = 2;
    quantisation.entries = 1;
    quantisation.exponents[0] = 13;
    quantisation.mantissas[0] = 1024;
    BandScale scale = band_scale(quantisation, 0, Orientation::ll, 8);
    CHECK_EQUAL(scale.planes, 14);
    CHECK_EQUAL(scale.step, 1.5F / 32);  // 2^(8 - 13) * 1.5
    scale = band_scale(quantisation, 1, Orientation::hh, 8);
    CHECK_EQUAL(scale.planes, 14);
    CHECK_EQUAL(scale.step, 1.5F / 8);  // gain 2
    scale = band_scale(quantisation, 3, Orientation::hl, 8);
    CHECK_EQUAL(scale.planes, 12);      // two decompositions less
    CHECK_EQUAL(scale.step, 1.5F / 4);  // 2^(9 - 11) * 1.5
}

}  // namespace
}  // namespace dicube::jph

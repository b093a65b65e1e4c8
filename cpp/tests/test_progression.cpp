// Orders worked out by hand from the loops of T.800 B.12.1.
#include <string>
#include <vector>

#include "jph/tile.hpp"
#include "tests/check.hpp"

namespace dicube::jph {
namespace {

// Components of one decomposition whose precincts are 4 x 4 in both resolutions.
void build(Tile& tile, Rect image, int components, Progression progression, int layers = 1) {
    ImageSize size;
    size.image = image;
    size.first_tile = {0, 0, image.x1, image.y1};
    size.components = components;
    size.bits = 8;
    CodingParameters coding;
    coding.packets.progression = progression;
    coding.packets.layers = layers;
    ComponentCoding component;
    component.levels = 1;
    component.precinct_width_log2.fill(2);
    component.precinct_height_log2.fill(2);
    coding.components.fill(component);
    CHECK_OK(tile.build(size, coding, 0, 1000));
}

// "c0r1p2 ..." of each packet, "l1" in front of it when there are several layers.
std::string order(Tile& tile, int discard_levels = 0) {
    std::string text;
    const int layers = tile.packets().layers;
    CHECK_OK(tile.packet_order().for_each_packet(
        layers, discard_levels, [&](const Precinct& precinct, int layer) {
            if (layers > 1) text += "l" + std::to_string(layer);
            text += "c" + std::to_string(precinct.component) + "r" +
                    std::to_string(precinct.resolution) + "p" + std::to_string(precinct.index) +
                    " ";
            return success();
        }));
    return text;
}

// 8 x 8 samples: one precinct in resolution 0 and four in resolution 1, at (0,0) (4,0) (0,4) (4,4).
TEST("the five progressions order two components as the standard's loops do") {
    Tile tile;
    const Rect image = {0, 0, 8, 8};
    const std::string by_resolution =
        "c0r0p0 c1r0p0 c0r1p0 c0r1p1 c0r1p2 c0r1p3 c1r1p0 c1r1p1 c1r1p2 c1r1p3 ";
    build(tile, image, 2, Progression::lrcp);
    CHECK_EQUAL(order(tile), by_resolution);
    build(tile, image, 2, Progression::rlcp);
    CHECK_EQUAL(order(tile), by_resolution);
    build(tile, image, 2, Progression::rpcl);
    CHECK_EQUAL(order(tile),
                "c0r0p0 c1r0p0 c0r1p0 c1r1p0 c0r1p1 c1r1p1 c0r1p2 c1r1p2 c0r1p3 c1r1p3 ");
    build(tile, image, 2, Progression::pcrl);
    CHECK_EQUAL(order(tile),
                "c0r0p0 c0r1p0 c1r0p0 c1r1p0 c0r1p1 c1r1p1 c0r1p2 c1r1p2 c0r1p3 c1r1p3 ");
    build(tile, image, 2, Progression::cprl);
    CHECK_EQUAL(order(tile),
                "c0r0p0 c0r1p0 c0r1p1 c0r1p2 c0r1p3 c1r0p0 c1r1p0 c1r1p1 c1r1p2 c1r1p3 ");
}

// Columns 3 to 7: precincts of resolution 1 begin at 0, clipped to 3, and at 4; the one of
// resolution 0 begins at 0 as well.
TEST("a precinct cut by the tile's edge comes at the edge") {
    Tile tile;
    build(tile, {3, 0, 8, 4}, 1, Progression::pcrl);
    CHECK_EQUAL(order(tile), "c0r0p0 c0r1p0 c0r1p1 ");
    CHECK_EQUAL(tile.precincts()[0].x, 3U);
    CHECK_EQUAL(tile.precincts()[2].x, 4U);
}

// Columns 7 to 15: resolution 0 starts at ceil(7 / 2) = 4, where its second precinct does. That is
// column 8 of the reference grid, behind the edge.
TEST("a precinct that begins behind the tile's edge comes where it begins") {
    Tile tile;
    build(tile, {7, 0, 16, 4}, 1, Progression::pcrl);
    CHECK_EQUAL(order(tile), "c0r1p0 c0r0p0 c0r1p1 c0r1p2 ");
}

TEST("layers are the outermost, the second or the innermost loop") {
    Tile tile;
    const Rect image = {0, 0, 8, 4};  // two precincts in resolution 1
    build(tile, image, 1, Progression::lrcp, 2);
    CHECK_EQUAL(order(tile), "l0c0r0p0 l0c0r1p0 l0c0r1p1 l1c0r0p0 l1c0r1p0 l1c0r1p1 ");
    build(tile, image, 1, Progression::rlcp, 2);
    CHECK_EQUAL(order(tile), "l0c0r0p0 l1c0r0p0 l0c0r1p0 l0c0r1p1 l1c0r1p0 l1c0r1p1 ");
    build(tile, image, 1, Progression::rpcl, 2);
    CHECK_EQUAL(order(tile), "l0c0r0p0 l1c0r0p0 l0c0r1p0 l1c0r1p0 l0c0r1p1 l1c0r1p1 ");
}

TEST("with levels discarded the order ends behind the last wanted packet") {
    Tile tile;
    const Rect image = {0, 0, 8, 4};
    build(tile, image, 2, Progression::rpcl);
    CHECK_EQUAL(order(tile, 1), "c0r0p0 c1r0p0 ");
    build(tile, image, 2, Progression::cprl);
    CHECK_EQUAL(order(tile, 1), "c0r0p0 c0r1p0 c0r1p1 c1r0p0 ");
    build(tile, image, 1, Progression::lrcp, 2);
    CHECK_EQUAL(order(tile, 1), "l0c0r0p0 l0c0r1p0 l0c0r1p1 l1c0r0p0 ");
}

}  // namespace
}  // namespace dicube::jph

#include <vector>

#include "jph/tag_tree.hpp"
#include "tests/check.hpp"
#include "tests/random.hpp"

namespace dicube::jph {
namespace {

struct Forest {
    Forest(std::uint32_t width, std::uint32_t height)
        : nodes(TagTree::node_count(width, height)), tree(nodes.data(), width, height) {}
    std::vector<TagNode> nodes;
    TagTree tree;
};

// The example of T.800 B.10.2, figure B.12: 6 x 3 leaves. Bits for the first three leaves of the
// first row are given there as 01111, 001 and 101.
TEST("a tag tree writes the bits of the standard's example") {
    const std::uint16_t leaves[3][6] = {{1, 3, 2, 3, 2, 3}, {2, 2, 1, 4, 3, 2}, {2, 2, 2, 2, 1, 2}};
    Forest forest(6, 3);
    for (std::uint32_t y = 0; y < 3; ++y) {
        for (std::uint32_t x = 0; x < 6; ++x) forest.tree.set(x, y, leaves[y][x]);
    }
    forest.tree.settle();
    std::uint8_t out[16] = {};
    HeaderBitWriter bits(out);
    for (std::uint32_t x = 0; x < 3; ++x) forest.tree.encode(bits, x, 0, 0xFFFF);
    CHECK_EQUAL(bits.finish() - out, 2);
    CHECK_EQUAL(out[0], 0b01111001);  // 01111 001 ...
    CHECK_EQUAL(out[1], 0b10100000);  // ... 101
}

TEST("a tag tree counts its nodes, also of odd and of no sizes") {
    CHECK_EQUAL(TagTree::node_count(0, 5), 0U);
    CHECK_EQUAL(TagTree::node_count(1, 1), 1U);
    CHECK_EQUAL(TagTree::node_count(6, 3), 18U + 6U + 2U + 1U);
    CHECK_EQUAL(TagTree::node_count(1, 5), 5U + 3U + 2U + 1U);
}

// Thresholds rise as layers do, leaves are asked in raster order, as packet headers do it.
TEST("what a tag tree tells is what it was told, at every threshold") {
    tests::Random random(1);
    for (int round = 0; round < 300; ++round) {
        const std::uint32_t width = 1 + random() % 9, height = 1 + random() % 9;
        const std::uint32_t most = 1 + random() % (round % 3 == 0 ? 70 : 6);
        Forest writer(width, height), reader(width, height);
        std::vector<std::uint16_t> leaves(std::size_t{width} * height);
        for (auto& leaf : leaves) leaf = static_cast<std::uint16_t>(random() % (most + 1));
        for (std::size_t i = 0; i < leaves.size(); ++i) {
            writer.tree.set(static_cast<std::uint32_t>(i) % width,
                            static_cast<std::uint32_t>(i) / width, leaves[i]);
        }
        writer.tree.settle();

        const std::uint32_t step = 1 + random() % (most + 1);
        std::vector<std::uint8_t> out(leaves.size() * 80 + 100);
        HeaderBitWriter put(out.data());
        for (std::uint32_t threshold = step; threshold <= most + step; threshold += step) {
            for (std::uint32_t y = 0; y < height; ++y) {
                for (std::uint32_t x = 0; x < width; ++x) writer.tree.encode(put, x, y, threshold);
            }
        }
        const std::uint8_t* const end = put.finish();
        HeaderBitReader get(out.data(), end);
        for (std::uint32_t threshold = step; threshold <= most + step; threshold += step) {
            for (std::uint32_t y = 0; y < height; ++y) {
                for (std::uint32_t x = 0; x < width; ++x) {
                    const std::uint32_t leaf = leaves[std::size_t{y} * width + x];
                    std::uint32_t value = 0;
                    const bool below = reader.tree.decode(get, x, y, threshold, value);
                    CHECK_EQUAL(below, leaf < threshold);
                    if (below) CHECK_EQUAL(value, leaf);
                }
            }
        }
        CHECK(get.finish() == end);
    }
}

}  // namespace
}  // namespace dicube::jph

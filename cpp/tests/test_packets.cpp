#include "jph/packet_reader.hpp"
#include "jph/packet_writer.hpp"
#include "tests/sample_streams.hpp"

namespace dicube::jph {
namespace {

MainHeader random_geometry(Random& random) {
    MainHeader header;
    ImageSize& size = header.size;
    size.image.x0 = random() % 40;
    size.image.y0 = random() % 40;
    size.image.x1 = size.image.x0 + 1 + random() % 150;
    size.image.y1 = size.image.y0 + 1 + random() % 150;
    size.first_tile = {0, 0, size.image.x1, size.image.y1};
    size.components = 1 + static_cast<int>(random() % 3);
    size.bits = 12;
    header.coding.packets.progression = static_cast<Progression>(random() % 5);
    ComponentCoding coding;
    coding.levels = static_cast<std::uint8_t>(random() % 5);
    coding.block_width_log2 = static_cast<std::uint8_t>(2 + random() % 4);
    coding.block_height_log2 = static_cast<std::uint8_t>(2 + random() % 4);
    for (std::size_t r = 0; r <= coding.levels; ++r) {
        coding.precinct_width_log2[r] =
            static_cast<std::uint8_t>(random() % 3 ? 15 : 3 + random() % 4);
        coding.precinct_height_log2[r] =
            static_cast<std::uint8_t>(random() % 3 ? 15 : 3 + random() % 4);
    }
    header.coding.components.fill(coding);
    Quantisation quantisation;
    quantisation.guard_bits = 1;
    quantisation.exponents.fill(14);
    header.coding.quantisation.fill(quantisation);
    return header;
}

TEST("packets are read as they were written, over random geometries and lengths") {
    Random random(3);
    Tile written, read;
    PacketReader reader;
    for (int round = 0; round < 300; ++round) {
        const MainHeader header = random_geometry(random);
        CHECK_OK(written.build(header.size, header.coding, 0, SIZE_MAX));
        Bytes pool;
        fill_blocks(written, random, pool);
        const std::size_t bound = packet_bytes_bound(written);
        Bytes packets(bound);
        packets.resize(write_packets(written, packets.data()));
        CHECK(packets.size() <= bound);

        CHECK_OK(read.build(header.size, header.coding, 0, packets.size()));
        CHECK_OK(reader.read(view(packets), 0, false, read));
        CHECK(segments(read) == segments(written));

        // Once more after a reset; with levels discarded the rest still is what it was.
        const int discard = header.coding.components[0].levels > 0 ? 1 : 0;
        read.reset();
        CHECK_OK(reader.read(view(packets), discard, false, read));
        for (std::size_t c = 0; c < read.components().size(); ++c) {
            const auto& resolutions = read.components()[c].resolutions;
            for (std::size_t r = 0; r + static_cast<std::size_t>(discard) < resolutions.size();
                 ++r) {
                for (std::size_t b = 0; b < resolutions[r].bands.size(); ++b) {
                    const auto ours = resolutions[r].bands[b].blocks;
                    const auto theirs = written.components()[c].resolutions[r].bands[b].blocks;
                    for (std::size_t i = 0; i < ours.size(); ++i) {
                        CHECK_EQUAL(ours[i].cleanup_length, theirs[i].cleanup_length);
                    }
                }
            }
        }

        // A byte too many or too few is noticed.
        Bytes longer = packets;
        longer.push_back(0);
        read.reset();
        CHECK_FAULT(reader.read(view(longer), 0, false, read), Fault::damaged);
        packets.pop_back();
        read.reset();
        CHECK_FAULT(reader.read(view(packets), 0, false, read), Fault::damaged);
    }
}

// One block in LL, no decomposition: packets can be written by hand.
struct OneBlock {
    explicit OneBlock(int layers, int planes = 10) {
        ImageSize size;
        size.image = size.first_tile = {0, 0, 5, 3};
        size.components = 1;
        size.bits = 8;
        CodingParameters coding;
        coding.packets.layers = layers;
        coding.components[0].precinct_width_log2.fill(15);
        coding.components[0].precinct_height_log2.fill(15);
        coding.quantisation[0].exponents[0] = static_cast<std::uint8_t>(planes);
        CHECK_OK(tile.build(size, coding, 0, SIZE_MAX));
    }
    CodeBlock& block() { return tile.blocks()[0]; }
    Status read(Bytes bytes, bool several_ht_sets = false) {
        tile.reset();
        data = std::move(bytes);  // the block points into it
        return reader.read(view(data), 0, several_ht_sets, tile);
    }
    Bytes data;
    Tile tile;
    PacketReader reader;
};

// Bits of a packet header as text; blanks do not count.
Bytes packet(const char* bits, Bytes body = {}) {
    Bytes bytes(64);
    HeaderBitWriter writer(bytes.data());
    for (; *bits != 0; ++bits) {
        if (*bits != ' ') writer.write(*bits == '1', 1);
    }
    bytes.resize(static_cast<std::size_t>(writer.finish() - bytes.data()));
    bytes.insert(bytes.end(), body.begin(), body.end());
    return bytes;
}

Bytes join(Bytes first, const Bytes& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

// The nine bytes of a 3 x 5 frame of 8 bits: Mb = 8, seven missing planes, Lblock 4.
TEST("the packet header of a known frame is c0 54 80") {
    OneBlock one(1, 8);
    const Bytes body = {8, 9, 0x40, 0x27, 0x66, 0x63, 0xB4, 0x77, 0};
    CHECK_EQUAL(packet("1 1 0000000 1 0 10 1001", body), join({0xC0, 0x54, 0x80}, body));
    CHECK_OK(one.read(join({0xC0, 0x54, 0x80}, body)));
    CHECK_EQUAL(one.block().missing_planes, 7);
    CHECK_EQUAL(one.block().cleanup_length, 9U);
    CHECK_EQUAL(one.block().cleanup[0], 8);

    Bytes written(packet_bytes_bound(one.tile));
    Tile& tile = one.tile;
    tile.reset();
    one.block().cleanup = body.data();
    one.block().cleanup_length = 9;
    written.resize(write_packets(tile, written.data()));
    CHECK_EQUAL(written, join({0xC0, 0x54, 0x80}, body));
}

TEST("three passes are a cleanup segment and one refinement segment") {
    OneBlock one(1);
    // Included, two missing planes, three passes, Lblock 3, 2 bytes, 3 bytes in one bit more.
    CHECK_OK(one.read(packet("1 1 00 1 1100 0 010 0011", {1, 2, 3, 4, 5})));
    CHECK_EQUAL(one.block().missing_planes, 2);
    CHECK_EQUAL(one.block().refinement_passes, 2);
    CHECK_EQUAL(one.block().cleanup_length, 2U);
    CHECK_EQUAL(one.block().refinement_length, 3U);
    CHECK_EQUAL(one.block().refinement[0], 3);
    // There is no plane below the last one to refine.
    CHECK_FAULT(one.read(packet("1 1 000000000 1 1100 0 010 0011", {1, 2, 3, 4, 5})),
                Fault::damaged);
    CHECK_FAULT(one.read(packet("1 1 0000000000 1 0 0 010", {1, 2})), Fault::damaged);
    // Six passes of which the first have bytes would be two sets.
    CHECK_FAULT(one.read(packet("1 1 00 1 111100000 0 010 0011", {1, 2, 3, 4, 5}), true),
                Fault::unsupported);
}

TEST("refinement passes in layers of their own are put together") {
    OneBlock one(3);
    const Bytes cleanup = packet("1 1 00 1 0 0 010", {1, 2});
    const Bytes first = packet("1 1 0 0 011", {3, 4, 5});
    const Bytes second = packet("1 1 0 0 001", {6});
    CHECK_OK(one.read(join(join(cleanup, first), second)));
    CHECK_EQUAL(one.block().refinement_passes, 2);
    CHECK_EQUAL(one.block().cleanup_length, 2U);
    CHECK_EQUAL(Bytes(one.block().refinement, one.block().refinement + 4), (Bytes{3, 4, 5, 6}));

    OneBlock longer(4);
    CHECK_FAULT(longer.read(join(join(join(cleanup, first), second), second)), Fault::unsupported);
    // A layer without bytes for the block.
    CHECK_OK(longer.read(join(join(join(cleanup, first), {0}), second)));
    CHECK_EQUAL(longer.block().refinement_length, 4U);
}

TEST("placeholder passes lower the planes of the cleanup pass behind them") {
    OneBlock one(2);
    // Four passes, the fourth a cleanup pass one plane further down: Lblock + 2 bits of length.
    CHECK_OK(one.read(join(packet("1 1 00 1 1101 0 00010", {1, 2}), {0})));
    CHECK_EQUAL(one.block().missing_planes, 3);
    CHECK_EQUAL(one.block().cleanup_length, 2U);
    CHECK_EQUAL(one.block().refinement_passes, 0);
    // Three placeholders in one layer: one pass would be a cleanup pass, its length is 0 in three
    // bits, and one more belongs to the other two. Then two passes, cleanup and SigProp.
    CHECK_OK(
        one.read(join(packet("1 1 00 1 1100 0 000 0"), packet("1 1 10 0 010 001", {1, 2, 3}))));
    CHECK_EQUAL(one.block().missing_planes, 3);
    CHECK_EQUAL(one.block().cleanup_length, 2U);
    CHECK_EQUAL(one.block().refinement_passes, 1);
    CHECK_EQUAL(one.block().refinement_length, 1U);
    // One and then two placeholders are three.
    CHECK_OK(one.read(join(packet("1 1 00 1 0 0 000"), packet("1 1 10 0 0000"))));
    CHECK_EQUAL(one.block().placeholder_passes, 3);
    CHECK(!one.block().coded());
    CHECK_FAULT(one.read(join(packet("1 1 00 1 0 0 000"), packet("1 1 10 0 0001", {1}))),
                Fault::damaged);
}

TEST("an Lblock that never ends and a length beyond the data are damaged") {
    OneBlock one(1);
    CHECK_FAULT(one.read(packet("1 1 1 0 11111111111111111111111111111111111111111 0 111")),
                Fault::damaged);
    CHECK_FAULT(one.read(packet("1 1 1 0 0 111", {1, 2, 3})), Fault::damaged);
    CHECK_FAULT(one.read({}), Fault::damaged);
    CHECK_FAULT(one.read({0xFF}), Fault::damaged);
}

TEST("SOP may be there or not, EPH has to") {
    ImageSize size;
    size.image = size.first_tile = {0, 0, 1, 1};
    size.components = 1;
    size.bits = 8;
    CodingParameters coding;
    coding.packets.layers = 2;
    coding.packets.sop_allowed = coding.packets.eph_required = true;
    coding.components[0].precinct_width_log2.fill(15);
    coding.components[0].precinct_height_log2.fill(15);
    coding.quantisation[0].exponents[0] = 8;
    Tile tile;
    PacketReader reader;
    CHECK_OK(tile.build(size, coding, 0, SIZE_MAX));
    CHECK_OK(
        reader.read(view({0xFF, 0x91, 0, 4, 0, 0, 0, 0xFF, 0x92, 0, 0xFF, 0x92}), 0, false, tile));
    CHECK_FAULT(reader.read(view({0, 0xFF, 0x92, 0}), 0, false, tile), Fault::damaged);
    CHECK_FAULT(reader.read(view({0, 0xFF, 0x92, 0xFF, 0x91, 0}), 0, false, tile), Fault::damaged);
}

}  // namespace
}  // namespace dicube::jph

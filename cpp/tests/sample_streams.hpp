// Codestreams whose blocks hold random bytes: right for all that is not the block decoder.
#pragma once

#include <cstdint>
#include <vector>

#include "jph/header_writer.hpp"
#include "jph/packet_writer.hpp"
#include "jph/tile.hpp"
#include "tests/check.hpp"
#include "tests/random.hpp"

namespace dicube::jph {

using Bytes = std::vector<std::uint8_t>;
using tests::Random;

inline span<const std::uint8_t> view(const Bytes& bytes) { return {bytes.data(), bytes.size()}; }

inline MainHeader plain_header(std::int64_t rows, std::int64_t columns, int components = 1,
                               EncodeOptions options = {}) {
    MainHeader header;
    CHECK_OK(choose_parameters({rows, columns, components, 12, false}, options, header));
    return header;
}

// Gives a share of the blocks random segments. `pool` holds their bytes and has to live on.
inline void fill_blocks(Tile& tile, Random& random, Bytes& pool) {
    static constexpr std::uint32_t kMostBytes[] = {3, 8, 200, 5000};
    const std::uint32_t most = kMostBytes[random() % 4];
    pool.resize(tile.blocks().size() * std::size_t{most});
    for (auto& byte : pool) byte = static_cast<std::uint8_t>(random() % 3 == 0 ? 0xFF : random());
    const std::uint32_t share = random() % 5;
    std::uint8_t* next = pool.data();
    for (CodeBlock& block : tile.blocks()) {
        if (random() % 4 >= share) continue;
        block.cleanup = next;
        block.cleanup_length = 1 + random() % most;
        next += block.cleanup_length;
    }
}

// Contents of all blocks, to compare what was written with what was read.
struct Segment {
    bool included = false;
    int missing_planes = 0, refinement_passes = 0;
    Bytes cleanup, refinement;

    bool operator==(const Segment& other) const {
        return included == other.included && missing_planes == other.missing_planes &&
               refinement_passes == other.refinement_passes && cleanup == other.cleanup &&
               refinement == other.refinement;
    }
};

inline std::vector<Segment> segments(Tile& tile) {
    std::vector<Segment> found;
    for (const CodeBlock& block : tile.blocks()) {
        found.push_back({block.included, block.missing_planes, block.refinement_passes,
                         Bytes(block.cleanup, block.cleanup + block.cleanup_length),
                         Bytes(block.refinement, block.refinement + block.refinement_length)});
    }
    return found;
}

struct Frame {
    Bytes bytes;
    std::size_t header_bytes = 0;  // up to and with SOD
    std::vector<Segment> expected;
};

inline Frame random_frame(const MainHeader& header, Random& random, bool tlm = true) {
    FrameHeader template_bytes;
    CHECK_OK(template_bytes.build(header, tlm));
    Tile tile;
    CHECK_OK(tile.build(header.size, header.coding, 0, SIZE_MAX));
    Bytes pool;
    fill_blocks(tile, random, pool);
    Bytes packets(packet_bytes_bound(tile));
    packets.resize(write_packets(tile, packets.data()));

    Frame frame;
    const auto head = template_bytes.bytes();
    frame.header_bytes = head.size();
    frame.bytes.assign(head.begin(), head.end());
    template_bytes.set_packet_bytes(frame.bytes.data(), packets.size());
    frame.bytes.insert(frame.bytes.end(), packets.begin(), packets.end());
    frame.bytes.insert(frame.bytes.end(), {0xFF, 0xD9});
    frame.expected = segments(tile);
    return frame;
}

}  // namespace dicube::jph

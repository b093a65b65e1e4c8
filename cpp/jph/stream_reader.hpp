// A codestream, opened: headers, tile-parts gathered to tiles, packets read into code-blocks.
// What is left is to decode the blocks of each tile and to undo the transforms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jph/header_reader.hpp"
#include "jph/packet_reader.hpp"
#include "jph/parameters.hpp"
#include "jph/tile.hpp"

namespace dicube::jph {

// Meant to be used for many codestreams in turn: when a main header says the same as the one
// before, it is not parsed again and the geometry of the tile stays, and nothing is allocated.
class StreamReader {
  public:
    StreamReader() noexcept = default;
    StreamReader(const StreamReader&) = delete;
    StreamReader& operator=(const StreamReader&) = delete;

    // `codestream` has to stay in place as long as its tiles are read. All headers are checked and
    // all tile-parts found here, no packets are read.
    Status open(span<const std::uint8_t> codestream) noexcept;

    const MainHeader& header() const noexcept { return header_; }
    // Least number of decompositions of all components of the main header.
    int levels() const noexcept;
    int tile_count() const noexcept { return static_cast<int>(tiles_.size()); }

    // Geometry and code-blocks of one tile, valid until the next call. Blocks of the
    // `discard_levels` highest resolutions may be missing; all others are complete. More than
    // the levels of a component is Fault::bad_argument.
    Status read_tile(int index, int discard_levels, Tile*& tile) noexcept;

  private:
    static constexpr std::uint32_t kNone = 0xFFFFFFFF;
    struct TileParts {
        std::uint32_t first = kNone, last = kNone;  // in parts_
        std::uint32_t count = 0;
        std::uint32_t declared = 0;  // TNsot, 0 if not told so far
    };
    struct Part : TilePart {
        std::uint32_t next = kNone;  // of the same tile
    };

    Status read_main_header();
    bool header_is_known() const noexcept;
    Status find_tile_parts();
    Status add_tile_part(const TilePart& part, std::size_t position);
    Status build_tile(int index, std::size_t packet_bytes);
    span<const std::uint8_t> tile_data(const TileParts& parts);
    std::size_t stream_position(const TileParts& parts, std::size_t data_position) const noexcept;

    span<const std::uint8_t> codestream_;
    MainHeader header_;
    // Bytes of header_, empty if there is none, and the stretches of them that matter. Those
    // between are contents of TLM, an index that differs from frame to frame and is not used.
    std::vector<std::uint8_t> known_header_;
    std::vector<span<const std::uint8_t>> known_stretches_;
    std::vector<Part> parts_;
    std::vector<TileParts> tiles_;
    std::vector<std::uint8_t> joined_;  // data of a tile that came in several tile-parts
    PacketReader packet_reader_;
    Tile tile_;
    int built_tile_ = -1;  // which tile_ is, by the main header alone; -1 if unknown
};

}  // namespace dicube::jph

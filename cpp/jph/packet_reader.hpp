// Packets into code-blocks, T.800 B.9 and B.10, T.814 annex B: which blocks a packet holds, how
// many passes and bytes. Block bytes stay where they are; blocks point to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jph/tile.hpp"

namespace dicube::jph {

class PacketReader {
  public:
    // Reads all packets of a tile that has been reset, or those up to the last one that is wanted
    // when `discard_levels` highest resolutions of each component are not. `data` are the packets
    // of all its tile-parts; blocks point into it, or into this reader for segments that came in
    // pieces, until the next call. Status::position counts from the start of `data`.
    // May throw std::bad_alloc.
    Status read(span<const std::uint8_t> data, int discard_levels, bool several_ht_sets,
                Tile& tile);

  private:
    // The bytes of a block in the packet at hand.
    struct Contribution {
        CodeBlock* block;
        std::uint32_t length;
        bool is_refinement;
    };
    // A refinement segment's second piece, one layer or more behind the first.
    struct Continuation {
        CodeBlock* block;
        const std::uint8_t* data;
        std::uint32_t length;
    };

    Status read_packet(const Precinct& precinct, int layer);
    Status read_band(HeaderBitReader& bits, const PrecinctBand& band, int layer);
    Status read_segments(HeaderBitReader& bits, CodeBlock& block, int passes, int planes);
    Status take_bodies();
    void join_pieces();
    Status broken(const char* what) const noexcept;

    const std::uint8_t* begin_ = nullptr;
    const std::uint8_t* next_ = nullptr;  // start of the packet at hand, then of its bodies
    const std::uint8_t* end_ = nullptr;
    bool sop_allowed_ = false, eph_required_ = false, several_ht_sets_ = false;
    std::vector<Contribution> contributions_;
    std::vector<Continuation> continuations_;
    std::vector<std::uint8_t> joined_;
};

}  // namespace dicube::jph

#include "jph/packet_reader.hpp"

#include <algorithm>

#include "jph/bytes.hpp"
#include "jph/marker_segments.hpp"

namespace dicube::jph {
namespace {

constexpr std::size_t kSopBytes = 6;
constexpr int kMaxLengthBits = 32;

constexpr int floor_log2(int value) noexcept {
    int log2 = 0;
    while (value > 1) {
        value >>= 1;
        ++log2;
    }
    return log2;
}

// T.800 table B.4.
int read_pass_count(HeaderBitReader& bits) noexcept {
    if (bits.bit() == 0) return 1;
    if (bits.bit() == 0) return 2;
    if (const auto more = static_cast<int>(bits.read(2)); more != 3) return 3 + more;
    if (const auto more = static_cast<int>(bits.read(5)); more != 31) return 6 + more;
    return 37 + static_cast<int>(bits.read(7));
}

// `count` may be more than a length has; false if a bit above is set.
bool read_length(HeaderBitReader& bits, int count, std::uint32_t& length) noexcept {
    const int above = std::max(0, count - kMaxLengthBits);
    if (above > 0 && bits.read(above) != 0) return false;
    length = bits.read(count - above);
    return true;
}

bool starts_with(const std::uint8_t* next, const std::uint8_t* end, std::uint16_t code) noexcept {
    return end - next >= 2 && load_u16(next) == code;
}

}  // namespace

Status PacketReader::read(span<const std::uint8_t> data, int discard_levels, bool several_ht_sets,
                          Tile& tile) {
    begin_ = next_ = data.begin();
    end_ = data.end();
    eph_required_ = tile.packets().eph_required;
    sop_allowed_ = tile.packets().sop_allowed;
    several_ht_sets_ = several_ht_sets;
    continuations_.clear();
    const Status status = tile.packet_order().for_each_packet(
        tile.packets().layers, discard_levels,
        [this](const Precinct& precinct, int layer) { return read_packet(precinct, layer); });
    if (!status.ok()) return status;
    if (discard_levels == 0 && next_ != end_) return broken("bytes behind the last packet");
    if (!continuations_.empty()) join_pieces();
    return success();
}

Status PacketReader::read_packet(const Precinct& precinct, int layer) {
    if (sop_allowed_ && starts_with(next_, end_, marker::kSop)) {
        if (static_cast<std::size_t>(end_ - next_) < kSopBytes) return broken("SOP is cut short");
        next_ += kSopBytes;
    }
    if (next_ == end_) return broken("packets are missing");

    contributions_.clear();
    HeaderBitReader bits(next_, end_);
    if (bits.bit() != 0) {
        for (std::size_t b = 0; b < precinct.band_count; ++b) {
            Status status = read_band(bits, precinct.bands[b], layer);
            if (!status.ok()) return status;
        }
    }
    const std::uint8_t* const bodies = bits.finish();
    if (bodies == nullptr) return broken("a packet header is cut short");
    next_ = bodies;
    if (eph_required_) {
        if (!starts_with(next_, end_, marker::kEph)) return broken("no EPH behind a packet header");
        next_ += 2;
    }
    return take_bodies();
}

// T.800 B.10.3 to B.10.7 for the blocks of one sub-band.
Status PacketReader::read_band(HeaderBitReader& bits, const PrecinctBand& band, int layer) {
    // The trees keep their state in nodes of the tile, these are views.
    TagTree inclusion = band.inclusion, missing_planes = band.missing_planes;
    CodeBlock* block = band.blocks;
    for (std::uint32_t y = 0; y < band.blocks_down; ++y) {
        for (std::uint32_t x = 0; x < band.blocks_across; ++x, ++block) {
            std::uint32_t value = 0;
            if (block->included) {
                if (bits.bit() == 0) continue;
            } else {
                const auto threshold = static_cast<std::uint32_t>(layer) + 1;
                if (!inclusion.decode(bits, x, y, threshold, value)) continue;
                if (!missing_planes.decode(bits, x, y, band.planes, value)) {
                    return broken("a code-block without bit planes");
                }
                block->included = true;
                block->missing_planes = static_cast<std::uint8_t>(value);
            }
            const int passes = read_pass_count(bits);
            const int growth = bits.run<1>(kMaxLengthBits);
            if (block->length_bits + growth > kMaxLengthBits) {
                return broken("a segment length of more than 32 bits");
            }
            block->length_bits = static_cast<std::uint8_t>(block->length_bits + growth);
            Status status = read_segments(bits, *block, passes, band.planes);
            if (!status.ok()) return status;
        }
    }
    return success();
}

// Lengths of `passes` new passes, T.814 annex B. An HT set is a cleanup pass and up to two
// refinement passes. Passes in front of the first cleanup pass that has bytes are placeholders:
// each three of them stand for a plane that is left out. Placeholders have a length of 0, told in
// the bits that any passes of their number would take.
Status PacketReader::read_segments(HeaderBitReader& bits, CodeBlock& block, int passes,
                                   int planes) {
    std::uint32_t length = 0;
    if (!block.coded()) {
        const int before = block.placeholder_passes;
        if (passes == 1 &&
            before == 0) {  // the general case below, for nearly all blocks there are
            length = bits.read(block.length_bits);
            block.cleanup_length = length;
            block.placeholder_passes = length == 0;
            contributions_.push_back({&block, length, false});
            return success();
        }
        if (several_ht_sets_ && before + passes > 3) {
            return {Fault::unsupported, "several HT sets in a code-block", broken("").position};
        }
        // `upto` new passes end in what can be the cleanup pass, the last ones refine it.
        const int refining = (before + passes - 1) % 3;
        const int upto = passes - refining;
        const int all_bits = block.length_bits + floor_log2(passes);
        const int cleanup_bits = upto > 0 ? block.length_bits + floor_log2(upto) : all_bits;
        if (!read_length(bits, cleanup_bits, length)) return broken("a segment is cut short");
        if (length == 0 || upto <= 0) {
            const int rest = all_bits - cleanup_bits;
            if (length != 0 || (rest > 0 && bits.read(rest) != 0)) {
                return broken("placeholder passes with bytes");
            }
            if (before + passes > 3 * planes) return broken("more passes than bit planes");
            block.placeholder_passes = static_cast<std::uint16_t>(before + passes);
            return success();
        }
        const int missing = block.missing_planes + (before + upto - 1) / 3;
        if (missing >= planes) return broken("more passes than bit planes");
        block.missing_planes = static_cast<std::uint8_t>(missing);
        block.cleanup_length = length;
        contributions_.push_back({&block, length, false});
        if (refining == 0) return success();
        passes = refining;
    }
    if (block.refinement_passes + passes > 2) {
        return {Fault::unsupported, "several HT sets in a code-block", broken("").position};
    }
    if (block.missing_planes + 2 > planes) return broken("a refinement pass below the last plane");
    if (!read_length(bits, block.length_bits + floor_log2(passes), length)) {
        return broken("a segment is cut short");
    }
    block.refinement_passes = static_cast<std::uint8_t>(block.refinement_passes + passes);
    contributions_.push_back({&block, length, true});
    return success();
}

// The bytes of the packet, in the order in which its header named them.
Status PacketReader::take_bodies() {
    for (const Contribution& part : contributions_) {
        CodeBlock& block = *part.block;
        if (part.length > static_cast<std::size_t>(end_ - next_)) {
            return broken("a code-block is cut short");
        }
        if (!part.is_refinement) {
            block.cleanup = next_;
        } else if (block.refinement_length == 0) {
            block.refinement = next_;
            block.refinement_length = part.length;
        } else if (part.length > 0) {
            continuations_.push_back({&block, next_, part.length});
        }
        next_ += part.length;
    }
    return success();
}

// A block has two refinement passes at most, so there are two pieces at most.
void PacketReader::join_pieces() {
    std::size_t bytes = 0;
    for (const Continuation& piece : continuations_) {
        bytes += piece.block->refinement_length + piece.length;
    }
    joined_.resize(bytes);
    std::uint8_t* out = joined_.data();
    for (const Continuation& piece : continuations_) {
        CodeBlock& block = *piece.block;
        std::uint8_t* const middle = std::copy_n(block.refinement, block.refinement_length, out);
        block.refinement = out;
        block.refinement_length += piece.length;
        out = std::copy_n(piece.data, piece.length, middle);
    }
}

Status PacketReader::broken(const char* what) const noexcept {
    return damaged(what, static_cast<std::size_t>(next_ - begin_));
}

}  // namespace dicube::jph

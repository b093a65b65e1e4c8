// First half of decoding a cleanup segment: the MEL and VLC streams become, for each quad, which
// samples are significant and how many MagSgn bits they have (T.814 7.3.3 to 7.3.6).
//
// Each word is found with the bits behind the one before, so a block is one long chain of table
// look-ups; a processor spends most of it waiting. Blocks do not depend on each other, though:
// walking through several of them in step costs hardly more time than one.
#pragma once

#include "jph/kernels/byte_stuffing.hpp"
#include "jph/kernels/cleanup_job.hpp"
#include "jph/kernels/vlc_tables.hpp"

namespace dicube::jph::DICUBE_SIMD {

// Entries that a row of quads takes in BlockScratch::Block: whole vectors of 16, and 16 more so
// that there is a zero on either side of the quads, and vectors of one row do not reach into the
// next.
inline int quad_stride(int quads_wide) noexcept { return ((quads_wide + 15) & ~15) + 16; }

// Adaptive run-length decoder (T.814 7.3.3).
class MelDecoder {
  public:
    // Bytes behind `last` read as 0xFF; the low nibble of the byte before it as ones.
    void start(const std::uint8_t* first, const std::uint8_t* last) noexcept {
        next_ = first;
        last_ = last;
        bits_ = 0;
        bit_count_ = 0;
        state_ = 0;
        after_ff_ = false;
        zeros_ = 0;
        one_follows_ = false;
    }

    bool next() noexcept {
        if (zeros_ == 0 && !one_follows_) read_run();
        if (zeros_ > 0) {
            --zeros_;
            return false;
        }
        one_follows_ = false;
        return true;
    }

  private:
    static constexpr int kStates = 13;
    static constexpr std::uint8_t kExponents[kStates] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5};

    [[gnu::noinline]] void read_run() noexcept {
        while (bit_count_ <= 24) read_byte();  // a code has at most 6 bits
        const int exponent = kExponents[state_];
        const bool full = bits_ >> (bit_count_ - 1) & 1;
        if (full) {
            zeros_ = 1 << exponent;
            one_follows_ = false;
            bit_count_ -= 1;
            if (state_ < kStates - 1) ++state_;
        } else {
            bit_count_ -= 1 + exponent;
            zeros_ = static_cast<int>(bits_ >> bit_count_ & low_bits(exponent));
            one_follows_ = true;
            if (state_ > 0) --state_;
        }
    }

    void read_byte() noexcept {
        std::uint8_t byte = 0xFF;
        if (next_ < last_) {
            byte = *next_;
            if (next_ == last_ - 1) byte |= 0x0F;
            ++next_;
        }
        const int count = after_ff_ ? 7 : 8;
        bits_ = bits_ << count | (byte & low_bits(count));
        bit_count_ += count;
        after_ff_ = byte == 0xFF;
    }

    const std::uint8_t* next_;
    const std::uint8_t* last_;  // the last byte of the segment
    std::uint64_t bits_;        // the low bit_count_ bits have not been used
    int bit_count_;
    int state_;
    int zeros_;
    bool one_follows_;
    bool after_ff_;
};

// The streams that the quads of one block are read from.
struct QuadReader {
    MelDecoder mel;
    std::size_t position;  // in the dense VLC bits
    std::size_t vlc_bits;
    std::size_t magsgn_length;

    // Valid streams never use bits that are not there.
    bool is_beyond_end() const noexcept { return position > vlc_bits; }
};

// Checks the lengths at the end of the segment and sets the readers to their beginnings.
inline bool open_segment(const std::uint8_t* bytes, std::uint32_t length, int quads_wide,
                         int quads_high, BlockScratch::Block& scratch,
                         QuadReader& reader) noexcept {
    if (length < 2) return false;
    const std::uint32_t suffix = bytes[length - 1] * 16u + (bytes[length - 2] & 15u);
    if (suffix < 2 || suffix > length || suffix > 4079) return false;
    const std::uint8_t* const first = bytes + (length - suffix);
    const std::uint8_t* const last = bytes + length - 1;
    // A word of the VLC stream has at most 7 bits, the two u codes of a pair 24.
    const std::size_t capacity =
        static_cast<std::size_t>(quads_wide + 1) * quads_high * 19 / 8 + 16;
    reader.mel.start(first, last);
    reader.vlc_bits = unstuff_backward(first, last - 1, static_cast<std::uint8_t>(last[-1] | 0x0F),
                                       0xFF, capacity, scratch.vlc);
    reader.position = 4;  // the low nibble belongs to the length
    reader.magsgn_length = length - suffix;
    return true;
}

// The values u of two quads, as VlcDecodeTables::u_pairs has them.
constexpr std::uint32_t u_pair(std::uint32_t first, std::uint32_t second) noexcept {
    return first << 8 | second << 16;
}

// Bits behind the words of a pair; there are enough for any u.
struct UBits {
    std::uint64_t buffer;
    std::size_t used = 0;

    std::uint32_t take(int bits) noexcept {
        const std::uint32_t value = static_cast<std::uint32_t>(buffer & low_bits(bits));
        skip(bits);
        return value;
    }
    void skip(int bits) noexcept {
        buffer >>= bits;
        used += static_cast<std::size_t>(bits);
    }
};

// u of a pair whose words are longer than the table takes (T.814 7.3.6).
[[gnu::noinline]] inline std::uint32_t read_long_u_pair(UBits& bits, bool has_first,
                                                        bool has_second) noexcept {
    const auto prefix = [&](bool present) {
        if (!present) return 0;
        const int zeros = __builtin_ctz(static_cast<unsigned>(bits.buffer) | 8u);
        bits.skip(zeros < 3 ? zeros + 1 : 3);
        return zeros < 3 ? zeros + 1 : 5;
    };
    const auto suffix = [&](int value) {
        return value < 3 ? 0 : static_cast<int>(bits.take(value == 3 ? 1 : 5));
    };
    const auto extension = [&](int value) {
        return value < 28 ? 0 : 4 * static_cast<int>(bits.take(4));
    };
    const int prefix_1 = prefix(has_first), prefix_2 = prefix(has_second);
    const int suffix_1 = suffix(prefix_1), suffix_2 = suffix(prefix_2);
    const int first = prefix_1 + suffix_1 + extension(suffix_1);
    const int second = prefix_2 + suffix_2 + extension(suffix_2);
    return u_pair(static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(second));
}

// u of a pair in the first row of which MEL tells that one is 1 or 2, and of which the first is
// not: the second is one plain bit, in front of the suffix.
[[gnu::noinline]] inline std::uint32_t read_unequal_u_pair(UBits& bits) noexcept {
    const unsigned prefix = bits.buffer & 4 ? 3 : 5;
    bits.skip(3);
    const unsigned second = 1 + bits.take(1);
    const unsigned suffix = bits.take(prefix == 3 ? 1 : 5);
    const unsigned first = prefix + suffix + (suffix < 28 ? 0 : 4 * bits.take(4));
    return u_pair(first, second);
}

// What a quad row adds to the contexts of the one below it (T.814 7.3.5), in place for the index.
// Not inlined, so that it is compiled to plain SIMD whatever is around it.
[[gnu::noinline]] inline void contexts_from_above(const std::uint16_t* __restrict above,
                                                  int quads_wide,
                                                  std::uint16_t* __restrict contexts) noexcept {
    const int count = (quads_wide + 15) & ~15;  // whole vectors; entries behind the row are zero
    for (int q = 0; q < count; ++q) {
        const unsigned left = (above[q - 1] & 8u) | (above[q] & 2u);
        const unsigned right = (above[q] & 8u) | (above[q + 1] & 2u);
        contexts[q] = static_cast<std::uint16_t>((left != 0 ? 1u << kVlcWindow : 0u) |
                                                 (right != 0 ? 4u << kVlcWindow : 0u));
    }
}

// Quad rows start at this index of BlockScratch::Block: the entry before the first is read, too.
constexpr int kFirstQuad = 16;

// A block on its way through its VLC stream, with a copy of what changes with every word, so that
// it can stay in processor registers.
struct QuadWalk {
    std::size_t position;
    std::uint32_t left;  // context from the quad before
    MelDecoder* mel;

    explicit QuadWalk(QuadReader& reader) noexcept
        : position(reader.position), left(0), mel(&reader.mel) {}

    // Puts the contexts of a row where its facts will be. Entries around its quads become zero.
    void start_row(BlockScratch::Block& block, int row, int quads_wide) noexcept {
        const int stride = quad_stride(quads_wide);
        std::uint16_t* const facts = block.facts + kFirstQuad + row * stride;
        if (row > 0)
            contexts_from_above(facts - stride, quads_wide, facts);
        else
            std::memset(facts, 0, static_cast<std::size_t>(quads_wide) * sizeof facts[0]);
        facts[-1] = 0;
        std::memset(facts + quads_wide, 0, 16 * sizeof facts[0]);
        std::memset(block.u + kFirstQuad + row * stride + quads_wide, 0, 16);
        left = 0;
    }

    [[gnu::always_inline]] VlcEntry quad(const VlcEntry* table, std::uint32_t context,
                                         std::uint64_t& buffer) noexcept {
        VlcEntry entry = table[context | (buffer & low_bits(kVlcWindow))];
        if (context == 0 && !mel->next()) entry = 0;
        buffer >>= entry & 0x3F;
        return entry;
    }

    // The quads at `index` and behind it; an odd last quad has a second one without word.
    template <bool FirstRow, bool HasSecond>
    [[gnu::always_inline]] void pair(BlockScratch::Block& block, int index, const VlcEntry* table,
                                     const std::uint32_t* u_table) noexcept {
        std::uint16_t* const facts = block.facts + index;  // contexts until now
        // Loaded anew for each pair. That waits for the pair before, but other blocks fill the
        // time, and only the position has to stay in a register.
        std::uint64_t buffer = bits_at(block.vlc, position);
        const VlcEntry a = quad(table, left | facts[0], buffer);
        const VlcEntry b = HasSecond ? quad(table, (a & kVlcContextMask) | facts[1], buffer) : 0;
        left = b & kVlcContextMask;
        const std::uint32_t offs = (a << 2 & 0x100) | (b << 3 & 0x200);
        std::uint32_t us = u_table[offs | (buffer & 0xFF)];
        // In the first row MEL tells more about two quads with u.
        std::uint32_t known = 0;
        bool is_unequal = false;
        if (FirstRow && offs == 0x300) {
            if (mel->next())
                known = u_pair(2, 2);
            else
                is_unequal = (buffer & 3) == 0;
        }
        if (__builtin_expect(us == kLongUPair || is_unequal, 0)) {
            UBits bits{buffer};
            us =
                is_unequal ? read_unequal_u_pair(bits) : read_long_u_pair(bits, a & 0x40, b & 0x40);
            position += ((a + b) & 0x3F) + bits.used;
        } else {
            position += (a + b + us) & 0x3F;  // the three lengths do not overflow six bits
        }
        const auto both_us = static_cast<std::uint16_t>((us + known) >> 8);
        std::memcpy(block.u + index, &both_us, sizeof both_us);
        facts[0] = static_cast<std::uint16_t>(a >> kQuadFactsShift);
        facts[1] = static_cast<std::uint16_t>(b >> kQuadFactsShift);
    }
};

// Several blocks, a pair of quads of each in turn.
template <int Count>
struct QuadWalks {
    QuadWalk walk;
    QuadWalks<Count - 1> others;

    explicit QuadWalks(QuadReader* readers) noexcept : walk(readers[0]), others(readers + 1) {}

    void start_row(BlockScratch::Block* blocks, int row, int quads_wide) noexcept {
        walk.start_row(blocks[0], row, quads_wide);
        others.start_row(blocks + 1, row, quads_wide);
    }
    template <bool FirstRow, bool HasSecond>
    [[gnu::always_inline]] void pair(BlockScratch::Block* blocks, int index, const VlcEntry* table,
                                     const std::uint32_t* u_table) noexcept {
        walk.template pair<FirstRow, HasSecond>(blocks[0], index, table, u_table);
        others.template pair<FirstRow, HasSecond>(blocks + 1, index, table, u_table);
    }
    template <bool FirstRow>
    [[gnu::always_inline]] void row(BlockScratch::Block* blocks, int row, int quads_wide,
                                    const VlcDecodeTables& tables) noexcept {
        const VlcEntry* const table = tables.quads[FirstRow ? 0 : 1].data();
        const std::uint32_t* const u_table = tables.u_pairs.data();
        start_row(blocks, row, quads_wide);
        const int first = kFirstQuad + row * quad_stride(quads_wide), end = first + quads_wide;
        for (int index = first; index + 1 < end; index += 2)
            pair<FirstRow, true>(blocks, index, table, u_table);
        if (quads_wide & 1) pair<FirstRow, false>(blocks, end - 1, table, u_table);
    }
    void give_back(QuadReader* readers) const noexcept {
        readers[0].position = walk.position;
        others.give_back(readers + 1);
    }
};

template <>
struct QuadWalks<0> {
    explicit QuadWalks(QuadReader*) noexcept {}
    void start_row(BlockScratch::Block*, int, int) noexcept {}
    template <bool FirstRow, bool HasSecond>
    void pair(BlockScratch::Block*, int, const VlcEntry*, const std::uint32_t*) noexcept {}
    void give_back(QuadReader*) const noexcept {}
};

// All quads of `Count` blocks of the same size.
template <int Count>
inline void decode_quads(QuadReader* readers, BlockScratch::Block* blocks, int quads_wide,
                         int quads_high) noexcept {
    const VlcDecodeTables& tables = vlc_decode_tables();
    QuadWalks<Count> walks(readers);
    walks.template row<true>(blocks, 0, quads_wide, tables);
    for (int row = 1; row < quads_high; ++row)
        walks.template row<false>(blocks, row, quads_wide, tables);
    walks.give_back(readers);
}

}  // namespace dicube::jph::DICUBE_SIMD

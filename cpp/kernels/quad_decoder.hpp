// First half of decoding a cleanup segment: the MEL and VLC streams become, for each quad, which
// samples are significant and how many MagSgn bits they have (T.814 7.3.3 to 7.3.6).
//
// Each word is found with the bits behind the one before, so a block is one long chain of table
// look-ups; a processor spends most of it waiting. Blocks do not depend on each other, though:
// walking through several of them in step costs hardly more time than one.
#pragma once

#include "kernels/byte_stuffing.hpp"
#include "kernels/cleanup_job.hpp"
#include "kernels/vlc_tables.hpp"

namespace dicube::jph::DICUBE_SIMD {

// Entries that a row of quads takes in BlockScratch::Quads: SIMD works on 16 at a time, and the
// contexts need a zero on either side.
inline int quad_stride(int quads_wide) noexcept { return (quads_wide + 16) & ~15; }

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

    const std::uint8_t* next_ = nullptr;
    const std::uint8_t* last_ = nullptr;  // the last byte of the segment
    std::uint64_t bits_ = 0;              // the low bit_count_ bits have not been used
    int bit_count_ = 0;
    int state_ = 0;
    int zeros_ = 0;
    bool one_follows_ = false;
    bool after_ff_ = false;
};

// The VLC stream of one block, and what is known of its quads.
struct QuadReader {
    MelDecoder mel;
    const std::uint8_t* next = nullptr;  // dense VLC bits that are not in `buffer` yet
    std::uint64_t buffer = 0;
    int count = 0;  // valid bits of `buffer`
    const std::uint8_t* vlc = nullptr;
    std::size_t vlc_bits = 0;
    std::uint16_t* facts = nullptr;
    std::uint8_t* u = nullptr;
    std::size_t magsgn_length = 0;

    // At least 56 bits of `buffer` are valid afterwards. The load does not wait for the word
    // before.
    void refill() noexcept {
        buffer |= load64(next) << count;
        next += (63 - count) >> 3;
        count |= 56;
    }
    std::uint32_t take(int bits) noexcept {
        const std::uint32_t value = static_cast<std::uint32_t>(buffer & low_bits(bits));
        skip(bits);
        return value;
    }
    void skip(int bits) noexcept {
        buffer >>= bits;
        count -= bits;
    }
    std::size_t position() const noexcept {
        return static_cast<std::size_t>(next - vlc) * 8 - static_cast<std::size_t>(count);
    }
};

// Checks the lengths at the end of the segment and sets the readers to their beginnings.
inline bool open_segment(const std::uint8_t* bytes, std::uint32_t length, int quads_wide,
                         int quads_high, BlockScratch::Quads& scratch,
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
    reader.vlc = scratch.vlc;
    reader.vlc_bits = unstuff_backward(first, last - 1, static_cast<std::uint8_t>(last[-1] | 0x0F),
                                       0xFF, capacity, scratch.vlc);
    reader.next = scratch.vlc;
    reader.buffer = 0;
    reader.count = 0;
    reader.refill();
    reader.skip(4);                     // the low nibble belongs to the length
    reader.facts = scratch.facts + 16;  // the entry before the first row is read, too
    reader.u = scratch.u + 16;
    reader.magsgn_length = length - suffix;
    return true;
}

// u of a pair whose words are longer than the table takes, outside the first row or plain in it.
[[gnu::noinline]] inline void read_long_u_pair(QuadReader& reader, bool has_first, bool has_second,
                                               int& first, int& second) noexcept {
    reader.refill();
    const auto prefix = [&](bool present) {
        if (!present) return 0;
        const int zeros = __builtin_ctz(static_cast<unsigned>(reader.buffer) | 8u);
        reader.skip(zeros < 3 ? zeros + 1 : 3);
        return zeros < 3 ? zeros + 1 : 5;
    };
    const auto suffix = [&](int value) {
        return value < 3 ? 0 : static_cast<int>(reader.take(value == 3 ? 1 : 5));
    };
    const auto extension = [&](int value) {
        return value < 28 ? 0 : 4 * static_cast<int>(reader.take(4));
    };
    const int prefix_1 = prefix(has_first), prefix_2 = prefix(has_second);
    const int suffix_1 = suffix(prefix_1), suffix_2 = suffix(prefix_2);
    first = prefix_1 + suffix_1 + extension(suffix_1);
    second = prefix_2 + suffix_2 + extension(suffix_2);
}

// u of a pair in the first row, where MEL tells more if both quads have u_off: bits 8..15
// and 16..23, as in VlcDecodeTables::u_pairs.
inline std::uint32_t read_first_row_u_pair(QuadReader& reader, const std::uint32_t* u_table,
                                           std::uint32_t offs) noexcept {
    std::uint32_t known = 0;
    if (offs == 0x300) {
        reader.refill();
        if (reader.mel.next()) {
            known = 2u << 8 | 2u << 16;
        } else if ((reader.buffer & 3) == 0) {
            // The first is above 2, so the second is 1 or 2: one plain bit, in front of the suffix.
            const unsigned prefix = reader.buffer & 4 ? 3 : 5;
            reader.skip(3);
            const unsigned second = 1 + reader.take(1);
            const unsigned suffix = reader.take(prefix == 3 ? 1 : 5);
            const unsigned first = prefix + suffix + (suffix < 28 ? 0 : 4 * reader.take(4));
            return first << 8 | second << 16;
        }
    }
    const std::uint32_t us = u_table[offs | (reader.buffer & 0xFF)];
    if (us != kLongUPair) {
        reader.skip(static_cast<int>(us & 0x3F));
        return us + known;
    }
    int first = 0, second = 0;
    read_long_u_pair(reader, offs & 0x100, offs & 0x200, first, second);
    return static_cast<std::uint32_t>(first << 8 | second << 16) + known;
}

inline void decode_first_row(QuadReader& reader, int quads_wide) noexcept {
    const VlcDecodeTables& tables = vlc_decode_tables();
    std::uint32_t context = 0;
    const auto quad = [&]() {
        VlcEntry entry = tables.quads[0][context | (reader.buffer & low_bits(kVlcWindow))];
        if (context == 0 && !reader.mel.next()) entry = 0;
        reader.skip(entry & 0x3F);
        context = entry & kVlcContextMask;
        return entry;
    };
    for (int q = 0; q < quads_wide; q += 2) {
        reader.refill();
        const VlcEntry a = quad();
        const VlcEntry b = q + 1 < quads_wide ? quad() : 0;
        const std::uint32_t us = read_first_row_u_pair(reader, tables.u_pairs.data(),
                                                       (a << 2 & 0x100) | (b << 3 & 0x200));
        // An odd last quad has a second one of zeros, as in other rows.
        reader.facts[q] = static_cast<std::uint16_t>(a >> kQuadFactsShift);
        reader.facts[q + 1] = static_cast<std::uint16_t>(b >> kQuadFactsShift);
        reader.u[q] = static_cast<std::uint8_t>(us >> 8);
        reader.u[q + 1] = static_cast<std::uint8_t>(us >> 16);
    }
}

// What the row above adds to the contexts of a row (T.814 7.3.5), in place for the index.
inline void contexts_from_above(const std::uint16_t* above, int quads_wide,
                                std::uint16_t* contexts) noexcept {
    const int count = (quads_wide + 15) & ~15;  // whole vectors; entries behind the row are zero
    for (int q = 0; q < count; ++q) {
        const unsigned left = (above[q - 1] & 8u) | (above[q] & 2u);
        const unsigned right = (above[q] & 8u) | (above[q + 1] & 2u);
        contexts[q] = static_cast<std::uint16_t>((left != 0 ? 1u << kVlcWindow : 0u) |
                                                 (right != 0 ? 4u << kVlcWindow : 0u));
    }
}

// Contexts of a row as far as the row above decides.
struct alignas(32) ContextMemory {
    std::uint16_t quads[kMaxBlockSide / 2 + 16];
};

// One quad row below the first, on its way through the VLC stream of a block. A copy of what
// changes with every word, so that it can stay in processor registers.
struct RowWalk {
    QuadReader* reader;
    std::uint64_t buffer;
    int count;
    const std::uint8_t* next;
    std::uint32_t left;  // context from the quad before
    std::uint16_t* facts;
    std::uint8_t* u;
    const std::uint16_t* contexts;

    RowWalk(QuadReader& from, int row, int quads_wide, ContextMemory& memory) noexcept
        : reader(&from),
          buffer(from.buffer),
          count(from.count),
          next(from.next),
          left(0),
          facts(from.facts + row * quad_stride(quads_wide)),
          u(from.u + row * quad_stride(quads_wide)),
          contexts(memory.quads) {
        contexts_from_above(facts - quad_stride(quads_wide), quads_wide, memory.quads);
    }
    void give_back() const noexcept {
        reader->buffer = buffer;
        reader->count = count;
        reader->next = next;
    }

    [[gnu::always_inline]] VlcEntry quad(const VlcEntry* table, std::uint32_t context) noexcept {
        VlcEntry entry = table[context | (buffer & low_bits(kVlcWindow))];
        if (context == 0 && !reader->mel.next()) entry = 0;
        buffer >>= entry & 0x3F;
        return entry;
    }

    // The quads q and q + 1; an odd last quad has a second one without word.
    template <bool HasSecond>
    [[gnu::always_inline]] void pair(int q, const VlcEntry* table,
                                     const std::uint32_t* u_table) noexcept {
        buffer |= load64(next) << count;
        next += (63 - count) >> 3;
        count |= 56;
        const VlcEntry a = quad(table, left | contexts[q]);
        const VlcEntry b = HasSecond ? quad(table, (a & kVlcContextMask) | contexts[q + 1]) : 0;
        left = b & kVlcContextMask;
        const std::uint32_t offs = (a << 2 & 0x100) | (b << 3 & 0x200);
        std::uint32_t us = u_table[offs | (buffer & 0xFF)];
        if (__builtin_expect(us == kLongUPair, 0)) {
            count -= static_cast<int>((a + b) & 0x3F);
            give_back();
            int first = 0, second = 0;
            read_long_u_pair(*reader, a & 0x40, b & 0x40, first, second);
            buffer = reader->buffer;
            count = reader->count;
            next = reader->next;
            us = static_cast<std::uint32_t>(first << 8 | second << 16);
        } else {
            buffer >>= us & 0x3F;
            count -= static_cast<int>((a + b + us) &
                                      0x3F);  // the three lengths do not overflow six bits
        }
        const auto both_us = static_cast<std::uint16_t>(us >> 8);
        std::memcpy(u + q, &both_us, sizeof both_us);
        facts[q] = static_cast<std::uint16_t>(a >> kQuadFactsShift);
        facts[q + 1] = static_cast<std::uint16_t>(b >> kQuadFactsShift);
    }
};

// Entries behind the quads of each row become zero. Before anything is decoded, so that the last 16
// of a row can be cleared whatever its width.
inline void clear_tails(QuadReader& reader, int quads_wide, int quads_high) noexcept {
    const int stride = quad_stride(quads_wide);
    for (int end = stride; end <= quads_high * stride; end += stride) {
        std::memset(reader.facts + end - 16, 0, 16 * sizeof(std::uint16_t));
        std::memset(reader.u + end - 16, 0, 16);
    }
    reader.facts[-1] = 0;
}

// The same row of several blocks, a pair of quads of each in turn.
template <int Count>
struct RowWalks {
    RowWalk walk;
    RowWalks<Count - 1> others;

    RowWalks(QuadReader* readers, int row, int quads_wide, ContextMemory* contexts) noexcept
        : walk(readers[0], row, quads_wide, contexts[0]),
          others(readers + 1, row, quads_wide, contexts + 1) {}

    template <bool HasSecond>
    [[gnu::always_inline]] void pair(int q, const VlcEntry* table,
                                     const std::uint32_t* u_table) noexcept {
        walk.template pair<HasSecond>(q, table, u_table);
        others.template pair<HasSecond>(q, table, u_table);
    }
    [[gnu::always_inline]] void give_back() const noexcept {
        walk.give_back();
        others.give_back();
    }
};

template <>
struct RowWalks<0> {
    RowWalks(QuadReader*, int, int, ContextMemory*) noexcept {}
    template <bool HasSecond>
    void pair(int, const VlcEntry*, const std::uint32_t*) noexcept {}
    void give_back() const noexcept {}
};

// All quads of `Count` blocks of the same size.
template <int Count>
inline void decode_quads(QuadReader* readers, int quads_wide, int quads_high) noexcept {
    const VlcDecodeTables& tables = vlc_decode_tables();
    const VlcEntry* const table = tables.quads[1].data();
    const std::uint32_t* const u_table = tables.u_pairs.data();
    ContextMemory contexts[Count];
    for (int k = 0; k < Count; ++k) {
        clear_tails(readers[k], quads_wide, quads_high);
        decode_first_row(readers[k], quads_wide);
    }
    for (int row = 1; row < quads_high; ++row) {
        RowWalks<Count> walks(readers, row, quads_wide, contexts);
        for (int q = 0; q + 1 < quads_wide; q += 2) walks.template pair<true>(q, table, u_table);
        if (quads_wide & 1) walks.template pair<false>(quads_wide - 1, table, u_table);
        walks.give_back();
    }
}

// Valid streams never use bits that are not there.
inline bool read_beyond_end(const QuadReader& reader) noexcept {
    return reader.position() > reader.vlc_bits;
}

}  // namespace dicube::jph::DICUBE_SIMD

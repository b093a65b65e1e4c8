// First half of decoding a cleanup segment: the MEL and VLC streams become, for each quad, which
// samples are significant and how many MagSgn bits they have (T.814 7.3.3 to 7.3.6).
//
// Each word is found with the bits behind the one before, so a block is one long chain of table
// look-ups; a processor spends most of it waiting. Blocks do not depend on each other, though:
// walking through two of them in step costs hardly more time than one.
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

// In the first row MEL tells more about a pair of quads that both have u_off.
inline void read_first_row_u_pair(QuadReader& reader, bool has_first, bool has_second, int& first,
                                  int& second) noexcept {
    if (has_first && has_second) {
        reader.refill();
        if (reader.mel.next()) {
            read_long_u_pair(reader, true, true, first, second);
            first += 2;
            second += 2;
            return;
        }
        if ((reader.buffer & 3) ==
            0) {  // the first is above 2, so the second is 1 or 2: one plain bit
            const int prefix = reader.buffer & 4 ? 3 : 5;
            reader.skip(3);
            second = 1 + static_cast<int>(reader.take(1));
            const int suffix = static_cast<int>(reader.take(prefix == 3 ? 1 : 5));
            first = prefix + suffix + (suffix < 28 ? 0 : 4 * static_cast<int>(reader.take(4)));
            return;
        }
    }
    read_long_u_pair(reader, has_first, has_second, first, second);
}

inline void decode_first_row(QuadReader& reader, int quads_wide) noexcept {
    const auto& table = vlc_decode_tables().quads[0];
    std::uint32_t context = 0;
    const auto quad = [&]() {
        VlcEntry entry = table[context | (reader.buffer & low_bits(kVlcWindow))];
        if (context == 0 && !reader.mel.next()) entry = 0;
        reader.skip(entry & 0x3F);
        context = entry & kVlcContextMask;
        return entry;
    };
    for (int q = 0; q < quads_wide; q += 2) {
        reader.refill();
        const VlcEntry a = quad();
        const VlcEntry b = q + 1 < quads_wide ? quad() : 0;
        int first = 0, second = 0;
        read_first_row_u_pair(reader, a & 0x40, b & 0x40, first, second);
        reader.facts[q] = static_cast<std::uint16_t>(a >> kQuadFactsShift);
        reader.u[q] = static_cast<std::uint8_t>(first);
        if (q + 1 < quads_wide) {
            reader.facts[q + 1] = static_cast<std::uint16_t>(b >> kQuadFactsShift);
            reader.u[q + 1] = static_cast<std::uint8_t>(second);
        }
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

// All quads of `Count` blocks of the same size.
template <int Count>
inline void decode_quads(QuadReader* readers, int quads_wide, int quads_high) noexcept {
    const int stride = quad_stride(quads_wide);
    const VlcDecodeTables& tables = vlc_decode_tables();
    const VlcEntry* const table = tables.quads[1].data();
    const std::uint16_t* const u_table = tables.u_pairs.data();
    alignas(32) std::uint16_t contexts[Count][kMaxBlockSide / 2 + 16];

    for (int k = 0; k < Count; ++k) {
        for (int row = 0; row < quads_high; ++row) {
            const int tail = row * stride + (quads_wide & ~1);
            const std::size_t rest = static_cast<std::size_t>(stride - (quads_wide & ~1));
            std::memset(readers[k].facts + tail, 0, rest * sizeof(std::uint16_t));
            std::memset(readers[k].u + tail, 0, rest);
        }
        readers[k].facts[-1] = 0;
        decode_first_row(readers[k], quads_wide);
    }
    for (int row = 1; row < quads_high; ++row) {
        std::uint16_t* facts[Count];
        std::uint8_t* u[Count];
        std::uint32_t left[Count];
        std::uint64_t buffer[Count];
        int count[Count];
        const std::uint8_t* next[Count];
        for (int k = 0; k < Count; ++k) {
            facts[k] = readers[k].facts + row * stride;
            u[k] = readers[k].u + row * stride;
            contexts_from_above(facts[k] - stride, quads_wide, contexts[k]);
            left[k] = 0;
            buffer[k] = readers[k].buffer;
            count[k] = readers[k].count;
            next[k] = readers[k].next;
        }
        for (int q = 0; q < quads_wide; q += 2) {
            // An odd last quad is a pair with a second one that has no word.
            const bool has_second = q + 1 < quads_wide;
            for (int k = 0; k < Count; ++k) {
                buffer[k] |= load64(next[k]) << count[k];
                next[k] += (63 - count[k]) >> 3;
                count[k] |= 56;

                const std::uint32_t context_1 = left[k] | contexts[k][q];
                VlcEntry a = table[context_1 | (buffer[k] & low_bits(kVlcWindow))];
                if (context_1 == 0 && !readers[k].mel.next()) a = 0;
                buffer[k] >>= a & 0x3F;

                VlcEntry b = 0;
                if (__builtin_expect(has_second, 1)) {
                    const std::uint32_t context_2 = (a & kVlcContextMask) | contexts[k][q + 1];
                    b = table[context_2 | (buffer[k] & low_bits(kVlcWindow))];
                    if (context_2 == 0 && !readers[k].mel.next()) b = 0;
                    buffer[k] >>= b & 0x3F;
                }
                left[k] = b & kVlcContextMask;

                const std::uint32_t offs = (a << 2 & 0x100) | (b << 3 & 0x200);
                std::uint32_t pair = u_table[offs | (buffer[k] & 0xFF)];
                count[k] -= static_cast<int>((a & 0x3F) + (b & 0x3F));
                if (__builtin_expect(pair == kLongUPair, 0)) {
                    readers[k].buffer = buffer[k];
                    readers[k].count = count[k];
                    readers[k].next = next[k];
                    int first = 0, second = 0;
                    read_long_u_pair(readers[k], a & 0x40, b & 0x40, first, second);
                    buffer[k] = readers[k].buffer;
                    count[k] = readers[k].count;
                    next[k] = readers[k].next;
                    u[k][q] = static_cast<std::uint8_t>(first);
                    u[k][q + 1] = static_cast<std::uint8_t>(second);
                } else {
                    buffer[k] >>= pair & 0x3F;
                    count[k] -= static_cast<int>(pair & 0x3F);
                    u[k][q] = static_cast<std::uint8_t>(pair >> 8 & 0xF);
                    u[k][q + 1] = static_cast<std::uint8_t>(pair >> 12);
                }
                facts[k][q] = static_cast<std::uint16_t>(a >> kQuadFactsShift);
                facts[k][q + 1] = static_cast<std::uint16_t>(b >> kQuadFactsShift);
            }
        }
        for (int k = 0; k < Count; ++k) {
            readers[k].buffer = buffer[k];
            readers[k].count = count[k];
            readers[k].next = next[k];
        }
    }
}

// Valid streams never use bits that are not there.
inline bool read_beyond_end(const QuadReader& reader) noexcept {
    return reader.position() > reader.vlc_bits;
}

}  // namespace dicube::jph::DICUBE_SIMD

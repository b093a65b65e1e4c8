// The bit stuffing of the three streams of a cleanup segment (T.814 7.1), taken off and put on for
// a whole stream at a time. Between these passes bits lie densely, so that the coders can load any
// of them with one unaligned access.
//
// Eight bytes without a stuffing trigger are handled at once; a trigger is met about once in 256
// (MagSgn) or 128 (VLC) bytes.
#pragma once

#include "jph/kernels/bits.hpp"

namespace dicube::jph::DICUBE_SIMD {

constexpr std::uint64_t kEveryByte = 0x0101010101010101u;

// High bit of each byte that is 0xFF; above the lowest such byte the result may be wrong.
inline std::uint64_t bytes_ff(std::uint64_t word) noexcept {
    return (~word - kEveryByte) & word & (kEveryByte << 7);
}

// High bit of each byte whose low seven bits are ones.
inline std::uint64_t bytes_7f(std::uint64_t word) noexcept {
    return ((word & (kEveryByte * 0x7F)) + kEveryByte) & (kEveryByte << 7);
}

// Bits without stuffing, from eight bytes at a time.
class DenseWriter {
  public:
    explicit DenseWriter(std::uint8_t* bytes) noexcept : start_(bytes), next_(bytes) {}

    // `count` from 1 to 64; bits above it are zero.
    void append(std::uint64_t bits, unsigned count) noexcept {
        const std::uint64_t joined = pending_ | bits << filled_;
        store64(next_, joined);
        const unsigned total = filled_ + count;
        // The bits that found no room in `joined`; two shifts because one by 64 is undefined.
        pending_ = total >= 64 ? bits >> 1 >> (63 - filled_) : joined >> (total & 0x38);
        next_ += total >> 3;
        filled_ = total & 7;
    }

    // Writes the rest and `filler` behind it, up to `capacity` bytes. Returns the number of bits.
    std::size_t finish(bool ones, std::size_t capacity) noexcept {
        const std::size_t count = static_cast<std::size_t>(next_ - start_) * 8 + filled_;
        *next_ =
            static_cast<std::uint8_t>(ones ? pending_ | ~std::uint64_t{0} << filled_ : pending_);
        const std::size_t used = static_cast<std::size_t>(next_ - start_) + 1;
        if (used < capacity) std::memset(next_ + 1, ones ? 0xFF : 0, capacity - used);
        return count;
    }

  private:
    std::uint8_t* start_;
    std::uint8_t* next_;
    std::uint64_t pending_ = 0;
    unsigned filled_ = 0;  // bits of pending_, 0 to 7
};

// MagSgn and SigProp: after a byte 0xFF the next one has seven bits. `dense` holds
// max(length, capacity) + 16 bytes; behind the bits it is filled up to `capacity` bytes with ones
// or zeros.
inline std::size_t unstuff_forward(const std::uint8_t* bytes, std::size_t length, bool fill_ones,
                                   std::size_t capacity, std::uint8_t* dense) noexcept {
    DenseWriter writer(dense);
    std::size_t i = 0;
    while (i + 8 <= length) {
        const std::uint64_t word = load64(bytes + i);
        const std::uint64_t triggers = bytes_ff(word);
        if (triggers == 0) {
            writer.append(word, 64);
            i += 8;
            continue;
        }
        const unsigned taken = (static_cast<unsigned>(__builtin_ctzll(triggers)) >> 3) + 1;
        writer.append(word & low_bits(static_cast<int>(8 * taken)), 8 * taken);
        i += taken;
        if (i < length) writer.append(bytes[i++] & 0x7F, 7);
    }
    for (bool after_ff = false; i < length; ++i) {
        writer.append(after_ff ? bytes[i] & 0x7F : bytes[i], after_ff ? 7 : 8);
        after_ff = !after_ff && bytes[i] == 0xFF;
    }
    return writer.finish(fill_ones, capacity);
}

// VLC and MagRef, read from the byte `last` down to `first`: a byte has seven bits when they are
// all ones and the byte read before it was above 0x8F. `before` and `last_value` stand in for the
// byte before the first one read and for that one itself. `dense` as above, filled with zeros.
inline std::size_t unstuff_backward(const std::uint8_t* first, const std::uint8_t* last,
                                    std::uint8_t last_value, std::uint8_t before,
                                    std::size_t capacity, std::uint8_t* dense) noexcept {
    DenseWriter writer(dense);
    std::uint8_t previous = before;
    const auto append_byte = [&](std::uint8_t byte) {
        const bool stuffed = previous > 0x8F && (byte & 0x7F) == 0x7F;
        writer.append(stuffed ? byte & 0x7F : byte, stuffed ? 7 : 8);
        previous = byte;
    };
    append_byte(last_value);
    std::ptrdiff_t left = last - first;  // bytes not read yet: first[0] to first[left - 1]
    while (left >= 8) {
        const std::uint64_t word = __builtin_bswap64(load64(first + left - 8));
        const std::uint64_t triggers = bytes_7f(word);
        if (triggers == 0) {
            writer.append(word, 64);
            previous = static_cast<std::uint8_t>(word >> 56);
            left -= 8;
            continue;
        }
        const unsigned plain = static_cast<unsigned>(__builtin_ctzll(triggers)) >> 3;
        if (plain > 0) {
            writer.append(word & low_bits(static_cast<int>(8 * plain)), 8 * plain);
            previous = static_cast<std::uint8_t>(word >> (8 * plain - 8));
        }
        append_byte(static_cast<std::uint8_t>(word >> (8 * plain)));
        left -= plain + 1;
    }
    while (left > 0) append_byte(first[--left]);
    return writer.finish(false, capacity);
}

// The other way: MagSgn bytes of `bit_count` dense bits, the last byte filled with ones, and left
// out if it then is 0xFF (T.814 7.1.2). `dense` is readable for 8 bytes behind its bits. Returns
// the length.
inline std::size_t stuff_forward(const std::uint8_t* dense, std::size_t bit_count,
                                 std::uint8_t* bytes) noexcept {
    std::size_t position = 0, length = 0;
    while (position + 56 <= bit_count) {
        const std::uint64_t word = bits_at(dense, position) & low_bits(56);
        store64(bytes + length, word);
        const std::uint64_t triggers = bytes_ff(word);
        if (triggers == 0) {
            position += 56;
            length += 7;
            continue;
        }
        const unsigned taken = (static_cast<unsigned>(__builtin_ctzll(triggers)) >> 3) + 1;
        position += 8 * taken;
        length += taken;
        // Seven bits; there may be fewer left, then the loop below has to pad them.
        if (position + 7 > bit_count) {
            const int rest = static_cast<int>(bit_count - position);
            if (rest > 0)
                bytes[length++] =
                    static_cast<std::uint8_t>((bits_at(dense, position) | ~low_bits(rest)) & 0x7F);
            else
                --length;  // the last byte is 0xFF
            return length;
        }
        bytes[length++] = static_cast<std::uint8_t>(bits_at(dense, position) & 0x7F);
        position += 7;
    }
    bool after_ff = false;
    while (position < bit_count) {
        const int room = after_ff ? 7 : 8;
        const std::size_t rest = bit_count - position;
        std::uint64_t value = bits_at(dense, position);
        if (rest < static_cast<std::size_t>(room)) value |= ~low_bits(static_cast<int>(rest));
        const std::uint8_t byte = static_cast<std::uint8_t>(value & low_bits(room));
        bytes[length++] = byte;
        position += static_cast<std::size_t>(room);
        after_ff = byte == 0xFF;
    }
    if (length > 0 && bytes[length - 1] == 0xFF) --length;
    return length;
}

struct StuffedBytes {
    std::size_t length = 0;
    std::size_t free_bits = 0;  // of the last byte, its highest ones
};

// VLC bytes in the order in which they are read, padded with zeros. The dense bits begin with the
// four ones that stand for the low nibble of Scup.
inline StuffedBytes stuff_backward(const std::uint8_t* dense, std::size_t bit_count,
                                   std::uint8_t* bytes) noexcept {
    std::size_t position = 0, length = 0;
    std::uint8_t previous = 0xFF;
    while (position < bit_count) {
        const std::uint64_t word = bits_at(dense, position);
        if (position + 56 <= bit_count && bytes_7f(word & low_bits(56)) == 0) {
            store64(bytes + length, word);
            position += 56;
            length += 7;
            previous = static_cast<std::uint8_t>(word >> 48);
            continue;
        }
        const std::size_t rest = bit_count - position;
        const std::uint64_t value = rest < 8 ? word & low_bits(static_cast<int>(rest)) : word;
        const bool stuffed = previous > 0x8F && (value & 0x7F) == 0x7F;
        previous = static_cast<std::uint8_t>(stuffed ? value & 0x7F : value);
        bytes[length++] = previous;
        position += stuffed ? 7 : 8;
    }
    return {length, position - bit_count};
}

}  // namespace dicube::jph::DICUBE_SIMD

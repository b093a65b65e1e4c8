// Writes the bits of a JPEG XL codestream: least significant first (ISO/IEC 18181-1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/span.hpp"
#include "jxl/bit_reader.hpp"

namespace dicube::jxl {

class BitWriter {
  public:
    void clear() noexcept {
        bytes_.clear();
        position_ = 0;
    }
    // The lowest `count` bits, 0 to 56; `value` has no others.
    void write(std::uint64_t value, int count) {
        make_room(static_cast<std::size_t>(count));
        std::uint64_t word;
        std::uint8_t* const at = bytes_.data() + (position_ >> 3);
        std::memcpy(&word, at, sizeof word);
        word |= value << (position_ & 7);
        std::memcpy(at, &word, sizeof word);
        position_ += static_cast<std::size_t>(count);
    }
    void flag(bool value) { write(value ? 1 : 0, 1); }
    // One of the four forms of a U32 field, the first that has room for the value.
    void u32(std::uint32_t value, U32Form a, U32Form b, U32Form c, U32Form d) {
        const U32Form forms[] = {a, b, c, d};
        unsigned selector = 0;
        while (value < forms[selector].base ||
               (std::uint64_t{value} - forms[selector].base) >> forms[selector].bits != 0)
            ++selector;
        write(selector, 2);
        write(value - forms[selector].base, forms[selector].bits);
    }
    // `count` bits from the first of `bytes` on, which may be followed by anything.
    void append(const std::uint8_t* bytes, std::size_t count) {
        make_room(count);
        const int shift = static_cast<int>(position_ & 7);
        std::uint8_t* at = bytes_.data() + (position_ >> 3);
        position_ += count;
        // 56 bits at a time leave room for those before them in the first byte.
        for (; count >= 64; count -= 56, bytes += 7, at += 7) merge(at, bytes, 56, shift);
        for (; count > 0; ++bytes, ++at) {
            const std::size_t some = count < 8 ? count : 8;
            const unsigned low = *bytes & ((1u << some) - 1);
            at[0] = static_cast<std::uint8_t>(at[0] | low << shift);
            at[1] = static_cast<std::uint8_t>(at[1] | (low << shift) >> 8);
            count -= some;
        }
    }
    void append(const BitWriter& other) { append(other.bytes_.data(), other.position_); }
    // Goes on to the next byte.
    void align() noexcept { position_ = (position_ + 7) & ~std::size_t{7}; }

    std::size_t position() const noexcept { return position_; }  // in bits
    // Complete bytes, and the last one filled up with zeros.
    span<const std::uint8_t> bytes() const noexcept {
        return {bytes_.data(), (position_ + 7) >> 3};
    }

  private:
    // Writing touches eight bytes at a time.
    static constexpr std::size_t kSlack = 16;

    void make_room(std::size_t count) {
        const std::size_t needed = ((position_ + count) >> 3) + kSlack;
        if (bytes_.size() < needed) bytes_.resize(needed + needed / 2, 0);
    }
    static void merge(std::uint8_t* at, const std::uint8_t* bytes, int count, int shift) noexcept {
        std::uint64_t word, more;
        std::memcpy(&word, at, sizeof word);
        std::memcpy(&more, bytes, sizeof more);
        word |= (more & ((std::uint64_t{1} << count) - 1)) << shift;
        std::memcpy(at, &word, sizeof word);
    }

    std::vector<std::uint8_t> bytes_;  // zeros behind the position
    std::size_t position_ = 0;
};

}  // namespace dicube::jxl

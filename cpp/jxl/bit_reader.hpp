// The bits of a JPEG XL codestream: least significant first (ISO/IEC 18181-1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/span.hpp"

namespace dicube::jxl {

// One of the four forms of a U32 field: `bits` more bits, added to `base`.
struct U32Form {
    int bits;
    std::uint32_t base;
};
constexpr U32Form constant(std::uint32_t value) noexcept { return {0, value}; }

// A value and its sign as one unsigned number: 0, -1, 1, -2, ...
constexpr std::uint32_t pack_signed(std::int32_t value) noexcept {
    return (static_cast<std::uint32_t>(value) << 1) ^ static_cast<std::uint32_t>(value >> 31);
}
constexpr std::int32_t unpack_signed(std::uint32_t packed) noexcept {
    return static_cast<std::int32_t>(packed >> 1) ^ -static_cast<std::int32_t>(packed & 1);
}

// Number of bits up to the highest set one; 0 for 0.
inline int bit_length(std::uint32_t value) noexcept {
    return value == 0 ? 0 : 32 - __builtin_clz(value);
}
inline int floor_log2(std::uint32_t value) noexcept { return bit_length(value) - 1; }
inline int ceil_log2(std::uint32_t value) noexcept {
    return value <= 1 ? 0 : bit_length(value - 1);
}

// Beyond the end of the data zeros are read, so that whoever parses asks once for a whole part
// whether it was there: `is_beyond_end`.
class BitReader {
  public:
    BitReader() noexcept = default;
    explicit BitReader(span<const std::uint8_t> bytes) noexcept
        : bytes_(bytes.data()), size_(bytes.size()) {}

    // At least 56 bits, as far as there are any.
    std::uint64_t peek() const noexcept {
        const std::size_t byte = position_ >> 3;
        std::uint64_t word = 0;
        if (byte + sizeof word <= size_)
            std::memcpy(&word, bytes_ + byte, sizeof word);
        else if (byte < size_)
            std::memcpy(&word, bytes_ + byte, size_ - byte);
        return word >> (position_ & 7);
    }
    void skip(std::size_t count) noexcept { position_ += count; }

    // `count` is 0 to 32.
    std::uint32_t read(int count) noexcept {
        const std::uint64_t word = peek() & ((std::uint64_t{1} << count) - 1);
        skip(static_cast<std::size_t>(count));
        return static_cast<std::uint32_t>(word);
    }
    bool flag() noexcept { return read(1) != 0; }

    std::uint32_t u32(U32Form a, U32Form b, U32Form c, U32Form d) noexcept {
        const U32Form forms[] = {a, b, c, d};
        const U32Form form = forms[read(2)];
        return form.base + read(form.bits);
    }
    std::uint64_t u64() noexcept;
    std::uint32_t enumeration() noexcept { return u32(constant(0), constant(1), {4, 2}, {6, 18}); }

    // Goes on to the next byte. False: the bits before it are not zero.
    bool align() noexcept {
        const int rest = static_cast<int>(-position_ & 7);
        return read(rest) == 0;
    }

    span<const std::uint8_t> bytes() const noexcept { return {bytes_, size_}; }  // all of them
    std::size_t position() const noexcept { return position_; }                  // in bits
    std::size_t byte_position() const noexcept { return position_ >> 3; }
    bool is_beyond_end() const noexcept { return position_ > size_ * 8; }

  private:
    const std::uint8_t* bytes_ = nullptr;
    std::size_t size_ = 0;
    std::size_t position_ = 0;
};

}  // namespace dicube::jxl

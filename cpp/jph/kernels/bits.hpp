// Words from and to bytes of any alignment, and counts of bits.
//
// Kernels are compiled once for each instruction set, each time in a namespace of its own
// (DICUBE_SIMD), so that the linker can never put code of one set in the place of another's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#ifndef DICUBE_SIMD
#error "define DICUBE_SIMD, the namespace of this instruction set, before including a kernel"
#endif

// The bit readers load eight bytes at a time and expect the first in the least significant place.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "kernels are written for little-endian processors");

namespace dicube::jph::DICUBE_SIMD {

inline std::uint64_t load64(const std::uint8_t* bytes) noexcept {
    std::uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

inline void store64(std::uint8_t* bytes, std::uint64_t word) noexcept {
    std::memcpy(bytes, &word, sizeof word);
}

// Bits from `position` on; 57 of them are valid.
inline std::uint64_t bits_at(const std::uint8_t* bytes, std::size_t position) noexcept {
    return load64(bytes + (position >> 3)) >> (position & 7);
}

// Number of bits up to the highest set one; 0 for 0.
inline int bit_length(std::uint64_t word) noexcept {
    return word == 0 ? 0 : 64 - __builtin_clzll(word);
}

inline std::uint64_t low_bits(int count) noexcept {
    return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

// Collects bits, the first in the least significant place, into bytes without stuffing. Up to 8
// bytes behind the bits written so far are overwritten.
class BitCollector {
  public:
    explicit BitCollector(std::uint8_t* bytes) noexcept : start_(bytes), next_(bytes) {}

    // At most 56 bits; those above `count` are zero.
    void append(std::uint64_t bits, std::uint64_t count) noexcept {
        pending_ |= bits << filled_;
        store64(next_, pending_);
        filled_ += count;
        next_ += filled_ >> 3;
        pending_ >>= filled_ & 0x38;
        filled_ &= 7;
    }

    std::size_t bit_count() const noexcept {
        return static_cast<std::size_t>(next_ - start_) * 8 + filled_;
    }

  private:
    std::uint8_t* start_;
    std::uint8_t* next_;
    std::uint64_t pending_ = 0;
    std::uint64_t filled_ = 0;  // bits of pending_, 0 to 7 between calls
};

}  // namespace dicube::jph::DICUBE_SIMD

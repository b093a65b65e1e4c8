// An ANS encoder: from the last token to the first, into memory from its end downwards (ISO/IEC
// 18181-1, C.2.6 read the other way round).
#pragma once

#include <cstdint>
#include <cstring>

#include "jxl/ans_table.hpp"
#include "jxl/histogram.hpp"

namespace dicube::jxl {

// Bits that come before those that are there.
class BackwardBits {
  public:
    // What is written at a time, in front of which as much has to be free.
    static constexpr std::size_t kSlack = 4;

    // `end` is behind the last byte.
    explicit BackwardBits(std::uint8_t* end = nullptr) noexcept : at_(end), end_(end) {}

    // `count` is at most 32 and `value` has no other bits.
    void put(std::uint32_t value, int count) noexcept {
        bits_ = bits_ << count | value;
        count_ += count;
        flush();
    }
    // Two numbers, the first one behind the second; at most 32 bits together.
    void put(std::uint32_t first, int first_count, std::uint32_t second,
             int second_count) noexcept {
        bits_ = (bits_ << first_count | first) << second_count | second;
        count_ += first_count + second_count;
        flush();
    }
    // Appends all that is there.
    void write_to(BitWriter& bits) const {
        bits.write(bits_ & ((std::uint64_t{1} << count_) - 1), count_);
        bits.append(at_, static_cast<std::size_t>(end_ - at_) * 8);
    }

  private:
    // Whether there are 32 bits is as good as random: storing always is cheaper than guessing.
    void flush() noexcept {
        const int words = count_ >> 5;  // 0 or 1
        count_ &= 31;
        const auto word = static_cast<std::uint32_t>(bits_ >> count_);
        std::memcpy(at_ - sizeof word, &word, sizeof word);
        at_ -= words * static_cast<std::ptrdiff_t>(sizeof word);
    }

    std::uint8_t *at_, *end_;
    std::uint64_t bits_ = 0;
    int count_ = 0;  // in bits_, that are not in memory yet: fewer than 32
};

// A code, ready to encode with.
class AnsEncoder {
  public:
    void build(const Frequencies& frequencies, int log_alphabet);

    // Before the tokens that were put before.
    void put(std::uint32_t token, std::uint32_t raw, std::uint32_t& state,
             BackwardBits& bits) const noexcept {
        const Symbol& symbol = symbols_[token];
        // The state gives its low half away where it would grow beyond 32 bits.
        const int given = static_cast<int>(state >> (32 - kAnsBits) >= symbol.frequency)
                          << 4;  // 0 or 16
        const std::uint32_t low = state & ((1u << given) - 1);
        if (symbol.raw_bits <= 16) {
            bits.put(raw, symbol.raw_bits, low, given);
        } else {  // no residual has so many
            bits.put(raw, symbol.raw_bits);
            bits.put(low, given);
        }
        state >>= given;
        const auto quotient = static_cast<std::uint32_t>(state * symbol.reciprocal >> kPrecision);
        const std::uint32_t rest = state - quotient * symbol.frequency;
        state = (quotient << kAnsBits) + slots_[symbol.start + rest];
    }

  private:
    // Below frequency << 20, and so in 64 bits: the quotient is exact.
    static constexpr int kPrecision = 44;

    struct Symbol {
        std::uint64_t reciprocal = 0;
        std::uint16_t frequency = 0;
        std::uint16_t start = 0;  // in slots_
        std::int32_t raw_bits = 0;
    };
    Symbol symbols_[kMostTokens];
    std::uint16_t slots_[kAnsTotal];  // where the decoder finds the symbol again
};

}  // namespace dicube::jxl

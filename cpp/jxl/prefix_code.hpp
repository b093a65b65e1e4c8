// Prefix codes as in Brotli (RFC 7932, 3.1 to 3.5), with words of at most 15 bits.
#pragma once

#include <cstdint>
#include <vector>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jxl/bit_reader.hpp"

namespace dicube::jxl {

class PrefixCode {
  public:
    // `alphabet_size` is 1 to 32768; with one symbol there is nothing to read.
    Status read(BitReader& bits, std::uint32_t alphabet_size);

    std::uint32_t decode(BitReader& bits) const noexcept {
        const std::uint64_t window = bits.peek();
        const Entry entry = root_[window & (root_.size() - 1)];
        if (entry.length <= kRootBits) {
            bits.skip(entry.length);
            return entry.symbol;
        }
        return decode_long(bits, window);
    }

  private:
    static constexpr int kRootBits = 9, kMaxBits = 15;
    struct Entry {
        std::uint16_t symbol;
        std::uint16_t length;  // kRootBits + 1: the word is longer
    };

    Status read_simple(BitReader& bits, std::uint32_t alphabet_size);
    Status read_complex(BitReader& bits, std::uint32_t alphabet_size, int skipped);
    // The canonical code of these lengths, which are complete.
    void build(span<const std::uint8_t> lengths);
    void build_single(std::uint32_t symbol);
    std::uint32_t decode_long(BitReader& bits, std::uint64_t window) const noexcept;

    std::vector<Entry> root_;
    // Of the words of each length: how many there are, and where their symbols begin.
    std::uint16_t counts_[kMaxBits + 1] = {}, starts_[kMaxBits + 1] = {};
    std::vector<std::uint16_t> symbols_;  // by length, then by number
};

}  // namespace dicube::jxl

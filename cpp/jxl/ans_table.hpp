// The frequencies of an ANS code and its alias table (ISO/IEC 18181-1, Annex C).
#pragma once

#include <cstdint>
#include <vector>

#include "base/span.hpp"
#include "base/status.hpp"
#include "jxl/bit_reader.hpp"

namespace dicube::jxl {

constexpr int kAnsBits = 12;  // all frequencies sum up to 1 << kAnsBits
constexpr std::uint32_t kAnsTotal = 1u << kAnsBits;
constexpr std::uint32_t kAnsFinalState = 0x130000;

// Logarithms of frequencies have a fixed code of 3 to 7 bits (C.2.5): 0 for no frequency, 13 for a
// run of the one before.
constexpr int kLogs = 14, kRepeatLog = 13;
constexpr std::uint8_t kLogLengths[kLogs] = {5, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 6, 7, 7};
constexpr std::uint8_t kLogWords[kLogs] = {17, 11, 15, 3, 9, 7, 4, 2, 5, 6, 0, 33, 1, 65};

// Bits below the highest one that are written of a frequency of `low` + 1 bits.
constexpr int known_bits(int low, int shift) noexcept {
    const int known = shift - ((kAnsBits - low) >> 1);
    return known < 0 ? 0 : known > low ? low : known;
}

class AnsTable {
  public:
    // Places are in as many buckets as there may be symbols.
    struct Bucket {
        std::uint16_t cutoff;  // places below belong to the symbol of the bucket's own number
        std::uint16_t right;   // the others to this one,
        std::int32_t offset;   // whose offset is this and the place
    };

    // Reads the frequencies of a code with at most 1 << log_alphabet symbols.
    Status read(BitReader& bits, int log_alphabet);
    // `frequencies` sum up to kAnsTotal.
    void build(span<const std::uint32_t> frequencies, int log_alphabet);

    // The symbol at the state's place, which is left behind.
    std::uint32_t decode(std::uint32_t& state) const noexcept {
        const std::uint32_t place = state & (kAnsTotal - 1);
        const Bucket& bucket = buckets_[place >> log_size_];
        const std::uint32_t within = place & ((1u << log_size_) - 1);
        const bool is_right = within >= bucket.cutoff;
        const std::uint32_t symbol = is_right ? bucket.right : (place >> log_size_);
        const std::uint32_t offset = is_right ? bucket.offset + within : within;
        state = frequencies_[symbol] * (state >> kAnsBits) + offset;
        return symbol;
    }

    span<const Bucket> buckets() const noexcept { return {buckets_.data(), buckets_.size()}; }
    span<const std::uint32_t> frequencies() const noexcept {
        return {frequencies_.data(), frequencies_.size()};
    }
    int log_size() const noexcept { return log_size_; }  // of a bucket

  private:
    void build(int log_alphabet);

    std::vector<Bucket> buckets_;
    std::vector<std::uint32_t> frequencies_;
    int log_size_ = 0;
};

}  // namespace dicube::jxl

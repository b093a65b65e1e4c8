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

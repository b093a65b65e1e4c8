// How often each token occurs, what that costs, and the frequencies that stand for it in the
// codestream (ISO/IEC 18181-1, C.2).
#pragma once

#include <cstdint>
#include <vector>

#include "base/span.hpp"
#include "jxl/bit_writer.hpp"
#include "jxl/token.hpp"

namespace dicube::jxl {

// count * log2(count): of small counts from a table.
struct CountLogs {
    static constexpr std::uint32_t kCount = 4096;
    double values[kCount];

    CountLogs() noexcept;
    static double of_many(std::uint32_t count) noexcept;  // within a thousandth of a bit each
};
extern const CountLogs kCountLogs;
inline double count_log_count(std::uint32_t count) noexcept {
    return count < CountLogs::kCount ? kCountLogs.values[count] : CountLogs::of_many(count);
}

struct Histogram {
    std::uint32_t counts[kMostTokens] = {};
    std::uint32_t total = 0;
    std::uint32_t length = 0;  // counts behind are zero

    void add(std::uint32_t token) noexcept {
        ++counts[token];
        ++total;
        if (token >= length) length = token + 1;
    }
    void add(const Histogram& other) noexcept;
    void set(const std::uint32_t* all) noexcept;  // kMostTokens counts
};

// Bits of all tokens, with an ideal code.
double entropy_bits(const Histogram& histogram) noexcept;
double entropy_bits(const Histogram& a, const Histogram& b) noexcept;  // of their sum
// Bits that describe the code itself, about.
double table_bits(const Histogram& histogram) noexcept;
double table_bits(const Histogram& a, const Histogram& b) noexcept;

// Frequencies that sum up to kAnsTotal and can be written down in few bits.
class Frequencies {
  public:
    void fit(const Histogram& histogram);
    void write(BitWriter& bits) const;

    span<const std::uint32_t> values() const noexcept { return {values_, length_}; }

  private:
    // With so many bits for each frequency. False: they do not fit.
    bool round(const Histogram& histogram, int shift) noexcept;
    double cost(const Histogram& histogram) const noexcept;

    std::uint32_t values_[kMostTokens] = {};
    std::uint32_t length_ = 0;   // values behind are zero
    std::uint32_t omitted_ = 0;  // the most frequent one: what the others leave
    int shift_ = 0;
};

}  // namespace dicube::jxl

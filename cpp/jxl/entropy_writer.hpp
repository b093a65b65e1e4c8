// Entropy codes written down, and short sequences of numbers in them (ISO/IEC 18181-1, Annex C).
#pragma once

#include <cstdint>
#include <vector>

#include "jxl/ans_writer.hpp"
#include "jxl/bit_writer.hpp"
#include "jxl/clusters.hpp"

namespace dicube::jxl {

// ANS codes for some contexts.
class CodeWriter {
  public:
    // Chooses frequencies for the clusters and writes the code.
    void write(const Clusters& clusters, BitWriter& bits);

    const AnsEncoder& operator[](std::size_t cluster) const noexcept { return encoders_[cluster]; }

  private:
    std::vector<AnsEncoder> encoders_;  // of each cluster
    std::vector<Frequencies> frequencies_;
};

struct ContextNumber {
    std::uint32_t context, value;
};

// A code for the numbers, and the numbers.
void write_numbers(const std::vector<ContextNumber>& numbers, std::size_t contexts,
                   BitWriter& bits);

}  // namespace dicube::jxl

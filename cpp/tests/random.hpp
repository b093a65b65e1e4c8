// Numbers that are the same in every run.
#pragma once

#include <cstdint>
#include <random>

namespace dicube::tests {

class Random {
  public:
    explicit Random(std::uint32_t seed) : engine_(seed) {}
    std::uint32_t operator()() { return static_cast<std::uint32_t>(engine_()); }
    // From 0 to `end` - 1; slightly uneven, which no test minds.
    std::uint32_t below(std::uint32_t end) { return (*this)() % end; }
    // So many random bits, 64 at most.
    std::uint64_t bits(int count) {
        const std::uint64_t all = std::uint64_t{(*this)()} << 32 | (*this)();
        return count == 0 ? 0 : all >> (64 - count);
    }

  private:
    std::mt19937 engine_;
};

}  // namespace dicube::tests

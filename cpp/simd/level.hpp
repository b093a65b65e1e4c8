// Which instruction set is used: the best that this processor has, or the one a test asks for.
#pragma once

namespace dicube {

enum class SimdLevel {
    scalar,     // plain C++
    avx2,       // AVX2 where PDEP and PEXT are slow: AMD before Zen 3
    avx2_bmi2,  // AVX2 with fast PDEP and PEXT
};

bool simd_level_available(SimdLevel level) noexcept;
SimdLevel simd_level() noexcept;
// For tests; false if this processor or build does not have it. Not while frames are coded.
bool force_simd_level(SimdLevel level) noexcept;

}  // namespace dicube

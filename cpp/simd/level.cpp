// The one file that asks what this processor can do.
#include "simd/level.hpp"

#include <atomic>

#ifdef DICUBE_HAVE_AVX2
#include <cpuid.h>
#endif

namespace dicube {
namespace {

#ifdef DICUBE_HAVE_AVX2
bool has_avx2() noexcept {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

// AMD processors before Zen 3 (family 0x19) have PDEP and PEXT in microcode, up to a hundred times
// slower.
bool has_slow_pdep() noexcept {
    if (!__builtin_cpu_is("amd")) return false;
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return true;
    const unsigned base = eax >> 8 & 0xF, extended = eax >> 20 & 0xFF;
    return base + (base == 0xF ? extended : 0) < 0x19;
}
#endif

SimdLevel best_level() noexcept {
#ifdef DICUBE_HAVE_AVX2
    if (has_avx2()) return has_slow_pdep() ? SimdLevel::avx2 : SimdLevel::avx2_bmi2;
#endif
    return SimdLevel::scalar;
}

std::atomic<SimdLevel>& current_level() noexcept {
    static std::atomic<SimdLevel> level{best_level()};
    return level;
}

}  // namespace

bool simd_level_available(SimdLevel level) noexcept {
#ifdef DICUBE_HAVE_AVX2
    if (level != SimdLevel::scalar) return has_avx2();
#endif
    return level == SimdLevel::scalar;
}

SimdLevel simd_level() noexcept { return current_level().load(std::memory_order_relaxed); }

bool force_simd_level(SimdLevel level) noexcept {
    if (!simd_level_available(level)) return false;
    current_level().store(level, std::memory_order_relaxed);
    return true;
}

}  // namespace dicube

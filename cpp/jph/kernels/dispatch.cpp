#include "jph/kernels/dispatch.hpp"

#include "simd/level.hpp"

namespace dicube::jph {

const Kernels& kernels() noexcept {
#ifdef DICUBE_HAVE_AVX2
    switch (simd_level()) {
        case SimdLevel::avx2_bmi2:
            return kAvx2Bmi2Kernels;
        case SimdLevel::avx2:
            return kAvx2Kernels;
        case SimdLevel::scalar:
            break;
    }
#endif
    return kScalarKernels;
}

}  // namespace dicube::jph

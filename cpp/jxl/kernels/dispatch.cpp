#include "jxl/kernels/dispatch.hpp"

#include "simd/level.hpp"

namespace dicube::jxl {

const LaneKernels& lane_kernels() noexcept {
#ifdef DICUBE_HAVE_AVX2
    if (simd_level() != SimdLevel::scalar) return kAvx2Kernels;
#endif
    return kScalarKernels;
}

}  // namespace dicube::jxl

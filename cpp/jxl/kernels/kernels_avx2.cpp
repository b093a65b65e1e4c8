// The kernels with AVX2: eight streams at a time. This file alone is compiled for it.
#define DICUBE_SIMD avx2

#include "jxl/kernels/dispatch.hpp"
#include "jxl/kernels/kernel_table.hpp"
#include "simd/avx2.hpp"

namespace dicube::jxl {

const LaneKernels kAvx2Kernels = avx2::make_kernels<simd::avx2::Lanes<std::int32_t>>();

}  // namespace dicube::jxl

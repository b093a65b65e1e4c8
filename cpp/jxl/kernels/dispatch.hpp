// The kernels of JPEG XL for the instruction set in use.
#pragma once

#include "jxl/kernels/lane_types.hpp"

namespace dicube::jxl {

// Of simd_level().
const LaneKernels& lane_kernels() noexcept;

extern const LaneKernels kScalarKernels;
#ifdef DICUBE_HAVE_AVX2
extern const LaneKernels kAvx2Kernels;
#endif

}  // namespace dicube::jxl

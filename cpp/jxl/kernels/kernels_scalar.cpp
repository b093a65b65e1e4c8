// The kernels in plain C++: one stream at a time.
#define DICUBE_SIMD scalar

#include "jxl/kernels/dispatch.hpp"
#include "jxl/kernels/kernel_table.hpp"
#include "simd/scalar.hpp"

namespace dicube::jxl {

const LaneKernels kScalarKernels = scalar::make_kernels<simd::scalar::Lanes<std::int32_t>>();

}  // namespace dicube::jxl

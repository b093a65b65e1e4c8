// The kernels in plain C++: the reference, and what runs where there is no better instruction set.
#define DICUBE_SIMD plain

#include "jph/kernels/kernel_table.hpp"
#include "simd/scalar.hpp"

namespace dicube::jph {
namespace plain {
namespace {

constexpr Kernels make_table() noexcept {
    using simd::scalar::Lanes;
    Kernels table{sample_kernels<Lanes<std::int16_t>, ScalarMagsgn, ScalarLanes<std::int16_t>>(),
                  sample_kernels<Lanes<std::int32_t>, ScalarMagsgn, ScalarLanes<std::int32_t>>(),
                  sample_kernels<Lanes<std::int64_t>, ScalarMagsgn, ScalarLanes<std::int64_t>>(),
                  nullptr,
                  {},
                  {}};
    fill_common<Lanes<float>>(table);
    return table;
}

}  // namespace
}  // namespace plain

const Kernels kScalarKernels = plain::make_table();

}  // namespace dicube::jph

// The kernels with AVX2. This file alone is compiled for it.
#define DICUBE_SIMD avx2

#include "jph/kernels/encoder_avx2.hpp"
#include "jph/kernels/kernel_table.hpp"
#include "jph/kernels/magsgn_avx2.hpp"
#include "simd/avx2.hpp"
#include "simd/scalar.hpp"

namespace dicube::jph {
namespace avx2 {
namespace {

// The deposits for quads of 16-bit and of 32-bit lanes. 64-bit samples are too rare for kernels of
// their own.
template <class Deposit16, class Deposit32>
constexpr Kernels make_table() noexcept {
    using simd::avx2::Lanes;
    Kernels table{
        sample_kernels<Lanes<std::int16_t>, Avx2Magsgn16<Deposit16>, Avx2Lanes16<Deposit16>>(),
        sample_kernels<Lanes<std::int32_t>, Avx2Magsgn32<Deposit32>, Avx2Lanes32<Deposit32>>(),
        sample_kernels<simd::scalar::Lanes<std::int64_t>, ScalarMagsgn,
                       ScalarLanes<std::int64_t>>(),
        nullptr,
        {},
        {}};
    table.narrow.store_row[1] = store_narrow_samples<Lanes<std::int16_t>>;
    fill_common<Lanes<float>>(table);
    return table;
}

}  // namespace
}  // namespace avx2

const Kernels kAvx2Kernels = avx2::make_table<avx2::ShiftDeposit<16>, avx2::ShiftDeposit<32>>();
const Kernels kAvx2Bmi2Kernels = avx2::make_table<avx2::PdepDeposit, avx2::PdepDeposit>();

}  // namespace dicube::jph

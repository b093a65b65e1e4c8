// The kernels of HTJ2K for the instruction set in use.
#pragma once

#include <cstdint>

#include "jph/kernels/cleanup_job.hpp"
#include "jph/kernels/row_types.hpp"
#include "jph/kernels/wavelet_types.hpp"

namespace dicube::jph {

// All that is done to samples of type T.
template <class T>
struct SampleKernels {
    void (*decode_cleanup)(CleanupDecodeJob<T>* jobs, std::size_t count, BlockScratch& scratch);
    void (*encode_cleanup)(CleanupEncodeJob<T>* jobs, std::size_t count, BlockScratch& scratch);
    // `work` is kWaveletRows rows with margins, `work_stride` samples apart.
    void (*analyse)(const RowSource<T>& source, const LevelShape& shape, const Subbands<T>& bands,
                    T* work, std::ptrdiff_t work_stride);
    void (*synthesise)(const Subbands<T>& bands, const LevelShape& shape, const RowSink<T>& sink,
                       T* work, std::ptrdiff_t work_stride);
    // By index: 0 to 5 for u8, i8, u16, i16, u32, i32.
    void (*load_row[6])(const std::uint8_t* from, std::ptrdiff_t step, int count,
                        std::int64_t centre, T* to);
    // By log2 of the bytes of a stored sample.
    void (*store_row[3])(const T* from, int count, const StoreRule& rule, std::uint8_t* to,
                         std::ptrdiff_t step);
    void (*plane_range)(const PlaneView<T>& plane, int width, int height, SampleRange& range);
};

struct Kernels {
    SampleKernels<std::int16_t> narrow;
    SampleKernels<std::int32_t> wide;
    SampleKernels<std::int64_t> widest;

    void (*synthesise_97)(const Subbands<float>& bands, const LevelShape& shape,
                          const PlaneView<float>& out, float* work, std::ptrdiff_t work_stride);
    void (*store_float_row[3])(const float* from, int count, const StoreRule& rule,
                               std::uint8_t* to, std::ptrdiff_t step);
    // By index as load_row.
    void (*sample_range[6])(const std::uint8_t* from, std::ptrdiff_t step, int count,
                            SampleRange& range);

    template <class T>
    const SampleKernels<T>& of() const noexcept;
};

template <>
inline const SampleKernels<std::int16_t>& Kernels::of<std::int16_t>() const noexcept {
    return narrow;
}
template <>
inline const SampleKernels<std::int32_t>& Kernels::of<std::int32_t>() const noexcept {
    return wide;
}
template <>
inline const SampleKernels<std::int64_t>& Kernels::of<std::int64_t>() const noexcept {
    return widest;
}

const Kernels& kernels() noexcept;  // of simd_level()

// One table for each level, in the file that is compiled for it.
extern const Kernels kScalarKernels;
#ifdef DICUBE_HAVE_AVX2
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx2Bmi2Kernels;
#endif

}  // namespace dicube::jph

// Fills a table of kernels from the templates of one instruction set. Included by the one file of
// it.
#pragma once

#include "jph/kernels/cleanup_decoder.hpp"
#include "jph/kernels/cleanup_encoder.hpp"
#include "jph/kernels/dispatch.hpp"
#include "jph/kernels/rows.hpp"
#include "jph/kernels/wavelet53.hpp"
#include "jph/kernels/wavelet97.hpp"

namespace dicube::jph::DICUBE_SIMD {

template <class V, class T>
void analyse(const RowSource<T>& source, const LevelShape& shape, const Subbands<T>& bands, T* work,
             std::ptrdiff_t work_stride) {
    analyse_53<V>(source, shape, bands, WorkingRows<T>{work, work_stride});
}

template <class V, class T>
void synthesise(const Subbands<T>& bands, const LevelShape& shape, const RowSink<T>& sink, T* work,
                std::ptrdiff_t work_stride) {
    synthesise_53<V>(bands, shape, sink, WorkingRows<T>{work, work_stride});
}

template <class V>
void synthesise_irreversible(const Subbands<float>& bands, const LevelShape& shape,
                             const PlaneView<float>& out, float* work, std::ptrdiff_t work_stride) {
    synthesise_97<V>(bands, shape, out, WorkingRows<float>{work, work_stride});
}

// V: register for the wavelet. Magsgn, Lanes: halves of the block coder.
template <class V, class Magsgn, class EncoderLanes>
constexpr SampleKernels<typename V::value_type> sample_kernels() noexcept {
    using T = typename V::value_type;
    return {
        decode_cleanup<Magsgn, T>,
        encode_cleanup<EncoderLanes, T>,
        analyse<V, T>,
        synthesise<V, T>,
        {load_samples<std::uint8_t, T>, load_samples<std::int8_t, T>,
         load_samples<std::uint16_t, T>, load_samples<std::int16_t, T>,
         load_samples<std::uint32_t, T>, load_samples<std::int32_t, T>},
        {store_samples<T, std::uint8_t>, store_samples<T, std::uint16_t>,
         store_samples<T, std::uint32_t>},
        find_plane_range<V, T>,
    };
}

template <class FloatV>
constexpr void fill_common(Kernels& table) noexcept {
    table.synthesise_97 = synthesise_irreversible<FloatV>;
    table.store_float_row[0] = store_samples<float, std::uint8_t>;
    table.store_float_row[1] = store_samples<float, std::uint16_t>;
    table.store_float_row[2] = store_samples<float, std::uint32_t>;
    table.sample_range[0] = find_range<std::uint8_t>;
    table.sample_range[1] = find_range<std::int8_t>;
    table.sample_range[2] = find_range<std::uint16_t>;
    table.sample_range[3] = find_range<std::int16_t>;
    table.sample_range[4] = find_range<std::uint32_t>;
    table.sample_range[5] = find_range<std::int32_t>;
}

}  // namespace dicube::jph::DICUBE_SIMD

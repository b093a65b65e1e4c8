#include "jph/component_encoder.hpp"

#include <type_traits>

#include "jph/geometry.hpp"

namespace dicube::jph {
namespace {

constexpr Status kNoMemory{Fault::out_of_memory, "no memory to encode the frame", Status::kNowhere};
constexpr Status kTooNarrow{Fault::unfit, "coefficients need more bits", Status::kNowhere};

template <class T>
RowSource<T> rows_of(PlaneView<T>& view) noexcept {
    return {&view, [](void* context, int y) noexcept -> const T* {
                return static_cast<PlaneView<T>*>(context)->row(y);
            }};
}

template <class T>
Status encode_blocks(span<CodeBlock> blocks, PlaneView<T> samples, BlockScratch& scratch,
                     SegmentStore& segments) noexcept {
    for (CodeBlock& block : blocks) {
        CleanupEncodeJob<T> job;
        job.samples = samples.row(block.y) + block.x;
        job.stride = samples.stride;
        job.width = block.width;
        job.height = block.height;
        job.bytes = segments.next();
        if (job.bytes == nullptr) return kNoMemory;
        kernels().of<T>().encode_cleanup(&job, 1, scratch);
        if (job.outcome != BlockOutcome::ok) return kTooNarrow;
        block.cleanup_length = job.length;
        block.cleanup = reinterpret_cast<const std::uint8_t*>(segments.keep(job.length));
    }
    return success();
}

}  // namespace

template <class T>
Status ComponentEncoder<T>::encode(const TileComponent& component, const RowSource<T>& source,
                                   std::int64_t reach, std::int64_t offset, BlockScratch& scratch,
                                   SegmentStore& segments) noexcept {
    const auto& kernel = kernels().of<T>();
    const Rect& rect = component.rect;
    if (!work_.resize(rect.width(), kWaveletRows)) return kNoMemory;
    if (component.levels == 0) {
        if (!low_[0].resize(rect.width(), rect.height())) return kNoMemory;
        for (std::int64_t y = 0; y < rect.height(); ++y)
            std::memcpy(low_[0].row(y), source.row(source.context, static_cast<int>(y)),
                        static_cast<std::size_t>(rect.width()) * sizeof(T));
        return encode_lowest(component.resolutions[0].bands[0], low_[0].view(), offset, scratch,
                             segments);
    }
    // All levels together make LL at most 1.714 squared times as large as the samples.
    const bool may_outgrow = std::is_same_v<T, std::int16_t> && 3 * reach + 8 > kNarrowReach;
    PlaneView<T> low;
    for (int r = component.levels; r > 0; --r) {
        const Resolution& resolution = component.resolutions[static_cast<std::size_t>(r)];
        const LevelShape shape = shape_of(resolution.rect);
        Plane<T>& lower = low_[r & 1];
        bool has_memory = lower.resize(shape.low_width(), shape.low_height());
        for (std::size_t i = 0; i < 3; ++i)
            has_memory &= high_[i].resize(resolution.bands[i].rect.width(),
                                          resolution.bands[i].rect.height());
        if (!has_memory) return kNoMemory;
        if (shape.width > 0 && shape.height > 0) {
            const RowSource<T> rows = r == component.levels ? source : rows_of(low);
            const Subbands<T> bands{lower.view(), high_[0].view(), high_[1].view(),
                                    high_[2].view()};
            kernel.analyse(rows, shape, bands, work_.row(0), work_.stride());
        }
        for (std::size_t i = 0; i < 3; ++i) {
            const Status status =
                encode_blocks(resolution.bands[i].blocks, high_[i].view(), scratch, segments);
            if (!status.ok()) return status;
        }
        low = lower.view();
        if (may_outgrow && r > 1 && shape.low_width() > 0) {
            SampleRange range;
            if (shape.low_height() > 0)
                kernel.plane_range(low, shape.low_width(), shape.low_height(), range);
            if (!range.empty() && range.farthest_from(0) > kNarrowReach) return kTooNarrow;
        }
    }
    return encode_lowest(component.resolutions[0].bands[0], low, offset, scratch, segments);
}

template <class T>
Status ComponentEncoder<T>::encode_lowest(const Subband& band, PlaneView<T> samples,
                                          std::int64_t offset, BlockScratch& scratch,
                                          SegmentStore& segments) noexcept {
    using Wide = std::conditional_t<sizeof(T) == 2, std::int32_t, T>;
    PlaneView<Wide> target;
    if constexpr (sizeof(T) == 2) {
        if (!lowest_.resize(band.rect.width(), band.rect.height())) return kNoMemory;
        target = lowest_.view();
    } else {
        target = samples;
    }
    for (std::int64_t y = 0; y < band.rect.height(); ++y)
        for (std::int64_t x = 0; x < band.rect.width(); ++x)
            target.row(y)[x] = static_cast<Wide>(samples.row(y)[x] + offset);
    return encode_blocks(band.blocks, target, scratch, segments);
}

template class ComponentEncoder<std::int16_t>;
template class ComponentEncoder<std::int32_t>;
template class ComponentEncoder<std::int64_t>;

}  // namespace dicube::jph

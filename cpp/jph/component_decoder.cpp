#include "jph/component_decoder.hpp"

#include <algorithm>
#include <cmath>

#include "jph/geometry.hpp"
#include "jph/refinement.hpp"

namespace dicube::jph {
namespace {

constexpr Status kNoMemory{Fault::out_of_memory, "no memory to decode the frame", Status::kNowhere};
constexpr Status kTooNarrow{Fault::unfit, "coefficients need more bits", Status::kNowhere};
constexpr Status kDamagedBlock{Fault::damaged, "a code-block contradicts itself", Status::kNowhere};

// Samples on either side that a cut spoils: the 9/7 synthesis looks at four, the 5/3 one at two.
constexpr std::int64_t kReach = 4;

Rect widened(const Rect& rect, const Rect& limit) noexcept {
    return intersection({rect.x0 - kReach, rect.y0 - kReach, rect.x1 + kReach, rect.y1 + kReach},
                        limit);
}

// The samples of a subband that a part of the resolution above consists of.
Rect band_part(const Rect& part, Orientation orientation) noexcept {
    const int bits = static_cast<int>(orientation);
    const std::int64_t x = bits & 1 ? 0 : 1, y = bits & 2 ? 0 : 1;  // low halves are rounded up
    return {(part.x0 + x) >> 1, (part.y0 + y) >> 1, (part.x1 + x) >> 1, (part.y1 + y) >> 1};
}

Rect block_rect(const CodeBlock& block) noexcept {
    return {block.x, block.y, std::int64_t{block.x} + block.width,
            std::int64_t{block.y} + block.height};
}

bool touches(const CodeBlock& block, const Rect& window) noexcept {
    return !intersection(block_rect(block), window).empty();
}

BandWindow band_window(const Subband& band, const Rect& part) noexcept {
    BandWindow window;
    const Rect& rect = band.rect;
    window.needed = {part.x0 - rect.x0, part.y0 - rect.y0, part.x1 - rect.x0, part.y1 - rect.y0};
    if (window.needed.width() == rect.width() && window.needed.height() == rect.height()) {
        window.blocks = window.needed;
        return window;
    }
    bool first = true;
    for (const CodeBlock& block : band.blocks) {
        if (!touches(block, window.needed)) continue;
        const Rect more = block_rect(block);
        Rect& all = window.blocks;
        all = first ? more
                    : Rect{std::min(all.x0, more.x0), std::min(all.y0, more.y0),
                           std::max(all.x1, more.x1), std::max(all.y1, more.y1)};
        first = false;
    }
    return window;
}

// One cleanup pass down to the last bit plane, as lossless encoders write it.
bool is_plain(const CodeBlock& block, const Subband& band) noexcept {
    return block.refinement_passes == 0 && block.missing_planes + 1 == band.planes;
}

template <class C>
CleanupDecodeJob<C> cleanup_job(const CodeBlock& block, C* to, std::ptrdiff_t stride) noexcept {
    CleanupDecodeJob<C> job;
    job.bytes = block.cleanup;
    job.length = block.cleanup_length;
    job.width = block.width;
    job.height = block.height;
    // U is at most Mb - p + 1, and p is Mb - 1 - P.
    job.max_exponent = static_cast<std::uint8_t>(block.missing_planes + 2);
    job.samples = to;
    job.stride = stride;
    return job;
}

Status status_of(BlockOutcome outcome) noexcept {
    return outcome == BlockOutcome::ok          ? success()
           : outcome == BlockOutcome::too_large ? kTooNarrow
                                                : kDamagedBlock;
}

}  // namespace

template <class T>
void ComponentDecoder<T>::prepare(const TileComponent& component, std::uint64_t generation,
                                  int discard_levels, const Rect& window) noexcept {
    const int top = component.levels - discard_levels;
    if (component_ == &component && generation_ == generation && top_ == top && window_ == window)
        return;
    component_ = &component;
    generation_ = generation;
    window_ = window;
    top_ = top;
    Rect needed = window;
    for (int r = top_; r >= 0; --r) {
        const Resolution& resolution = component.resolutions[static_cast<std::size_t>(r)];
        ResolutionWindow& at = windows_[r];
        at.needed = needed;
        at.made = r > 0 ? widened(needed, resolution.rect) : needed;
        for (std::size_t i = 0; i < resolution.bands.size(); ++i) {
            const Subband& band = resolution.bands[i];
            at.bands[i] = band_window(band, r > 0 ? band_part(at.made, band.orientation) : at.made);
        }
        needed = band_part(at.made, Orientation::ll);
    }
}

template <class T>
Status ComponentDecoder<T>::decode(const TileComponent& component, BlockScratch& scratch,
                                   ComponentOutput<T>& output) noexcept {
    const Rect& made = windows_[top_].made;
    if (made.empty()) return success();
    if (!work_.resize(made.width(), kWaveletRows)) return kNoMemory;
    if (Status status = decode_lowest(component, scratch, output.offset); !status.ok())
        return status;
    if (top_ == 0) {
        for (int y = 0; y < made.height(); ++y) {
            std::memcpy(output.place(y), low_view_.row(y),
                        static_cast<std::size_t>(made.width()) * sizeof(T));
            output.done(y);
        }
        return success();
    }
    for (int r = 1; r <= top_; ++r) {
        const Resolution& resolution = component.resolutions[static_cast<std::size_t>(r)];
        // Blocks of all three bands in one list: the block coder works on pairs of one size.
        jobs_.count = 0;
        std::size_t ends[3] = {};
        for (std::size_t i = 0; i < 3; ++i) {
            const Status status = add_band<T>(component, resolution.bands[i], windows_[r].bands[i],
                                              high_[i], scratch, jobs_);
            if (!status.ok()) return status;
            ends[i] = jobs_.count;
        }
        if (Status status = run_jobs(jobs_, scratch); !status.ok()) return status;
        if constexpr (kNarrow) {
            if (!fits_lanes(shape_of(windows_[r].made), ends)) return kTooNarrow;
        }
        if (Status status = synthesise(r, output); !status.ok()) return status;
    }
    return success();
}

// Whether lanes of 16 bits hold all that the synthesis makes on the way: an even sample is at most
// low + high / 2, an odd one at most high + the even ones, in rows and then in columns; roundings
// add 4. The same bound then holds for the LL band of the next level. It grows faster than the
// samples do, so before it says no, they are looked at.
template <class T>
bool ComponentDecoder<T>::fits_lanes(const LevelShape& shape,
                                     const std::size_t (&ends)[3]) noexcept {
    std::int64_t peaks[3] = {};
    for (std::size_t i = 0, band = 0; i < jobs_.count; ++i) {
        while (i >= ends[band]) ++band;
        peaks[band] = std::max(peaks[band], jobs_.list.data()[i].peak);
    }
    const std::int64_t high = (3 * (peaks[0] + peaks[1]) + 1) / 2 + (9 * peaks[2] + 3) / 4 + 4;
    constexpr std::int64_t kMost = 32767;
    if constexpr (kNarrow) {
        if (low_reach_ + high > kMost && shape.low_width() > 0 && shape.low_height() > 0) {
            SampleRange range;
            kernels().narrow.plane_range(low_view_, shape.low_width(), shape.low_height(), range);
            low_reach_ = range.farthest_from(0);
        }
    }
    low_reach_ += high;
    return low_reach_ <= kMost;
}

template <class T>
Status ComponentDecoder<T>::synthesise(int r, ComponentOutput<T>& output) noexcept {
    const ResolutionWindow& window = windows_[r];
    const auto view = [&](int i) {
        const BandWindow& band = window.bands[i];
        return high_[i].view(band.needed.x0 - band.blocks.x0, band.needed.y0 - band.blocks.y0);
    };
    const Subbands<T> bands{low_view_, view(0), view(1), view(2)};
    const LevelShape shape = shape_of(window.made);
    Plane<T>& plane = low_[r & 1];
    if ((r < top_ || std::is_same_v<T, float>) && !plane.resize(shape.width, shape.height))
        return kNoMemory;
    if constexpr (std::is_same_v<T, float>) {
        kernels().synthesise_97(bands, shape, plane.view(), work_.row(0), work_.stride());
        for (int y = 0; r == top_ && y < shape.height; ++y) {
            std::memcpy(output.place(y), plane.row(y),
                        static_cast<std::size_t>(shape.width) * sizeof(T));
            output.done(y);
        }
    } else {
        PlaneOutput<T> below(plane);
        ComponentOutput<T>& target = r < top_ ? below : output;
        const RowSink<T> sink{&target,
                              [](void* context, int y) noexcept {
                                  return static_cast<ComponentOutput<T>*>(context)->place(y);
                              },
                              [](void* context, int y) noexcept {
                                  static_cast<ComponentOutput<T>*>(context)->done(y);
                              }};
        kernels().of<T>().synthesise(bands, shape, sink, work_.row(0), work_.stride());
    }
    if (r < top_)
        low_view_ =
            plane.view(window.needed.x0 - window.made.x0, window.needed.y0 - window.made.y0);
    return success();
}

template <class T>
Status ComponentDecoder<T>::decode_lowest(const TileComponent& component, BlockScratch& scratch,
                                          std::int64_t& offset) noexcept {
    const Subband& band = component.resolutions[0].bands[0];
    const BandWindow& window = windows_[0].bands[0];
    const std::int64_t x = window.needed.x0 - window.blocks.x0,
                       y = window.needed.y0 - window.blocks.y0;
    offset = 0;
    if constexpr (!kNarrow) {
        jobs_.count = 0;
        if (Status status = add_band(component, band, window, low_[0], scratch, jobs_);
            !status.ok())
            return status;
        if (Status status = run_jobs(jobs_, scratch); !status.ok()) return status;
        low_view_ = low_[0].view(x, y);
    } else {
        // The level shift makes LL large where samples are unsigned. A constant goes through the
        // synthesis untouched, so it can be taken off here and added to the samples in the end.
        lowest_jobs_.count = 0;
        if (Status status = add_band(component, band, window, lowest_, scratch, lowest_jobs_);
            !status.ok())
            return status;
        if (Status status = run_jobs(lowest_jobs_, scratch); !status.ok()) return status;
        SampleRange range;
        const int width = static_cast<int>(window.needed.width()),
                  height = static_cast<int>(window.needed.height());
        if (width > 0 && height > 0)
            kernels().wide.plane_range(lowest_.view(x, y), width, height, range);
        if (!low_[0].resize(width, height)) return kNoMemory;
        if (!range.empty()) {
            offset = std::clamp<std::int64_t>(range.centre(), -32768, 32767);
            low_reach_ = range.farthest_from(offset);
        } else {
            low_reach_ = 0;
        }
        if (low_reach_ > 32767) return kTooNarrow;
        for (int i = 0; i < height; ++i) {
            const std::int32_t* const from = lowest_.view(x, y).row(i);
            T* const to = low_[0].row(i);
            for (int j = 0; j < width; ++j) to[j] = static_cast<T>(from[j] - offset);
        }
        low_view_ = low_[0].view();
    }
    return success();
}

template <class T>
template <class C>
Status ComponentDecoder<T>::add_band(const TileComponent& component, const Subband& band,
                                     const BandWindow& window, Plane<C>& samples,
                                     BlockScratch& scratch, JobList<C>& jobs) noexcept {
    if (!samples.resize(window.blocks.width(), window.blocks.height())) return kNoMemory;
    if (window.needed.empty()) return success();
    if (!jobs.list.reserve(jobs.count + band.blocks.size(), jobs.count)) return kNoMemory;
    for (const CodeBlock& block : band.blocks) {
        if (!touches(block, window.needed)) continue;
        C* const to = samples.row(block.y - window.blocks.y0) + (block.x - window.blocks.x0);
        if (!block.coded()) {
            for (int y = 0; y < block.height; ++y)
                std::memset(to + y * samples.stride(), 0, block.width * sizeof(C));
            continue;
        }
        if constexpr (!std::is_same_v<C, float>) {
            if (is_plain(block, band)) {
                jobs.list.data()[jobs.count++] = cleanup_job(block, to, samples.stride());
                continue;
            }
        }
        const Status status =
            decode_general_block(component, band, block, to, samples.stride(), scratch);
        if (!status.ok()) return status;
    }
    return success();
}

template <class T>
template <class C>
Status ComponentDecoder<T>::run_jobs(JobList<C>& jobs, BlockScratch& scratch) noexcept {
    if constexpr (!std::is_same_v<C, float>) {
        kernels().of<C>().decode_cleanup(jobs.list.data(), jobs.count, scratch);
        for (std::size_t i = 0; i < jobs.count; ++i)
            if (Status status = status_of(jobs.list.data()[i].outcome); !status.ok()) return status;
    }
    return success();
}

template <class T>
template <class C>
Status ComponentDecoder<T>::decode_general_block(const TileComponent& component,
                                                 const Subband& band, const CodeBlock& block, C* to,
                                                 std::ptrdiff_t stride,
                                                 BlockScratch& scratch) noexcept {
    if (kNarrow) return kTooNarrow;
    if (!block_.reserve(kMaxBlockSamples)) return kNoMemory;
    std::int64_t* const samples = block_.data();
    CleanupDecodeJob<std::int64_t> job = cleanup_job(block, samples, block.width);
    kernels().widest.decode_cleanup(&job, 1, scratch);
    if (job.outcome != BlockOutcome::ok) return kDamagedBlock;
    const int plane = band.planes - 1 - block.missing_planes;
    if (plane < 0 || (block.refinement_passes > 0 && plane == 0)) return kDamagedBlock;
    RefinementJob refinement;
    refinement.segment = {block.refinement, block.refinement_length};
    refinement.passes = block.refinement_passes;
    refinement.vertically_causal = component.vertically_causal;
    refinement.width = block.width;
    refinement.height = block.height;
    if (refine(refinement, samples, block.width) != BlockOutcome::ok) return kDamagedBlock;
    for (int y = 0; y < block.height; ++y) {
        for (int x = 0; x < block.width; ++x) {
            const std::int64_t quarters = samples[y * block.width + x];
            if constexpr (std::is_same_v<C, float>) {
                to[y * stride + x] =
                    std::ldexp(static_cast<float>(quarters), plane - 2) * band.step;
            } else {
                const std::int64_t magnitude =
                    ((quarters < 0 ? -quarters : quarters) << plane) >> 2;
                to[y * stride + x] = static_cast<C>(quarters < 0 ? -magnitude : magnitude);
            }
        }
    }
    return success();
}

template class ComponentDecoder<std::int16_t>;
template class ComponentDecoder<std::int32_t>;
template class ComponentDecoder<std::int64_t>;
template class ComponentDecoder<float>;

}  // namespace dicube::jph

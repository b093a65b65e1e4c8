// The code-blocks of one component of a tile to samples: block coder, then wavelet, from the lowest
// resolution up to the one asked for. Only what a window of that resolution needs is decoded.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/status.hpp"
#include "jph/kernels/dispatch.hpp"
#include "jph/plane.hpp"
#include "jph/tile.hpp"

namespace dicube::jph {

// Part of a subband, counted from its first sample.
struct BandWindow {
    Rect needed;
    Rect blocks;  // of all code-blocks that touch `needed`, so that each is decoded whole
};

// Part of a resolution, on its grid. At a cut through the image the filters lack neighbours, so
// more is made than is needed: what lies between is wrong and never used.
struct ResolutionWindow {
    Rect needed;
    Rect made;
    BandWindow bands[3];
};

// Where the rows of a component go, top-down. Samples are those written plus `offset`.
template <class T>
class ComponentOutput {
  public:
    virtual T* place(int y) noexcept = 0;
    virtual void done(int y) noexcept = 0;

    std::int64_t offset = 0;

  protected:
    ~ComponentOutput() = default;
};

// Rows that stay in a plane, for the next resolution or for the colours that follow.
template <class T>
class PlaneOutput final : public ComponentOutput<T> {
  public:
    explicit PlaneOutput(Plane<T>& plane) noexcept : plane_(plane) {}
    T* place(int y) noexcept override { return plane_.row(y); }
    void done(int) noexcept override {}

  private:
    Plane<T>& plane_;
};

// Working memory for components of type T, kept from frame to frame. int16_t is for reversible
// streams whose coefficients turn out to be small; for others it gives Fault::unfit, and int32_t or
// int64_t take over.
template <class T>
class ComponentDecoder {
  public:
    // `window` is part of the resolution that is left after `discard_levels`. `generation` tells
    // the tile's geometry: nothing is done again while all of this stays.
    void prepare(const TileComponent& component, std::uint64_t generation, int discard_levels,
                 const Rect& window) noexcept;
    // The rows that `output` gets are those of window().made.
    const ResolutionWindow& window() const noexcept { return windows_[top_]; }
    Status decode(const TileComponent& component, BlockScratch& scratch,
                  ComponentOutput<T>& output) noexcept;

  private:
    static constexpr bool kNarrow = std::is_same_v<T, std::int16_t>;
    // The irreversible path turns integers into numbers block by block.
    using Coefficient = std::conditional_t<std::is_same_v<T, float>, std::int64_t, T>;

    template <class C>
    struct JobList {
        Buffer<CleanupDecodeJob<C>> list;
        std::size_t count = 0;
    };

    // Makes room for a band and lists its blocks; those with more than a plain cleanup pass are
    // decoded at once.
    template <class C>
    Status add_band(const TileComponent& component, const Subband& band, const BandWindow& window,
                    Plane<C>& samples, BlockScratch& scratch, JobList<C>& jobs) noexcept;
    template <class C>
    Status run_jobs(JobList<C>& jobs, BlockScratch& scratch) noexcept;
    template <class C>
    Status decode_general_block(const TileComponent& component, const Subband& band,
                                const CodeBlock& block, C* to, std::ptrdiff_t stride,
                                BlockScratch& scratch) noexcept;
    Status decode_lowest(const TileComponent& component, BlockScratch& scratch,
                         std::int64_t& offset) noexcept;
    bool fits_lanes(const LevelShape& shape, const std::size_t (&ends)[3]) noexcept;
    Status synthesise(int r, ComponentOutput<T>& output) noexcept;

    // What windows_ were made for.
    const TileComponent* component_ = nullptr;
    std::uint64_t generation_ = 0;
    Rect window_;

    int top_ = 0;  // the resolution asked for
    ResolutionWindow windows_[kMaxLevels + 1];
    PlaneView<T> low_view_;
    Plane<T> low_[2];   // resolutions below the top one, in turn
    Plane<T> high_[3];  // HL, LH, HH of one level
    Plane<T> work_;
    Plane<std::int32_t> lowest_;  // LL of int16_t, before its centre is taken off
    Buffer<std::int64_t> block_;
    JobList<T> jobs_;
    JobList<std::int32_t> lowest_jobs_;
    std::int64_t low_reach_ = 0;  // no magnitude of the LL band at hand is greater
};

extern template class ComponentDecoder<std::int16_t>;
extern template class ComponentDecoder<std::int32_t>;
extern template class ComponentDecoder<std::int64_t>;
extern template class ComponentDecoder<float>;

}  // namespace dicube::jph

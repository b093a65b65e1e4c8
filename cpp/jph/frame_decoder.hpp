// Codestreams to frames, one after the other with the same working memory. One for each thread.
#pragma once

#include <cstdint>

#include "jph/component_decoder.hpp"
#include "jph/stream_reader.hpp"
#include "jph/volume.hpp"

namespace dicube::jph {

class FrameDecoder {
  public:
    Status decode(span<const std::uint8_t> codestream, const DecodeOptions& options,
                  const Volume& volume, std::int64_t frame) noexcept;

    // Whether a codestream decodes to just this frame; Fault::mismatch if not.
    Status compare(span<const std::uint8_t> codestream, const ConstVolume& volume,
                   std::int64_t frame) noexcept;

  private:
    // The frame of the caller's array, and how samples enter it.
    struct Target {
        std::uint8_t* data;
        const Volume* volume;
        Rect rect;       // of the samples asked for, on the grid of the resolution
        StoreRule rule;  // its offset is left to each component
        bool check_fit;  // the element type of the array does not hold all values of the stream
        std::int64_t fit_low, fit_high;
        // If given, nothing is stored: rows are made in `line` and compared with this frame.
        const std::uint8_t* original = nullptr;
        std::uint8_t* line = nullptr;
    };
    template <class T>
    class RowOutput;

    template <class T>
    struct Workspace {
        ComponentDecoder<T> decoder;
        Plane<T> rows;  // a ring of four
        Plane<T> colours[3];
    };

    Status decode_target(const DecodeOptions& options, const Target& target) noexcept;
    Status make_target(const DecodeOptions& options, const Volume& volume, std::int64_t frame,
                       Target& target) noexcept;
    Status decode_tile(Tile& tile, int discard_levels, const Target& target) noexcept;
    template <class T>
    Status decode_components(Tile& tile, int discard_levels, const Target& target,
                             Workspace<T>& workspace) noexcept;
    template <class T>
    Status store_colours(Workspace<T>& workspace, const std::int64_t (&offsets)[3],
                         const Target& target, const ResolutionWindow& window) noexcept;

    StreamReader reader_;
    BlockScratch scratch_;
    Buffer<std::uint8_t> line_;  // to compare with
    // Frames that have to be decoded anew with wider lanes come in series; after one, no attempt is
    // made for a while.
    int skip_narrow_ = 0;
    Workspace<std::int16_t> narrow_;
    Workspace<std::int32_t> wide_;
    Workspace<std::int64_t> widest_;
    Workspace<float> irreversible_;
    Plane<std::int32_t> wide_colours_;
    Plane<std::int64_t> widest_colours_;
    Plane<float> float_colours_;
};

}  // namespace dicube::jph

#include "jph/frame_decoder.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "jph/colour.hpp"
#include "jph/geometry.hpp"

namespace dicube::jph {
namespace {

constexpr Status kNoMemory{Fault::out_of_memory, "no memory to decode the frame", Status::kNowhere};
constexpr Status kUnfit{Fault::unfit, "a sample does not fit the array", Status::kNowhere};

constexpr Status kMismatch{Fault::mismatch, "decoding gives other samples than were encoded",
                           Status::kNowhere};

constexpr int kWidePlanes = 30;  // magnitudes whose sums fit 32-bit lanes
constexpr int kFramesWithoutTry = 15;

constexpr std::int64_t power(int bits) noexcept { return std::int64_t{1} << bits; }

template <class T>
auto store_row_kernel(int bytes) noexcept {
    const int index = bytes == 4 ? 2 : bytes - 1;
    if constexpr (std::is_same_v<T, float>)
        return kernels().store_float_row[index];
    else
        return kernels().of<T>().store_row[index];
}

// Most bit planes of a tile's code-blocks.
int most_planes(Tile& tile) noexcept {
    int most = 0;
    for (const TileComponent& component : tile.components())
        for (const Resolution& resolution : component.resolutions)
            for (const Subband& band : resolution.bands) most = std::max(most, band.planes);
    return most;
}

// Whether samples of an array, `step` bytes apart, are those of a dense row.
bool equal_samples(const std::uint8_t* samples, std::ptrdiff_t step, const std::uint8_t* dense,
                   int count, int bytes) noexcept {
    if (step == bytes)
        return std::memcmp(samples, dense,
                           static_cast<std::size_t>(count) * static_cast<std::size_t>(bytes)) == 0;
    for (int i = 0; i < count; ++i)
        if (std::memcmp(samples + i * step, dense + i * bytes, static_cast<std::size_t>(bytes)) !=
            0)
            return false;
    return true;
}

}  // namespace

// Rows that go straight into the caller's array.
template <class T>
class FrameDecoder::RowOutput final : public ComponentOutput<T> {
  public:
    RowOutput(const Target& target, std::int64_t sample, const ResolutionWindow& window,
              Plane<T>& ring) noexcept
        : target_(target),
          sample_(sample),
          window_(window),
          ring_(ring),
          store_(store_row_kernel<T>(sample_bytes(target.volume->type))) {}

    T* place(int y) noexcept override { return ring_.row(y & 3); }

    void done(int y) noexcept override {
        const std::int64_t row = window_.made.y0 + y;
        if (row < window_.needed.y0 || row >= window_.needed.y1) return;
        store(ring_.row(y & 3) + (window_.needed.x0 - window_.made.x0), row, this->offset);
    }

    void store(const T* from, std::int64_t row, std::int64_t offset) noexcept {
        const Volume& volume = *target_.volume;
        const int count = static_cast<int>(window_.needed.width());
        StoreRule rule = target_.rule;
        rule.offset = offset;
        if (target_.check_fit && !fits_array(from, count, rule)) {
            fits_ = false;
            return;
        }
        const std::ptrdiff_t place = (row - target_.rect.y0) * volume.row_stride +
                                     (window_.needed.x0 - target_.rect.x0) * volume.column_stride +
                                     sample_ * volume.sample_stride;
        if (target_.original == nullptr) {
            store_(from, count, rule, target_.data + place, volume.column_stride);
            return;
        }
        const int bytes = sample_bytes(volume.type);
        store_(from, count, rule, target_.line, bytes);
        matches_ &= equal_samples(target_.original + place, volume.column_stride, target_.line,
                                  count, bytes);
    }

    Status status() const noexcept { return !fits_ ? kUnfit : !matches_ ? kMismatch : success(); }

  private:
    bool fits_array(const T* from, int count, const StoreRule& rule) const noexcept {
        T low = from[0], high = from[0];
        for (int i = 1; i < count; ++i) {
            low = std::min(low, from[i]);
            high = std::max(high, from[i]);
        }
        const auto stored = [&](T sample) {
            return std::clamp(static_cast<std::int64_t>(sample) + rule.offset, rule.low,
                              rule.high) +
                   rule.shift;
        };
        return stored(low) >= target_.fit_low && stored(high) <= target_.fit_high;
    }

    const Target& target_;
    std::int64_t sample_;
    const ResolutionWindow& window_;
    Plane<T>& ring_;
    void (*store_)(const T*, int, const StoreRule&, std::uint8_t*, std::ptrdiff_t);
    bool fits_ = true, matches_ = true;
};

Status FrameDecoder::decode(span<const std::uint8_t> codestream, const DecodeOptions& options,
                            const Volume& volume, std::int64_t frame) noexcept {
    if (Status status = reader_.open(codestream); !status.ok()) return status;
    Target target;
    if (Status status = make_target(options, volume, frame, target); !status.ok()) return status;
    return decode_target(options, target);
}

Status FrameDecoder::compare(span<const std::uint8_t> codestream, const ConstVolume& volume,
                             std::int64_t frame) noexcept {
    // The layout of the original, so that rows are found in it; nothing is written to its memory.
    Volume layout;
    layout.type = volume.type;
    layout.frames = volume.frames;
    layout.rows = volume.rows;
    layout.columns = volume.columns;
    layout.samples = volume.samples;
    layout.row_stride = volume.row_stride;
    layout.column_stride = volume.column_stride;
    layout.sample_stride = volume.sample_stride;
    if (Status status = reader_.open(codestream); !status.ok()) return status;
    Target target;
    if (Status status = make_target({}, layout, 0, target); !status.ok()) return status;
    if (!line_.reserve(static_cast<std::size_t>(volume.columns * sample_bytes(volume.type))))
        return kNoMemory;
    target.original = volume.data + frame * volume.frame_stride;
    target.line = line_.data();
    return decode_target({}, target);
}

Status FrameDecoder::decode_target(const DecodeOptions& options, const Target& target) noexcept {
    const Rect& image = reader_.header().size.image;
    for (int i = 0; i < reader_.tile_count(); ++i) {
        const Rect tile_rect = intersection(reader_.header().size.tile(i), image);
        const Rect reduced = shift_up(tile_rect, options.discard_levels);
        if (intersection(reduced, target.rect).empty()) continue;
        Tile* tile = nullptr;
        if (Status status = reader_.read_tile(i, options.discard_levels, tile); !status.ok())
            return status;
        if (Status status = decode_tile(*tile, options.discard_levels, target); !status.ok())
            return status;
    }
    return success();
}

Status FrameDecoder::make_target(const DecodeOptions& options, const Volume& volume,
                                 std::int64_t frame, Target& target) noexcept {
    const ImageSize& size = reader_.header().size;
    if (options.discard_levels < 0 || options.discard_levels > reader_.levels())
        return {Fault::bad_argument, "the codestream has fewer resolution levels",
                Status::kNowhere};
    if (size.bits > 32) return unsupported("more than 32 bits a sample");
    const Rect reduced = shift_up(size.image, options.discard_levels);
    const Region& region = options.region;
    target.rect = reduced;
    if (region.rows >= 0) {
        target.rect = {reduced.x0 + region.column, reduced.y0 + region.row,
                       reduced.x0 + region.column + region.columns,
                       reduced.y0 + region.row + region.rows};
        if (region.row < 0 || region.column < 0 || target.rect.x1 > reduced.x1 ||
            target.rect.y1 > reduced.y1)
            return {Fault::bad_argument, "the region reaches outside the frame", Status::kNowhere};
    }
    if (target.rect.height() != volume.rows || target.rect.width() != volume.columns ||
        size.components != volume.samples)
        return {Fault::unfit, "the codestream holds a frame of another shape", Status::kNowhere};

    target.data = volume.data + frame * volume.frame_stride;
    target.volume = &volume;
    const int bits = size.bits;
    // Samples of 32 bits are not clamped: some encoders code them modulo 2^32.
    target.rule.low = bits < 32 ? -power(bits - 1) : -power(62);
    target.rule.high = bits < 32 ? power(bits - 1) - 1 : power(62);
    target.rule.shift = size.is_signed ? 0 : power(bits - 1);

    const int stream_bytes = bits <= 8    ? 1
                             : bits <= 16 ? 2
                                          : 4,
              array_bytes = sample_bytes(volume.type);
    const bool array_signed = is_signed(volume.type);
    const bool widens = array_bytes > stream_bytes && (array_signed || !size.is_signed);
    target.check_fit = array_bytes != stream_bytes && !widens;
    target.fit_low = array_signed ? -power(8 * array_bytes - 1) : 0;
    target.fit_high = target.fit_low + power(8 * array_bytes) - 1;
    return success();
}

Status FrameDecoder::decode_tile(Tile& tile, int discard_levels, const Target& target) noexcept {
    std::size_t reversible = 0;
    for (const TileComponent& component : tile.components())
        reversible += component.reversible ? 1 : 0;
    if (reversible == 0) return decode_components(tile, discard_levels, target, irreversible_);
    if (reversible != tile.components().size())
        return unsupported("reversible and irreversible components in one tile");
    const int planes = most_planes(tile);
    if (planes <= kWidePlanes && skip_narrow_ == 0) {
        const Status status = decode_components(tile, discard_levels, target, narrow_);
        if (status.fault != Fault::unfit || status.what == kUnfit.what) return status;
        skip_narrow_ = kFramesWithoutTry;
    } else if (skip_narrow_ > 0) {
        --skip_narrow_;
    }
    return planes <= kWidePlanes ? decode_components(tile, discard_levels, target, wide_)
                                 : decode_components(tile, discard_levels, target, widest_);
}

template <class T>
Status FrameDecoder::decode_components(Tile& tile, int discard_levels, const Target& target,
                                       Workspace<T>& workspace) noexcept {
    const bool colour = tile.packets().colour_transform;
    if (colour && tile.components().size() < 3)
        return damaged("a colour transform of fewer than three components");
    std::int64_t offsets[3] = {};
    ResolutionWindow window;
    for (std::size_t c = 0; c < tile.components().size(); ++c) {
        const TileComponent& component = tile.components()[c];
        const auto top = static_cast<std::size_t>(component.levels - discard_levels);
        workspace.decoder.prepare(component, tile.generation(), discard_levels,
                                  intersection(component.resolutions[top].rect, target.rect));
        window = workspace.decoder.window();
        if (colour && c < 3) {
            if (!workspace.colours[c].resize(window.made.width(), window.made.height()))
                return kNoMemory;
            PlaneOutput<T> output(workspace.colours[c]);
            const Status status = workspace.decoder.decode(component, scratch_, output);
            if (!status.ok()) return status;
            offsets[c] = output.offset;
            continue;
        }
        if (!workspace.rows.resize(window.made.width(), 4)) return kNoMemory;
        RowOutput<T> output(target, static_cast<std::int64_t>(c), window, workspace.rows);
        const Status status = workspace.decoder.decode(component, scratch_, output);
        if (!status.ok()) return status;
        if (Status stored = output.status(); !stored.ok()) return stored;
    }
    return colour ? store_colours(workspace, offsets, target, window) : success();
}

template <class T>
Status FrameDecoder::store_colours(Workspace<T>& workspace, const std::int64_t (&offsets)[3],
                                   const Target& target, const ResolutionWindow& window) noexcept {
    // Narrow samples of the three components have offsets of their own, so their sums are made
    // wider.
    using Wide = std::conditional_t<std::is_same_v<T, std::int16_t>, std::int32_t, T>;
    Plane<Wide>* rgb = nullptr;
    if constexpr (std::is_same_v<Wide, float>)
        rgb = &float_colours_;
    else if constexpr (std::is_same_v<Wide, std::int64_t>)
        rgb = &widest_colours_;
    else
        rgb = &wide_colours_;
    const int width = static_cast<int>(window.needed.width());
    if (!rgb->resize(width, 3)) return kNoMemory;
    RowOutput<Wide> outputs[3] = {
        {target, 0, window, *rgb}, {target, 1, window, *rgb}, {target, 2, window, *rgb}};
    for (std::int64_t row = window.needed.y0; row < window.needed.y1; ++row) {
        const auto from = [&](int c) {
            return workspace.colours[c].row(row - window.made.y0) +
                   (window.needed.x0 - window.made.x0);
        };
        const T* const transformed[3] = {from(0), from(1), from(2)};
        Wide* const colours[3] = {rgb->row(0), rgb->row(1), rgb->row(2)};
        if constexpr (std::is_same_v<Wide, float>)
            inverse_ict(transformed, colours, width);
        else
            inverse_rct(transformed, offsets, colours, width);
        for (int c = 0; c < 3; ++c) outputs[c].store(colours[c], row, 0);
    }
    for (const auto& output : outputs)
        if (Status status = output.status(); !status.ok()) return status;
    return success();
}

}  // namespace dicube::jph

#include "jph/frame_encoder.hpp"

#include <limits>

#include "jph/colour.hpp"
#include "jph/packet_writer.hpp"

namespace dicube::jph {
namespace {

constexpr Status kNoMemory{Fault::out_of_memory, "no memory to encode the frame", Status::kNowhere};

// Depths whose coefficients fit 32-bit lanes: five bits of growth at most, and the sum of two.
constexpr int kWideBits = 25;

// Rows of one component of the caller's array, less their centre.
template <class T>
struct ArrayRows {
    const std::uint8_t* samples;
    std::ptrdiff_t row_stride, column_stride;
    int columns;
    int type;
    std::int64_t centre;
    Plane<T>* ring;  // four rows: one stays until three more have been asked for

    const T* row(int y) noexcept {
        T* const to = ring->row(y & 3);
        kernels().of<T>().load_row[type](samples + y * row_stride, column_stride, columns, centre,
                                         to);
        return to;
    }
};

}  // namespace

Status FrameEncoder::prepare(const ConstVolume& volume, const EncodeOptions& options) noexcept {
    FrameFormat format;
    format.rows = volume.rows;
    format.columns = volume.columns;
    format.components = static_cast<int>(volume.samples);
    format.bits = options.bit_depth > 0 ? options.bit_depth : 8 * sample_bytes(volume.type);
    format.is_signed = is_signed(volume.type);
    if (Status status = choose_parameters(format, options, header_); !status.ok()) return status;
    if (Status status = header_bytes_.build(header_, options.tlm); !status.ok()) return status;
    colour_transform_ = options.colour_transform;
    return tile_.build(header_.size, header_.coding, 0, std::numeric_limits<std::size_t>::max());
}

Status FrameEncoder::find_range(const ConstVolume& volume, const std::uint8_t* frame,
                                SampleRange& range) noexcept {
    const auto find = kernels().sample_range[static_cast<int>(volume.type)];
    const bool contiguous = volume.sample_stride == sample_bytes(volume.type) &&
                            volume.column_stride == volume.samples * volume.sample_stride;
    const std::int64_t passes = contiguous ? 1 : volume.samples;
    const std::int64_t count = volume.columns * (contiguous ? volume.samples : 1);
    const std::ptrdiff_t step = contiguous ? volume.sample_stride : volume.column_stride;
    for (std::int64_t y = 0; y < volume.rows; ++y)
        for (std::int64_t c = 0; c < passes; ++c)
            find(frame + y * volume.row_stride + c * volume.sample_stride, step,
                 static_cast<int>(count), range);
    const int bits = header_.size.bits;
    const std::int64_t low = header_.size.is_signed ? -(std::int64_t{1} << (bits - 1)) : 0;
    if (range.low < low || range.high >= low + (std::int64_t{1} << bits))
        return {Fault::bad_argument, "a sample does not fit the declared bit depth",
                Status::kNowhere};
    return success();
}

Status FrameEncoder::encode(const ConstVolume& volume, std::int64_t frame,
                            FrameBytes& out) noexcept {
    const std::uint8_t* const samples = volume.data + frame * volume.frame_stride;
    SampleRange range;
    if (Status status = find_range(volume, samples, range); !status.ok()) return status;
    // The 5/3 transform passes a constant on to LL untouched, so samples may be taken from their
    // middle: then 16-bit lanes do for most images of any declared depth. Differences of colours
    // reach twice as far.
    const std::int64_t centre = range.centre();
    const std::int64_t reach = range.farthest_from(centre) * (colour_transform_ ? 2 : 1);
    if (reach <= kNarrowReach) {
        const Status status = encode_as(volume, samples, centre, reach, narrow_, narrow_planes_);
        if (status.ok()) return append(out);
        if (status.fault != Fault::unfit) return status;
    }
    const Status status = header_.size.bits <= kWideBits
                              ? encode_as(volume, samples, centre, reach, wide_, wide_planes_)
                              : encode_as(volume, samples, centre, reach, widest_, widest_planes_);
    return status.ok() ? append(out) : status;
}

template <class T>
Status FrameEncoder::encode_as(const ConstVolume& volume, const std::uint8_t* frame,
                               std::int64_t centre, std::int64_t reach,
                               ComponentEncoder<T>& encoder, Plane<T>* planes) noexcept {
    tile_.reset();
    segments_.clear();
    if (colour_transform_)
        if (Status status = encode_colour(volume, frame, centre, reach, encoder, planes);
            !status.ok())
            return status;
    const std::int64_t level_shift =
        header_.size.is_signed ? 0 : std::int64_t{1} << (header_.size.bits - 1);
    for (std::int64_t c = colour_transform_ ? 3 : 0; c < volume.samples; ++c) {
        ArrayRows<T> rows{frame + c * volume.sample_stride,
                          volume.row_stride,
                          volume.column_stride,
                          static_cast<int>(volume.columns),
                          static_cast<int>(volume.type),
                          centre,
                          &planes[0]};
        if (!planes[0].resize(volume.columns, 4)) return kNoMemory;
        const RowSource<T> source{&rows, [](void* context, int y) noexcept -> const T* {
                                      return static_cast<ArrayRows<T>*>(context)->row(y);
                                  }};
        const Status status =
            encoder.encode(tile_.components()[static_cast<std::size_t>(c)], source, reach,
                           centre - level_shift, scratch_, segments_);
        if (!status.ok()) return status;
    }
    return success();
}

template <class T>
Status FrameEncoder::encode_colour(const ConstVolume& volume, const std::uint8_t* frame,
                                   std::int64_t centre, std::int64_t reach,
                                   ComponentEncoder<T>& encoder, Plane<T>* planes) noexcept {
    const auto load = kernels().of<T>().load_row[static_cast<int>(volume.type)];
    const int columns = static_cast<int>(volume.columns);
    for (int c = 0; c < 3; ++c)
        if (!planes[c].resize(volume.columns, volume.rows)) return kNoMemory;
    for (std::int64_t y = 0; y < volume.rows; ++y) {
        for (int c = 0; c < 3; ++c)
            load(frame + y * volume.row_stride + c * volume.sample_stride, volume.column_stride,
                 columns, centre, planes[c].row(y));
        forward_rct(planes[0].row(y), planes[1].row(y), planes[2].row(y), columns);
    }
    const std::int64_t level_shift =
        header_.size.is_signed ? 0 : std::int64_t{1} << (header_.size.bits - 1);
    for (std::size_t c = 0; c < 3; ++c) {
        const RowSource<T> source{&planes[c], [](void* context, int y) noexcept -> const T* {
                                      return static_cast<Plane<T>*>(context)->row(y);
                                  }};
        // What all three samples have in common stays in Y and leaves the differences.
        const Status status =
            encoder.encode(tile_.components()[c], source, reach, c == 0 ? centre - level_shift : 0,
                           scratch_, segments_);
        if (!status.ok()) return status;
    }
    return success();
}

Status FrameEncoder::append(FrameBytes& out) noexcept {
    for (CodeBlock& block : tile_.blocks())
        block.cleanup = segments_.at(reinterpret_cast<std::size_t>(block.cleanup));
    const span<const std::uint8_t> header = header_bytes_.bytes();
    const std::size_t bound =
        header.size() + packet_bytes_bound(tile_) + sizeof FrameHeader::kEndOfCodestream;
    if (!out.bytes.reserve(out.length + bound, out.length)) return kNoMemory;
    std::uint8_t* const start = out.bytes.data() + out.length;
    const std::size_t packets = write_packets(tile_, start + header.size());
    std::memcpy(start, header.data(), header.size());
    header_bytes_.set_packet_bytes(start, packets);
    std::memcpy(start + header.size() + packets, FrameHeader::kEndOfCodestream,
                sizeof FrameHeader::kEndOfCodestream);
    out.length += header.size() + packets + sizeof FrameHeader::kEndOfCodestream;
    return success();
}

}  // namespace dicube::jph

#include "jxl/frame_decoder.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include "jxl/modular.hpp"
#include "jxl/table_of_contents.hpp"

namespace dicube::jxl {
namespace {

constexpr Status kNoMemory{Fault::out_of_memory, "no memory to decode the frame", Status::kNowhere};

struct Rect {
    std::uint32_t x, y, width, height;
};

// Where a group of `side` pixels, numbered row by row, lies in a channel.
Rect group_rect(const Channel& channel, std::uint32_t group, std::uint32_t groups_wide,
                std::uint32_t side) noexcept {
    const auto part = [side](std::uint32_t number, std::int32_t shift, std::uint32_t whole) {
        const std::uint64_t start = (std::uint64_t{number} * side) >> shift;
        const std::uint64_t length = side >> shift;
        return std::pair<std::uint32_t, std::uint32_t>(
            static_cast<std::uint32_t>(std::min<std::uint64_t>(start, whole)),
            start < whole ? static_cast<std::uint32_t>(std::min(length, whole - start)) : 0);
    };
    const auto [x, width] = part(group % groups_wide, channel.hshift, channel.width);
    const auto [y, height] = part(group / groups_wide, channel.vshift, channel.height);
    return {x, y, width, height};
}

// The whole frame while its sections are decoded.
class Frame {
  public:
    Frame(const FrameHeader& header, span<const std::uint8_t> codestream)
        : header_(header), codestream_(codestream) {
        for (std::uint32_t c = 0; c < header.channels; ++c)
            list_.channels.emplace_back(header.width, header.height, 0, 0);
    }

    Status decode(BitReader& bits) {
        const bool is_single = header_.groups() == 1;
        const std::size_t count =
            is_single ? 1 : std::size_t{2} + header_.lf_groups() + header_.groups();
        std::vector<Section> sections;
        if (Status status = read_table_of_contents(bits, count, codestream_.size(), sections);
            !status.ok())
            return status;
        const auto section = [&](std::size_t number) {
            const Section& at = sections[number];
            return BitReader(codestream_.subspan(at.offset, at.length));
        };
        BitReader reader = section(0);
        if (Status status = decode_global(reader); !status.ok()) return status;
        // A single section holds all parts, without padding between them.
        for (std::uint32_t i = 0; i < header_.lf_groups(); ++i) {
            if (!is_single) reader = section(1 + i);
            if (Status status = decode_group(reader, i, true); !status.ok()) return status;
        }
        for (std::uint32_t i = 0; i < header_.groups(); ++i) {
            if (!is_single) reader = section(1 + header_.lf_groups() + 1 + i);
            if (Status status = decode_group(reader, i, false); !status.ok()) return status;
        }
        return global_.undo(list_, header_.bits);
    }

    // Samples are what the depth allows.
    Status take(std::vector<Channel>& channels) {
        if (list_.channels.size() != header_.channels) return damaged("a transform went wrong");
        const std::uint32_t beyond = 1u << header_.bits;
        for (const Channel& channel : list_.channels) {
            if (channel.samples.size() != std::size_t{header_.width} * header_.height)
                return damaged("a channel is missing");
            for (const std::int32_t sample : channel.samples)
                if (static_cast<std::uint32_t>(sample) >= beyond)
                    return damaged("a sample is beyond the depth");
        }
        channels = std::move(list_.channels);
        return success();
    }

  private:
    Status decode_global(BitReader& bits) {
        if (!bits.flag()) return unsupported("custom quantisation");
        has_tree_ = bits.flag();
        const std::uint64_t samples =
            std::uint64_t{header_.width} * header_.height * header_.channels;
        constexpr std::uint64_t kMostNodes = 1 << 22;
        if (has_tree_) {
            const auto limit =
                static_cast<std::size_t>(std::min<std::uint64_t>(kMostNodes, 1024 + samples / 16));
            if (Status status = tree_.read(bits, limit); !status.ok()) return status;
        }
        if (Status status = global_.read(bits); !status.ok()) return status;
        if (Status status = global_.prepare(list_); !status.ok()) return status;
        const StreamContext context{has_tree_ ? &tree_ : nullptr, 0, header_.group_side};
        if (Status status = decode_stream(bits, global_, context, list_, first_in_groups_);
            !status.ok())
            return status;
        for (std::size_t i = first_in_groups_; i < list_.channels.size(); ++i)
            list_.channels[i].make_room();
        return success();
    }

    // A group of the channels that were too large for the first section: of those that are an
    // eighth or less of the image in either direction, or of the others.
    Status decode_group(BitReader& bits, std::uint32_t group, bool is_lf) {
        constexpr std::int32_t kLfShift = 3;
        ChannelList part;
        std::vector<std::pair<std::size_t, Rect>> places;
        for (std::size_t i = first_in_groups_; i < list_.channels.size(); ++i) {
            const Channel& channel = list_.channels[i];
            if (channel.empty() || (std::min(channel.hshift, channel.vshift) >= kLfShift) != is_lf)
                continue;
            const Rect rect =
                is_lf ? group_rect(channel, group, header_.lf_wide(), header_.lf_side())
                      : group_rect(channel, group, header_.groups_wide(), header_.group_side);
            if (rect.width == 0 || rect.height == 0) continue;
            part.channels.emplace_back(rect.width, rect.height, channel.hshift, channel.vshift);
            places.emplace_back(i, rect);
        }
        if (part.channels.empty()) return success();
        // Quantisation tables, which Modular frames have none of, have numbers, too.
        constexpr std::uint32_t kTables = 17;
        const std::uint32_t stream =
            is_lf ? 1 + header_.lf_groups() + group : 1 + 3 * header_.lf_groups() + kTables + group;
        StreamHeader header;
        if (Status status = header.read(bits); !status.ok()) return status;
        if (Status status = header.prepare(part); !status.ok()) return status;
        const StreamContext context{has_tree_ ? &tree_ : nullptr, stream, ~0u};
        std::size_t end = 0;
        if (Status status = decode_stream(bits, header, context, part, end); !status.ok())
            return status;
        if (Status status = header.undo(part, header_.bits); !status.ok()) return status;
        if (part.channels.size() != places.size()) return damaged("a transform went wrong");
        for (std::size_t i = 0; i < places.size(); ++i) {
            const auto& [index, rect] = places[i];
            for (std::uint32_t y = 0; y < rect.height; ++y)
                std::copy_n(part.channels[i].row(y), rect.width,
                            list_.channels[index].row(rect.y + y) + rect.x);
        }
        return success();
    }

    const FrameHeader& header_;
    span<const std::uint8_t> codestream_;
    bool has_tree_ = false;
    TreeCode tree_;
    StreamHeader global_;
    ChannelList list_;
    std::size_t first_in_groups_ = 0;
};

}  // namespace

Status read_header(span<const std::uint8_t> codestream, FrameHeader& header) noexcept {
    BitReader bits(codestream);
    return header.read(bits);
}

Status decode_frame(span<const std::uint8_t> codestream, std::size_t most_samples,
                    FrameHeader& header, std::vector<Channel>& channels) noexcept {
    BitReader bits(codestream);
    if (Status status = header.read(bits); !status.ok()) return status;
    if (std::uint64_t{header.width} * header.height > most_samples / header.channels)
        return {Fault::bad_argument, "the frame has too many samples", Status::kNowhere};
    try {
        Frame frame(header, codestream);
        if (Status status = frame.decode(bits); !status.ok()) return status;
        return frame.take(channels);
    } catch (const std::bad_alloc&) {
        return kNoMemory;
    } catch (const std::length_error&) {
        return kNoMemory;
    }
}

Status decode_into(span<const std::uint8_t> codestream, const FrameView& out) noexcept {
    FrameHeader header;
    std::vector<Channel> channels;
    if (Status status = read_header(codestream, header); !status.ok()) return status;
    if (out.rows != header.height || out.columns != header.width ||
        out.samples != header.channels || header.bits > 8 * out.sample_bytes)
        return {Fault::unfit, "the frame has another shape or depth", Status::kNowhere};
    const auto samples = static_cast<std::size_t>(out.rows * out.columns * out.samples);
    if (Status status = decode_frame(codestream, samples, header, channels); !status.ok())
        return status;
    for (std::int64_t c = 0; c < out.samples; ++c) {
        for (std::int64_t y = 0; y < out.rows; ++y) {
            const std::int32_t* const row =
                channels[static_cast<std::size_t>(c)].row(static_cast<std::uint32_t>(y));
            std::uint8_t* to = out.data + y * out.row_stride + c * out.sample_stride;
            for (std::int64_t x = 0; x < out.columns; ++x, to += out.column_stride) {
                if (out.sample_bytes == 1) {
                    *to = static_cast<std::uint8_t>(row[x]);
                } else {
                    const auto sample = static_cast<std::uint16_t>(row[x]);
                    std::memcpy(to, &sample, sizeof sample);
                }
            }
        }
    }
    return success();
}

}  // namespace dicube::jxl

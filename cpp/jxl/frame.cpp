#include "jxl/frame.hpp"

#include <algorithm>
#include <utility>

namespace dicube::jxl {
namespace {

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

}  // namespace

Status Frame::open(span<const std::uint8_t> codestream, std::size_t most_samples) {
    codestream_ = codestream;
    BitReader bits(codestream);
    if (Status status = header_.read(bits); !status.ok()) return status;
    if (std::uint64_t{header_.width} * header_.height > most_samples / header_.channels)
        return {Fault::bad_argument, "the frame has too many samples", Status::kNowhere};
    list_ = {};
    for (std::uint32_t c = 0; c < header_.channels; ++c)
        list_.channels.emplace_back(header_.width, header_.height, 0, 0);
    const std::size_t count =
        is_single_section() ? 1 : std::size_t{2} + header_.lf_groups() + header_.groups();
    if (Status status = read_table_of_contents(bits, count, codestream.size(), sections_);
        !status.ok())
        return status;
    reader_ = BitReader(codestream.subspan(sections_[0].offset, sections_[0].length));
    return open_global();
}

Status Frame::open_global() {
    if (!reader_.flag()) return unsupported("custom quantisation");
    has_tree_ = reader_.flag();
    const std::uint64_t samples = std::uint64_t{header_.width} * header_.height * header_.channels;
    constexpr std::uint64_t kMostNodes = 1 << 22;
    if (has_tree_) {
        const auto limit =
            static_cast<std::size_t>(std::min<std::uint64_t>(kMostNodes, 1024 + samples / 16));
        if (Status status = tree_.read(reader_, limit); !status.ok()) return status;
    }
    if (Status status = global_.read(reader_); !status.ok()) return status;
    if (Status status = global_.prepare(list_); !status.ok()) return status;
    const StreamContext context{global_tree(), 0, header_.group_side};
    if (Status status = stream_.open(reader_, global_, context, list_); !status.ok()) return status;
    stream_.decode_to(list_.meta);
    return stream_.end() == list_.meta ? stream_.finish() : success();
}

Status Frame::decode() {
    if (Status status = stream_.finish(); !status.ok()) return status;
    for (std::size_t i = stream_.end(); i < list_.channels.size(); ++i)
        list_.channels[i].make_room();
    // A single section holds all parts, without padding between them.
    const auto decode_section = [&](std::size_t number, std::uint32_t group, bool is_lf) {
        if (!is_single_section())
            reader_ =
                BitReader(codestream_.subspan(sections_[number].offset, sections_[number].length));
        return decode_group(reader_, group, is_lf);
    };
    for (std::uint32_t i = 0; i < header_.lf_groups(); ++i)
        if (Status status = decode_section(1 + i, i, true); !status.ok()) return status;
    for (std::uint32_t i = 0; i < header_.groups(); ++i)
        if (Status status = decode_section(1 + header_.lf_groups() + 1 + i, i, false); !status.ok())
            return status;
    return success();
}

// A group of the channels that were too large for the first section: of those that are an eighth
// or less of the image in either direction, or of the others.
Status Frame::decode_group(BitReader& bits, std::uint32_t group, bool is_lf) {
    constexpr std::int32_t kLfShift = 3;
    ChannelList part;
    std::vector<std::pair<std::size_t, Rect>> places;
    for (std::size_t i = stream_.end(); i < list_.channels.size(); ++i) {
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
    const std::uint32_t stream = is_lf ? 1 + header_.lf_groups() + group : group_stream(group);
    StreamHeader header;
    if (Status status = header.read(bits); !status.ok()) return status;
    if (Status status = header.prepare(part); !status.ok()) return status;
    const StreamContext context{global_tree(), stream, ~0u};
    StreamDecoder decoder;
    if (Status status = decoder.open(bits, header, context, part); !status.ok()) return status;
    if (Status status = decoder.finish(); !status.ok()) return status;
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

Status Frame::finish() {
    if (Status status = global_.undo(list_, header_.bits); !status.ok()) return status;
    if (list_.channels.size() != header_.channels) return damaged("a transform went wrong");
    const std::uint32_t beyond = 1u << header_.bits;
    for (const Channel& channel : list_.channels) {
        if (channel.samples.size() != std::size_t{header_.width} * header_.height)
            return damaged("a channel is missing");
        for (const std::int32_t sample : channel.samples)
            if (static_cast<std::uint32_t>(sample) >= beyond)
                return damaged("a sample is beyond the depth");
    }
    return success();
}

}  // namespace dicube::jxl

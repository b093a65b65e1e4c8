#include "jxl/transform.hpp"

#include <algorithm>
#include <cstdlib>

namespace dicube::jxl {
namespace {

constexpr Status kBadChannels{Fault::damaged, "a transform is of channels that there are not",
                              Status::kNowhere};

// Channels `first` to `first + count` exist, are of the image and alike.
bool are_alike(const ChannelList& list, std::size_t first, std::size_t count) noexcept {
    if (first < list.meta || count == 0 || count > list.channels.size() ||
        first > list.channels.size() - count)
        return false;
    for (std::size_t i = first + 1; i < first + count; ++i)
        if (!same_shape(list.channels[i], list.channels[first])) return false;
    return true;
}

void undo_colour(std::vector<Channel>& channels, std::size_t first, std::uint32_t type) {
    const std::uint32_t permutation = type / 7, kind = type % 7;
    Channel& a = channels[first];
    Channel& b = channels[first + 1];
    Channel& c = channels[first + 2];
    for (std::size_t i = 0; i < a.samples.size(); ++i) {
        std::int64_t x = a.samples[i], y = b.samples[i], z = c.samples[i];
        if (kind == 6) {  // YCoCg
            const std::int64_t t = x - (z >> 1);
            const std::int64_t green = z + t, blue = t - (y >> 1);
            x = blue + y;
            y = green;
            z = blue;
        } else {
            if (kind & 1) z += x;
            if (kind >> 1 == 1) y += x;
            if (kind >> 1 == 2) y += (x + z) >> 1;
        }
        a.samples[i] = wrapped(x);
        b.samples[i] = wrapped(y);
        c.samples[i] = wrapped(z);
    }
    const std::size_t places[3] = {permutation % 3, (permutation + 1 + permutation / 3) % 3,
                                   (permutation + 2 - permutation / 3) % 3};
    std::vector<std::int32_t> moved[3];
    for (std::size_t i = 0; i < 3; ++i) moved[places[i]] = std::move(channels[first + i].samples);
    for (std::size_t i = 0; i < 3; ++i) channels[first + i].samples = std::move(moved[i]);
}

// Behind the colours of a palette come those of two cubes that no stream has to spell out: 4 x 4 x
// 4 colours away from the ends of the range, then 5 x 5 x 5 with them (H.6.4).
std::int64_t implicit_colour(std::int64_t index, std::uint32_t component, int bits) noexcept {
    if (component > 2) return 0;
    constexpr std::int64_t kInner = 4, kOuter = 5;
    const bool is_inner = index < kInner * kInner * kInner;
    const std::int64_t side = is_inner ? kInner : kOuter;
    if (!is_inner) index -= kInner * kInner * kInner;
    for (std::uint32_t i = 0; i < component; ++i) index /= side;
    const std::int64_t whole = (std::int64_t{1} << bits) - 1, step = index % side;
    return is_inner ? step * whole / kInner + (std::int64_t{1} << std::max(0, bits - 3))
                    : step * whole / (kOuter - 1);
}

Status undo_palette(ChannelList& list, const Transform& transform, int bits) {
    std::vector<Channel>& channels = list.channels;
    if (list.meta == 0 || transform.first + 1 >= channels.size() ||
        channels.front().height != transform.channels)
        return kBadChannels;
    const Channel palette = std::move(channels.front());
    channels.erase(channels.begin());
    --list.meta;
    const std::size_t at = transform.first;
    const Channel indices = channels[at];
    channels.insert(channels.begin() + static_cast<std::ptrdiff_t>(at) + 1, transform.channels - 1,
                    indices);
    const bool clamps = transform.channels == 1;
    for (std::uint32_t c = 0; c < transform.channels; ++c) {
        const std::int32_t* const colours = palette.row(c);
        std::vector<std::int32_t>& samples = channels[at + c].samples;
        for (std::size_t i = 0; i < samples.size(); ++i) {
            std::int64_t index = indices.samples[i];
            if (clamps)
                index = std::clamp<std::int64_t>(index, 0, std::int64_t{palette.width} - 1);
            else if (index < 0)
                return unsupported("a palette with deltas");
            samples[i] = index < palette.width
                             ? colours[index]
                             : wrapped(implicit_colour(index - palette.width, c, bits));
        }
    }
    return success();
}

std::uint32_t read_first_channel(BitReader& bits) noexcept {
    return bits.u32({3, 0}, {6, 8}, {10, 72}, {13, 1096});
}

}  // namespace

Status Transform::read(BitReader& bits) {
    switch (bits.read(2)) {
        case 0:
            kind = Kind::colour;
            first = read_first_channel(bits);
            type = bits.u32(constant(6), {2, 0}, {4, 2}, {6, 10});
            return type < 42 ? success() : damaged("a colour transform that there is not");
        case 1:
            kind = Kind::palette;
            first = read_first_channel(bits);
            channels = bits.u32(constant(1), constant(3), constant(4), {13, 1});
            colours = bits.u32({8, 0}, {10, 256}, {12, 1280}, {16, 5376});
            deltas = bits.u32(constant(0), {8, 1}, {10, 257}, {16, 1281});
            bits.skip(4);  // the predictor of the deltas
            return deltas == 0 ? success() : unsupported("a palette with deltas");
        case 2:
            break;
        default:
            return damaged("a transform that there is not");
    }
    kind = Kind::squeeze;
    const std::uint32_t count = bits.u32(constant(0), {4, 1}, {6, 9}, {8, 41});
    steps.resize(count);
    for (SqueezeStep& step : steps) {
        step.is_horizontal = bits.flag();
        step.in_place = bits.flag();
        step.first = read_first_channel(bits);
        step.count = bits.u32(constant(1), constant(2), constant(3), {4, 4});
    }
    return success();
}

Status Transform::prepare(ChannelList& list) {
    if (kind == Kind::colour) return are_alike(list, first, 3) ? success() : kBadChannels;
    if (kind == Kind::squeeze) {
        if (steps.empty()) steps = default_steps(list);
        for (const SqueezeStep& step : steps)
            if (Status status = prepare_squeeze(list, step); !status.ok()) return status;
        return success();
    }
    if (!are_alike(list, first, channels)) return kBadChannels;
    if (colours == 0 && channels == 1) return damaged("an empty palette");
    const auto begin = list.channels.begin() + first;
    list.channels.erase(begin + 1, begin + channels);
    list.channels.insert(list.channels.begin(), Channel(colours, channels, -1, -1));
    ++list.meta;
    return success();
}

Status Transform::undo(ChannelList& list, int bits) const {
    switch (kind) {
        case Kind::colour:
            if (!are_alike(list, first, 3)) return kBadChannels;
            undo_colour(list.channels, first, type);
            return success();
        case Kind::palette:
            return undo_palette(list, *this, bits);
        default:
            break;
    }
    for (auto step = steps.rbegin(); step != steps.rend(); ++step)
        if (Status status = undo_squeeze(list, *step); !status.ok()) return status;
    return success();
}

}  // namespace dicube::jxl

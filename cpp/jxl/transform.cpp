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

// --- colour

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

// --- palette

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

// --- squeeze

// The residual that a smooth slope from `before` over `average` to `next` would have.
std::int64_t tendency(std::int64_t before, std::int64_t average, std::int64_t next) noexcept {
    std::int64_t d = 0;
    if (before >= average && average >= next) {
        d = (4 * before - 3 * next - average + 6) / 12;
        if (d - (d & 1) > 2 * (before - average)) d = 2 * (before - average) + 1;
        if (d + (d & 1) > 2 * (average - next)) d = 2 * (average - next);
    } else if (before <= average && average <= next) {
        d = (4 * before - 3 * next - average - 6) / 12;
        if (d + (d & 1) < 2 * (before - average)) d = 2 * (before - average) - 1;
        if (d - (d & 1) < 2 * (average - next)) d = 2 * (average - next);
    }
    return d;
}

struct Pair {
    std::int64_t first, second;
};
Pair unsqueezed(std::int64_t average, std::int64_t residual, std::int64_t next,
                std::int64_t before) noexcept {
    const std::int64_t difference = residual + tendency(before, average, next);
    const std::int64_t first = average + difference / 2;
    return {first, first - difference};
}

// The averages are as many as the residuals, or one more.
bool are_halves(const Channel& averages, const Channel& residuals, bool is_horizontal) noexcept {
    const std::uint32_t more =
        is_horizontal ? averages.width - residuals.width : averages.height - residuals.height;
    const bool other_fits =
        is_horizontal ? averages.height == residuals.height : averages.width == residuals.width;
    return more <= 1 && other_fits;
}

Channel unsqueeze_rows(const Channel& averages, const Channel& residuals) {
    Channel whole(averages.width + residuals.width, averages.height, averages.hshift - 1,
                  averages.vshift);
    whole.make_room();
    for (std::uint32_t y = 0; y < whole.height; ++y) {
        const std::int32_t* const average = averages.row(y);
        const std::int32_t* const residual = residuals.row(y);
        std::int32_t* const row = whole.row(y);
        for (std::uint32_t x = 0; x < residuals.width; ++x) {
            const std::int64_t next = x + 1 < averages.width ? average[x + 1] : average[x];
            const std::int64_t before = x > 0 ? row[2 * x - 1] : average[x];
            const Pair pair = unsqueezed(average[x], residual[x], next, before);
            row[2 * x] = wrapped(pair.first);
            row[2 * x + 1] = wrapped(pair.second);
        }
        if (whole.width & 1) row[whole.width - 1] = average[averages.width - 1];
    }
    return whole;
}

Channel unsqueeze_columns(const Channel& averages, const Channel& residuals) {
    Channel whole(averages.width, averages.height + residuals.height, averages.hshift,
                  averages.vshift - 1);
    whole.make_room();
    for (std::uint32_t y = 0; y < residuals.height; ++y) {
        const std::int32_t* const average = averages.row(y);
        const std::int32_t* const below = averages.row(y + 1 < averages.height ? y + 1 : y);
        const std::int32_t* const residual = residuals.row(y);
        const std::int32_t* const above = y > 0 ? whole.row(2 * y - 1) : average;
        std::int32_t* const first = whole.row(2 * y);
        std::int32_t* const second = whole.row(2 * y + 1);
        for (std::uint32_t x = 0; x < whole.width; ++x) {
            const Pair pair = unsqueezed(average[x], residual[x], below[x], above[x]);
            first[x] = wrapped(pair.first);
            second[x] = wrapped(pair.second);
        }
    }
    if (whole.height & 1)
        std::copy_n(averages.row(averages.height - 1), whole.width, whole.row(whole.height - 1));
    return whole;
}

// Where an encoder names no steps (H.6.2.2).
std::vector<SqueezeStep> default_steps(const ChannelList& list) {
    std::vector<SqueezeStep> steps;
    const std::size_t first = list.meta, count = list.channels.size() - first;
    if (count == 0) return steps;
    std::uint32_t width = list.channels[first].width, height = list.channels[first].height;
    if (count > 2 && same_shape(list.channels[first], list.channels[first + 1]) &&
        same_shape(list.channels[first], list.channels[first + 2])) {
        const auto chroma = static_cast<std::uint32_t>(first + 1);
        steps.push_back({true, false, chroma, 2});
        steps.push_back({false, false, chroma, 2});
    }
    const auto all = [&](bool is_horizontal) {
        steps.push_back({is_horizontal, true, static_cast<std::uint32_t>(first),
                         static_cast<std::uint32_t>(count)});
        std::uint32_t& side = is_horizontal ? width : height;
        side = (side + 1) / 2;
    };
    constexpr std::uint32_t kSmall = 8;
    if (height >= width && height > kSmall) all(false);
    while (width > kSmall || height > kSmall) {
        if (width > kSmall) all(true);
        if (height > kSmall) all(false);
    }
    return steps;
}

Status prepare_squeeze(ChannelList& list, const SqueezeStep& step) {
    std::vector<Channel>& channels = list.channels;
    const std::size_t first = step.first, count = step.count;
    if (first < list.meta) return unsupported("a squeezed palette");
    if (count == 0 || count > channels.size() || first > channels.size() - count)
        return kBadChannels;
    std::size_t place = step.in_place ? first + count : channels.size();
    for (std::size_t i = first; i < first + count; ++i, ++place) {
        Channel& average = channels[i];
        if (average.hshift > 30 || average.vshift > 30) return damaged("too many squeezes");
        Channel residual = average;
        std::uint32_t& side = step.is_horizontal ? average.width : average.height;
        std::uint32_t& rest = step.is_horizontal ? residual.width : residual.height;
        rest = side / 2;
        side = (side + 1) / 2;
        ++(step.is_horizontal ? average.hshift : average.vshift);
        ++(step.is_horizontal ? residual.hshift : residual.vshift);
        channels.insert(channels.begin() + static_cast<std::ptrdiff_t>(place), residual);
    }
    return success();
}

Status undo_squeeze(ChannelList& list, const SqueezeStep& step) {
    std::vector<Channel>& channels = list.channels;
    const std::size_t first = step.first, count = step.count;
    if (first + 2 * count > channels.size()) return kBadChannels;
    const std::size_t place = step.in_place ? first + count : channels.size() - count;
    for (std::size_t i = 0; i < count; ++i) {
        Channel& average = channels[first + i];
        const Channel& residual = channels[place + i];
        if (!are_halves(average, residual, step.is_horizontal)) return kBadChannels;
        average = step.is_horizontal ? unsqueeze_rows(average, residual)
                                     : unsqueeze_columns(average, residual);
    }
    const auto begin = channels.begin() + static_cast<std::ptrdiff_t>(place);
    channels.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
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

#include "jxl/squeeze.hpp"

#include <algorithm>

namespace dicube::jxl {
namespace {

constexpr Status kBadChannels{Fault::damaged, "a squeeze is of channels that there are not",
                              Status::kNowhere};

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

}  // namespace

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

}  // namespace dicube::jxl

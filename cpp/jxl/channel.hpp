// The planes of numbers that an image is while it is decoded.
#pragma once

#include <cstdint>
#include <vector>

namespace dicube::jxl {

// Samples of a damaged stream may be any numbers: they wrap.
constexpr std::int32_t wrapped(std::int64_t value) noexcept {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
}

struct Channel {
    std::uint32_t width = 0, height = 0;
    // Each step halves the image; -1 for a palette, which is no part of it.
    std::int32_t hshift = 0, vshift = 0;
    std::vector<std::int32_t> samples;  // row by row

    Channel() = default;
    Channel(std::uint32_t channel_width, std::uint32_t channel_height, std::int32_t h,
            std::int32_t v)
        : width(channel_width), height(channel_height), hshift(h), vshift(v) {}

    void make_room() { samples.assign(std::size_t{width} * height, 0); }
    std::int32_t* row(std::uint32_t y) noexcept { return samples.data() + std::size_t{y} * width; }
    const std::int32_t* row(std::uint32_t y) const noexcept {
        return samples.data() + std::size_t{y} * width;
    }
    bool empty() const noexcept { return width == 0 || height == 0; }
};

// Whether each pixel of one has its place in the other.
inline bool same_shape(const Channel& a, const Channel& b) noexcept {
    return a.width == b.width && a.height == b.height && a.hshift == b.hshift &&
           a.vshift == b.vshift;
}

// Those before `meta` are palettes.
struct ChannelList {
    std::vector<Channel> channels;
    std::size_t meta = 0;
};

}  // namespace dicube::jxl

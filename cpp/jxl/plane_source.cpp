#include "jxl/plane_source.hpp"

#include <cstring>

namespace dicube::jxl {
namespace {

template <class T>
T load(const std::uint8_t* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

// One channel of three after a colour transform of type permutation * 7 + kind.
std::int32_t transformed(const std::int32_t (&rgb)[3], int type, int channel) noexcept {
    const int permutation = type / 7, kind = type % 7;
    const std::int32_t first = rgb[permutation % 3];
    const std::int32_t second = rgb[(permutation + 1 + permutation / 3) % 3];
    const std::int32_t third = rgb[(permutation + 2 - permutation / 3) % 3];
    constexpr int kYCoCg = 6;
    if (kind == kYCoCg) {
        const std::int32_t co = first - third, t = third + (co >> 1), cg = second - t;
        return channel == 0 ? t + (cg >> 1) : channel == 1 ? co : cg;
    }
    if (channel == 0) return first;
    if (channel == 2) return kind & 1 ? third - first : third;
    return kind >> 1 == 0 ? second : second - (kind >> 1 == 1 ? first : (first + third) >> 1);
}

}  // namespace

void PlaneSource::read(std::int64_t frame, int channel, std::int64_t y, std::int64_t x,
                       std::int64_t count, std::int32_t* to, std::ptrdiff_t step) const noexcept {
    const std::uint8_t* const from = volume_.data + frame * volume_.frame_stride +
                                     y * volume_.row_stride + x * volume_.column_stride;
    switch (volume_.type) {
        case SampleType::u8:
            return read_as<std::uint8_t>(from, channel, count, to, step);
        case SampleType::i8:
            return read_as<std::int8_t>(from, channel, count, to, step);
        case SampleType::u16:
            return read_as<std::uint16_t>(from, channel, count, to, step);
        case SampleType::i16:
            return read_as<std::int16_t>(from, channel, count, to, step);
        case SampleType::u32:
        case SampleType::i32:
            return;  // never asked for: these do not fit a codestream
    }
}

template <class T>
void PlaneSource::read_as(const std::uint8_t* from, int channel, std::int64_t count,
                          std::int32_t* to, std::ptrdiff_t step) const noexcept {
    const std::int64_t stride = volume_.column_stride, next = volume_.sample_stride;
    const std::int32_t offset = mapping_.offset;
    const auto at = [&](std::int64_t x, int sample) {
        return std::int32_t{load<T>(from + x * stride + sample * next)} + offset;
    };
    if (!mapping_.palette.empty()) {
        for (std::int64_t x = 0; x < count; ++x)
            to[x * step] = mapping_.indices[static_cast<std::size_t>(at(x, 0))];
    } else if (mapping_.colour_transform != 0 && channel < 3) {
        for (std::int64_t x = 0; x < count; ++x)
            to[x * step] =
                transformed({at(x, 0), at(x, 1), at(x, 2)}, mapping_.colour_transform, channel);
    } else if (stride == sizeof(T)) {
        const std::uint8_t* const dense = from + channel * next;
        for (std::int64_t x = 0; x < count; ++x)
            to[x * step] = std::int32_t{load<T>(dense + x * std::int64_t{sizeof(T)})} + offset;
    } else {
        for (std::int64_t x = 0; x < count; ++x) to[x * step] = at(x, channel);
    }
}

}  // namespace dicube::jxl

#include "dicom/pixel_reading.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <type_traits>

#include "dicom/posix_file.hpp"
#include "volume/workers.hpp"

namespace dicube::dicom {
namespace {

constexpr std::uint64_t kChunk = 1 << 18;  // looked at while it is in the cache

// Whether the unused bits of all words are what sign or zero extension puts there.
template <class Word>
bool are_extended(const std::uint8_t* bytes, std::uint64_t count, int unused_bits) noexcept {
    using Unsigned = std::make_unsigned_t<Word>;
    Unsigned differences = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        Unsigned word;
        std::memcpy(&word, bytes + i * sizeof word, sizeof word);
        const Unsigned shifted = static_cast<Unsigned>(word << unused_bits);
        const Word extended = static_cast<Word>(static_cast<Word>(shifted) >> unused_bits);
        differences = static_cast<Unsigned>(differences | (word ^ static_cast<Unsigned>(extended)));
    }
    return differences == 0;
}

bool are_stored_values(const std::uint8_t* bytes, std::uint64_t size, WordLayout layout) noexcept {
    if (layout.unused_bits == 0) return true;
    const std::uint64_t count = size / static_cast<std::uint64_t>(layout.bytes);
    switch (layout.bytes) {
        case 1:
            return layout.is_signed ? are_extended<std::int8_t>(bytes, count, layout.unused_bits)
                                    : are_extended<std::uint8_t>(bytes, count, layout.unused_bits);
        case 2:
            return layout.is_signed ? are_extended<std::int16_t>(bytes, count, layout.unused_bits)
                                    : are_extended<std::uint16_t>(bytes, count, layout.unused_bits);
        case 4:
            return layout.is_signed ? are_extended<std::int32_t>(bytes, count, layout.unused_bits)
                                    : are_extended<std::uint32_t>(bytes, count, layout.unused_bits);
        default:
            return false;
    }
}

PixelState read_one(const PixelPlace& place, std::uint64_t bytes, WordLayout layout) noexcept {
    const PosixFile file(place.path);
    std::uint64_t length = 0;
    if (!file.is_regular(length)) return PixelState::unreadable;
    PixelState state = PixelState::stored_values;
    for (std::uint64_t done = 0; done < bytes;) {
        const std::uint64_t count = std::min(kChunk, bytes - done);
        std::uint8_t* const target = place.target + done;
        if (!file.read(place.offset + done, {target, static_cast<std::size_t>(count)}))
            return PixelState::unreadable;
        if (!are_stored_values(target, count, layout)) state = PixelState::other_bits;
        done += count;
    }
    return state;
}

}  // namespace

void read_pixels(span<const PixelPlace> places, std::uint64_t bytes, WordLayout layout, int threads,
                 span<PixelState> states) noexcept {
    const auto count = static_cast<std::int64_t>(places.size());
    const std::atomic<std::int64_t> limit{count};
    share_out(count, 1, threads, limit, [&](int, std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t i = first; i < last; ++i) {
            const auto index = static_cast<std::size_t>(i);
            states[index] = read_one(places[index], bytes, layout);
        }
    });
}

}  // namespace dicube::dicom

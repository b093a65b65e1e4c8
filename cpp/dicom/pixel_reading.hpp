// Native pixel data from files into their places in an array, each byte read once.
#pragma once

#include <cstdint>

#include "base/span.hpp"

namespace dicube::dicom {

struct PixelPlace {
    const char* path;
    std::uint64_t offset;  // in the file
    std::uint8_t* target;
};

// How the words of all files are laid out: little endian, the stored value in the lower bits.
struct WordLayout {
    int bytes = 2;        // 1, 2, 4 or 8
    int unused_bits = 0;  // above the stored value; they should repeat its sign, or be zero
    bool is_signed = false;
};

enum class PixelState : std::uint8_t {
    stored_values,  // the target holds them
    unreadable,     // the file cannot be read, or is too short
    other_bits,     // the unused bits hold something: the words are no stored values yet
};

// Reads `bytes` bytes for each place; files are shared out to threads.
void read_pixels(span<const PixelPlace> places, std::uint64_t bytes, WordLayout layout, int threads,
                 span<PixelState> states) noexcept;

}  // namespace dicube::dicom

// Fuzzer input as the choices that a test is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace dicube::fuzz {

// Takes the input apart; when it is used up, zeros come.
class Recipe {
  public:
    Recipe(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    std::uint8_t byte() { return position_ < size_ ? data_[position_++] : std::uint8_t{0}; }
    int between(int low, int high) { return low + byte() % (high - low + 1); }
    bool empty() const { return position_ >= size_; }

  private:
    const std::uint8_t* data_;
    std::size_t size_, position_ = 0;
};

// Integers of `width` bytes cut to `bits` of them, with sign extension.
inline void fill(Recipe& recipe, std::vector<std::uint8_t>& bytes, int width, int bits,
                 bool is_signed) {
    std::uint64_t previous = 0;
    for (std::size_t at = 0; at < bytes.size(); at += static_cast<std::size_t>(width)) {
        // Once the input is used up its last sample changes slowly: images are mostly smooth.
        std::uint64_t value = previous + 1;
        if (!recipe.empty()) {
            value = 0;
            for (int i = 0; i < width; ++i) value = value << 8 | recipe.byte();
        }
        previous = value;
        value &= (std::uint64_t{1} << bits) - 1;
        if (is_signed && value >> (bits - 1)) value |= ~std::uint64_t{0} << bits;
        std::memcpy(&bytes[at], &value, static_cast<std::size_t>(width));
    }
}

}  // namespace dicube::fuzz

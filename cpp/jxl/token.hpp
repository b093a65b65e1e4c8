// Numbers as this encoder writes them: a token and raw bits (ISO/IEC 18181-1, C.3.3).
#pragma once

#include <cstdint>

#include "jxl/bit_reader.hpp"
#include "jxl/entropy_code.hpp"

namespace dicube::jxl {

// Two bits below the highest one and the lowest in the token: of a packed residual that is its
// sign, which has different odds on the two sides of an edge.
constexpr HybridConfig kTokenConfig{4, 2, 1};
constexpr std::size_t kMostTokens = 256;

struct Token {
    std::uint32_t token, raw;
};

inline int raw_bits_of(std::uint32_t token) noexcept {
    return token < 16 ? 0 : static_cast<int>(token >> 3) - 1;
}

inline Token to_token(std::uint32_t value) noexcept {
    if (value < 16) return {value, 0};
    const auto log = static_cast<unsigned>(floor_log2(value));
    const std::uint32_t top = value >> (log - 2) & 3;
    return {16 + ((log - 4) << 3) + (top << 1) + (value & 1), value >> 1 & ((1u << (log - 3)) - 1)};
}

}  // namespace dicube::jxl

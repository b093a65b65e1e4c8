// Big-endian numbers, as in all headers of a codestream.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dicube::jph {

constexpr std::uint16_t load_u16(const std::uint8_t* bytes) noexcept {
    return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}
constexpr std::uint32_t load_u32(const std::uint8_t* bytes) noexcept {
    return std::uint32_t{load_u16(bytes)} << 16 | load_u16(bytes + 2);
}
constexpr std::uint64_t load_u64(const std::uint8_t* bytes) noexcept {
    return std::uint64_t{load_u32(bytes)} << 32 | load_u32(bytes + 4);
}

inline void store_u16(std::uint8_t* bytes, std::uint32_t value) noexcept {
    bytes[0] = static_cast<std::uint8_t>(value >> 8);
    bytes[1] = static_cast<std::uint8_t>(value);
}
inline void store_u32(std::uint8_t* bytes, std::uint32_t value) noexcept {
    store_u16(bytes, value >> 16);
    store_u16(bytes + 2, value);
}

}  // namespace dicube::jph

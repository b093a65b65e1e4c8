#include "jxl/bit_reader.hpp"

namespace dicube::jxl {

std::uint64_t BitReader::u64() noexcept {
    switch (read(2)) {
        case 0:
            return 0;
        case 1:
            return 1 + read(4);
        case 2:
            return 17 + read(8);
        default:
            break;
    }
    std::uint64_t value = read(12);
    for (int shift = 12; flag(); shift += 8) {
        if (shift == 60) return value | static_cast<std::uint64_t>(read(4)) << shift;
        value |= static_cast<std::uint64_t>(read(8)) << shift;
    }
    return value;
}

}  // namespace dicube::jxl

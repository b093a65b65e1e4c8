// Facts about the sample types of volume.hpp.
#pragma once

#include "jph/volume.hpp"

namespace dicube::jph {

constexpr int sample_bytes(SampleType type) noexcept {
    switch (type) {
        case SampleType::u8:
        case SampleType::i8:
            return 1;
        case SampleType::u16:
        case SampleType::i16:
            return 2;
        case SampleType::u32:
        case SampleType::i32:
            break;
    }
    return 4;
}

constexpr bool is_signed(SampleType type) noexcept {
    return type == SampleType::i8 || type == SampleType::i16 || type == SampleType::i32;
}

}  // namespace dicube::jph

// The reversible colour transform of one row of three components (T.800 G.2) and the way back, and
// the way back of the irreversible one (G.3).
#pragma once

#include <cstdint>

namespace dicube::jph {

// R, G, B become Y, U, V in place.
template <class T>
inline void forward_rct(T* r, T* g, T* b, int count) noexcept {
    for (int i = 0; i < count; ++i) {
        const T red = r[i], green = g[i], blue = b[i];
        r[i] = static_cast<T>((red + 2 * green + blue) >> 2);
        g[i] = static_cast<T>(blue - green);
        b[i] = static_cast<T>(red - green);
    }
}

// Y, U, V, each less an offset, become R, G, B.
template <class T, class Wide>
inline void inverse_rct(const T* const (&yuv)[3], const std::int64_t (&offsets)[3],
                        Wide* const (&rgb)[3], int count) noexcept {
    for (int i = 0; i < count; ++i) {
        // In 64 bits, so that the samples of a damaged stream overflow nothing.
        const std::int64_t y = yuv[0][i] + offsets[0], u = yuv[1][i] + offsets[1],
                           v = yuv[2][i] + offsets[2];
        const std::int64_t green = y - ((u + v) >> 2);
        rgb[0][i] = static_cast<Wide>(v + green);
        rgb[1][i] = static_cast<Wide>(green);
        rgb[2][i] = static_cast<Wide>(u + green);
    }
}

inline void inverse_ict(const float* const (&ycc)[3], float* const (&rgb)[3], int count) noexcept {
    for (int i = 0; i < count; ++i) {
        const float y = ycc[0][i], cb = ycc[1][i], cr = ycc[2][i];
        rgb[0][i] = y + 1.402F * cr;
        rgb[1][i] = y - 0.344136F * cb - 0.714136F * cr;
        rgb[2][i] = y + 1.772F * cb;
    }
}

}  // namespace dicube::jph

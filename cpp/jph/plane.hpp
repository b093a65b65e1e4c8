// Rows of samples that the wavelet kernels work on.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/buffer.hpp"
#include "jph/kernels/wavelet_types.hpp"

namespace dicube::jph {

// Rows of samples with the margins that the wavelet kernels ask for.
template <class T>
class Plane {
  public:
    [[nodiscard]] bool resize(std::int64_t width, std::int64_t height) noexcept {
        width_ = width;
        height_ = height;
        stride_ = (width + 2 * kRowMargin + kRowMargin - 1) / kRowMargin * kRowMargin;
        return buffer_.reserve(static_cast<std::size_t>(stride_ * height + kRowMargin));
    }
    std::int64_t width() const noexcept { return width_; }
    std::int64_t height() const noexcept { return height_; }
    std::ptrdiff_t stride() const noexcept { return stride_; }
    T* row(std::int64_t y) noexcept { return buffer_.data() + kRowMargin + y * stride_; }
    // Seen from the sample at (x, y).
    PlaneView<T> view(std::int64_t x = 0, std::int64_t y = 0) noexcept {
        return {row(y) + x, stride_};
    }

  private:
    Buffer<T> buffer_;
    std::int64_t width_ = 0, height_ = 0;
    std::ptrdiff_t stride_ = 0;
};

}  // namespace dicube::jph

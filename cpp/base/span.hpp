// A view of contiguous elements that someone else owns. C++17 has none yet (std::span is C++20).
#pragma once

#include <cstddef>
#include <type_traits>

namespace dicube {

template <class T>
class span {
  public:
    constexpr span() noexcept = default;
    constexpr span(T* data, std::size_t size) noexcept : data_(data), size_(size) {}

    // A mutable view is a constant one too.
    template <class U, class = std::enable_if_t<std::is_same_v<const U, T>>>
    constexpr span(span<U> other) noexcept : data_(other.data()), size_(other.size()) {}

    constexpr T* data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr T* begin() const noexcept { return data_; }
    constexpr T* end() const noexcept { return data_ + size_; }
    constexpr T& operator[](std::size_t index) const noexcept { return data_[index]; }

    constexpr span first(std::size_t count) const noexcept { return {data_, count}; }
    constexpr span subspan(std::size_t offset) const noexcept {
        return {data_ + offset, size_ - offset};
    }
    constexpr span subspan(std::size_t offset, std::size_t count) const noexcept {
        return {data_ + offset, count};
    }

  private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace dicube

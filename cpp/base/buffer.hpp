// Memory that grows and is kept: the working memory of frames, reused from one to the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace dicube {

// nullptr without memory. Large blocks ask for huge pages: the first touch of each page of 4 KiB
// takes a visit to the kernel, which was up to a tenth of the time of an encode.
inline void* allocate(std::size_t bytes) noexcept {
#ifdef __linux__
    constexpr std::size_t kHugePage = std::size_t{1} << 21;
    if (bytes >= 2 * kHugePage) {
        const std::size_t whole = (bytes + kHugePage - 1) / kHugePage * kHugePage;
        void* const memory = whole < bytes ? nullptr : std::aligned_alloc(kHugePage, whole);
        if (memory != nullptr)
            madvise(memory, whole, MADV_HUGEPAGE);  // where it is refused, nothing is lost
        return memory;
    }
#endif
    return std::malloc(bytes);
}

// Elements without initial value.
template <class T>
class Buffer {
  public:
    Buffer() noexcept = default;
    Buffer(Buffer&& other) noexcept
        : memory_(std::move(other.memory_)), capacity_(std::exchange(other.capacity_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        memory_ = std::move(other.memory_);
        capacity_ = std::exchange(other.capacity_, 0);
        return *this;
    }

    T* data() noexcept { return memory_.get(); }
    const T* data() const noexcept { return memory_.get(); }
    std::size_t capacity() const noexcept { return capacity_; }

    // Room for `count` elements, of which the first `kept` stay as they are. False: no memory.
    [[nodiscard]] bool reserve(std::size_t count, std::size_t kept = 0) noexcept {
        if (count <= capacity_) return true;
        // Growing by half again keeps the copies of a buffer that is appended to linear.
        const std::size_t roomy = kept > 0 && count < capacity_ * 3 / 2 ? capacity_ * 3 / 2 : count;
        static_assert(std::is_trivially_copyable_v<T>);
        std::unique_ptr<T[], Free> bigger(static_cast<T*>(allocate(roomy * sizeof(T))));
        if (bigger == nullptr) return false;
        if (kept > 0) std::memcpy(bigger.get(), memory_.get(), kept * sizeof(T));
        memory_ = std::move(bigger);
        capacity_ = roomy;
        return true;
    }

  private:
    struct Free {
        void operator()(T* memory) const noexcept { std::free(memory); }
    };
    std::unique_ptr<T[], Free> memory_;
    std::size_t capacity_ = 0;
};

}  // namespace dicube

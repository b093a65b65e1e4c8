#include "jph/header_bits.hpp"

#include "jph/bytes.hpp"

namespace dicube::jph {
namespace {

constexpr bool has_byte_ff(std::uint64_t bytes) noexcept {
    const std::uint64_t zero_where_ff = ~bytes;
    return ((zero_where_ff - 0x0101010101010101) & ~zero_where_ff & 0x8080808080808080) != 0;
}

}  // namespace

void HeaderBitReader::refill() noexcept {
    // Most headers have no 0xFF near: take as many whole bytes as fit, all at once. The bits below
    // `available_` that this leaves in the window are those the next refill brings in again.
    const bool stuffed = next_ > begin_ && next_[-1] == 0xFF;
    if (end_ - next_ >= 8 && !stuffed) {
        const std::uint64_t bytes = load_u64(next_);
        if (!has_byte_ff(bytes)) {
            window_ |= bytes >> available_;
            const int count = (63 - available_) >> 3;
            next_ += count;
            available_ += 8 * count;
            return;
        }
    }
    while (available_ <= 56) {
        if (next_ == end_) {
            made_up_ += 64;
            available_ += 64;
            return;
        }
        const int width = next_ > begin_ && next_[-1] == 0xFF ? 7 : 8;
        const std::uint64_t mask = width == 7 ? 0x7F : 0xFF;
        window_ |= (*next_++ & mask) << (64 - width - available_);
        available_ += width;
    }
}

const std::uint8_t* HeaderBitReader::finish() noexcept {
    int unread = available_ - made_up_;
    if (unread < 0) return nullptr;
    while (next_ > begin_) {
        const int width = next_ - begin_ > 1 && next_[-2] == 0xFF ? 7 : 8;
        if (unread < width) break;
        unread -= width;
        --next_;
    }
    if (next_ > begin_ && next_[-1] == 0xFF) {  // T.800 B.10.1: a header does not end in 0xFF
        if (next_ == end_) return nullptr;
        ++next_;
    }
    return next_;
}

}  // namespace dicube::jph

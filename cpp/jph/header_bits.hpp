// The bits of packet headers, T.800 B.10.1: most significant first; a byte behind 0xFF holds seven.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dicube::jph {

// Reads ahead into a 64-bit window and gives whole bytes back at the end. Beyond the end of the
// data it sees zeros, which end every loop of a packet header; finish() then tells.
class HeaderBitReader {
  public:
    HeaderBitReader(const std::uint8_t* begin, const std::uint8_t* end) noexcept
        : begin_(begin), next_(begin), end_(end) {}

    std::uint32_t bit() noexcept { return read(1); }

    // `count` is 1 to 32.
    std::uint32_t read(int count) noexcept {
        if (available_ < count) refill();
        const auto value = static_cast<std::uint32_t>(window_ >> (64 - count));
        drop(count);
        return value;
    }

    // Passes bits equal to `Value` up to the first other one, and that too; counts the former, but
    // not beyond `limit`, where it stops. `limit` is at most 48.
    template <int Value>
    int run(int limit) noexcept {
        if (available_ <= limit) refill();
        // The one at the bottom ends every run and is too far down to matter.
        const std::uint64_t first_other = (Value == 0 ? window_ : ~window_) | 1;
        const int count = __builtin_clzll(first_other);
        if (count >= limit) {
            drop(limit);
            return limit;
        }
        drop(count + 1);
        return count;
    }

    // The byte behind the header, or nullptr if the header goes beyond the end of the data.
    const std::uint8_t* finish() noexcept;

  private:
    void drop(int count) noexcept {
        window_ <<= count;
        available_ -= count;
    }
    void refill() noexcept;

    const std::uint8_t* begin_;
    const std::uint8_t* next_;
    const std::uint8_t* end_;
    std::uint64_t window_ = 0;  // next bit on top
    int available_ = 0;         // bits in the window, with those made up
    int made_up_ = 0;           // bits beyond the end of the data
};

// Writes to memory that the caller has bounded.
class HeaderBitWriter {
  public:
    explicit HeaderBitWriter(std::uint8_t* out) noexcept : out_(out) {}

    // The low `count` bits of `value`, which has no others set; `count` is 0 to 32.
    void write(std::uint32_t value, int count) noexcept {
        pending_ = pending_ << count | value;
        pending_bits_ += count;
        while (pending_bits_ >= room_) put_byte();
    }

    // Pads with zeros; a header does not end in 0xFF. Returns the end of what was written.
    std::uint8_t* finish() noexcept {
        if (pending_bits_ > 0) write(0, room_ - pending_bits_);
        if (room_ == 7) write(0, 7);
        return out_;
    }

  private:
    void put_byte() noexcept {
        pending_bits_ -= room_;
        const auto byte = static_cast<std::uint8_t>(pending_ >> pending_bits_);
        pending_ &= (std::uint64_t{1} << pending_bits_) - 1;
        *out_++ = byte;
        room_ = byte == 0xFF ? 7 : 8;
    }

    std::uint8_t* out_;
    std::uint64_t pending_ = 0;  // right-aligned
    int pending_bits_ = 0;
    int room_ = 8;  // bits of the next byte
};

}  // namespace dicube::jph

// Where the elements of a DICOM data set lie in its bytes (PS3.5 section 7): tags, VRs and lengths,
// no value is interpreted. dicube/dicom/part10.py says the same in Python, for files that are
// damaged or odd; whatever is not plainly right here is left to it.
#pragma once

#include <cstdint>

#include "base/span.hpp"

namespace dicube::dicom {

struct Syntax {
    bool is_explicit = true;
    bool is_little = true;
};

// VRs are their two letters, the first in the upper byte; none in implicit VR.
constexpr std::uint16_t vr_code(char first, char second) noexcept {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(first) << 8 |
                                      static_cast<unsigned char>(second));
}
constexpr std::uint16_t kNoVr = 0;

// `start` and `end` bound the value; of an undefined length, `end` is where the delimiter begins.
struct Element {
    std::uint32_t tag = 0;
    std::uint16_t vr = kNoVr;
    bool has_undefined_length = false;
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint64_t next = 0;
};

struct ItemHeader {
    std::uint32_t tag = 0;
    std::uint32_t length = 0;
};

constexpr std::uint32_t kUndefinedLength = 0xFFFFFFFF;
constexpr std::uint32_t kItem = 0xFFFEE000;
constexpr std::uint32_t kItemEnd = 0xFFFEE00D;
constexpr std::uint32_t kSequenceEnd = 0xFFFEE0DD;

enum class Walk {
    found,
    need_more,  // bytes that are not there yet decide
    damaged,
};

// Reads elements out of the first bytes of a file, as far as they are there.
//
// The header of an element has to be there, its value need not be, unless it is of undefined
// length: then its items are looked through for the delimiter.
class ElementReader {
  public:
    // `limit` is the length of the file: nothing may reach beyond it.
    ElementReader(span<const std::uint8_t> data, std::uint64_t limit) noexcept
        : data_(data), limit_(limit) {}

    Walk read(std::uint64_t position, Syntax syntax, Element& element) const noexcept {
        return read(position, limit_, syntax, element, 0);
    }
    // Tag, VR, start and whether the length is undefined; `end` and `next` only if it is defined.
    Walk read_header(std::uint64_t position, Syntax syntax, Element& element) const noexcept {
        return read_header(position, limit_, syntax, element);
    }

  private:
    Walk read_header(std::uint64_t position, std::uint64_t end, Syntax syntax,
                     Element& element) const noexcept;

    Walk read(std::uint64_t position, std::uint64_t end, Syntax syntax, Element& element,
              int depth) const noexcept;
    Walk read_item(std::uint64_t position, std::uint64_t end, bool is_little,
                   ItemHeader& header) const noexcept;
    Walk skip_items(std::uint64_t start, std::uint64_t end, Syntax syntax, int depth,
                    Element& element) const noexcept;
    Walk skip_elements(std::uint64_t start, std::uint64_t end, Syntax syntax, int depth,
                       std::uint64_t& following) const noexcept;
    bool has(std::uint64_t position, std::uint64_t count) const noexcept {
        return position <= data_.size() && count <= data_.size() - position;
    }

    span<const std::uint8_t> data_;
    std::uint64_t limit_;
};

inline std::uint16_t load16(const std::uint8_t* bytes, bool is_little) noexcept {
    return static_cast<std::uint16_t>(is_little ? bytes[0] | bytes[1] << 8
                                                : bytes[0] << 8 | bytes[1]);
}
inline std::uint32_t load32(const std::uint8_t* bytes, bool is_little) noexcept {
    const std::uint32_t first = load16(bytes, is_little);
    const std::uint32_t second = load16(bytes + 2, is_little);
    return is_little ? first | second << 16 : first << 16 | second;
}
inline std::uint32_t load_tag(const std::uint8_t* bytes, bool is_little) noexcept {
    return static_cast<std::uint32_t>(load16(bytes, is_little)) << 16 |
           load16(bytes + 2, is_little);
}
inline ItemHeader load_item(const std::uint8_t* bytes, bool is_little) noexcept {
    return {load_tag(bytes, is_little), load32(bytes + 4, is_little)};
}

}  // namespace dicube::dicom

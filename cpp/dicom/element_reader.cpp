#include "dicom/element_reader.hpp"

namespace dicube::dicom {
namespace {

constexpr int kMaxDepth = 64;  // as in part10.py

bool is_capital(std::uint8_t byte) noexcept { return byte >= 'A' && byte <= 'Z'; }

// VRs whose length takes 32 bits behind two reserved bytes (PS3.5 table 7.1-1); of all others,
// known or not, it takes 16.
bool has_long_length(std::uint16_t vr) noexcept {
    switch (vr) {
        case vr_code('O', 'B'):
        case vr_code('O', 'D'):
        case vr_code('O', 'F'):
        case vr_code('O', 'L'):
        case vr_code('O', 'V'):
        case vr_code('O', 'W'):
        case vr_code('S', 'Q'):
        case vr_code('S', 'V'):
        case vr_code('U', 'C'):
        case vr_code('U', 'N'):
        case vr_code('U', 'R'):
        case vr_code('U', 'T'):
        case vr_code('U', 'V'):
            return true;
        default:
            return false;
    }
}

}  // namespace

Walk ElementReader::read_header(std::uint64_t position, std::uint64_t end, Syntax syntax,
                                Element& element) const noexcept {
    constexpr std::uint64_t kShortHeader = 8;
    constexpr std::uint64_t kLongHeader = 12;
    if (position > end || end - position < kShortHeader) return Walk::damaged;
    if (!has(position, kShortHeader)) return Walk::need_more;
    const std::uint8_t* const header = data_.data() + position;
    element.tag = load_tag(header, syntax.is_little);
    element.vr = kNoVr;
    element.start = position + kShortHeader;
    std::uint32_t length = 0;
    // Some writers switch to implicit VR inside an explicit data set: then there are no capitals.
    if (syntax.is_explicit && is_capital(header[4]) && is_capital(header[5])) {
        element.vr = vr_code(static_cast<char>(header[4]), static_cast<char>(header[5]));
        if (has_long_length(element.vr)) {
            if (end - position < kLongHeader) return Walk::damaged;
            if (!has(position, kLongHeader)) return Walk::need_more;
            length = load32(header + 8, syntax.is_little);
            element.start = position + kLongHeader;
        } else {
            length = load16(header + 6, syntax.is_little);
        }
    } else {
        length = load32(header + 4, syntax.is_little);
    }
    element.has_undefined_length = length == kUndefinedLength;
    if (element.has_undefined_length) return Walk::found;
    if (length > end - element.start) return Walk::damaged;
    element.end = element.next = element.start + length;
    return Walk::found;
}

Walk ElementReader::read(std::uint64_t position, std::uint64_t end, Syntax syntax, Element& element,
                         int depth) const noexcept {
    const Walk found = read_header(position, end, syntax, element);
    if (found != Walk::found || !element.has_undefined_length) return found;
    // PS3.5 6.2.2: a UN of undefined length holds implicit VR little endian items.
    const Syntax inner = element.vr == vr_code('U', 'N') ? Syntax{false, true} : syntax;
    return skip_items(element.start, end, inner, depth, element);
}

Walk ElementReader::read_item(std::uint64_t position, std::uint64_t end, bool is_little,
                              ItemHeader& header) const noexcept {
    constexpr std::uint64_t kHeader = 8;
    if (position > end || end - position < kHeader) return Walk::damaged;
    if (!has(position, kHeader)) return Walk::need_more;
    header = load_item(data_.data() + position, is_little);
    return Walk::found;
}

// Sets `end` and `next` of the element.
Walk ElementReader::skip_items(std::uint64_t start, std::uint64_t end, Syntax syntax, int depth,
                               Element& element) const noexcept {
    if (depth > kMaxDepth) return Walk::damaged;
    std::uint64_t position = start;
    for (;;) {
        ItemHeader header;
        const Walk found = read_item(position, end, syntax.is_little, header);
        if (found != Walk::found) return found;
        if (header.tag == kSequenceEnd) {
            element.end = position;
            element.next = position + 8;
            return Walk::found;
        }
        if (header.tag != kItem) return Walk::damaged;
        position += 8;
        if (header.length == kUndefinedLength) {
            const Walk skipped = skip_elements(position, end, syntax, depth, position);
            if (skipped != Walk::found) return skipped;
        } else {
            if (header.length > end - position) return Walk::damaged;
            position += header.length;
        }
    }
}

// Position behind an item of undefined length.
Walk ElementReader::skip_elements(std::uint64_t start, std::uint64_t end, Syntax syntax, int depth,
                                  std::uint64_t& following) const noexcept {
    std::uint64_t position = start;
    for (;;) {
        ItemHeader header;
        const Walk found = read_item(position, end, syntax.is_little, header);
        if (found != Walk::found) return found;
        if (header.tag == kItemEnd) {
            following = position + 8;
            return Walk::found;
        }
        if (header.tag == kSequenceEnd) {  // the item delimiter is missing: tolerated
            following = position;
            return Walk::found;
        }
        Element element;
        const Walk nested = read(position, end, syntax, element, depth + 1);
        if (nested != Walk::found) return nested;
        position = element.next;
    }
}

}  // namespace dicube::dicom

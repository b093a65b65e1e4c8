#include "dicom/sequence_items.hpp"

namespace dicube::dicom {
namespace {

constexpr std::uint64_t kItemHeader = 8;

// Elements from `start` on, as far as the end of the data or the delimiter of the item. `following`
// is behind the delimiter.
bool read_elements(span<const std::uint8_t> data, std::uint64_t start, bool is_delimited,
                   Syntax syntax, ItemElements& elements, std::uint64_t& following) {
    const ElementReader reader(data, data.size());
    std::uint64_t position = start;
    while (is_delimited || position < data.size()) {
        if (is_delimited) {
            if (data.size() - position < kItemHeader) return false;
            const std::uint32_t tag = load_tag(data.data() + position, syntax.is_little);
            if (tag == kItemEnd || tag == kSequenceEnd) {  // a missing delimiter is tolerated
                following = position + (tag == kItemEnd ? kItemHeader : 0);
                return true;
            }
        }
        Element element;
        if (reader.read(position, syntax, element) != Walk::found) return false;
        elements.push_back(element);
        position = element.next;
    }
    following = position;
    return true;
}

}  // namespace

bool sequence_items(span<const std::uint8_t> value, Syntax syntax,
                    std::vector<ItemElements>& items) {
    std::uint64_t position = 0;
    while (position < value.size()) {
        if (value.size() - position < kItemHeader) return false;
        const ItemHeader header = load_item(value.data() + position, syntax.is_little);
        if (header.tag == kSequenceEnd) return true;  // in a sequence of defined length: tolerated
        if (header.tag != kItem) return false;
        position += kItemHeader;
        const bool is_delimited = header.length == kUndefinedLength;
        if (!is_delimited && header.length > value.size() - position) return false;
        const std::uint64_t end = is_delimited ? value.size() : position + header.length;
        items.emplace_back();
        if (!read_elements({value.data(), static_cast<std::size_t>(end)}, position, is_delimited,
                           syntax, items.back(), position))
            return false;
    }
    return true;
}

}  // namespace dicube::dicom

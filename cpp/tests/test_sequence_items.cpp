#include <string>
#include <vector>

#include "dicom/sequence_items.hpp"
#include "tests/check.hpp"

namespace dicube::dicom {
namespace {

using Bytes = std::vector<std::uint8_t>;

void append_number(Bytes& bytes, std::uint64_t number, int size) {
    for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(number >> 8 * i));
}

// (0008,0060) CS of two letters, explicit VR little endian.
Bytes modality(const std::string& text) {
    Bytes bytes;
    append_number(bytes, 0x00600008, 4);
    for (const char letter : std::string("CS")) bytes.push_back(static_cast<std::uint8_t>(letter));
    append_number(bytes, text.size(), 2);
    for (const char letter : text) bytes.push_back(static_cast<std::uint8_t>(letter));
    return bytes;
}

Bytes item(const Bytes& value, bool is_delimited) {
    Bytes bytes;
    append_number(bytes, 0xE000FFFE, 4);
    append_number(bytes, is_delimited ? 0xFFFFFFFF : value.size(), 4);
    bytes.insert(bytes.end(), value.begin(), value.end());
    if (is_delimited) append_number(bytes, 0xE00DFFFE, 8);
    return bytes;
}

Bytes joined(const std::vector<Bytes>& parts) {
    Bytes bytes;
    for (const Bytes& part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
    return bytes;
}

bool read(const Bytes& value, std::vector<ItemElements>& items) {
    items.clear();
    return sequence_items({value.data(), value.size()}, Syntax{}, items);
}

TEST("items of both kinds of length have their elements") {
    const Bytes value = joined({item(modality("CT"), false), item({}, false),
                                item(joined({modality("MR"), modality("PT")}), true)});
    std::vector<ItemElements> items;
    CHECK(read(value, items));
    CHECK_EQUAL(items.size(), std::size_t{3});
    CHECK_EQUAL(items[0].size(), std::size_t{1});
    CHECK(items[1].empty());
    CHECK_EQUAL(items[2].size(), std::size_t{2});
    CHECK_EQUAL(items[0][0].tag, 0x00080060u);
    CHECK(value[items[2][1].start] == 'P' && items[2][1].end - items[2][1].start == 2);
}

TEST("an element that runs past its item is damage") {
    Bytes value = item(modality("CT"), false);
    value[14] = 4;  // the length of the element
    std::vector<ItemElements> items;
    CHECK(!read(value, items));
    value.resize(value.size() + 2);  // bytes behind the item are not its own
    CHECK(!read(value, items));
}

TEST("every cut of a sequence is damage, or whole items") {
    const Bytes value = joined({item(modality("CT"), false), item(modality("MR"), true)});
    std::vector<ItemElements> items;
    for (std::size_t length = 0; length < value.size(); ++length) {
        const Bytes cut(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(length));
        const bool is_whole = read(cut, items);
        CHECK(is_whole == (length == 0 || length == 18));
    }
}

TEST("something else between items is damage") {
    const Bytes value = joined({item(modality("CT"), false), modality("MR")});
    std::vector<ItemElements> items;
    CHECK(!read(value, items));
}

}  // namespace
}  // namespace dicube::dicom

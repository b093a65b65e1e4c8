#include <string>

#include "dicom/file_scan.hpp"
#include "tests/check.hpp"
#include "tests/memory_source.hpp"

namespace dicube::dicom {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes bytes_of(const std::string& text) { return Bytes(text.begin(), text.end()); }

void append(Bytes& bytes, const Bytes& more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

void append_number(Bytes& bytes, std::uint64_t number, int size) {
    for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(number >> 8 * i));
}

// Explicit VR little endian.
Bytes element(std::uint32_t tag, const char* vr, const Bytes& value, bool is_long = false) {
    Bytes bytes;
    append_number(bytes, tag >> 16, 2);
    append_number(bytes, tag & 0xFFFF, 2);
    append(bytes, bytes_of(std::string(vr, 2)));
    if (is_long) append_number(bytes, 0, 2);
    append_number(bytes, value.size(), is_long ? 4 : 2);
    append(bytes, value);
    return bytes;
}

Bytes preamble(const std::string& transfer_syntax = "1.2.840.10008.1.2.1") {
    Bytes bytes(128);
    append(bytes, bytes_of("DICM"));
    append(bytes, element(0x00020010, "UI", bytes_of(transfer_syntax + std::string(1, '\0'))));
    return bytes;
}

Bytes item(const Bytes& value, bool has_undefined_length = false) {
    Bytes bytes;
    append_number(bytes, 0xE000FFFE, 4);
    append_number(bytes, has_undefined_length ? 0xFFFFFFFF : value.size(), 4);
    append(bytes, value);
    if (has_undefined_length) append_number(bytes, 0xE00DFFFE, 8);
    return bytes;
}

Bytes of_undefined_length(std::uint32_t tag, const char* vr, const Bytes& items) {
    Bytes bytes = element(tag, vr, {}, true);
    for (std::size_t i = bytes.size() - 4; i < bytes.size(); ++i) bytes[i] = 0xFF;
    append(bytes, items);
    append_number(bytes, 0xE0DDFFFE, 8);
    return bytes;
}

bool scanned(const Bytes& bytes, ScannedFile& file) {
    MemorySource source({bytes.data(), bytes.size()});
    file = ScannedFile();
    return scan(source, file);
}

Bytes value_of(const ScannedFile& file, std::uint32_t tag) {
    const ElementRecord* const record = file.find(tag);
    CHECK(record != nullptr);
    if (record == nullptr) return {};
    const span<const std::uint8_t> value = file.value(*record);
    return Bytes(value.begin(), value.end());
}

TEST("a file is head, pixels and tail") {
    Bytes bytes = preamble();
    append(bytes, element(0x00080060, "CS", bytes_of("CT")));
    append(bytes, element(0x00280010, "US", {4, 0}));
    const std::size_t pixel_start = bytes.size();
    append(bytes, element(0x7FE00010, "OW", Bytes(1000, 7), true));
    append(bytes, element(0xFFFCFFFC, "OB", Bytes(10), true));
    ScannedFile file;
    CHECK(scanned(bytes, file));
    CHECK_EQUAL(file.elements.size(), std::size_t{3});
    CHECK(value_of(file, 0x00080060) == bytes_of("CT"));
    CHECK(value_of(file, 0xFFFCFFFC) == Bytes(10));
    CHECK(file.find(0x00080061) == nullptr);
    CHECK(file.transfer_syntax == "1.2.840.10008.1.2.1");
    CHECK(file.pixels.is_there && !file.pixels.is_encapsulated);
    CHECK_EQUAL(file.pixels.element_start, pixel_start);
    CHECK_EQUAL(file.pixels.offset, pixel_start + 12);
    CHECK_EQUAL(file.pixels.length, std::uint64_t{1000});
    CHECK_EQUAL(file.head.size() + 1000 + file.tail.size(), bytes.size());
}

TEST("headers beyond the first read are scanned whole") {
    Bytes bytes = preamble();
    for (int i = 0; i < 40; ++i) {
        Bytes items;
        for (int j = 0; j < 20; ++j) append(items, item(Bytes(500, 1)));
        append(bytes,
               of_undefined_length(0x00091000u + static_cast<std::uint32_t>(i), "UN", items));
    }
    append(bytes, element(0x7FE00010, "OW", Bytes(8), true));
    ScannedFile file;
    CHECK(scanned(bytes, file));
    CHECK_EQUAL(file.elements.size(), std::size_t{40});
    CHECK(file.elements[7].has_undefined_length);
    CHECK_EQUAL(file.elements[39].end - file.elements[39].start, std::uint64_t{20 * 508});
}

TEST("of encapsulated pixels only the headers of the items are read") {
    Bytes items = item({});
    append(items, item(Bytes(300000, 5)));
    append(items, item(Bytes(4, 6)));
    Bytes bytes = preamble("1.2.840.10008.1.2.4.90");
    append(bytes, of_undefined_length(0x7FE00010, "OB", items));
    append(bytes, element(0xFFFCFFFC, "OB", Bytes(2), true));
    ScannedFile file;
    CHECK(scanned(bytes, file));
    CHECK(file.pixels.is_encapsulated);
    CHECK_EQUAL(file.pixels.length, items.size());
    CHECK_EQUAL(file.tail.size(), std::size_t{14});
    CHECK_EQUAL(file.head.size(), static_cast<std::size_t>(file.pixels.offset));
}

TEST("of several elements with one tag the last counts") {
    Bytes bytes = preamble();
    append(bytes, element(0x00100020, "LO", bytes_of("a ")));
    append(bytes, element(0x00080060, "CS", bytes_of("MR")));
    append(bytes, element(0x00100020, "LO", bytes_of("b ")));
    ScannedFile file;
    CHECK(scanned(bytes, file));
    CHECK_EQUAL(file.elements.size(), std::size_t{2});
    CHECK(value_of(file, 0x00100020) == bytes_of("b "));
    CHECK(!file.pixels.is_there);
    CHECK_EQUAL(file.head.size(), bytes.size());
}

TEST("nested sequences of undefined length are followed, and not without bound") {
    for (const int depth : {1, 10, 60, 70, 3000}) {
        Bytes nested = element(0x00080060, "CS", bytes_of("MR"));
        for (int i = 0; i < depth; ++i)
            nested = of_undefined_length(0x00081140, "SQ", item(nested, true));
        Bytes bytes = preamble();
        append(bytes, nested);
        ScannedFile file;
        CHECK_EQUAL(scanned(bytes, file), depth <= 65);
    }
}

TEST("files that are cut short or odd are left to others") {
    Bytes bytes = preamble();
    append(bytes, element(0x00080060, "CS", bytes_of("CT")));
    append(bytes, of_undefined_length(0x00081140, "SQ", item(element(0x00081150, "UI", {'1', 0}))));
    append(bytes, element(0x7FE00010, "OW", Bytes(100, 7), true));
    ScannedFile file;
    CHECK(scanned(bytes, file));
    const std::size_t after_first = preamble().size() + 10;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        // Between two elements a file may end: then it just has no pixels.
        const bool is_whole = size == after_first || size == bytes.size() - 112;
        CHECK_EQUAL(scanned(part, file), is_whole);
    }
    CHECK(!scanned(bytes_of("no DICOM at all"), file));
    Bytes deflated = preamble("1.2.840.10008.1.2.1.99");
    append(deflated, element(0x00080060, "CS", bytes_of("CT")));
    CHECK(!scanned(deflated, file));
    Bytes without_uid = preamble("");
    append(without_uid, element(0x00080060, "CS", bytes_of("CT")));
    CHECK(!scanned(without_uid, file));
}

TEST("tags are shared where all files have them with equal bytes") {
    const auto file_of = [](const char* name, bool has_more) {
        Bytes bytes = preamble();
        append(bytes, element(0x00080060, "CS", bytes_of("CT")));
        if (has_more) append(bytes, element(0x00080070, "LO", bytes_of("x ")));
        append(bytes, element(0x00100010, "PN", bytes_of(name)));
        ScannedFile file;
        CHECK(scanned(bytes, file));
        return file;
    };
    const ScannedFile files[] = {file_of("ab", false), file_of("ac", true), file_of("ab", true)};
    const ScannedFile* const all[] = {&files[0], &files[1], &files[2]};
    const std::vector<SharedTag> tags = shared_tags({all, 3});
    CHECK_EQUAL(tags.size(), std::size_t{3});
    CHECK(tags[0].tag == 0x00080060 && tags[0].is_shared);
    CHECK(tags[1].tag == 0x00080070 && !tags[1].is_shared);
    CHECK(tags[2].tag == 0x00100010 && !tags[2].is_shared);
    const ScannedFile* const alike[] = {&files[1], &files[1]};
    for (const SharedTag& tag : shared_tags({alike, 2})) CHECK(tag.is_shared);
}

}  // namespace
}  // namespace dicube::dicom

// Fuzz target: any bytes at all are scanned as a DICOM file.
//
// Sanitizers watch for reads out of bounds. Whatever is taken for a DICOM file has its elements and
// its pixels inside of it, and its head and tail are its own bytes.
#include <cstdint>
#include <cstring>
#include <vector>

#include "dicom/file_scan.hpp"
#include "dicom/sequence_items.hpp"
#include "fuzz/promise.hpp"
#include "tests/memory_source.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dicube;
    using namespace dicube::dicom;
    // In memory of just its size, so that the address sanitizer sees every step beyond.
    const std::vector<std::uint8_t> bytes(data, data + size);
    MemorySource source({bytes.data(), bytes.size()});
    ScannedFile file;
    if (!scan(source, file)) return 0;
    PROMISE(file.head.size() + file.tail.size() <= size);
    PROMISE(std::memcmp(file.head.data(), bytes.data(), file.head.size()) == 0);
    if (!file.tail.empty())
        PROMISE(std::memcmp(file.tail.data(), bytes.data() + size - file.tail.size(),
                            file.tail.size()) == 0);
    PROMISE(file.data_set_start <= file.head.size());
    std::uint64_t last_tag = 0;
    std::size_t sum = 0;
    for (const ElementRecord& record : file.elements) {
        PROMISE(&record == file.elements.data() || record.tag > last_tag);
        last_tag = record.tag;
        PROMISE(record.start <= record.end);
        PROMISE(record.end <= (record.is_in_tail ? file.tail.size() : file.head.size()));
        for (const std::uint8_t byte : file.value(record)) sum += byte;
        PROMISE(file.find(record.tag) == &record);
    }
    const PixelRecord& pixels = file.pixels;
    if (pixels.is_there) {
        PROMISE(pixels.offset == file.head.size());
        PROMISE(pixels.element_start < pixels.offset);
        PROMISE(pixels.offset <= size && pixels.length <= size - pixels.offset);
        const std::uint64_t delimiter = pixels.is_encapsulated ? 8 : 0;
        PROMISE(pixels.offset + pixels.length + delimiter + file.tail.size() == size);
    } else {
        PROMISE(file.head.size() == size && file.tail.empty());
    }
    // Any value may be taken for that of a sequence; its elements lie inside of it.
    for (const ElementRecord& record : file.elements) {
        const span<const std::uint8_t> value = file.value(record);
        std::vector<ItemElements> items;
        sequence_items(value, file.syntax, items);
        for (const ItemElements& elements : items)
            for (const Element& each : elements)
                PROMISE(each.start <= each.end && each.end <= value.size());
    }
    // The same file twice shares all it has.
    const ScannedFile* const both[] = {&file, &file};
    for (const SharedTag& tag : shared_tags({both, 2})) PROMISE(tag.is_shared);
    volatile const std::size_t looked_at = sum;
    static_cast<void>(looked_at);
    return 0;
}

// One DICOM file taken apart: where its elements are, where its pixels are, and all its bytes but
// the pixels. The file is read as far as its Pixel Data, and behind it.
//
// Only what is plainly right is scanned: a Part 10 file with preamble (PS3.10 section 7), its
// elements whole, explicit or implicit VR, not deflated. Everything else is left to
// dicube/dicom/instance.py, which knows more of the ways in which files are wrong, and says so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/span.hpp"
#include "dicom/element_reader.hpp"

namespace dicube::dicom {

// An element of the data set; its value lies in the head, or in the tail if `is_in_tail`.
struct ElementRecord {
    std::uint32_t tag;
    std::uint16_t vr;
    bool has_undefined_length;
    bool is_in_tail;
    std::uint64_t start;
    std::uint64_t end;
};

struct PixelRecord {
    bool is_there = false;
    bool is_encapsulated = false;
    std::uint32_t tag = 0;
    std::uint16_t vr = kNoVr;
    std::uint64_t element_start = 0;  // of the element, in the head
    std::uint64_t offset = 0;         // of the value, in the file
    std::uint64_t length = 0;         // of the value; of encapsulated pixels, of all items
};

struct ScannedFile {
    std::vector<std::uint8_t> head;  // the file before the value of the pixel data
    std::vector<std::uint8_t> tail;  // and behind it
    std::uint64_t data_set_start = 0;
    Syntax syntax;
    std::string transfer_syntax;          // as the file says it, without padding
    std::vector<ElementRecord> elements;  // by tag; of several with one tag the last
    PixelRecord pixels;

    // nullptr where there is none.
    const ElementRecord* find(std::uint32_t tag) const noexcept;
    span<const std::uint8_t> value(const ElementRecord& record) const noexcept;
};

// Bytes to scan: a file, or in tests and fuzz targets memory.
class ByteSource {
  public:
    virtual ~ByteSource() = default;
    virtual std::uint64_t length() const noexcept = 0;
    // False where not all of them can be read.
    virtual bool read(std::uint64_t offset, span<std::uint8_t> bytes) noexcept = 0;
};

// False: the file is left to others, for whatever reason, lack of memory included.
bool scan(ByteSource& source, ScannedFile& file) noexcept;
bool scan_file(const char* path, ScannedFile& file) noexcept;

// For each tag that any of the files has, whether all have it with equal bytes and VR; by tag. The
// files have to be of one syntax.
struct SharedTag {
    std::uint32_t tag;
    bool is_shared;
};
std::vector<SharedTag> shared_tags(span<const ScannedFile* const> files);

}  // namespace dicube::dicom

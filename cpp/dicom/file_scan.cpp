#include "dicom/file_scan.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <string_view>

#include "dicom/posix_file.hpp"

namespace dicube::dicom {
namespace {

constexpr std::uint64_t kFirstRead = 1 << 16;  // most headers fit
constexpr std::uint64_t kPreamble = 132;
constexpr std::uint32_t kTransferSyntax = 0x00020010;
constexpr std::string_view kBigEndian = "1.2.840.10008.1.2.2";
constexpr std::string_view kDeflated = "1.2.840.10008.1.2.1.99";

bool is_pixel_tag(std::uint32_t tag) noexcept {
    return tag >= 0x7FE00008 && tag <= 0x7FE00010 && tag != 0x7FE0000A;
}

// PS3.5 6.2, all VRs there are: what a data set that begins in explicit VR may begin with.
bool is_known_vr(const std::uint8_t* bytes) noexcept {
    constexpr std::string_view kAll =
        "AEASATCSDADSDTFDFLISLOLTOBODOFOLOVOWPNSHSLSQSSSTSVTMUCUIULUNURUSUTUV";
    for (std::size_t i = 0; i < kAll.size(); i += 2)
        if (bytes[0] == kAll[i] && bytes[1] == kAll[i + 1]) return true;
    return false;
}

std::string_view without_padding(const std::uint8_t* bytes, std::uint64_t size) noexcept {
    std::string_view text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    const auto is_padding = [](char c) { return c == '\0' || c == ' '; };
    while (!text.empty() && is_padding(text.back())) text.remove_suffix(1);
    while (!text.empty() && is_padding(text.front())) text.remove_prefix(1);
    return text;
}

// Follows the items of encapsulated pixel data to their end without reading what is in them.
bool find_end_of_items(ByteSource& source, std::uint64_t start, bool is_little,
                       std::uint64_t& end) noexcept {
    const std::uint64_t length = source.length();
    std::uint64_t position = start;
    for (;;) {
        std::uint8_t bytes[8];
        if (position > length || length - position < sizeof bytes) return false;
        if (!source.read(position, {bytes, sizeof bytes})) return false;
        const ItemHeader item = load_item(bytes, is_little);
        if (item.tag == kSequenceEnd) {
            end = position;
            return true;
        }
        position += sizeof bytes;
        if (item.tag != kItem || item.length == kUndefinedLength) return false;
        if (item.length > length - position) return false;
        position += item.length;
    }
}

class Scanner {
  public:
    Scanner(ByteSource& source, ScannedFile& file) noexcept : source_(source), file_(file) {}

    bool run() {
        const std::uint64_t length = source_.length();
        for (std::uint64_t count = kFirstRead;; count *= 4) {
            if (!read_head(std::min(count, length))) return false;
            const Walk walk = walk_head();
            if (walk == Walk::damaged) return false;
            if (walk == Walk::found) break;
            if (file_.head.size() == length) return false;
        }
        if (file_.pixels.is_there && !read_tail()) return false;
        sort_elements();
        return true;
    }

  private:
    // What was read before stays.
    bool read_head(std::uint64_t count) {
        const std::size_t before = file_.head.size();
        file_.head.resize(static_cast<std::size_t>(count));
        return source_.read(before, {file_.head.data() + before, file_.head.size() - before});
    }

    // `found`: the head reaches as far as it has to.
    Walk walk_head() {
        const std::vector<std::uint8_t>& head = file_.head;
        const std::uint64_t length = source_.length();
        if (head.size() < kPreamble || std::memcmp(head.data() + 128, "DICM", 4) != 0)
            return Walk::damaged;
        const ElementReader reader({head.data(), head.size()}, length);
        std::uint64_t position = kPreamble;
        file_.transfer_syntax.clear();
        for (;;) {  // file meta information is always explicit VR little endian (PS3.10 7.1)
            if (position >= length) return Walk::damaged;
            if (head.size() - position < 8) return Walk::need_more;
            if (load16(head.data() + position, true) != 0x0002) break;
            Element element;
            const Walk walk = reader.read(position, Syntax{}, element);
            if (walk != Walk::found) return walk;
            if (element.next > head.size()) return Walk::need_more;
            if (element.tag == kTransferSyntax)
                file_.transfer_syntax =
                    without_padding(head.data() + element.start, element.end - element.start);
            position = element.next;
        }
        file_.data_set_start = position;
        if (!choose_syntax(head.data() + position)) return Walk::damaged;
        return walk_data_set(reader, position);
    }

    // What the transfer syntax says, unless the first element contradicts it; false: nothing said.
    bool choose_syntax(const std::uint8_t* first) noexcept {
        const std::string_view uid = file_.transfer_syntax;
        const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
        if (uid.empty() || uid == kDeflated) return false;
        if (!std::all_of(uid.begin(), uid.end(), is_ascii)) return false;
        const bool looks_explicit = is_known_vr(first + 4);
        if (uid == kBigEndian)
            file_.syntax = {true, false};
        else
            file_.syntax = {looks_explicit, true};
        return true;
    }

    Walk walk_data_set(const ElementReader& reader, std::uint64_t position) {
        const std::uint64_t length = source_.length();
        std::vector<std::uint8_t>& head = file_.head;
        file_.elements.clear();
        while (position < length) {
            Element element;
            Walk walk = reader.read_header(position, file_.syntax, element);
            if (walk != Walk::found) return walk;
            if (is_pixel_tag(element.tag)) return take_pixels(position, element);
            if (element.has_undefined_length) {
                walk = reader.read(position, file_.syntax, element);
                if (walk != Walk::found) return walk;
            }
            if (element.next > head.size()) return Walk::need_more;
            file_.elements.push_back({element.tag, element.vr, element.has_undefined_length, false,
                                      element.start, element.end});
            position = element.next;
        }
        return head.size() == length ? Walk::found : Walk::need_more;
    }

    Walk take_pixels(std::uint64_t element_start, const Element& element) {
        PixelRecord& pixels = file_.pixels;
        pixels.is_there = true;
        pixels.is_encapsulated = element.has_undefined_length;
        pixels.tag = element.tag;
        pixels.vr = element.vr;
        pixels.element_start = element_start;
        pixels.offset = element.start;
        if (!pixels.is_encapsulated) {
            pixels.length = element.end - element.start;
            tail_start_ = element.end;
        } else {
            std::uint64_t end = 0;
            if (!find_end_of_items(source_, element.start, file_.syntax.is_little, end))
                return Walk::damaged;
            pixels.length = end - element.start;
            tail_start_ = end + 8;  // the delimiter belongs to the pixel data
        }
        return Walk::found;
    }

    bool read_tail() {
        const std::uint64_t length = source_.length();
        std::vector<std::uint8_t>& head = file_.head;
        std::vector<std::uint8_t>& tail = file_.tail;
        tail.resize(static_cast<std::size_t>(length - tail_start_));
        if (!tail.empty() && !source_.read(tail_start_, {tail.data(), tail.size()})) return false;
        head.resize(static_cast<std::size_t>(file_.pixels.offset));
        head.shrink_to_fit();
        const ElementReader reader({tail.data(), tail.size()}, tail.size());
        const std::size_t in_head = file_.elements.size();
        for (std::uint64_t position = 0; position < tail.size();) {
            Element element;
            if (reader.read(position, file_.syntax, element) != Walk::found) {
                file_.elements.resize(in_head);  // no elements, just bytes: they are in the tail
                break;
            }
            file_.elements.push_back({element.tag, element.vr, element.has_undefined_length, true,
                                      element.start, element.end});
            position = element.next;
        }
        return true;
    }

    void sort_elements() {
        std::vector<ElementRecord>& all = file_.elements;
        const auto is_before = [](const ElementRecord& a, const ElementRecord& b) {
            return a.tag < b.tag;
        };
        if (!std::is_sorted(all.begin(), all.end(), is_before))
            std::stable_sort(all.begin(), all.end(), is_before);
        const auto is_same = [](const ElementRecord& a, const ElementRecord& b) {
            return a.tag == b.tag;
        };
        // Of several with one tag the last stays: unique() keeps the first, seen from the back.
        all.erase(all.begin(), std::unique(all.rbegin(), all.rend(), is_same).base());
    }

    ByteSource& source_;
    ScannedFile& file_;
    std::uint64_t tail_start_ = 0;
};

class FileSource final : public ByteSource {
  public:
    FileSource(const PosixFile& file, std::uint64_t length) noexcept
        : file_(file), length_(length) {}
    std::uint64_t length() const noexcept override { return length_; }
    bool read(std::uint64_t offset, span<std::uint8_t> bytes) noexcept override {
        return file_.read(offset, bytes);
    }

  private:
    const PosixFile& file_;
    std::uint64_t length_;
};

}  // namespace

const ElementRecord* ScannedFile::find(std::uint32_t tag) const noexcept {
    const auto found = std::lower_bound(
        elements.begin(), elements.end(), tag,
        [](const ElementRecord& record, std::uint32_t wanted) { return record.tag < wanted; });
    return found != elements.end() && found->tag == tag ? &*found : nullptr;
}

span<const std::uint8_t> ScannedFile::value(const ElementRecord& record) const noexcept {
    const std::vector<std::uint8_t>& bytes = record.is_in_tail ? tail : head;
    return {bytes.data() + record.start, static_cast<std::size_t>(record.end - record.start)};
}

bool scan(ByteSource& source, ScannedFile& file) noexcept {
    try {
        return Scanner(source, file).run();
    } catch (const std::exception&) {
        return false;  // no memory for it
    }
}

bool scan_file(const char* path, ScannedFile& file) noexcept {
    const PosixFile opened(path);
    std::uint64_t length = 0;
    if (!opened.is_regular(length)) return false;
    FileSource source(opened, length);
    return scan(source, file);
}

std::vector<SharedTag> shared_tags(span<const ScannedFile* const> files) {
    struct Seen {
        std::uint32_t tag;
        bool is_equal;
        std::size_t count;
        const ElementRecord* record;
        span<const std::uint8_t> value;
    };
    // Files of a series have almost the same tags, so a merge of sorted lists rarely inserts.
    std::vector<Seen> table;
    std::vector<Seen> merged;
    for (const ScannedFile* file : files) {
        merged.clear();
        auto known = table.begin();
        bool has_new = false;
        for (const ElementRecord& record : file->elements) {
            while (known != table.end() && known->tag < record.tag) merged.push_back(*known++);
            const span<const std::uint8_t> value = file->value(record);
            if (known == table.end() || known->tag != record.tag) {
                merged.push_back({record.tag, true, 1, &record, value});
                has_new = true;
                continue;
            }
            const ElementRecord& first = *known->record;
            known->is_equal = known->is_equal && record.vr == first.vr &&
                              record.has_undefined_length == first.has_undefined_length &&
                              value.size() == known->value.size() &&
                              (value.empty() ||
                               std::memcmp(value.data(), known->value.data(), value.size()) == 0);
            ++known->count;
            merged.push_back(*known++);
        }
        if (!has_new) continue;  // changed in place
        merged.insert(merged.end(), known, table.end());
        table.swap(merged);
    }
    std::vector<SharedTag> tags;
    tags.reserve(table.size());
    for (const Seen& seen : table)
        tags.push_back({seen.tag, seen.is_equal && seen.count == files.size()});
    return tags;
}

}  // namespace dicube::dicom

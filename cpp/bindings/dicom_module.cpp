// dicube.dicom._scan: DICOM files taken apart, and their pixels read into an array.
//
// Python ends here. Paths come as bytes, all files are scanned without the interpreter lock, and
// values become Python objects when they are asked for. dicube/dicom/native_scan.py is the only
// caller.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dicom/file_scan.hpp"
#include "dicom/json_members.hpp"
#include "dicom/pixel_reading.hpp"
#include "dicom/sequence_items.hpp"
#include "volume/workers.hpp"

namespace py = pybind11;

namespace dicube::dicom {
namespace {

using Paths = std::vector<std::string>;  // of the file system, in its own encoding

py::bytes to_bytes(span<const std::uint8_t> data) {
    return py::bytes(reinterpret_cast<const char*>(data.data()), data.size());
}

py::object vr_name(std::uint16_t vr) {
    if (vr == kNoVr) return py::none();
    const char letters[2] = {static_cast<char>(vr >> 8), static_cast<char>(vr & 0xFF)};
    return py::str(letters, 2);
}

std::vector<std::unique_ptr<ScannedFile>> scan_files(const Paths& paths, int threads) {
    std::vector<std::unique_ptr<ScannedFile>> files(paths.size());
    const py::gil_scoped_release unlocked;
    const auto count = static_cast<std::int64_t>(paths.size());
    const std::atomic<std::int64_t> limit{count};
    share_out(count, 1, threads, limit, [&](int, std::int64_t first, std::int64_t last) noexcept {
        for (std::int64_t i = first; i < last; ++i) {
            const auto index = static_cast<std::size_t>(i);
            std::unique_ptr<ScannedFile> file(new (std::nothrow) ScannedFile);
            if (file != nullptr && scan_file(paths[index].c_str(), *file))
                files[index] = std::move(file);
        }
    });
    return files;
}

std::optional<py::tuple> element(const ScannedFile& file, std::uint32_t tag) {
    const ElementRecord* const record = file.find(tag);
    if (record == nullptr) return std::nullopt;
    return py::make_tuple(vr_name(record->vr), to_bytes(file.value(*record)),
                          record->has_undefined_length);
}

std::vector<std::uint32_t> tags(const ScannedFile& file) {
    std::vector<std::uint32_t> all;
    all.reserve(file.elements.size());
    for (const ElementRecord& record : file.elements) all.push_back(record.tag);
    return all;
}

std::optional<py::tuple> pixels(const ScannedFile& file) {
    const PixelRecord& found = file.pixels;
    if (!found.is_there) return std::nullopt;
    return py::make_tuple(found.element_start, found.tag, vr_name(found.vr), found.offset,
                          found.length, found.is_encapsulated);
}

py::dict shared_by_tag(const std::vector<const ScannedFile*>& files) {
    for (const ScannedFile* file : files)
        if (file == nullptr) throw py::type_error("a file is None");
    std::vector<SharedTag> found;
    {
        const py::gil_scoped_release unlocked;
        found = shared_tags({files.data(), files.size()});
    }
    py::dict result;
    for (const SharedTag& each : found) result[py::int_(each.tag)] = each.is_shared;
    return result;
}

std::vector<int> read_into(const Paths& paths, const std::vector<std::uint64_t>& offsets,
                           py::array out, int unused_bits, int threads) {
    const auto count = static_cast<std::uint64_t>(paths.size());
    const auto whole = static_cast<std::uint64_t>(out.nbytes());
    if (!(out.flags() & py::array::c_style) || !out.writeable())
        throw py::value_error("the array has to be C-contiguous and writable");
    if (offsets.size() != count || count == 0 || whole % count != 0)
        throw py::value_error("the array has not one place of equal size for each file");
    WordLayout layout;
    layout.bytes = static_cast<int>(out.itemsize());
    layout.unused_bits = unused_bits;
    layout.is_signed = out.dtype().kind() == 'i';
    if (unused_bits < 0 || unused_bits >= 8 * layout.bytes)
        throw py::value_error("so many unused bits there are not");
    auto* const data = static_cast<std::uint8_t*>(out.mutable_data());
    const std::uint64_t bytes = whole / count;
    std::vector<PixelPlace> places;
    for (std::uint64_t i = 0; i < count; ++i)
        places.push_back({paths[i].c_str(), offsets[i], data + i * bytes});
    std::vector<PixelState> states(count);
    {
        const py::gil_scoped_release unlocked;
        read_pixels({places.data(), places.size()}, bytes, layout, threads,
                    {states.data(), states.size()});
    }
    return std::vector<int>(reinterpret_cast<const std::uint8_t*>(states.data()),
                            reinterpret_cast<const std::uint8_t*>(states.data()) + count);
}

// Key, and start and end of the value, of each member of the object at `start`; nothing where it is
// no plain object.
std::optional<std::vector<std::tuple<py::str, std::size_t, std::size_t>>> members_of(
    const py::bytes& document, std::size_t start) {
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(document.ptr(), &data, &size) != 0) throw py::error_already_set();
    std::vector<JsonMember> members;
    std::size_t end = 0;
    const span<const char> text{data, static_cast<std::size_t>(size)};
    if (start > text.size() || !json_members(text, start, members, end)) return std::nullopt;
    if (start == 0 && std::any_of(text.begin() + end, text.end(), [](char c) {
            return c != ' ' && c != '\n' && c != '\r' && c != '\t';
        }))
        return std::nullopt;  // a document ends with its object
    std::vector<std::tuple<py::str, std::size_t, std::size_t>> found;
    found.reserve(members.size());
    for (const JsonMember& member : members)
        found.emplace_back(py::str(data + member.key_start, member.key_end - member.key_start),
                           member.value_start, member.value_end);
    return found;
}

// For each item its elements: tag, VR, value, whether its length is undefined; nothing where
// something is damaged.
std::optional<py::list> items_of(const py::bytes& value, bool is_explicit, bool is_little) {
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(value.ptr(), &data, &size) != 0) throw py::error_already_set();
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(data);
    std::vector<ItemElements> items;
    if (!sequence_items({bytes, static_cast<std::size_t>(size)}, {is_explicit, is_little}, items))
        return std::nullopt;
    py::list result;
    for (const ItemElements& elements : items) {
        py::list item;
        for (const Element& each : elements) {
            const auto length = static_cast<std::size_t>(each.end - each.start);
            item.append(py::make_tuple(each.tag, vr_name(each.vr),
                                       to_bytes({bytes + each.start, length}),
                                       each.has_undefined_length));
        }
        result.append(std::move(item));
    }
    return result;
}

}  // namespace
}  // namespace dicube::dicom

PYBIND11_MODULE(_scan, module) {
    using namespace dicube::dicom;
    module.doc() = "DICOM files taken apart, and their pixels read into an array.";
    py::class_<ScannedFile>(module, "ScannedFile")
        .def("get", &element, py::arg("tag"))
        .def("tags", &tags)
        .def("__contains__",
             [](const ScannedFile& file, std::uint32_t tag) { return file.find(tag) != nullptr; })
        .def("__len__", [](const ScannedFile& file) { return file.elements.size(); })
        .def_property_readonly(
            "head",
            [](const ScannedFile& file) { return to_bytes({file.head.data(), file.head.size()}); })
        .def_property_readonly(
            "tail",
            [](const ScannedFile& file) { return to_bytes({file.tail.data(), file.tail.size()}); })
        .def_readonly("data_set_start", &ScannedFile::data_set_start)
        .def_property_readonly("is_explicit",
                               [](const ScannedFile& file) { return file.syntax.is_explicit; })
        .def_property_readonly("is_little",
                               [](const ScannedFile& file) { return file.syntax.is_little; })
        .def_readonly("transfer_syntax", &ScannedFile::transfer_syntax)
        .def_property_readonly("pixels", &pixels);
    module.def("scan_files", &scan_files, py::arg("paths"), py::arg("threads"));
    module.def("shared_tags", &shared_by_tag, py::arg("files"));
    module.def("json_members", &members_of, py::arg("document"), py::arg("start"));
    module.def("sequence_items", &items_of, py::arg("value"), py::arg("is_explicit"),
               py::arg("is_little"));
    module.def("read_pixels", &read_into, py::arg("paths"), py::arg("offsets"), py::arg("out"),
               py::kw_only(), py::arg("unused_bits"), py::arg("threads"));
}

// dicube.codecs.jph._jph: whole volumes of numpy arrays to HTJ2K codestreams and back.
//
// Python ends here. Arrays become views after their dtype, shape and extents are checked, the
// interpreter lock is given up once for the whole volume, and what the codec found goes back as a
// report. dicube/codecs/jph/native.py is the only caller; it turns reports into CodecError.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jph/volume.hpp"
#include "simd/level.hpp"

namespace py = pybind11;

namespace dicube::jph {
namespace {

constexpr std::array<const char*, 7> kFaultNames = {
    "none", "damaged", "unsupported", "unfit", "bad_argument", "out_of_memory", "mismatch"};
static_assert(static_cast<int>(Fault::mismatch) + 1 == kFaultNames.size());

constexpr std::array<const char*, 5> kProgressionNames = {"LRCP", "RLCP", "RPCL", "PCRL", "CPRL"};
static_assert(static_cast<int>(Progression::cprl) + 1 == kProgressionNames.size());

constexpr std::array<const char*, 3> kSimdLevelNames = {"scalar", "avx2", "avx2_bmi2"};
static_assert(static_cast<int>(SimdLevel::avx2_bmi2) + 1 == kSimdLevelNames.size());

template <class Enum, std::size_t N>
Enum named(const std::array<const char*, N>& names, std::string_view name) {
    for (std::size_t i = 0; i < N; ++i) {
        if (name == names[i]) return static_cast<Enum>(i);
    }
    throw py::value_error("unknown name " + std::string(name));
}

template <class Enum, std::size_t N>
const char* name_of(const std::array<const char*, N>& names, Enum value) {
    return names[static_cast<std::size_t>(value)];
}

SampleType sample_type(const py::array& array) {
    const py::dtype dtype = array.dtype();
    const char order = dtype.byteorder();
    // Little-endian, as the kernels are; numpy does not always write that as native.
    const bool is_native = order == '=' || order == '|' || order == '<';
    const bool is_signed = dtype.kind() == 'i';
    if ((is_signed || dtype.kind() == 'u') && is_native) {
        switch (dtype.itemsize()) {
            case 1:
                return is_signed ? SampleType::i8 : SampleType::u8;
            case 2:
                return is_signed ? SampleType::i16 : SampleType::u16;
            case 4:
                return is_signed ? SampleType::i32 : SampleType::u32;
        }
    }
    throw py::type_error("samples have to be 8, 16 or 32 bit integers in native byte order");
}

// (frames, rows, columns[, samples]), of any strides but aligned: the codec loads whole samples.
template <class Byte>
BasicVolume<Byte> volume_view(const py::array& array, Byte* data) {
    constexpr int kAligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    if (array.ndim() != 3 && array.ndim() != 4) {
        throw py::value_error("a volume is (frames, rows, columns[, samples])");
    }
    if (!(array.flags() & kAligned)) throw py::value_error("samples have to be aligned in memory");
    BasicVolume<Byte> volume;
    volume.data = data;
    volume.type = sample_type(array);
    volume.frames = array.shape(0);
    volume.rows = array.shape(1);
    volume.columns = array.shape(2);
    volume.frame_stride = array.strides(0);
    volume.row_stride = array.strides(1);
    volume.column_stride = array.strides(2);
    if (array.ndim() == 4) {
        volume.samples = array.shape(3);
        volume.sample_stride = array.strides(3);
    }
    return volume;
}

span<const std::uint8_t> bytes_view(const py::buffer_info& buffer) {
    if (buffer.ndim != 1 || buffer.itemsize != 1 || (buffer.size > 1 && buffer.strides[0] != 1)) {
        throw py::value_error("codestreams have to be one run of bytes");
    }
    return {static_cast<const std::uint8_t*>(buffer.ptr), static_cast<std::size_t>(buffer.size)};
}

using Int64Array = py::array_t<std::int64_t, py::array::forcecast>;

// Every extent is compared with the buffer here, for nothing behind this line does it again.
std::vector<Extent> checked_extents(const Int64Array& offsets, const Int64Array& lengths,
                                    std::size_t size) {
    const auto starts = offsets.unchecked<1>();
    const auto counts = lengths.unchecked<1>();
    if (starts.shape(0) != counts.shape(0)) throw py::value_error("offsets and lengths differ");
    std::vector<Extent> extents(static_cast<std::size_t>(starts.shape(0)));
    for (py::ssize_t i = 0; i < starts.shape(0); ++i) {
        const auto offset = static_cast<std::uint64_t>(starts(i));
        const auto length = static_cast<std::uint64_t>(counts(i));
        if (offset > size || length > size - offset) {
            throw py::value_error("a codestream reaches outside its buffer");
        }
        extents[static_cast<std::size_t>(i)] = {offset, length};
    }
    return extents;
}

std::pair<VolumeReport, EncodedVolume> encode(const py::array& frames, int levels,
                                              int block_width_log2, int block_height_log2,
                                              std::string_view progression, bool tlm,
                                              bool colour_transform, int bit_depth, bool verify,
                                              int threads) {
    const auto volume =
        volume_view<const std::uint8_t>(frames, static_cast<const std::uint8_t*>(frames.data()));
    EncodeOptions options;
    options.levels = levels;
    options.block_width_log2 = block_width_log2;
    options.block_height_log2 = block_height_log2;
    options.progression = named<Progression>(kProgressionNames, progression);
    options.tlm = tlm;
    options.colour_transform = colour_transform;
    options.bit_depth = bit_depth;
    options.verify = verify;
    std::pair<VolumeReport, EncodedVolume> result;
    {
        const py::gil_scoped_release unlocked;
        result.first = encode_volume(volume, options, threads, result.second);
    }
    return result;
}

using RegionTuple = std::array<std::int64_t, 4>;

VolumeReport decode(const py::buffer& buffer, const Int64Array& offsets, const Int64Array& lengths,
                    py::array& out, int discard_levels, const std::optional<RegionTuple>& region,
                    int threads) {
    const py::buffer_info held = buffer.request();  // until the end: a mapping may not be closed
    const span<const std::uint8_t> bytes = bytes_view(held);
    const std::vector<Extent> extents = checked_extents(offsets, lengths, bytes.size());
    if (!out.writeable()) throw py::value_error("the output is read-only");
    const Volume volume = volume_view(out, static_cast<std::uint8_t*>(out.mutable_data()));
    if (extents.size() != static_cast<std::size_t>(volume.frames)) {
        throw py::value_error("there has to be one codestream for each frame");
    }
    DecodeOptions options;
    options.discard_levels = discard_levels;
    if (region) options.region = {(*region)[0], (*region)[1], (*region)[2], (*region)[3]};
    const py::gil_scoped_release unlocked;
    return decode_volume(bytes, {extents.data(), extents.size()}, options, threads, volume);
}

std::pair<VolumeReport, FrameInfo> frame_info(const py::buffer& codestream) {
    const py::buffer_info held = codestream.request();
    std::pair<VolumeReport, FrameInfo> result;
    result.first.status = read_frame_info(bytes_view(held), result.second);
    return result;
}

std::vector<const char*> simd_levels() {
    std::vector<const char*> names;
    for (std::size_t i = 0; i < kSimdLevelNames.size(); ++i) {
        if (simd_level_available(static_cast<SimdLevel>(i))) names.push_back(kSimdLevelNames[i]);
    }
    return names;
}

py::array_t<std::int64_t> column(const std::vector<Extent>& extents, std::uint64_t Extent::* part) {
    py::array_t<std::int64_t> values(static_cast<py::ssize_t>(extents.size()));
    std::int64_t* next = values.mutable_data();
    for (const Extent& extent : extents) *next++ = static_cast<std::int64_t>(extent.*part);
    return values;
}

void bind_results(py::module_& module) {
    py::class_<VolumeReport>(module, "VolumeReport")
        .def_property_readonly(
            "fault", [](const VolumeReport& r) { return name_of(kFaultNames, r.status.fault); })
        .def_property_readonly("what", [](const VolumeReport& r) { return r.status.what; })
        .def_property_readonly("position",
                               [](const VolumeReport& r) -> std::optional<std::size_t> {
                                   if (r.status.position == Status::kNowhere) return std::nullopt;
                                   return r.status.position;
                               })
        .def_readonly("frame", &VolumeReport::frame)
        .def_readonly("unsupported_frames", &VolumeReport::unsupported_frames)
        .def_readonly("unsupported_reason", &VolumeReport::unsupported_reason);

    // Shows the bytes through the buffer protocol, where they are: no copy.
    py::class_<EncodedVolume>(module, "EncodedVolume", py::buffer_protocol())
        .def_buffer([](EncodedVolume& encoded) {
            const auto size = static_cast<py::ssize_t>(encoded.length);
            constexpr bool kReadOnly = true;
            return py::buffer_info(encoded.bytes.data(), 1,
                                   py::format_descriptor<uint8_t>::format(), 1, {size}, {1},
                                   kReadOnly);
        })
        .def_property_readonly(
            "offsets", [](const EncodedVolume& e) { return column(e.extents, &Extent::offset); })
        .def_property_readonly(
            "lengths", [](const EncodedVolume& e) { return column(e.extents, &Extent::length); });

    py::class_<FrameInfo>(module, "FrameInfo")
        .def_readonly("rows", &FrameInfo::rows)
        .def_readonly("columns", &FrameInfo::columns)
        .def_readonly("samples", &FrameInfo::samples)
        .def_readonly("bits", &FrameInfo::bits)
        .def_readonly("is_signed", &FrameInfo::is_signed)
        .def_readonly("levels", &FrameInfo::levels)
        .def_readonly("reversible", &FrameInfo::reversible);
}

}  // namespace
}  // namespace dicube::jph

PYBIND11_MODULE(_jph, module) {
    using namespace dicube::jph;
    module.doc() = "HTJ2K codec of DiCube; dicube.codecs.jph.native calls it.";
    bind_results(module);
    module.def("encode_volume", &encode, py::arg("frames").noconvert(), py::kw_only(),
               py::arg("levels"), py::arg("block_width_log2"), py::arg("block_height_log2"),
               py::arg("progression"), py::arg("tlm"), py::arg("colour_transform"),
               py::arg("bit_depth"), py::arg("verify"), py::arg("threads"));
    module.def("decode_volume", &decode, py::arg("buffer"), py::arg("offsets"), py::arg("lengths"),
               py::arg("out").noconvert(), py::kw_only(), py::arg("discard_levels"),
               py::arg("region"), py::arg("threads"));
    module.def("read_frame_info", &frame_info, py::arg("codestream"));
    module.def("simd_levels", &simd_levels);
    module.def("simd_level", [] { return name_of(kSimdLevelNames, dicube::simd_level()); });
    module.def(
        "set_simd_level",
        [](std::string_view name) {
            if (!dicube::force_simd_level(named<dicube::SimdLevel>(kSimdLevelNames, name))) {
                throw py::value_error("this CPU or build has no " + std::string(name));
            }
        },
        py::arg("name"));
}

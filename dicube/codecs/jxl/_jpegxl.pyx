# cython: language_level=3
# distutils: language=c++
"""Native JPEG XL codec of DiCube; dicube.codecs.jxl.native calls it.

Python ends here: arrays become views after their dtype, shape and extents are checked, and the
interpreter lock is given up once for a whole volume.
"""

from cpython.buffer cimport (
    PyBUF_FORMAT, PyBUF_SIMPLE, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_FillInfo,
    PyBuffer_Release, PyObject_GetBuffer,
)
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libcpp cimport bool as cbool
from libcpp.vector cimport vector


cdef extern from "base/span.hpp" namespace "dicube" nogil:
    cdef cppclass Bytes "dicube::span<const std::uint8_t>":
        Bytes()
        Bytes(const uint8_t*, size_t)

    cdef cppclass Extents "dicube::span<const dicube::Extent>":
        Extents(const Extent*, size_t)

cdef extern from "base/status.hpp" namespace "dicube" nogil:
    cdef enum class Fault:
        none
        damaged
        unsupported
        unfit
        bad_argument
        out_of_memory
        mismatch

    cdef cppclass Status:
        Fault fault
        const char* what
        size_t position

    const size_t kNowhere "dicube::Status::kNowhere"

cdef extern from "volume/types.hpp" namespace "dicube" nogil:
    cdef enum class SampleType:
        u8
        i8
        u16
        i16

    cdef cppclass Volume:
        Volume()
        uint8_t* data
        SampleType type
        int64_t frames, rows, columns, samples
        int64_t frame_stride, row_stride, column_stride, sample_stride

    cdef cppclass ConstVolume:
        ConstVolume()
        const uint8_t* data
        SampleType type
        int64_t frames, rows, columns, samples
        int64_t frame_stride, row_stride, column_stride, sample_stride

    cdef cppclass Extent:
        uint64_t offset, length

    cdef cppclass ByteBuffer "dicube::Buffer<std::uint8_t>":
        uint8_t* data()

    cdef cppclass CppEncodedVolume "dicube::EncodedVolume":
        ByteBuffer bytes
        size_t length
        vector[Extent] extents

    cdef cppclass CppReport "dicube::VolumeReport":
        Status status
        int64_t frame
        vector[int64_t] unsupported_frames

cdef extern from "jxl/volume.hpp" namespace "dicube::jxl" nogil:
    cdef enum class Effort:
        fast
        standard
        max

    cdef cppclass CppModel "dicube::jxl::VolumeModel":
        int64_t rows, columns, samples
        SampleType type
        int bits

    cdef cppclass ModelOptions:
        ModelOptions()
        Effort effort
        int bits

    Status cpp_learn "dicube::jxl::learn_model"(const ConstVolume&, const ModelOptions&, CppModel&)
    CppReport cpp_encode "dicube::jxl::encode_volume"(
        const ConstVolume&, const CppModel&, cbool, int, CppEncodedVolume&)
    CppReport cpp_decode "dicube::jxl::decode_volume"(Bytes, Extents, cbool, int, const Volume&)

cdef extern from "simd/level.hpp" namespace "dicube" nogil:
    cdef enum class SimdLevel:
        scalar
        avx2
        avx2_bmi2

    cbool simd_level_available(SimdLevel)
    SimdLevel cpp_simd_level "dicube::simd_level"()
    cbool force_simd_level(SimdLevel)


_FAULTS = {
    <int>Fault.none: "none",
    <int>Fault.damaged: "damaged",
    <int>Fault.unsupported: "unsupported",
    <int>Fault.unfit: "unfit",
    <int>Fault.bad_argument: "bad_argument",
    <int>Fault.out_of_memory: "out_of_memory",
    <int>Fault.mismatch: "mismatch",
}
_TYPES = {
    "B": <int>SampleType.u8,
    "b": <int>SampleType.i8,
    "H": <int>SampleType.u16,
    "h": <int>SampleType.i16,
}
_EFFORTS = {"fast": <int>Effort.fast, "default": <int>Effort.standard, "max": <int>Effort.max}
_LEVELS = {
    "scalar": <int>SimdLevel.scalar,
    "avx2": <int>SimdLevel.avx2,
    "avx2_bmi2": <int>SimdLevel.avx2_bmi2,
}


ctypedef fused AnyVolume:
    Volume
    ConstVolume


cdef int _describe(Py_buffer* view, AnyVolume* volume) except -1:
    """The (frames, rows, columns[, samples]) of 8 or 16 bit integers that a buffer is."""
    code = (<bytes>view.format).decode().lstrip("@=<")
    if view.ndim not in (3, 4) or code not in _TYPES:
        raise ValueError("a volume is (frames, rows, columns[, samples]) of 8 or 16 bit integers")
    volume.type = <SampleType><int>_TYPES[code]
    volume.data = <uint8_t*>view.buf
    volume.frames, volume.rows, volume.columns = view.shape[0], view.shape[1], view.shape[2]
    volume.frame_stride = view.strides[0]
    volume.row_stride = view.strides[1]
    volume.column_stride = view.strides[2]
    volume.samples = 1
    if view.ndim == 4:
        volume.samples, volume.sample_stride = view.shape[3], view.strides[3]
    return 0


cdef class VolumeReport:
    """What became of the frames of a volume."""

    cdef readonly str fault
    cdef readonly str what
    cdef readonly object position
    cdef readonly int64_t frame
    cdef readonly list unsupported_frames


cdef VolumeReport _report_of(const Status& status, int64_t frame, list unsupported):
    cdef VolumeReport report = VolumeReport()
    report.fault = _FAULTS[<int>status.fault]
    report.what = (<bytes>status.what).decode()
    report.position = None if status.position == kNowhere else status.position
    report.frame = frame
    report.unsupported_frames = unsupported
    return report


cdef class EncodedVolume:
    """Codestreams one behind the other, through the buffer protocol, and where each of them is."""

    cdef CppEncodedVolume encoded

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        cdef bint is_read_only = True
        PyBuffer_FillInfo(
            buffer, self, self.encoded.bytes.data(), <Py_ssize_t>self.encoded.length,
            is_read_only, flags,
        )

    @property
    def offsets(self):
        return [extent.offset for extent in self.encoded.extents]

    @property
    def lengths(self):
        return [extent.length for extent in self.encoded.extents]


cdef class VolumeModel:
    """What was learned from the frames of a volume, to encode them with."""

    cdef CppModel model

    @property
    def bits(self):
        return self.model.bits


def learn_model(frames, effort, int bits):
    """A model for frames like these, and a report."""
    cdef Py_buffer view
    cdef ConstVolume volume
    cdef VolumeModel model = VolumeModel()
    cdef ModelOptions options
    cdef Status status
    options.effort = <Effort><int>_EFFORTS[effort]
    options.bits = bits
    PyObject_GetBuffer(frames, &view, PyBUF_STRIDES | PyBUF_FORMAT)
    try:
        _describe(&view, &volume)
        with nogil:
            status = cpp_learn(volume, options, model.model)
    finally:
        PyBuffer_Release(&view)
    return _report_of(status, -1, []), model


def encode_volume(frames, VolumeModel model, *, bint verify, int threads):
    """Encode frames that `model` was learned from; a report, and the codestreams."""
    cdef Py_buffer view
    cdef ConstVolume volume
    cdef EncodedVolume result = EncodedVolume()
    cdef CppReport report
    PyObject_GetBuffer(frames, &view, PyBUF_STRIDES | PyBUF_FORMAT)
    try:
        _describe(&view, &volume)
        if (
            volume.rows != model.model.rows
            or volume.columns != model.model.columns
            or volume.samples != model.model.samples
            or volume.type != model.model.type
        ):
            raise ValueError("the model was learned from frames of another kind")
        with nogil:
            report = cpp_encode(volume, model.model, verify, threads, result.encoded)
    finally:
        PyBuffer_Release(&view)
    return _report_of(report.status, report.frame, list(report.unsupported_frames)), result


def decode_volume(buffer, offsets, lengths, out, *, bint decodes_all, int threads):
    """Decode codestream i of `buffer` into frame i of `out`; a report."""
    cdef Py_buffer source
    cdef Py_buffer target
    cdef Volume volume
    cdef vector[Extent] extents
    cdef Extent extent
    cdef CppReport report
    for offset, length in zip(offsets, lengths, strict=True):
        extent.offset, extent.length = offset, length
        extents.push_back(extent)
    PyObject_GetBuffer(buffer, &source, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(out, &target, PyBUF_STRIDES | PyBUF_WRITABLE | PyBUF_FORMAT)
        try:
            _describe(&target, &volume)
            with nogil:
                report = cpp_decode(
                    Bytes(<const uint8_t*>source.buf, <size_t>source.len),
                    Extents(extents.data(), extents.size()), decodes_all, threads, volume,
                )
        finally:
            PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return _report_of(report.status, report.frame, list(report.unsupported_frames))


def simd_levels():
    return [
        name for name, level in _LEVELS.items() if simd_level_available(<SimdLevel><int>level)
    ]


def simd_level():
    return {level: name for name, level in _LEVELS.items()}[<int>cpp_simd_level()]


def set_simd_level(name):
    if name not in _LEVELS or not force_simd_level(<SimdLevel><int>_LEVELS[name]):
        raise ValueError(f"this CPU or build has no {name}")

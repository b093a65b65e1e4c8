# cython: language_level=3
# distutils: language=c++
"""Native JPEG XL decoder of DiCube; dicube.codecs.jxl.native calls it."""

from cpython.buffer cimport (
    PyBUF_FORMAT, PyBUF_SIMPLE, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t


cdef extern from "base/span.hpp" namespace "dicube" nogil:
    cdef cppclass Bytes "dicube::span<const std::uint8_t>":
        Bytes()
        Bytes(const uint8_t*, size_t)

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

cdef extern from "jxl/frame_decoder.hpp" namespace "dicube::jxl" nogil:
    cdef cppclass FrameView:
        FrameView()
        uint8_t* data
        int sample_bytes
        int64_t rows, columns, samples
        int64_t row_stride, column_stride, sample_stride

    Status decode_into(Bytes codestream, const FrameView& out)


_FAULTS = {
    <int>Fault.none: "none",
    <int>Fault.damaged: "damaged",
    <int>Fault.unsupported: "unsupported",
    <int>Fault.unfit: "unfit",
    <int>Fault.bad_argument: "bad_argument",
    <int>Fault.out_of_memory: "out_of_memory",
    <int>Fault.mismatch: "mismatch",
}


def decode_frame(codestream, out):
    """Decode one bare codestream into `out`; (fault, what, byte of the codestream or None)."""
    cdef Py_buffer source
    cdef Py_buffer target
    cdef FrameView view
    cdef Status status
    PyObject_GetBuffer(codestream, &source, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(out, &target, PyBUF_STRIDES | PyBUF_WRITABLE | PyBUF_FORMAT)
        try:
            if target.ndim not in (2, 3) or target.itemsize not in (1, 2):
                raise ValueError("a frame has two or three axes, and samples of one or two bytes")
            view.data = <uint8_t*>target.buf
            view.sample_bytes = <int>target.itemsize
            view.rows, view.columns = target.shape[0], target.shape[1]
            view.row_stride, view.column_stride = target.strides[0], target.strides[1]
            if target.ndim == 3:
                view.samples, view.sample_stride = target.shape[2], target.strides[2]
            with nogil:
                status = decode_into(
                    Bytes(<const uint8_t*>source.buf, <size_t>source.len), view
                )
        finally:
            PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    position = None if status.position == kNowhere else status.position
    return _FAULTS[<int>status.fault], (<bytes>status.what).decode(), position

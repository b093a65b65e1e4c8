"""The one place that calls imagecodecs.

Here its functions get types, its errors become CodecError, and the package is imported, on the
first call and not before: importing it costs about 0.14 s.
"""

import importlib
from types import ModuleType
from typing import Any, cast

from dicube.codecs.base import Samples
from dicube.exceptions import CodecError, MissingDependencyError

# imagecodecs raises subclasses of RuntimeError for what its libraries report, and the others for
# what its own checks and allocations meet.
_FOREIGN_ERRORS = (RuntimeError, ValueError, OverflowError, IndexError, MemoryError)


def encode_with(function: str, frame: Samples, **options: object) -> bytes:
    """Call an encoder of imagecodecs.

    Parameters
    ----------
    function : str
        Its name, such as "htj2k_encode".
    frame : (rows, columns[, samples]) array
        C-contiguous, native byte order.
    **options
        Handed on; imagecodecs rejects names it does not know.

    Raises
    ------
    CodecError
        The encoder refused or failed.
    MissingDependencyError
        imagecodecs, or this part of it, is not installed.
    """
    return bytes(_call(function, frame, options))


def decode_with(
    function: str, data: memoryview, out: Samples | None = None, **options: object
) -> Samples:
    """Call a decoder of imagecodecs that gives an array.

    Parameters
    ----------
    function : str
        Its name, such as "htj2k_decode".
    data : (n,) bytes
    out : array, optional
        C-contiguous, of the shape and dtype of the result, to be filled and returned.
    **options
        Handed on; imagecodecs rejects names it does not know.

    Raises
    ------
    CodecError
        The codestream is damaged or not supported.
    MissingDependencyError
        imagecodecs, or this part of it, is not installed.
    """
    return cast(Samples, _call(function, data, options | {"out": out}))


def unpack_bits(data: memoryview) -> bytes:
    """Undo PackBits run lengths; a lone padding byte at the end is ignored.

    Raises
    ------
    CodecError
        A literal run is cut short.
    """
    return bytes(_call("packbits_decode", data, {}))


def _imagecodecs() -> ModuleType:
    try:
        return importlib.import_module("imagecodecs")
    except ImportError as error:
        raise MissingDependencyError(
            "the package imagecodecs cannot be imported", hint="pip install imagecodecs"
        ) from error


def _call(function: str, data: object, options: dict[str, object]) -> Any:
    try:
        return getattr(_imagecodecs(), function)(data, **options)
    except ImportError as error:  # imagecodecs defers the import of each of its parts
        raise MissingDependencyError(
            f"this build of imagecodecs lacks {function}",
            hint="install the wheel of imagecodecs from the package index",
        ) from error
    except _FOREIGN_ERRORS as error:
        raise CodecError(f"{function} failed: {error or type(error).__name__}") from error

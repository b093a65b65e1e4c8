"""The errors of DiCube: one tree, each with what went wrong, where, and how to go on.

Messages carry file paths, frame numbers and tags, never values of a patient's data.
"""


class DicomCubeError(Exception):
    """Base of every error raised by DiCube.

    Parameters
    ----------
    what : str
        What is wrong: the value found and the range accepted.
    where : str, optional
        File, frame or tag concerned.
    hint : str, optional
        What the reader of the message can do next.

    Examples
    --------
    >>> print(DicomCubeError("Rows is 0", where="a.dcm", hint="leave this file out"))
    a.dcm: Rows is 0 (leave this file out)
    """

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.what = what
        self.where = where
        self.hint = hint
        super().__init__(what, where, hint)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.what}{advice}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exception's own pickling passes everything by position; where and hint are keywords here.
        return _rebuild, (type(self), self.what, self.where, self.hint)


def _rebuild(
    kind: type[DicomCubeError], what: str, where: str | None, hint: str | None
) -> DicomCubeError:
    return kind(what, where=where, hint=hint)


class InvalidCubeFileError(DicomCubeError):
    """A file is not a DiCube file, is cut short, or fails a checksum."""


class CodecError(DicomCubeError):
    """A codestream cannot be decoded, or samples cannot be encoded by the codec chosen."""


class MetaDataError(DicomCubeError):
    """Metadata is missing, malformed or not what an operation needs."""


class DataConsistencyError(DicomCubeError):
    """Files, frames or arrays do not fit together, or an existing file is in the way."""


class DestinationFullError(DicomCubeError):
    """Nothing more fits on the disk that is written to; what is there is whole."""


class UnreachableError(DicomCubeError):
    """The server behind a URL does not answer, or the connection broke; trying again may help."""


class MissingDependencyError(DicomCubeError):
    """An optional package is not installed; the message names the extra that brings it."""


class PacsError(DicomCubeError):
    """A DICOM server cannot be reached, refuses, or does not keep to what it said."""


class IncompleteSeriesError(PacsError):
    """Fewer instances arrived than the server reported; what arrived is kept for the next try."""


class PullCancelled(PacsError):
    """The caller asked to stop; what arrived is kept, and the next pull goes on from there."""


class ServerUnavailableError(PacsError):
    """A connection failed or broke, or a server is busy; trying again may help."""

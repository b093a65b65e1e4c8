"""What can be wrong with sources; where a server does not answer it is UnreachableError."""

from dicube.exceptions import DicomCubeError


class SourceError(DicomCubeError):
    """A source cannot be listed or read, or there is no room for its files."""


class ContainerError(DicomCubeError):
    """A zip or tar file cannot be taken apart without losing something; its bytes can be kept."""


class NoRoomError(SourceError):
    """Copies of files do not fit into what they may take."""


class NoRangesError(SourceError):
    """A server gives files only from their start to their end."""

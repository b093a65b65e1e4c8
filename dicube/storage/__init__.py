"""Cube files: named sections and codestreams in one file; what they mean is decided above."""

from dicube.storage.dcb_file import DcbFile
from dicube.storage.formats import FORMATS, FileFormat

__all__ = ["FORMATS", "DcbFile", "FileFormat"]

"""Noticing edits: source files belong to an image only as long as nothing about it was changed.

A source file still holds what an edit of the metadata removed, so a single edit drops them all.
"""

from dataclasses import replace

from dicube.core.contents import CubeContents, packed_meta, values_digest
from dicube.dicom.dicom_meta import DicomMeta
from dicube.exceptions import DataConsistencyError


class EditWatch:
    """Remembers the state of the metadata at one moment and compares it later.

    Only what happens after `accept` is an edit: reading a folder sorts the metadata, for example.
    Metadata that nobody has unpacked cannot have been edited.
    """

    def __init__(self, contents: CubeContents) -> None:
        self._contents = contents
        self.accept()

    def accept(self) -> None:
        """Take the metadata as they are now for unedited."""
        meta = self._unpacked()
        self._revision = 0 if meta is None else meta.revision
        self._order = None if meta is None else meta.order

    def accept_order(self) -> None:
        """Take the slices to be in the order of the frames: whoever assigns pixels says so."""
        meta = self._unpacked()
        if meta is not None:
            self._order = meta.order

    @property
    def meta_is_edited(self) -> bool:
        """Whether the metadata were changed or sorted."""
        meta = self._unpacked()
        return meta is not None and meta.revision != self._revision

    @property
    def is_edited(self) -> bool:
        """Whether metadata or pixels differ from the source files, or there never were any."""
        contents = self._contents
        return (
            contents.sources is None
            or self.meta_is_edited
            or values_digest(contents.values) != contents.digest
        )

    def current(self) -> CubeContents:
        """The contents as they are now: without source files once anything was edited.

        Raises
        ------
        DataConsistencyError
            The metadata were sorted after the pixels were read, so they are no longer theirs.
        """
        contents = self.with_current_meta()
        contents.digest = values_digest(contents.values)
        if contents.digest != self._contents.digest:
            contents.sources = None
        return contents

    def with_current_meta(self) -> CubeContents:
        """The contents without source files once the metadata were edited.

        Nobody has looked at the pixels: the digest still is that of the source files' values.

        Raises
        ------
        DataConsistencyError
            The metadata were sorted after the pixels were read, so they are no longer theirs.
        """
        contents = replace(self._contents)
        meta = self._unpacked()
        if meta is not None:
            self._check_order(meta)
        if meta is not None and self.meta_is_edited:
            contents.meta = packed_meta(value=meta)
            contents.sources = None
        return contents

    def _unpacked(self) -> DicomMeta | None:
        packed = self._contents.meta
        return packed.value if packed is not None and packed.is_unpacked else None

    def _check_order(self, meta: DicomMeta) -> None:
        if meta.order != (self._order or tuple(range(meta.slice_count))):
            raise DataConsistencyError(
                "the metadata were sorted after the pixels were read",
                hint="read the folder again with sort_method=, or assign `raw_image` sorted alike",
            )

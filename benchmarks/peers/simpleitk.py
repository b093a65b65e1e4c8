"""SimpleITK: its series reader (GDCM), and a compressed .mha file.

A .mha file keeps geometry and pixels, not the DICOM metadata.
"""

from pathlib import Path

import SimpleITK as sitk  # noqa: N813 -- the name in its own documentation

from peers import Array, Values


class Peer:
    values: Values = "output"  # GDCM applies slope and intercept

    def __init__(self, threads: int) -> None:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
        self._image: sitk.Image | None = None  # what the arrays below are views of

    def versions(self) -> dict[str, str]:
        return {"SimpleITK": sitk.Version.VersionString()}

    def folder_to_image(self, folder: Path) -> Array:
        names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(names)
        reader.MetaDataDictionaryArrayUpdateOn()  # all others read the metadata, too
        reader.LoadPrivateTagsOn()
        self._image = reader.Execute()
        return self._view(self._image)

    def save(self, path: Path) -> None:
        assert self._image is not None
        sitk.WriteImage(self._image, str(path), useCompression=True)

    def load(self, path: Path) -> Array:
        self._loaded = sitk.ReadImage(str(path))
        return self._view(self._loaded)

    def one_slice(self, path: Path, number: int) -> Array:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        columns, rows, _ = reader.GetSize()
        reader.SetExtractIndex([0, 0, number])
        reader.SetExtractSize([columns, rows, 1])
        self._slice = reader.Execute()
        return self._view(self._slice)

    @staticmethod
    def _view(image: sitk.Image) -> Array:
        """(z, y, x), the order that SimpleITK itself gives its arrays."""
        view: Array = sitk.GetArrayViewFromImage(image)
        return view

"""DiCube of this checkout; the suffix of the file decides between .dcbs and .dcba."""

from pathlib import Path

import dicube
from dicube.codecs import Codestreams, get_codec
from dicube.storage.dcb_file import DcbFile
from peers import Array, Values, as_frames


class Peer:
    values: Values = "stored"

    def __init__(self, threads: int) -> None:
        dicube.set_num_threads(threads)
        self._image: dicube.DicomCubeImage | None = None

    def versions(self) -> dict[str, str]:
        return {"dicube": dicube.__version__}

    def folder_to_image(self, folder: Path) -> Array:
        self._image = dicube.load_from_dicom_folder(folder)
        return as_frames(self._image.raw_image)

    def convert(self, folder: Path, path: Path) -> None:
        dicube.convert(folder, path)

    def save(self, path: Path) -> None:
        assert self._image is not None
        self._image.to_file(path)

    def load(self, path: Path) -> Array:
        return as_frames(dicube.load(path).raw_image)

    def load_meta(self, path: Path) -> dicube.DicomMeta:
        meta = dicube.load_meta(path)
        assert meta is not None
        return meta

    def sop_instance_uids(self, meta: dicube.DicomMeta) -> list[str]:
        return [str(uid) for uid in meta.get_values("SOPInstanceUID")]

    def one_slice(self, path: Path, number: int) -> Array:
        with DcbFile(path) as file:
            header = file.pixel_header
            frame_shape = header["Image"]["Shape"][-2:]
            one = Codestreams.from_parts([file.frames[number]], header["PixelDtype"], frame_shape)
            return get_codec(file.file_format.codec_name).decode_frames(one)

    def export(self, path: Path, folder: Path) -> None:
        dicube.load(path).to_dicom_folder(folder)

"""The workflow of the document that the writer was asked for in, with SimpleITK itself."""

import json
import subprocess
import sysconfig
from pathlib import Path

import numpy as np

from dicube import DicomCubeImage
from dicube.interchange import seg
from tests.interchange.seg.conftest import METAINFO
from tests.peers import PEERS, requires_simpleitk

# SimpleITK lives in another environment of the same Python, which borrows DiCube from this one.
_WORKFLOW = """
import site, sys
site.addsitedir(sys.argv[1])
import numpy, pydicom, SimpleITK as sitk
from dicube.interchange import seg

reader = sitk.ImageSeriesReader()
files = reader.GetGDCMSeriesFileNames(sys.argv[2])
reader.SetFileNames(files)
image = reader.Execute()
labels = numpy.where(sitk.GetArrayFromImage(image) > 1000, 3, 1).astype(numpy.uint8)
labels[:, :3] = 0
segmentation = sitk.GetImageFromArray(labels)
segmentation.CopyInformation(image)
source_images = [pydicom.dcmread(file, stop_before_pixels=True) for file in files]
template = seg.template.from_dcmqi_metainfo(sys.argv[3])
writer = seg.MultiClassWriter(
    template=template, inplane_cropping=True, skip_empty_slices=True, skip_missing_segment=False
)
writer.write(segmentation, source_images).save_as(sys.argv[4])
"""


@requires_simpleitk
def test_an_image_of_simpleitk_becomes_a_segmentation(source: Path, tmp_path: Path) -> None:
    metainfo, out = tmp_path / "metainfo.json", tmp_path / "segmentation.dcm"
    metainfo.write_text(json.dumps(METAINFO))
    site = sysconfig.get_path("purelib")
    command = [PEERS / "python", "-I", "-c", _WORKFLOW, site, source, metainfo, out]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = seg.read_seg(out, source)
    values = DicomCubeImage.from_dicom_folder(source).get_fdata("float64")
    values[:, :3] = -9999
    np.testing.assert_array_equal(found.mask(2), values > 1000)
    np.testing.assert_array_equal(found.mask(1), (values <= 1000) & (values != -9999))

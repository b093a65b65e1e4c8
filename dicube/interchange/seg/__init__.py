"""DICOM segmentations (PS3.3 A.51, A.90): written through highdicom, read without it.

>>> from dicube.interchange import seg
>>> template = seg.template.from_dcmqi_metainfo("metainfo.json")  # doctest: +SKIP
>>> writer = seg.MultiClassWriter(template, inplane_cropping=True)  # doctest: +SKIP
>>> writer.write(labels, "ct_folder").save_as("seg.dcm")  # doctest: +SKIP
>>> seg.read_seg("seg.dcm", "ct_folder").mask(1)  # doctest: +SKIP
"""

from dicube.core.segmentation import Code, MaskBox, Segment, Segmentation
from dicube.interchange.seg import template
from dicube.interchange.seg.reader import read_seg
from dicube.interchange.seg.template import Template
from dicube.interchange.seg.writer import MultiClassWriter, write_seg

__all__ = [
    "Code",
    "MaskBox",
    "MultiClassWriter",
    "Segment",
    "Segmentation",
    "Template",
    "read_seg",
    "template",
    "write_seg",
]

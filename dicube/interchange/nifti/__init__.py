"""NIfTI-1 and -2 through nibabel, both directions; needs the extra "nifti".

NIfTI arrays are indexed (x, y, z[, t]) and placed in RAS; images here are ([t,] z, y, x) in LPS.
Both are turned round in `reading` and `writing`, and nowhere else.
"""

from dicube.core.exchange import Exchange, register_exchange
from dicube.interchange.nifti.reading import read_nifti
from dicube.interchange.nifti.writing import write_nifti

__all__ = ["read_nifti", "write_nifti"]

register_exchange("nifti", Exchange(read_nifti, write_nifti))

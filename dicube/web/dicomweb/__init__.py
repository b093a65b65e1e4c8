"""DICOMweb of a library of cubes (PS3.18): search and retrieval, read-only."""

from dicube.web.dicomweb.service import PREFIX, dicomweb_app, dicomweb_routes

__all__ = ["PREFIX", "dicomweb_app", "dicomweb_routes"]

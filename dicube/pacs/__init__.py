"""A client of DICOM servers: finds, pulls and sends series over DIMSE and DICOMweb."""

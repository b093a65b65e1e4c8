"""The web page, and DICOMweb of cubes: what a browser and other viewers talk to."""

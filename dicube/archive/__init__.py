"""Archives: trees of DICOM into cube files with a ledger, checked, and back."""

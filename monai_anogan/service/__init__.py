"""The DICOM node: series come in by DICOM, are looked at, and the results go out by DICOM."""

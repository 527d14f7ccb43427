"""The MONAI Label app: the heat map in the hands of who reads scans in 3D Slicer or OHIF."""

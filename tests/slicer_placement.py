"""Where 3D Slicer's own libraries place the voxels of a volume; run by the Python that has them.

    python slicer_placement.py VOLUME...

Prints a JSON list: for each file its size (i, j, k), the highest value and the world position (RAS,
mm) of every voxel that has it. An integer volume is loaded as Slicer loads label maps.
"""

import json
import sys

import numpy as np
import slicer_core
import vtk
from vtk.util.numpy_support import vtk_to_numpy


def placement(path: str) -> dict:
    """Loads one file into a MRML scene by the logic of Slicer's Volumes module."""
    scene = slicer_core.vtkMRMLScene()
    logic = slicer_core.vtkSlicerVolumesLogic()
    logic.SetMRMLScene(scene)
    node = logic.AddArchetypeVolume(path, "volume", 1 if "findings" in path else 0)
    assert node is not None, f"Slicer does not load {path}"
    image = node.GetImageData()
    size = image.GetDimensions()
    values = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(size[::-1])
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    to_ras = np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])
    voxels = np.argwhere(values == values.max())[:, ::-1]
    places = voxels @ to_ras[:3, :3].T + to_ras[:3, 3]
    return {
        "class": node.GetClassName(),
        "size": size,
        "highest": float(values.max()),
        "places": places.tolist(),
    }


if __name__ == "__main__":
    print(json.dumps([placement(path) for path in sys.argv[1:]]))

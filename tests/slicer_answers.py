"""What 3D Slicer's own libraries make of our answers; run by the Python that has them.

    python slicer_answers.py FILE...

Prints a JSON list, an entry a file: the segments of a `.seg.nrrd` (as a segmentation, and as the
plugin imports it: a label map with a list of names), the ROIs of a `.mrk.json`, the colours of a
`.ctbl`. Places are RAS, mm.
"""

import json
import sys

import numpy as np
import slicer_core
import vtk
from vtk.util.numpy_support import vtk_to_numpy


def scene_with(logic):
    scene = slicer_core.vtkMRMLScene()
    logic.SetMRMLScene(scene)
    return scene


def segments_of(node) -> list[dict]:
    """Name, colour and voxels of each segment, read through Slicer's own representation."""
    told, segmentation = [], node.GetSegmentation()
    for number in range(segmentation.GetNumberOfSegments()):
        name = segmentation.GetNthSegmentID(number)
        segment, image = segmentation.GetSegment(name), slicer_core.vtkOrientedImageData()
        node.GetBinaryLabelmapRepresentation(name, image)
        told.append(
            {
                "name": segment.GetName(),
                "colour": [round(255 * part) for part in segment.GetColor()],
                **voxels_of(image),
            }
        )
    return told


def voxels_of(image) -> dict:
    """How many voxels are set, and the middle of them."""
    first, size = image.GetExtent()[::2], image.GetDimensions()
    if not image.GetPointData().GetScalars():
        return {"voxels": 0}
    values = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(size[::-1])
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    to_ras = np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])
    places = (np.argwhere(values > 0)[:, ::-1] + first) @ to_ras[:3, :3].T + to_ras[:3, 3]
    middle = places.mean(axis=0).tolist() if len(places) else None
    return {"voxels": len(places), "middle": middle}


def segmentation(path: str) -> dict:
    logic = slicer_core.vtkSlicerSegmentationsModuleLogic()
    scene_with(logic)
    return {"segments": segments_of(logic.LoadSegmentationFromFile(path, False))}


def imported(path: str, names: list[str]) -> dict:
    """As the plugin does it: a label map, imported under the names that the server gave."""
    volumes = slicer_core.vtkSlicerVolumesLogic()
    scene = scene_with(volumes)
    logic = slicer_core.vtkSlicerSegmentationsModuleLogic()
    logic.SetMRMLScene(scene)
    labels = volumes.AddArchetypeVolume(path, "labels", 1)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    ids = vtk.vtkStringArray()
    for name in names:
        ids.InsertNextValue(name)
    logic.ImportLabelmapToSegmentationNode(labels, node, ids)
    return {"imported": segments_of(node)}


def boxes(path: str) -> dict:
    logic = slicer_core.vtkSlicerMarkupsLogic()
    scene = scene_with(logic)
    logic.LoadMarkups(path, "boxes")
    found = []
    nodes = scene.GetNodesByClass("vtkMRMLMarkupsROINode")
    for number in range(nodes.GetNumberOfItems()):
        node, middle = nodes.GetItemAsObject(number), [0.0, 0.0, 0.0]
        node.GetCenterWorld(middle)
        axes = [[0.0] * 3 for _ in range(3)]
        node.GetXAxisWorld(axes[0])
        node.GetYAxisWorld(axes[1])
        node.GetZAxisWorld(axes[2])
        size = [0.0, 0.0, 0.0]
        node.GetSizeWorld(size)
        found.append({"name": node.GetName(), "middle": middle, "size": size, "axes": axes})
    return {"boxes": found}


def colours(path: str) -> dict:
    logic = slicer_core.vtkMRMLColorLogic()
    scene_with(logic)
    node = logic.LoadColorFile(path, "colours")
    table = []
    for number in range(node.GetNumberOfColors()):
        colour = [0.0] * 4
        node.GetColor(number, colour)
        table.append([round(255 * part) for part in colour[:3]])
    return {"colours": table}


def look(path: str) -> dict:
    if path.endswith(".seg.nrrd"):
        own = segmentation(path)
        return own | imported(path, [segment["name"] for segment in own["segments"]])
    return boxes(path) if path.endswith(".mrk.json") else colours(path)


if __name__ == "__main__":
    print(json.dumps([look(path) for path in sys.argv[1:]]))

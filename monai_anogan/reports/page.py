"""The report of a case: one file that opens offline in any browser, on a phone, and on paper."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

import numpy as np

from monai_anogan.maps import Finding, Findings
from monai_anogan.outputs import DISCLAIMER
from monai_anogan.reports.panels import COLOURS
from monai_anogan.reports.scene import Scene
from monai_anogan.reports.shade import Shade
from monai_anogan.reports.strips import strips
from monai_anogan.reports.volumes import packed

__all__ = ["write_report"]

STILLS = 3  # findings that are shown in still pictures
STEPS = 120  # of the threshold's slider
COLUMNS = ("", "p", "volume (ml)", "diameter (mm)", "peak", "mean", "centre (mm)")


def write_report(
    path: str | Path,
    *,
    scene: Scene,
    shade: Shade,
    findings: Findings | None,
    warnings: Sequence[str],
    name: str,
    model: str,
    version: str,
    facts: Mapping[str, str],
) -> None:
    """Write `report.html`.

    Args:
        path: where it goes.
        scene: the case, see `compose`.
        shade: how its map becomes colours.
        findings: None if the model is not calibrated.
        warnings: why the numbers may not hold, a line each.
        name: of the case.
        model: name and version of the model.
        version: of this software.
        facts: what else a reader may ask, label to value.
    """
    parts = files("monai_anogan.reports")
    page = Template(parts.joinpath("page.html").read_text(encoding="utf-8"))
    text = page.substitute(
        name=escape(name),
        model=escape(model),
        version=escape(version),
        disclaimer=DISCLAIMER,
        verdict=_verdict(findings),
        meaning=_meaning(findings),
        warnings=_warnings(warnings),
        table=_table(findings),
        stills=_stills(scene, shade, findings),
        bar=_bar(shade),
        statements=_statements(findings, warnings),
        facts="".join(
            f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in facts.items()
        ),
        vmax=f"{shade.vmax:g}",
        step=f"{shade.vmax / STEPS:g}",
        start=f"{shade.threshold or shade.visible[1]:g}",
        data=_data(scene, shade),
        script=parts.joinpath("viewer.js").read_text(encoding="utf-8"),
    )
    Path(path).write_text(text, encoding="utf-8")


def _facts(facts: Mapping[str, str]) -> str:
    rows = (f"<th>{escape(k)}</th><td>{escape(v)}</td>" for k, v in facts.items())
    return "".join(f"<tr>{row}</tr>" for row in rows)


def _verdict(findings: Findings | None) -> str:
    if findings is None:
        return "Not calibrated: no findings, no p-values"
    count = {0: "No finding", 1: "1 finding"}.get(len(findings), f"{len(findings)} findings")
    return f"{count} at alpha {findings.alpha:g}; p-value of the scan {findings.p_value:.3g}"


def _meaning(findings: Findings | None) -> str:
    if findings is None:
        return "The map is raw: higher is more abnormal, and how high is normal is not known."
    if not findings:
        return (
            "No region above the threshold is heavier than healthy scans have by chance "
            f"(regions: {findings.regions}). This does not mean that the scan is normal."
        )
    return (
        f"The p-value of a finding ranks it among the heaviest regions of healthy scans. Regions "
        f"above the threshold: {findings.regions}."
    )


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    lines = "".join(f"<li>{escape(line)}</li>" for line in warnings)
    return f'<div class="warn" role="alert"><strong>Read with care</strong><ul>{lines}</ul></div>'


def _table(findings: Findings | None) -> str:
    if not findings:
        return "<p>None.</p>"
    head = "".join(f"<th>{title}</th>" for title in COLUMNS)
    rows = "".join(f"<tr>{_row(finding)}</tr>" for finding in findings)
    return (
        f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'
        '<p class="note">Centre in RAS: R right, L left, A anterior, P posterior, S superior, '
        "I inferior, from the scanner's origin.</p>"
    )


def _row(finding: Finding) -> str:
    cells = (
        f'<button data-mm="{json.dumps(finding.peak_mm)}">show {finding.label}</button>',
        f"{finding.p_value:.3g}",
        f"{finding.volume_ml:.2f}",
        f"{finding.diameter_mm:.0f}",
        f"{finding.peak:.2f}",
        f"{finding.mean:.2f}",
        place_in_words(finding.centroid_mm),
    )
    return "".join(f"<td>{cell}</td>" for cell in cells)


def place_in_words(place_mm: Sequence[float]) -> str:
    """A place in RAS mm as "L 34, A 12, S 20"."""
    letters = ("LR", "PA", "IS")
    return ", ".join(
        f"{pair[v >= 0]} {abs(v):.0f}" for pair, v in zip(letters, place_mm, strict=True)
    )


def _stills(scene: Scene, shade: Shade, findings: Findings | None) -> str:
    shown = list(findings or ())[:STILLS]
    places = [(f"Finding {f.label}", scene.voxel_at(f.peak_mm)) for f in shown]
    blocks = []
    for title, place in places or [("Where the map is highest", scene.peak)]:
        figures = "".join(
            f'<figure><img alt="{title}, {caption}, without and with the map" '
            f'src="data:image/png;base64,{png}"><figcaption>{caption}</figcaption></figure>'
            for caption, png in strips(scene, shade, place)
        )
        blocks.append(f'<h3>{title}</h3><div class="strips">{figures}</div>')
    return "<h2>Slices without and with the map</h2>" + "".join(blocks)


def _bar(shade: Shade) -> str:
    stops = ", ".join(
        f"rgb({r}, {g}, {b}) {100 * share:.0f}%"
        for share in np.linspace(0, 1, 17)
        for r, g, b, _ in [COLOURS(share, bytes=True)]
    )
    ticks = "".join(
        f'<span style="left: {100 * share:.1f}%">{"≥ " if share == 1 else ""}'
        f"{shade.vmax * share:g}</span>"
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    mark = ""
    if shade.threshold is not None:
        mark = f'<i style="left: {100 * shade.threshold / shade.vmax:.1f}%"></i>'
    return (
        f'<div class="bar"><div class="ramp" style="background: '
        f'linear-gradient(to right, {stops})">{mark}</div><div class="ticks">{ticks}</div>'
        f'<p class="note">{escape(shade.unit)}. '
        "The scale is the same for every scan.</p></div>"
    )


def _statements(findings: Findings | None, warnings: Sequence[str]) -> str:
    said = [
        findings.statement if findings is not None else "This model is not calibrated.",
        "Compared with the healthy scans of the calibration in grey values, contrast, size, "
        "resolution, orientation and residual: "
        + ("see the warnings above." if warnings else "no difference worth a warning.")
        if findings is not None
        else "Whether this scan is like the healthy ones was not checked.",
    ]
    return "".join(f"<p>{escape(line)}</p>" for line in said)


def _data(scene: Scene, shade: Shade) -> str:
    volumes = packed(scene, shade)
    inverse = np.linalg.inv(np.array(volumes["affine"]))
    place = np.round((inverse @ scene.affine @ [*scene.peak, 1])[:3]).astype(int)
    colours = (COLOURS(np.arange(256), bytes=True)[:, :3]).ravel()
    record = volumes | {
        "vmax": shade.vmax,
        "place": np.clip(place, 0, np.array(volumes["shape"]) - 1).tolist(),
        "inverse": inverse.tolist(),
        "colours": colours.tolist(),
    }
    return json.dumps(record).replace("</", "<\\/")

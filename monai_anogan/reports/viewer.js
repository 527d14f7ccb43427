// Three planes of a case on canvases, the map over the scan above a threshold that can be moved.
// Volumes are bytes, first axis fastest, voxel (i, j, k) to the right, anterior and superior.
"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const PLANES = [ // as reports/planes.py: the patient's left is on the viewer's right
  {name: "Axial", normal: 2, across: 0, up: 1, marks: ["R", "L", "A", "P"]},
  {name: "Coronal", normal: 1, across: 0, up: 2, marks: ["R", "L", "S", "I"]},
  {name: "Sagittal", normal: 0, across: 1, up: 2, marks: ["A", "P", "S", "I"]},
];
const SIDES = [["right", "left"], ["anterior", "posterior"], ["superior", "inferior"]];
const [SHAPE, SPACING] = [DATA.shape, DATA.spacing];
const STEP = [1, SHAPE[0], SHAPE[0] * SHAPE[1]];
const at = DATA.place.slice();
const get = id => document.getElementById(id);
const volumes = {};

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function pixels(plane) { // offsets into the volumes, row by row from the upper left corner
  const [wide, high] = [SHAPE[plane.across], SHAPE[plane.up]];
  const base = at[plane.normal] * STEP[plane.normal];
  const offsets = new Int32Array(wide * high);
  for (let y = 0, n = 0; y < high; y++)
    for (let x = 0; x < wide; x++, n++)
      offsets[n] = base + (wide - 1 - x) * STEP[plane.across] + (high - 1 - y) * STEP[plane.up];
  return {wide, high, offsets};
}

function paint(plane) {
  const {wide, high, offsets} = pixels(plane);
  const grey = volumes[get("healthy").checked ? "healthy" : "scan"];
  const threshold = get("threshold").value / DATA.vmax * 255;
  const strength = get("strength").value / 100;
  const image = new ImageData(wide, high);
  offsets.forEach((offset, n) => {
    const score = volumes.map[offset];
    const share = score > 0 && score >= threshold ? strength : 0;
    for (let c = 0; c < 3; c++)
      image.data[4 * n + c] = grey[offset] * (1 - share) + DATA.colours[3 * score + c] * share;
    image.data[4 * n + 3] = 255;
  });
  const small = new OffscreenCanvas(wide, high);
  small.getContext("2d").putImageData(image, 0, 0);
  const {canvas} = plane, pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(small, 0, 0, canvas.width, canvas.height);
  outline(pen, plane, {wide, high, offsets}, threshold);
  annotate(pen, plane, wide, high);
}

function outline(pen, plane, {wide, high, offsets}, threshold) { // also seen in black and white
  const [w, h] = [plane.canvas.width / wide, plane.canvas.height / high];
  const inside = n => volumes.map[offsets[n]] > 0 && volumes.map[offsets[n]] >= threshold;
  pen.beginPath();
  for (let y = 0, n = 0; y < high; y++)
    for (let x = 0; x < wide; x++, n++) {
      if (x + 1 < wide && inside(n) !== inside(n + 1)) {
        pen.moveTo((x + 1) * w, y * h); pen.lineTo((x + 1) * w, (y + 1) * h);
      }
      if (y + 1 < high && inside(n) !== inside(n + wide)) {
        pen.moveTo(x * w, (y + 1) * h); pen.lineTo((x + 1) * w, (y + 1) * h);
      }
    }
  pen.lineWidth = 3; pen.strokeStyle = "#000"; pen.stroke();
  pen.lineWidth = 1.4; pen.strokeStyle = "#fff"; pen.stroke();
}

function annotate(pen, plane, wide, high) {
  const {width, height} = plane.canvas;
  const x = (wide - at[plane.across] - 0.5) / wide * width;
  const y = (high - at[plane.up] - 0.5) / high * height;
  const gap = 12 / (SPACING[plane.across] * wide) * width;
  pen.lineWidth = 1; pen.strokeStyle = "#74d0dc"; pen.beginPath();
  for (const [x1, y1, x2, y2] of [[0, y, x - gap, y], [x + gap, y, width, y],
    [x, 0, x, y - gap], [x, y + gap, x, height]]) { pen.moveTo(x1, y1); pen.lineTo(x2, y2); }
  pen.stroke();
  pen.font = "bold 18px sans-serif"; pen.fillStyle = "#74d0dc";
  pen.textAlign = "center"; pen.textBaseline = "middle";
  const places = [[14, height / 2], [width - 14, height / 2], [width / 2, 14],
    [width / 2, height - 14]];
  places.forEach(([left, top], n) => pen.fillText(plane.marks[n], left, top));
}

function render() {
  PLANES.forEach(paint);
  const offset = at.reduce((sum, v, axis) => sum + v * STEP[axis], 0);
  const score = volumes.map[offset] / 255 * DATA.vmax;
  const mm = DATA.affine.slice(0, 3).map(row => row[3] + at.reduce((s, v, n) => s + v * row[n], 0));
  const where = mm.map((v, n) => `${Math.abs(v).toFixed(0)} mm ${SIDES[n][v < 0 ? 1 : 0]}`);
  get("here").textContent =
    `score ${volumes.map[offset] === 255 ? "≥ " : ""}${score.toFixed(2)} at ${where.join(", ")}`;
  get("shown").textContent = Number(get("threshold").value).toFixed(2);
}

function go(mm) { // the voxel nearest to a place; the grid is upright, so each axis by itself
  const [a, b, c] = [0, 1, 2].map(n => DATA.inverse[n][3] + mm.reduce((s, v, m) => s + v * DATA.inverse[n][m], 0));
  [a, b, c].forEach((v, n) => { at[n] = Math.min(SHAPE[n] - 1, Math.max(0, Math.round(v))); });
  render();
}

function listen(plane) {
  const {canvas, across, up, normal} = plane;
  const move = event => {
    const box = canvas.getBoundingClientRect();
    const share = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    [across, up].forEach((axis, n) => {
      const voxel = Math.floor((1 - share[n]) * SHAPE[axis]);
      at[axis] = Math.min(SHAPE[axis] - 1, Math.max(0, voxel));
    });
    render();
  };
  const step = by => {
    at[normal] = Math.min(SHAPE[normal] - 1, Math.max(0, at[normal] + by)); render();
  };
  canvas.addEventListener("pointerdown", event => { canvas.focus(); move(event); });
  canvas.addEventListener("pointermove", event => { if (event.buttons) move(event); });
  canvas.addEventListener("wheel", event => {
    event.preventDefault(); step(event.deltaY > 0 ? -1 : 1);
  }, {passive: false});
  canvas.addEventListener("keydown", event => {
    const by = {ArrowUp: 1, ArrowDown: -1}[event.key];
    if (by) { event.preventDefault(); step(by); }
  });
}

async function start() {
  for (const name of ["scan", "healthy", "map"]) volumes[name] = await unpack(DATA[name]);
  for (const plane of PLANES) {
    plane.canvas = get(plane.name);
    const [width, height] = [plane.across, plane.up].map(axis => SHAPE[axis] * SPACING[axis]);
    plane.canvas.width = 480;
    plane.canvas.height = Math.round(480 * height / width);
    listen(plane);
  }
  for (const id of ["threshold", "strength", "healthy"]) get(id).addEventListener("input", render);
  document.querySelectorAll("button[data-mm]").forEach(button => {
    button.addEventListener("click", () => { go(JSON.parse(button.dataset.mm)); get("viewer").scrollIntoView(); });
  });
  render();
  document.body.dataset.ready = "yes";
}
start().catch(error => { get("here").textContent = `The viewer cannot run here: ${error}`; });

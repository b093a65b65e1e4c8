// The viewer: one position in a cube, shown in one plane or in three, moved by mouse and keyboard.

import { announce, byId, capitalized, fetchJson, report } from "../page.js";
import { Blocks } from "./blocks.js";
import { ElementTable } from "./elements.js";
import { bindKeys } from "./keys.js";
import { bindMouse } from "./mouse.js";
import { automaticWindow, Shades } from "./shades.js";
import { Viewport } from "./viewport.js";

const BUDGET_BYTES = 256 << 20;
const PANELS = 3;

class Viewer {
  constructor(key, description) {
    this.description = description;
    this.shades = new Shades(description);
    this.blocks = new Blocks(key, description, BUDGET_BYTES, () => this.redraw(), report);
    this.outer = description.axes.map(() => 0); // indices of the axes before the slices
    const { slices, rows, columns } = description.planes[0];
    this.position = [slices >> 1, rows >> 1, columns >> 1]; // (z, y, x)
    this.direction = 1;
    this.window = null; // centre, width and whether black and white change places
    this.isSmooth = true;
    this.tool = "window";
    this.layout = 0; // a plane, or PANELS for all of them
    this.keyTime = null;
    this.isDue = false;
    this.viewports = description.planes.map(
      (plane, number) => new Viewport(byId(`viewport-${number}`), plane, this.blocks, this.shades),
    );
    this.active = this.viewports[0];
    this.elements = new ElementTable(key);
  }

  start() {
    this.makeControls();
    bindMouse(this);
    bindKeys(this);
    new ResizeObserver(() => this.redraw()).observe(byId("viewports"));
    this.show(0);
    this.move();
  }

  // ---- where we are ---------------------------------------------------------------------------

  get volume() {
    return this.outer.reduce((at, index, axis) => at * this.description.axes[axis].size + index, 0);
  }

  get frame() {
    return this.volume * this.description.slices + this.position[0];
  }

  // Slope and intercept of the frame; across the slices those of the slice we are at.
  rescale() {
    const { slope, intercept, slopes, intercepts } = this.description.rescale;
    return slopes ? [slopes[this.frame], intercepts[this.frame]] : [slope, intercept];
  }

  indexOf(viewport) {
    return this.position[viewport.plane.axis];
  }

  step(steps) {
    this.goTo(this.indexOf(this.active) + steps);
  }

  goTo(index) {
    const { axis, slices } = this.active.plane;
    const kept = Math.max(0, Math.min(slices - 1, index));
    if (kept === this.position[axis]) {
      this.keyTime = null;
      return;
    }
    this.direction = Math.sign(kept - this.position[axis]);
    this.position[axis] = kept;
    this.move();
  }

  // Step along one of the axes before the slices: time, echo...
  stepOuter(axis, steps) {
    if (axis < this.outer.length) this.goToOuter(axis, this.outer[axis] + steps);
  }

  goToOuter(axis, index) {
    this.outer[axis] = Math.max(0, Math.min(this.description.axes[axis].size - 1, index));
    this.move();
  }

  goToVoxel(voxel) {
    this.position = voxel;
    this.move();
  }

  move() {
    this.prefetch();
    this.showNumbers();
    this.elements.show(this.frame);
    this.redraw();
  }

  prefetch() {
    const others = this.neighbours();
    this.blocks.want(
      this.shown().map((viewport) =>
        this.blocks.plan(this.volume, viewport.plane, this.indexOf(viewport), this.direction, others),
      ),
    );
  }

  // Volumes that are one or a few steps away along the innermost of the outer axes.
  neighbours() {
    const { volumes } = this.description;
    const found = [];
    for (let step = 1; step <= 12; step += 1) {
      for (const other of [this.volume + step, this.volume - step]) {
        if (other >= 0 && other < volumes) found.push(other);
      }
    }
    return found;
  }

  // ---- drawing --------------------------------------------------------------------------------

  shown() {
    return this.layout === PANELS ? this.viewports : [this.viewports[this.layout]];
  }

  redraw() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.draw();
    });
  }

  draw() {
    const [slope, intercept] = this.rescale();
    if (!this.window && !this.setWindow(this.firstWindow())) return;
    const cross = this.layout === PANELS ? this.position : null;
    let isWhole = true;
    for (const viewport of this.shown()) {
      viewport.resize();
      const index = this.indexOf(viewport);
      const view = { volume: this.volume, index, slope, intercept, cross };
      isWhole &= viewport.draw({ ...view, window: this.window, isSmooth: this.isSmooth });
    }
    if (isWhole) this.measured();
    this.showWindow();
  }

  // What passed from a key press until its slice was drawn; tests and the curious read it.
  measured() {
    if (this.keyTime === null) return;
    const start = this.keyTime;
    this.keyTime = null;
    performance.measure("key to slice", { start, end: performance.now() });
    // When the next frame begins, the browser is done with this one: painted, whatever that took.
    requestAnimationFrame(() => {
      performance.measure("key to next frame", { start, end: performance.now() });
    });
  }

  // ---- the window -----------------------------------------------------------------------------

  firstWindow() {
    return this.description.windows[0] ?? this.automatic();
  }

  automatic() {
    const values = this.blocks.slice(this.volume, this.active.plane, this.indexOf(this.active));
    return values && automaticWindow(values, ...this.rescale());
  }

  setWindow(shown) {
    if (!shown) return false;
    const { center, width } = shown;
    this.window = { center, width, inverted: this.window?.inverted ?? false };
    this.redraw();
    return true;
  }

  invert() {
    if (!this.window) return;
    this.window = { ...this.window, inverted: !this.window.inverted };
    this.redraw();
  }

  // Change by parts of the width, so that a drag feels the same for all kinds of values.
  adjustWindow(widthPart, centerPart) {
    if (!this.window) return;
    const least = this.description.dtype.startsWith("float") ? 1e-9 : 1;
    const { center, width, inverted } = this.window;
    this.window = {
      center: center + centerPart * width,
      width: Math.max(least, width * Math.exp(widthPart)),
      inverted,
    };
    byId("preset").value = "";
    this.redraw();
  }

  choosePreset(value) {
    const preset = value === "auto" ? this.automatic() : this.description.windows[Number(value)];
    if (this.setWindow(preset)) announce(`Window ${byId("preset").selectedOptions[0].text}`);
  }

  nextPreset(step) {
    const select = byId("preset");
    const values = [...select.options].map((option) => option.value).filter(Boolean);
    const at = values.indexOf(select.value);
    select.value = values[(Math.max(at, step < 0 ? 0 : -1) + step + values.length) % values.length];
    this.choosePreset(select.value);
  }

  // ---- what is around the picture -------------------------------------------------------------

  makeControls() {
    const preset = byId("preset");
    const options = this.description.windows.map(({ name, center, width }, number) =>
      new Option(`${name} (${short(center)} / ${short(width)})`, String(number)),
    );
    preset.append(...options, new Option("Automatic", "auto"), new Option("By hand", ""));
    preset.value = options.length ? "0" : "auto";
    preset.onchange = () => this.choosePreset(preset.value);
    preset.disabled = this.description.samples > 1;
    for (const [number, { name }] of this.description.planes.entries()) {
      const button = byId(`plane-${number}`);
      button.hidden = false;
      button.textContent = capitalized(name);
      button.onclick = () => this.show(number);
    }
    byId("plane-3").hidden = this.viewports.length < PANELS;
    byId("plane-3").onclick = () => this.show(PANELS);
    for (const tool of ["window", "pan", "zoom"]) {
      byId(`tool-${tool}`).onclick = () => this.choose(tool);
    }
    byId("smooth").onclick = () => this.toggleSmooth();
    byId("invert").onclick = () => this.invert();
    byId("reset").onclick = () => this.reset();
    byId("elements-button").onclick = () => this.elements.toggle();
    byId("slice").oninput = (event) => this.goTo(Number(event.target.value) - 1);
    this.description.axes.forEach((axis, number) => this.makeOuterSlider(axis, number));
    for (const finding of this.description.findings) byId("findings").append(finding);
    byId("lossy").hidden = !this.description.isLossy;
  }

  makeOuterSlider(axis, number) {
    const row = byId("outer-template").content.firstElementChild.cloneNode(true);
    const input = row.querySelector("input");
    input.max = axis.size;
    input.id = `outer-${number}`;
    row.querySelector("label").htmlFor = input.id;
    row.querySelector("label").textContent = axis.name;
    input.oninput = () => this.goToOuter(number, Number(input.value) - 1);
    byId("outer").append(row);
  }

  show(layout) {
    if (layout > this.viewports.length) return;
    if (layout === PANELS && this.viewports.length < PANELS) return;
    if (layout < PANELS && !this.viewports[layout]) return;
    this.layout = layout;
    if (layout < PANELS) this.active = this.viewports[layout];
    byId("viewports").dataset.layout = layout === PANELS ? "three" : "one";
    this.viewports.forEach((viewport) => {
      viewport.element.hidden = !this.shown().includes(viewport);
    });
    for (let number = 0; number <= PANELS; number += 1) {
      byId(`plane-${number}`).setAttribute("aria-pressed", String(number === layout));
    }
    this.move();
  }

  activate(viewport) {
    if (this.active === viewport) return;
    this.active = viewport;
    this.showNumbers();
  }

  choose(tool) {
    this.tool = tool;
    for (const each of ["window", "pan", "zoom"]) {
      byId(`tool-${each}`).setAttribute("aria-pressed", String(each === tool));
    }
  }

  toggleSmooth() {
    this.isSmooth = !this.isSmooth;
    byId("smooth").setAttribute("aria-pressed", String(this.isSmooth));
    this.redraw();
  }

  reset() {
    this.viewports.forEach((viewport) => viewport.reset());
    if (this.window) this.window.inverted = false;
    this.setWindow(this.firstWindow());
    byId("preset").value = this.description.windows.length ? "0" : "auto";
    announce("View reset");
  }

  showNumbers() {
    const { plane } = this.active;
    const index = this.indexOf(this.active);
    const slider = byId("slice");
    slider.max = plane.slices;
    slider.value = index + 1;
    slider.setAttribute("aria-valuetext", `${plane.name} slice ${index + 1} of ${plane.slices}`);
    byId("slice-number").textContent = `${index + 1} / ${plane.slices}`;
    this.outer.forEach((at, number) => {
      const axis = this.description.axes[number];
      const input = byId(`outer-${number}`);
      input.value = at + 1;
      const place = axis.coordinates ? ` (${short(axis.coordinates[at])} ${axis.unit})` : "";
      input.nextElementSibling.textContent = `${at + 1} / ${axis.size}${place}`;
    });
    for (const viewport of this.viewports) {
      const at = this.indexOf(viewport) + 1;
      viewport.element.classList.toggle("is-active", viewport === this.active && this.layout === PANELS);
      viewport.element.querySelector(".slice-place").textContent = `${at} / ${viewport.plane.slices}`;
      viewport.canvas.setAttribute("aria-label", `${viewport.plane.name} slice ${at} of ${viewport.plane.slices}`);
    }
    announce(`${plane.name} slice ${index + 1} of ${plane.slices}`);
  }

  showWindow() {
    const { center, width } = this.window;
    const isColour = this.description.samples > 1;
    for (const viewport of this.shown()) {
      const zoom = Math.round(viewport.zoom * 100);
      const shown = isColour ? "" : `C ${short(center)}  W ${short(width)}  `;
      viewport.element.querySelector(".window-place").textContent = `${shown}${zoom} %`;
    }
  }

  // Measured value, stored value, voxel and patient coordinates at a point of a viewport.
  probe(viewport, x, y) {
    const place = viewport.element.querySelector(".probe");
    const index = this.indexOf(viewport);
    const voxel = viewport.voxelAt(x, y, index);
    const values = voxel && this.blocks.slice(this.volume, viewport.plane, index);
    place.textContent = values ? this.valueText(viewport, voxel, values) : "";
  }

  valueText(viewport, voxel, values) {
    const { samples, unit, affine } = this.description;
    const [row, column] = voxel.filter((_, axis) => axis !== viewport.plane.axis);
    const at = (row * viewport.plane.columns + column) * samples;
    const lines = [];
    if (samples > 1) {
      lines.push(`(${[...values.subarray(at, at + samples)].join(", ")})`);
    } else {
      const [slope, intercept] = this.rescaleAt(voxel);
      lines.push(`${short(values[at] * slope + intercept)} ${unit}  stored ${short(values[at])}`);
    }
    lines.push(`z ${voxel[0]}  y ${voxel[1]}  x ${voxel[2]}`);
    if (affine) {
      const mm = affine.slice(0, 3).map((line) =>
        line[3] + voxel.reduce((sum, number, axis) => sum + number * line[axis], 0));
      lines.push(`${patientAxis(mm[0], "L", "R")}  ${patientAxis(mm[1], "P", "A")}  ${patientAxis(mm[2], "H", "F")} mm`);
    }
    return lines.join("\n");
  }

  rescaleAt(voxel) {
    const { slope, intercept, slopes, intercepts } = this.description.rescale;
    const frame = this.volume * this.description.slices + voxel[0];
    return slopes ? [slopes[frame], intercepts[frame]] : [slope, intercept];
  }
}

function patientAxis(mm, positive, negative) {
  return `${mm < 0 ? negative : positive} ${Math.abs(mm).toFixed(1)}`;
}

// Up to seven significant digits: what a float32 holds.
function short(number) {
  return String(Number(Number(number).toPrecision(7)));
}

async function main() {
  const { key } = document.body.dataset;
  try {
    const viewer = new Viewer(key, await fetchJson(`/api/cubes/${encodeURIComponent(key)}`));
    viewer.start();
  } catch (error) {
    report(error.message);
  }
}

main();

// One canvas that shows one plane: where its slice lies on the screen, and what is under a point.

import { capitalized } from "../page.js";

const MOST_ZOOM = 40;
const LEAST_ZOOM = 0.1;

export class Viewport {
  constructor(element, plane, blocks, shades) {
    this.element = element;
    this.plane = plane;
    this.blocks = blocks;
    this.shades = shades;
    this.canvas = element.querySelector("canvas");
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.zoom = 1;
    this.pan = { x: 0, y: 0 }; // CSS pixels
    this.drawn = null; // what the slice canvas holds
    this.slice = new OffscreenCanvas(plane.columns, plane.rows);
    this.sliceContext = this.slice.getContext("2d", { alpha: false });
    this.image = this.sliceContext.createImageData(plane.columns, plane.rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.label();
  }

  label() {
    for (const [side, letters] of Object.entries(this.plane.labels)) {
      this.element.querySelector(`.letter-${side}`).textContent = letters;
    }
    this.element.querySelector(".plane-name").textContent = capitalized(this.plane.name);
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const ratio = window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      this.canvas.width = wide;
      this.canvas.height = high;
    }
  }

  // Screen pixels (CSS) for a mm on the screen, so that the whole slice fits at zoom 1.
  scale() {
    const [a, b, c, d] = this.plane.matrix.map(Math.abs);
    const width = a * this.plane.columns + c * this.plane.rows;
    const height = b * this.plane.columns + d * this.plane.rows;
    return this.zoom * Math.min(this.element.clientWidth / width, this.element.clientHeight / height);
  }

  // (a, b, c, d, e, f): from columns and rows of the slice to CSS pixels, as of a canvas.
  transform() {
    const scale = this.scale();
    const [a, b, c, d] = this.plane.matrix.map((each) => each * scale);
    const [column, row] = [this.plane.columns / 2, this.plane.rows / 2];
    const x = this.element.clientWidth / 2 + this.pan.x;
    const y = this.element.clientHeight / 2 + this.pan.y;
    return [a, b, c, d, x - a * column - c * row, y - b * column - d * row];
  }

  // (column, row) of the slice at a point of the viewport; fractions, pixel 0 is from 0 to 1.
  sliceAt(x, y) {
    const [a, b, c, d, e, f] = this.transform();
    const determinant = a * d - b * c;
    return [
      (d * (x - e) - c * (y - f)) / determinant,
      (a * (y - f) - b * (x - e)) / determinant,
    ];
  }

  // (z, y, x) of the voxel at a point, or null outside of the slice.
  voxelAt(x, y, index) {
    const [column, row] = this.sliceAt(x, y).map(Math.floor);
    if (column < 0 || row < 0 || column >= this.plane.columns || row >= this.plane.rows) return null;
    const voxel = [row, column];
    voxel.splice(this.plane.axis, 0, index);
    return voxel;
  }

  // Draw a slice; false where its values have not arrived, and the last one stays.
  draw({ volume, index, slope, intercept, window: shown, isSmooth, cross }) {
    const name = `${volume} ${index} ${slope} ${intercept} ${shown.center} ${shown.width} ${shown.inverted}`;
    const values = this.blocks.slice(volume, this.plane, index);
    if (values && this.drawn !== name) {
      this.shades.draw(values, this.pixels, slope, intercept, shown);
      this.sliceContext.putImageData(this.image, 0, 0);
      this.drawn = name;
    }
    const ratio = this.canvas.width / Math.max(1, this.element.clientWidth);
    const context = this.context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.imageSmoothingEnabled = isSmooth;
    context.setTransform(...this.transform().map((each) => each * ratio));
    if (this.drawn !== null) context.drawImage(this.slice, 0, 0);
    if (cross) this.drawCross(context, cross);
    this.element.toggleAttribute("data-waiting", !values);
    return values !== null;
  }

  // Lines through a voxel, (z, y, x).
  drawCross(context, voxel) {
    const [row, column] = voxel.filter((_, axis) => axis !== this.plane.axis).map((n) => n + 0.5);
    const { rows, columns } = this.plane;
    context.beginPath();
    context.moveTo(0, row);
    context.lineTo(columns, row);
    context.moveTo(column, 0);
    context.lineTo(column, rows);
    context.setTransform(1, 0, 0, 1, 0, 0); // lines of one width, however long the voxels are
    context.lineWidth = Math.max(1, window.devicePixelRatio);
    context.strokeStyle = "rgb(90 200 250 / 60%)";
    context.stroke();
  }

  zoomBy(factor, x = this.element.clientWidth / 2, y = this.element.clientHeight / 2) {
    const zoom = Math.max(LEAST_ZOOM, Math.min(MOST_ZOOM, this.zoom * factor));
    const change = zoom / this.zoom;
    const [dx, dy] = [x - this.element.clientWidth / 2, y - this.element.clientHeight / 2];
    this.pan = { x: dx - (dx - this.pan.x) * change, y: dy - (dy - this.pan.y) * change };
    this.zoom = zoom;
  }

  reset() {
    this.zoom = 1;
    this.pan = { x: 0, y: 0 };
  }
}

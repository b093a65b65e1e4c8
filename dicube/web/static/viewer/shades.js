// From stored values to pixels: rescale and window in one table, so that a slice is one pass.
//
// The window is LINEAR_EXACT of PS3.3 C.11.2.1.3.2. Colour is shown as it is, YBR_FULL as RGB
// (PS3.3 C.7.6.3.1.2). For looking at, not for diagnosis.

const OPAQUE = 0xff000000; // little endian: alpha, blue, green, red
const TABLE_TYPES = { int8: 128, uint8: 0, int16: 32768, uint16: 0 }; // what is added to an index

export class Shades {
  constructor(description) {
    this.description = description;
    this.isInverted = description.photometric === "MONOCHROME1";
    this.table = null;
    this.tableOf = "";
  }

  // Fill `pixels`, a Uint32Array of a slice, from its stored values.
  draw(values, pixels, slope, intercept, window) {
    if (this.description.samples >= 3) {
      this.drawColour(values, pixels);
      return;
    }
    const offset = TABLE_TYPES[this.description.dtype];
    const shade = this.shadeOf(slope, intercept, window);
    if (offset === undefined) {
      for (let i = 0; i < pixels.length; i += 1) pixels[i] = shade(values[i]);
      return;
    }
    const table = this.tableFor(shade, offset, `${slope} ${intercept} ${window.center} ${window.width} ${window.inverted}`);
    for (let i = 0; i < pixels.length; i += 1) pixels[i] = table[values[i] + offset];
  }

  shadeOf(slope, intercept, window) {
    const low = window.center - window.width / 2;
    const scale = 255 / window.width;
    const inverted = this.isInverted !== window.inverted;
    return (stored) => {
      const shade = (stored * slope + intercept - low) * scale;
      // The comparisons send what is no number to black.
      let grey = shade > 0 ? (shade < 255 ? Math.round(shade) : 255) : 0;
      if (inverted) grey = 255 - grey;
      return (OPAQUE | (grey << 16) | (grey << 8) | grey) >>> 0;
    };
  }

  tableFor(shade, offset, name) {
    if (this.tableOf !== name) {
      const is8Bit = this.description.dtype.endsWith("int8");
      this.table ??= new Uint32Array(is8Bit ? 256 : 65536);
      for (let i = 0; i < this.table.length; i += 1) this.table[i] = shade(i - offset);
      this.tableOf = name;
    }
    return this.table;
  }

  drawColour(values, pixels) {
    const { samples, bits, photometric, dtype } = this.description;
    const most = dtype.startsWith("float") ? 1 : 2 ** bits - 1;
    const scale = 255 / most;
    const isYbr = photometric.startsWith("YBR_FULL");
    const half = (most + 1) / 2;
    const byte = (value) => Math.max(0, Math.min(255, Math.round(value * scale)));
    for (let i = 0, j = 0; i < pixels.length; i += 1, j += samples) {
      let red = values[j], green = values[j + 1], blue = values[j + 2];
      if (isYbr) {
        const cb = green - half, cr = blue - half, y = red;
        red = y + 1.402 * cr;
        green = y - 0.344136 * cb - 0.714136 * cr;
        blue = y + 1.772 * cb;
      }
      pixels[i] = (OPAQUE | (byte(blue) << 16) | (byte(green) << 8) | byte(red)) >>> 0;
    }
  }
}

// The window from the 0.5th to the 99.5th percentile of a slice, in output values.
export function automaticWindow(values, slope, intercept) {
  const step = Math.max(1, Math.floor(values.length / 65536));
  const sample = [];
  for (let i = 0; i < values.length; i += step) {
    if (Number.isFinite(values[i])) sample.push(values[i]);
  }
  if (!sample.length) return { center: 0, width: 1 };
  const sorted = Float64Array.from(sample).sort();
  const at = (part) => sorted[Math.round(part * (sorted.length - 1))];
  let [low, high] = [at(0.005), at(0.995)];
  if (low === high) [low, high] = [sorted[0], sorted[sorted.length - 1]];
  const ends = [low * slope + intercept, high * slope + intercept];
  const width = Math.abs(ends[1] - ends[0]) || 1;
  return { center: (ends[0] + ends[1]) / 2, width };
}

// Blocks of stored values: fetched ahead of the reader, kept within a budget of bytes.
//
// A block is some consecutive slices of one volume along one axis. What is wanted is told as a list,
// most urgent first; what is under way and no longer wanted is given up.

const ARRAYS = {
  int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array,
  int32: Int32Array, uint32: Uint32Array, float32: Float32Array, float64: Float64Array,
};
const BLOCK_BYTES = 4 << 20; // a few milliseconds to decode and to move
const MOST_SLICES = 32;
const MOST_UNDER_WAY = 3; // a browser opens six connections; events and elements need some
const BEHIND = 2.5; // a slice behind the reader is as urgent as one so many times further ahead

export class Blocks {
  constructor(key, description, budgetBytes, onArrival, onFailure) {
    this.url = `/api/cubes/${encodeURIComponent(key)}/values`;
    this.description = description;
    this.budgetBytes = budgetBytes;
    this.onArrival = onArrival;
    this.onFailure = onFailure;
    this.array = ARRAYS[description.dtype];
    this.kept = new Map(); // in the order of their last use
    this.keptBytes = 0;
    this.underWay = new Map();
    this.failed = new Set();
    this.queue = [];
  }

  sliceLength(plane) {
    return plane.rows * plane.columns * this.description.samples;
  }

  slicesInBlock(plane) {
    const bytes = this.sliceLength(plane) * this.array.BYTES_PER_ELEMENT;
    return Math.max(1, Math.min(MOST_SLICES, Math.floor(BLOCK_BYTES / bytes)));
  }

  // Stored values of a slice, or null where they have not arrived.
  slice(volume, plane, index) {
    const size = this.slicesInBlock(plane);
    const number = Math.floor(index / size);
    const name = blockName(volume, plane.axis, number);
    const values = this.kept.get(name);
    if (!values) return null;
    this.kept.delete(name);
    this.kept.set(name, values);
    const length = this.sliceLength(plane);
    const start = (index - number * size) * length;
    return values.subarray(start, start + length);
  }

  // What to fetch for somebody who looks at `index` and moves in `direction` (1 or -1).
  plan(volume, plane, index, direction, volumes) {
    const size = this.slicesInBlock(plane);
    const blocks = Math.ceil(plane.slices / size);
    const here = Math.floor(index / size);
    const found = [];
    for (let number = 0; number < blocks; number += 1) {
      const distance = (number - here) * direction;
      found.push([distance >= 0 ? distance : -distance * BEHIND, volume, number]);
    }
    for (const other of volumes) { // the same place at other times
      found.push([0.5 + Math.abs(other - volume) / 4, other, here]);
    }
    found.sort((a, b) => a[0] - b[0]);
    return found.map(([urgency, of, number]) => ({ urgency, volume: of, plane, number }));
  }

  // Fetch these blocks, most urgent first, as far as the budget goes.
  want(plans) {
    const wanted = plans.flat().sort((a, b) => a.urgency - b.urgency);
    let bytes = 0;
    this.queue = [];
    const names = new Set();
    for (const block of wanted) {
      const name = blockName(block.volume, block.plane.axis, block.number);
      bytes += this.blockBytes(block);
      if (bytes > this.budgetBytes && names.size) break;
      if (names.has(name)) continue;
      names.add(name);
      if (!this.kept.has(name) && !this.underWay.has(name) && !this.failed.has(name)) {
        this.queue.push({ name, ...block });
      }
    }
    for (const [name, abort] of this.underWay) {
      if (!names.has(name)) abort.abort();
    }
    this.pump();
  }

  blockBytes({ plane }) {
    return this.slicesInBlock(plane) * this.sliceLength(plane) * this.array.BYTES_PER_ELEMENT;
  }

  pump() {
    while (this.queue.length && this.underWay.size < MOST_UNDER_WAY) {
      this.fetch(this.queue.shift());
    }
  }

  async fetch({ name, volume, plane, number }) {
    const abort = new AbortController();
    this.underWay.set(name, abort);
    const size = this.slicesInBlock(plane);
    const first = number * size;
    const count = Math.min(size, plane.slices - first);
    const query = new URLSearchParams({ volume, axis: plane.axis, first, count });
    try {
      const answer = await fetch(`${this.url}?${query}`, { signal: abort.signal });
      if (!answer.ok) throw new Error((await answer.json()).error);
      const values = new this.array(await answer.arrayBuffer());
      if (values.length !== count * this.sliceLength(plane)) throw new Error("values are cut short");
      this.keep(name, values);
      this.underWay.delete(name);
      this.onArrival();
    } catch (error) {
      this.underWay.delete(name);
      if (error.name !== "AbortError") {
        this.failed.add(name); // once: asking again and again would help nobody
        this.onFailure(error.message);
      }
    }
    this.pump();
  }

  keep(name, values) {
    this.kept.set(name, values);
    this.keptBytes += values.byteLength;
    for (const [oldest, old] of this.kept) {
      if (this.keptBytes <= this.budgetBytes || oldest === name) break;
      this.kept.delete(oldest);
      this.keptBytes -= old.byteLength;
    }
  }

  retry() {
    this.failed.clear();
  }
}

function blockName(volume, axis, number) {
  return `${volume}/${axis}/${number}`;
}

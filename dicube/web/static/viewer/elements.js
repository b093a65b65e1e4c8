// The table of DICOM elements of the frame that is shown, with a search.

import { byId, element, fetchJson, report } from "../page.js";

const PAUSE_MS = 150; // nobody reads the table while slices fly by

export class ElementTable {
  constructor(key) {
    this.url = `/api/cubes/${encodeURIComponent(key)}/elements`;
    this.panel = byId("elements");
    this.rows = [];
    this.frame = 0;
    this.shownFrame = -1;
    this.timer = 0;
    byId("elements-search").oninput = () => this.filter();
    byId("elements-close").onclick = () => this.toggle();
  }

  toggle() {
    this.panel.hidden = !this.panel.hidden;
    byId("elements-button").setAttribute("aria-pressed", String(!this.panel.hidden));
    if (this.panel.hidden) return;
    this.load();
    byId("elements-search").focus();
  }

  show(frame) {
    this.frame = frame;
    if (this.panel.hidden) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), PAUSE_MS);
  }

  async load() {
    if (this.shownFrame === this.frame) return;
    const frame = this.frame;
    try {
      this.rows = (await fetchJson(`${this.url}?frame=${frame}`)).elements;
      this.shownFrame = frame;
      this.filter();
    } catch (error) {
      report(error.message);
    }
  }

  filter() {
    const words = byId("elements-search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.rows.filter((row) => {
      const text = `${row.tag} ${row.tag.replace(/\D/g, "")} ${row.keyword} ${row.value}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    byId("elements-count").textContent = `${found.length} of ${this.rows.length}`;
    byId("elements-rows").replaceChildren(...found.map(rowOf));
  }
}

function rowOf({ tag, keyword, vr, value, shared }) {
  const row = element("tr", { class: shared ? "" : "is-of-frame" });
  row.append(
    element("td", { class: "mono", text: tag }),
    element("td", { text: keyword }),
    element("td", { class: "mono", text: vr }),
    element("td", { class: "value", text: value }),
  );
  return row;
}

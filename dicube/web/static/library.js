// The cubes of the library: a table to filter, each a link to the viewer.

import { byId, dateText, element, fetchJson, messageOf, nameText, report, sizeText } from "./page.js";
import { followJobs } from "./events.js";

const MOST_ROWS = 1000; // shown at a time; the filter looks at all

let cubes = [];

async function load() {
  try {
    const found = await fetchJson("/api/library");
    cubes = found.cubes.map((cube) => ({ ...cube, text: textOf(cube) }));
    cubes.sort((a, b) => b.modified - a.modified);
    byId("findings").hidden = !found.findings.length;
    byId("findings-list").replaceChildren(
      ...found.findings.map(({ path, reason }) => element("li", { text: `${path}: ${reason}` })));
    show();
  } catch (error) {
    report(error.message);
  }
}

const textOf = (cube) => [
  cube.patientName, cube.patientId, cube.studyDescription, cube.seriesDescription, cube.modality,
  cube.accessionNumber, dateText(cube.studyDate), cube.path,
].join(" ").toLowerCase();

function filtered() {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  return cubes.filter((cube) => words.every((word) => cube.text.includes(word)));
}

function show() {
  const found = filtered();
  byId("table").hidden = !found.length;
  const size = found.reduce((sum, cube) => sum + cube.bytes, 0);
  const cut = found.length > MOST_ROWS ? `, the newest ${MOST_ROWS} are shown` : "";
  byId("summary").textContent = cubes.length
    ? `${found.length} of ${cubes.length} cubes, ${sizeText(size)}${cut}`
    : "No cubes yet: pull some from a server, or convert a folder.";
  byId("cubes").hidden = !found.length;
  byId("rows").replaceChildren(...found.slice(0, MOST_ROWS).map(rowOf));
}

function rowOf(cube) {
  const series = `${cube.seriesNumber} ${cube.seriesDescription}`.trim() || cube.path;
  const links = element("td", { class: "nowrap" },
    element("a", { href: `/api/library/${cube.key}/file`, download: true, text: `.${cube.format}` }), " ",
    element("a", { href: `/api/library/${cube.key}/dicom`, download: true, text: "DICOM" }));
  return element("tr", {},
    element("td", {}, element("span", { text: nameText(cube.patientName) }), " ",
      element("span", { class: "faint", text: cube.patientId })),
    element("td", { class: "nowrap", text: dateText(cube.studyDate) }),
    element("td", { text: cube.studyDescription }),
    element("td", { text: cube.modality }),
    element("td", {}, element("a", { href: `/view/${cube.key}`, text: series })),
    element("td", { class: "number nowrap", text: cube.shape.join(" × ") }),
    element("td", { class: "number nowrap", text: sizeText(cube.bytes) }),
    links);
}

// The DICOM elements of the cubes that the filter leaves, as an Excel file.
async function saveTable() {
  const button = byId("table");
  button.disabled = true;
  try {
    const body = { cubes: filtered().map((cube) => cube.key) };
    const own = byId("template").value;
    if (own) body.templates = Object.fromEntries([...OURS].map((name) => [name, own]));
    const answer = await fetch("/api/tables", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(messageOf(await answer.json(), answer));
    const address = URL.createObjectURL(await answer.blob());
    element("a", { href: address, download: "metadata.xlsx" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch (error) {
    report(error.message);
  } finally {
    button.disabled = false;
  }
}

const OURS = new Set();

async function loadTemplates() {
  try {
    for (const { name, isOwn } of (await fetchJson("/api/templates")).templates) {
      if (isOwn) byId("template").append(new Option(name, name));
      else OURS.add(name);
    }
  } catch (error) {
    byId("table").title = error.message; // without the extra there are no tables
    byId("table").disabled = true;
  }
  byId("template-label").hidden = byId("template").options.length < 2;
}

byId("table").onclick = saveTable;
loadTemplates();
byId("filter").oninput = show;
byId("refresh").onclick = load;
let done = -1;
followJobs((jobs) => { // also loads for the first time
  const now = jobs.flatMap((job) => job.items).filter((item) => item.results.length).length;
  if (now !== done) load();
  done = now;
});

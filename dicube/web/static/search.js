// Search a server, open studies, choose series, pull them.

import { announce, byId, dateText, element, fetchJson, nameText, report, tell } from "./page.js";
import { followJobs } from "./events.js";

const form = byId("search");
const chosen = new Map(); // series by UID

const COLUMNS = {
  study: [
    ["Patient", (m) => nameText(m.patient_name)], ["ID", (m) => m.patient_id],
    ["Born", (m) => dateText(m.patient_birth_date)], ["Sex", (m) => m.patient_sex],
    ["Date", (m) => dateText(m.study_date)], ["Study", (m) => m.study_description],
    ["Mod.", (m) => m.modalities.join(", ")], ["Accession", (m) => m.accession_number],
    ["Images", (m) => m.instance_count],
  ],
  patient: [
    ["Patient", (m) => nameText(m.patient_name)], ["ID", (m) => m.patient_id],
    ["Born", (m) => dateText(m.patient_birth_date)], ["Sex", (m) => m.patient_sex],
    ["Studies", (m) => m.study_count],
  ],
};

function asked() {
  const fields = Object.fromEntries(new FormData(form));
  const { server, level, from, to } = fields;
  const body = { level };
  for (const key of ["patient_name", "patient_id", "accession_number", "modality", "study_description"]) {
    if (fields[key].trim()) body[key] = fields[key].trim();
  }
  if (from || to) {
    const [first, last] = [from, to].map((date) => date.replaceAll("-", ""));
    body.study_date = first === last ? first : `${first}-${last}`;
  }
  return { server, body };
}

const ask = (server, body) =>
  fetchJson(`/api/servers/${encodeURIComponent(server)}/search`, { method: "POST", body });

async function search(server, body) {
  const button = form.querySelector("button.primary");
  button.disabled = true;
  byId("summary").textContent = "Searching…";
  try {
    const { matches, isCut } = await ask(server, body);
    show(server, body.level, matches);
    const noun = body.level === "study" ? ["study", "studies"] : ["patient", "patients"];
    const count = `${matches.length} ${noun[matches.length === 1 ? 0 : 1]}`;
    byId("summary").textContent = isCut ? `${count}; there may be more: narrow the search down` : count;
    announce(count);
  } catch (error) {
    byId("summary").textContent = "";
    report(error.message);
  } finally {
    button.disabled = false;
  }
}

function show(server, level, matches) {
  const columns = COLUMNS[level];
  byId("heading").replaceChildren(...columns.map(([name]) => element("th", { scope: "col", text: name })));
  byId("rows").replaceChildren(...matches.map((match) => rowOf(server, level, match)));
  byId("matches").hidden = !matches.length;
}

function rowOf(server, level, match) {
  const [first, ...rest] = COLUMNS[level].map(([, value]) => value(match));
  const row = element("tr");
  const open = element("button", { type: "button", class: "twisty", text: first || "(no name)" });
  row.append(element("td", {}, open), ...rest.map((text) => element("td", { text: text ?? "" })));
  if (level === "patient") {
    open.onclick = () => {
      form.elements.level.value = "study";
      search(server, { level: "study", patient_id: match.patient_id });
    };
  } else {
    open.setAttribute("aria-expanded", "false");
    open.onclick = () => toggle(server, match, row, open);
  }
  return row;
}

async function toggle(server, study, row, button) {
  if (button.getAttribute("aria-expanded") === "true") {
    button.setAttribute("aria-expanded", "false");
    while (row.nextElementSibling?.classList.contains("is-series")) row.nextElementSibling.remove();
    return;
  }
  button.setAttribute("aria-expanded", "true");
  try {
    const { matches } = await ask(server, { level: "series", study_uid: study.study_uid });
    if (button.getAttribute("aria-expanded") !== "true") return; // closed meanwhile
    matches.sort((a, b) => (a.series_number ?? 0) - (b.series_number ?? 0));
    row.after(...matches.map((series) => seriesRow(server, { ...known(study), ...known(series) })));
  } catch (error) {
    button.setAttribute("aria-expanded", "false");
    report(error.message);
  }
}

// What a series may be sent with; answers of a study and of its series complete each other.
const SERIES_FIELDS = [
  "study_uid", "series_uid", "modality", "series_number", "series_description", "body_part",
  "instance_count", "study_date", "study_time", "accession_number", "study_description",
  "patient_id", "patient_name", "patient_birth_date", "patient_sex",
];
const known = (match) =>
  Object.fromEntries(Object.entries(match).filter(([name, value]) => SERIES_FIELDS.includes(name) && value !== null));

function seriesRow(server, series) {
  const box = element("input", { type: "checkbox", checked: chosen.has(series.series_uid) });
  box.onchange = () => {
    if (box.checked) chosen.set(series.series_uid, { server, series });
    else chosen.delete(series.series_uid);
    showTray();
  };
  const number = series.series_number ?? "";
  const name = series.series_description || "(no description)";
  const label = element("label", {}, box, ` ${number} ${name}`);
  const cells = COLUMNS.study.length;
  return element("tr", { class: "is-series" },
    element("td", { colspan: cells - 4 }, label),
    element("td", { text: series.body_part ?? "" }),
    element("td", { text: series.modality ?? "" }),
    element("td"),
    element("td", { text: series.instance_count ?? "" }));
}

function showTray() {
  const images = [...chosen.values()].reduce((sum, { series }) => sum + (series.instance_count ?? 0), 0);
  byId("pull").hidden = !chosen.size;
  byId("chosen").textContent = `${chosen.size} series${images ? `, ${images} images` : ""}`;
}

function clear() {
  chosen.clear();
  for (const box of document.querySelectorAll(".is-series input")) box.checked = false;
  showTray();
}

async function pull(format, deidentify) {
  for (const server of new Set([...chosen.values()].map((each) => each.server))) {
    const series = [...chosen.values()].filter((each) => each.server === server).map((each) => each.series);
    const body = { server, format, deidentify, title: titleOf(series), series };
    await fetchJson("/api/jobs", { method: "POST", body });
  }
}

function titleOf(series) {
  const patients = new Set(series.map((each) => nameText(each.patient_name)).filter(Boolean));
  const who = [...patients].slice(0, 3).join("; ");
  return `${series.length} series${who ? ` of ${who}` : ""}`;
}

if (form) {
  form.onsubmit = (event) => {
    event.preventDefault();
    const { server, body } = asked();
    search(server, body);
  };
  byId("echo").onclick = async () => {
    const { server } = asked();
    try {
      await fetchJson(`/api/servers/${encodeURIComponent(server)}/echo`, { method: "POST", body: {} });
      tell(`${server} answers.`);
    } catch (error) {
      report(error.message);
    }
  };
  byId("clear").onclick = clear;
  byId("pull").onsubmit = async (event) => {
    event.preventDefault();
    const asked = new FormData(event.target);
    try {
      await pull(asked.get("format"), asked.has("deidentify"));
      clear();
      tell("The job is queued.", { href: "/jobs", text: "Watch it" });
    } catch (error) {
      report(error.message);
    }
  };
}
followJobs();

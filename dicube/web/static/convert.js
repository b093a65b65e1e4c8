// A folder or a zip, dropped or chosen, sent file by file, and then converted on the server.

import { byId, fetchJson, messageOf, report, sizeText } from "./page.js";
import { showJobs } from "./joblist.js";

const SIDE_BY_SIDE = 4; // requests at a time; a browser opens six connections

let sending = null;

// Files of a drop with their path; folders are gone through.
async function dropped(items) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  for (const entry of entries) await collect(entry, found);
  return found;
}

async function collect(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
    found.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = entry.createReader();
  for (;;) { // a reader gives some at a time, and nothing at the end
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return;
    for (const each of some) await collect(each, found);
  }
}

const chosenFiles = (input) =>
  [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

async function send(files) {
  if (sending) {
    report("An upload is under way. Wait for it, or cancel it.");
    return;
  }
  if (!files.length) {
    report("There are no files in what was dropped.");
    return;
  }
  sending = new AbortController();
  const { signal } = sending;
  const total = files.reduce((sum, { file }) => sum + file.size, 0);
  let upload = null;
  try {
    ({ upload } = await fetchJson("/api/uploads", { method: "POST", body: { files: files.length, bytes: total } }));
    await sendAll(upload, files, total, signal);
    const title = files.length === 1 ? files[0].path : `${files[0].path.split("/")[0]}, ${files.length} files`;
    const body = { format: byId("format").value, title };
    await fetchJson(`/api/uploads/${upload}/complete`, { method: "POST", body });
  } catch (error) {
    if (error.name !== "AbortError") report(error.message);
    sending.abort();
    if (upload) await fetchJson(`/api/uploads/${upload}`, { method: "DELETE" }).catch(() => {}); // it may never have begun
  } finally {
    sending = null;
    byId("sending").hidden = true;
  }
}

async function sendAll(upload, files, total, signal) {
  const queue = files.values();
  let sent = 0;
  let count = 0;
  byId("sending").hidden = false;
  const worker = async () => {
    for (const { path, file } of queue) {
      await sendOne(upload, path, file, signal);
      sent += file.size;
      count += 1;
      byId("sending-text").textContent =
        `${count} of ${files.length} files, ${sizeText(sent)} of ${sizeText(total)}`;
      byId("sending-bar").value = total ? sent / total : 1;
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
}

async function sendOne(upload, path, file, signal) {
  const answer = await fetch(`/api/uploads/${upload}/files`, {
    method: "PUT", body: file, signal,
    headers: { "Content-Type": "application/octet-stream", "X-File-Name": encodeURIComponent(path) },
  });
  if (!answer.ok) throw new Error(`${path}: ${messageOf(await answer.json(), answer)}`);
}

const drop = byId("drop");
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("is-over");
  });
}
for (const name of ["dragleave", "drop"]) {
  drop.addEventListener(name, () => drop.classList.remove("is-over"));
}
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  try {
    await send(await dropped(event.dataTransfer.items));
  } catch (error) {
    report(error.message);
  }
});
// A drop beside the target must not replace the page.
for (const name of ["dragover", "drop"]) {
  addEventListener(name, (event) => event.preventDefault());
}
for (const [button, input] of [["choose-folder", "folder"], ["choose-files", "files"]]) {
  byId(button).onclick = () => byId(input).click();
  byId(input).onchange = async () => {
    await send(chosenFiles(byId(input)));
    byId(input).value = "";
  };
}
byId("sending-cancel").onclick = () => sending?.abort();
showJobs("convert");

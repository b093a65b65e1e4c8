// What all pages share: asking the server, making elements, saying what happened.

export function byId(id) {
  return document.getElementById(id);
}

// An element with attributes; `text` is set as text, so that nothing in the data can be markup.
export function element(name, { text, on = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== false && value !== null && value !== undefined && value !== "") {
      made.setAttribute(attribute, value === true ? "" : value);
    }
  }
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [event, listener] of Object.entries(on)) made.addEventListener(event, listener);
  made.append(...children);
  return made;
}

// Ask the API; an answer that is no success becomes an error with the server's words.
export async function fetchJson(url, { method = "GET", body, signal } = {}) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(url, {
      method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is dicube web still running?");
  }
  const text = await answer.text();
  const found = text && answer.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : {};
  if (!answer.ok) throw new Error(messageOf(found, answer));
  return found;
}

export function messageOf(found, answer) {
  const what = typeof found.error === "string" ? found.error : `The server answered ${answer.status}`;
  return found.hint ? `${what} (${found.hint})` : what;
}

let announcing = 0;

// For screen readers, when things have settled.
export function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => { byId("status").textContent = text; }, 400);
}

// Something went wrong: shown until it is put away.
export function report(text) {
  const close = element("button", { type: "button", "aria-label": "Dismiss", text: "×" });
  const note = element("div", { class: "note is-error", role: "alert" }, element("span", { text }), close);
  close.onclick = () => note.remove();
  const notes = byId("notes");
  for (const old of notes.children) {
    if (old.firstElementChild.textContent === text) old.remove();
  }
  notes.append(note);
}

// Something went well: shown for a while.
export function tell(text, link) {
  const note = element("div", { class: "note", role: "status" }, element("span", { text }));
  if (link) note.append(element("a", { href: link.href, text: link.text }));
  byId("notes").append(note);
  setTimeout(() => note.remove(), 6000);
}

export function sizeText(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let size = bytes;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return unit ? `${size.toFixed(1)} ${units[unit]}` : `${bytes} bytes`;
}

export function capitalized(text) {
  return text[0].toUpperCase() + text.slice(1);
}

// A person name as it is read: "Family^Given" becomes "Family, Given".
export function nameText(name) {
  const [family, ...given] = (name ?? "").split("=")[0].split("^");
  const rest = given.filter(Boolean).join(" ");
  return rest ? `${family}, ${rest}` : family;
}

// A DICOM date, YYYYMMDD, as 2020-01-31.
export function dateText(date) {
  return /^\d{8}$/.test(date ?? "") ? `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}` : date ?? "";
}

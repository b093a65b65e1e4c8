// Tag templates: those of the package to read, the user's own to change.

import { byId, element, fetchJson, report, tell } from "./page.js";
import { followJobs } from "./events.js";

let current = null;

const address = (name) => `/api/templates/${encodeURIComponent(name)}`;

async function list(select) {
  try {
    const { templates } = await fetchJson("/api/templates");
    byId("names").replaceChildren(...templates.map(({ name, isOwn }) => {
      const button = element("button", { type: "button", text: name, on: { click: () => open(name) } });
      if (isOwn) button.append(element("span", { class: "badge", text: "yours" }));
      button.dataset.name = name;
      return element("li", {}, button);
    }));
    const wanted = select ?? current?.name ?? templates[0]?.name;
    if (wanted) await open(wanted);
  } catch (error) {
    report(error.message);
  }
}

async function open(name) {
  try {
    current = await fetchJson(address(name));
  } catch (error) {
    report(error.message);
    return;
  }
  byId("editor").hidden = false;
  byId("name").textContent = current.name;
  byId("kind").textContent = current.isOwn ? "yours" : "part of DiCube";
  byId("text").value = current.text;
  byId("text").readOnly = !current.isOwn;
  byId("save").hidden = !current.isOwn;
  byId("remove").hidden = !current.isOwn;
  for (const button of byId("names").querySelectorAll("button")) {
    button.toggleAttribute("aria-current", button.dataset.name === name);
  }
}

async function save(name, text, isNew) {
  try {
    await fetchJson(address(name), { method: "PUT", body: { text, isNew } });
    tell(`${name} is saved.`);
    await list(name);
  } catch (error) {
    report(error.message);
  }
}

byId("editor").onsubmit = (event) => {
  event.preventDefault();
  save(current.name, byId("text").value, false);
};
byId("copy").onclick = () => {
  byId("ask-name").value = current.isOwn ? `${current.name}-2` : `my-${current.name}`;
  byId("ask").showModal();
};
byId("ask").onclose = () => {
  if (byId("ask").returnValue === "ok") save(byId("ask-name").value, byId("text").value, true);
};
byId("remove").onclick = async () => {
  if (!window.confirm(`Delete the template ${current.name}?`)) return;
  try {
    await fetchJson(address(current.name), { method: "DELETE" });
    current = null;
    byId("editor").hidden = true;
    await list();
  } catch (error) {
    report(error.message);
  }
};
list();
followJobs();

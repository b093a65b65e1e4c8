// Jobs with their items: progress, what can be done about them, and links to what came of them.

import { byId, element, fetchJson, report, sizeText } from "./page.js";
import { followJobs } from "./events.js";

const ACTIONS = {
  running: ["pause", "cancel"], queued: ["pause", "cancel"], paused: ["resume", "cancel"],
  failed: ["retry", "remove"], cancelled: ["retry", "remove"], done: ["remove"],
};
const NAMES = { pause: "Pause", resume: "Resume", cancel: "Cancel", retry: "Retry", remove: "Remove from list" };
const WISHES = { paused: "pausing", cancelled: "cancelling" };

export function showJobs(kind) {
  const list = byId("jobs");
  const drawn = new Map(); // what is unchanged is not made anew: somebody may have the focus there
  followJobs((jobs) => {
    const shown = jobs.filter((job) => !kind || job.kind === kind);
    const cards = shown.map((job) => {
      const text = JSON.stringify(job);
      const old = drawn.get(job.id);
      if (old?.text === text) return old.card;
      const card = cardOf(job);
      const focused = old?.card.contains(document.activeElement) ? document.activeElement.dataset.action : null;
      drawn.set(job.id, { text, card });
      if (old?.card.isConnected) old.card.replaceWith(card);
      if (focused) card.querySelector(`[data-action="${focused}"]`)?.focus();
      return card;
    });
    for (const [at, card] of cards.entries()) {
      if (list.children[at] !== card) list.insertBefore(card, list.children[at] ?? null);
    }
    while (list.children.length > cards.length) list.lastElementChild.remove();
    if (!cards.length) list.append(element("div", { class: "empty", text: "Nothing here yet." }));
  });
}

function cardOf(job) {
  const done = job.items.filter((item) => item.state === "done").length;
  const buttons = ACTIONS[job.state].map((action) =>
    element("button", {
      type: "button", class: "quiet", text: NAMES[action], "data-action": action,
      on: { click: (event) => act(job, action, event.target) },
    }));
  const when = new Date(job.created * 1000).toLocaleString();
  const parts = job.items.reduce((sum, item) => sum + partOf(item), 0);
  return element("section", { class: "job", "data-job": job.id, "data-state": job.state },
    element("header", {},
      element("h3", { text: job.title }),
      stateOf(job.state),
      element("span", { class: "faint", text: `${done} of ${job.items.length} done · ${when}` }),
      element("span", { class: "spring" }), ...buttons),
    element("progress", { max: job.items.length, value: String(parts), "aria-label": `Progress of ${job.title}` }),
    element("ul", { class: "items" }, ...job.items.map((item) => itemOf(job, item))));
}

function stateOf(state, wish) {
  return element("span", { class: `state is-${state}`, text: WISHES[wish] ?? state });
}

function partOf(item) {
  if (item.state === "done") return 1;
  return item.total ? Math.min(0.99, item.done / item.total) : 0;
}

function itemOf(job, item) {
  const counted = item.total ? `${item.done} / ${item.total}` : item.done || "";
  const size = item.bytes ? ` · ${sizeText(item.bytes)}` : "";
  const stage = item.state === "running" ? `${item.stage} ${counted}${size}` : size.slice(3);
  const links = item.results.flatMap((result, number) => linksOf(job, item, result, number));
  return element("li", { "data-state": item.state },
    element("span", { text: item.label }),
    stateOf(item.state, item.wish),
    item.state === "running"
      ? element("span", {}, element("span", { class: "faint", text: stage }),
        element("progress", { max: "1", value: String(partOf(item)), "aria-label": `Progress of ${item.label}` }))
      : element("span", { class: "faint", text: stage }),
    element("span", { class: "links" }, ...links),
    ...(item.error ? [element("p", { class: "more error", text: item.error })] : []),
    ...item.findings.map((finding) => element("p", { class: "more faint", text: finding })));
}

function linksOf(job, item, { name, key }, number) {
  const address = `/api/jobs/${job.id}/items/${item.id}/results/${number}`;
  const download = element("a", { href: address, download: true, text: key ? "Download" : name });
  return key ? [element("a", { href: `/view/${key}`, text: "View" }), download] : [download];
}

async function act(job, action, button) {
  button.disabled = true;
  try {
    if (action === "remove") await fetchJson(`/api/jobs/${job.id}`, { method: "DELETE" });
    else await fetchJson(`/api/jobs/${job.id}`, { method: "POST", body: { action } });
  } catch (error) {
    button.disabled = false;
    report(error.message);
  }
}

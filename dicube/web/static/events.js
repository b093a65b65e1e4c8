// Jobs as they change: a list that is asked for once, then kept up to date by server-sent events.

import { byId, fetchJson, report } from "./page.js";

export const ACTIVE = ["queued", "running"];

// Call `onChange` with all jobs, newest first, now and whenever one changes.
export function followJobs(onChange = () => {}) {
  const jobs = new Map();
  const show = () => {
    const active = [...jobs.values()].filter((job) => ACTIVE.includes(job.state)).length;
    byId("jobs-count").textContent = active;
    byId("jobs-count").hidden = !active;
    onChange([...jobs.values()].sort((a, b) => b.created - a.created));
  };
  const load = async () => {
    try {
      const found = (await fetchJson("/api/jobs")).jobs;
      jobs.clear();
      for (const job of found) jobs.set(job.id, job);
      show();
    } catch (error) {
      report(error.message);
    }
  };
  const source = new EventSource("/api/jobs/events");
  source.addEventListener("job", (event) => {
    const job = JSON.parse(event.data);
    jobs.set(job.id, job);
    show();
  });
  source.addEventListener("gone", (event) => {
    jobs.delete(JSON.parse(event.data));
    show();
  });
  // Also after the server was away: what changed meanwhile is not told again.
  source.addEventListener("open", load);
  addEventListener("pagehide", () => source.close());
}

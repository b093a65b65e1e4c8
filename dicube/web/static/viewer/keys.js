// The keyboard of the viewer. The list in the help dialog is the same: viewer.html.

import { byId } from "../page.js";

const PAGE = 10;
const PAN_STEP = 40; // CSS pixels
const WINDOW_STEP = 0.1; // of the width

export function bindKeys(viewer) {
  const slices = {
    ArrowDown: () => viewer.step(1),
    ArrowRight: () => viewer.step(1),
    ArrowUp: () => viewer.step(-1),
    ArrowLeft: () => viewer.step(-1),
    PageDown: () => viewer.step(PAGE),
    PageUp: () => viewer.step(-PAGE),
    Home: () => viewer.goTo(0),
    End: () => viewer.goTo(viewer.active.plane.slices - 1),
  };
  const outer = {
    ArrowRight: () => viewer.stepOuter(viewer.outer.length - 1, 1),
    ArrowLeft: () => viewer.stepOuter(viewer.outer.length - 1, -1),
    ArrowDown: () => viewer.stepOuter(0, 1),
    ArrowUp: () => viewer.stepOuter(0, -1),
  };
  const pans = {
    ArrowRight: () => pan(viewer, -PAN_STEP, 0),
    ArrowLeft: () => pan(viewer, PAN_STEP, 0),
    ArrowDown: () => pan(viewer, 0, -PAN_STEP),
    ArrowUp: () => pan(viewer, 0, PAN_STEP),
  };
  const others = {
    "+": () => zoom(viewer, 1.25),
    "=": () => zoom(viewer, 1.25),
    "-": () => zoom(viewer, 0.8),
    0: () => viewer.reset(),
    1: () => viewer.show(0),
    2: () => viewer.show(1),
    3: () => viewer.show(2),
    4: () => viewer.show(3),
    w: () => viewer.nextPreset(1),
    W: () => viewer.nextPreset(-1),
    "[": () => viewer.adjustWindow(-WINDOW_STEP, 0),
    "]": () => viewer.adjustWindow(WINDOW_STEP, 0),
    ",": () => viewer.adjustWindow(0, -WINDOW_STEP),
    ".": () => viewer.adjustWindow(0, WINDOW_STEP),
    i: () => viewer.invert(),
    s: () => viewer.toggleSmooth(),
    m: () => viewer.elements.toggle(),
    "?": () => byId("help").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || byId("help").open) return;
    const { target } = event;
    const isField = target.matches("input:not([type=range]), select, textarea");
    if (isField) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const isOuterSlider = target.matches("#outer input");
    const moves = event.shiftKey || isOuterSlider ? outer : event.altKey ? pans : slices;
    const action = moves[event.key] ?? (event.altKey ? undefined : others[event.key]);
    if (!action) return;
    event.preventDefault();
    if (moves !== pans && moves[event.key]) viewer.keyTime = event.timeStamp;
    action();
  });
  byId("help-button").onclick = () => byId("help").showModal();
}

function zoom(viewer, factor) {
  viewer.active.zoomBy(factor);
  viewer.redraw();
}

function pan(viewer, x, y) {
  viewer.active.pan.x += x;
  viewer.active.pan.y += y;
  viewer.redraw();
}

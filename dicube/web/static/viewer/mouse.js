// The mouse of the viewer: the wheel moves through slices, dragging does what the tool says.

const WHEEL_PIXELS = 40; // of a touchpad for one slice
const CLICK_PIXELS = 3; // less than this is no drag
const DRAG_PIXELS = 300; // that change a window by its own width

export function bindMouse(viewer) {
  for (const viewport of viewer.viewports) bindViewport(viewer, viewport);
}

function bindViewport(viewer, viewport) {
  const { element } = viewport;
  let rolled = 0;
  let drag = null;
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    viewer.activate(viewport);
    if (event.ctrlKey) { // which is also what pinching a touchpad sends
      viewport.zoomBy(Math.exp(-event.deltaY / 200), event.offsetX, event.offsetY);
      viewer.redraw();
      return;
    }
    rolled += event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * WHEEL_PIXELS;
    // A notch of a wheel is about 100 pixels, and one slice.
    const steps = Math.abs(event.deltaY) >= 100 ? Math.sign(event.deltaY) : Math.trunc(rolled / WHEEL_PIXELS);
    if (steps) {
      rolled = 0;
      viewer.step(steps);
    }
  }, { passive: false });
  element.addEventListener("pointerdown", (event) => {
    viewer.activate(viewport);
    element.setPointerCapture(event.pointerId);
    drag = { x: event.clientX, y: event.clientY, moved: 0, tool: toolOf(viewer, event) };
  });
  element.addEventListener("pointermove", (event) => {
    viewer.probe(viewport, event.offsetX, event.offsetY);
    if (!drag) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    drag.moved += Math.abs(dx) + Math.abs(dy);
    drag.x = event.clientX;
    drag.y = event.clientY;
    if (drag.moved >= CLICK_PIXELS) apply(viewer, viewport, drag.tool, dx, dy);
  });
  element.addEventListener("pointerup", (event) => {
    if (drag && drag.moved < CLICK_PIXELS && viewer.shown().length > 1) {
      const voxel = viewport.voxelAt(event.offsetX, event.offsetY, viewer.indexOf(viewport));
      if (voxel) viewer.goToVoxel(voxel);
    }
    drag = null;
  });
  element.addEventListener("pointercancel", () => { drag = null; });
  element.addEventListener("pointerleave", () => viewer.probe(viewport, -1e9, -1e9));
  element.addEventListener("contextmenu", (event) => event.preventDefault());
}

function toolOf(viewer, event) {
  if (event.button === 1 || event.shiftKey) return "pan";
  if (event.button === 2 || event.ctrlKey) return "zoom";
  return viewer.tool;
}

function apply(viewer, viewport, tool, dx, dy) {
  if (tool === "pan") {
    viewport.pan.x += dx;
    viewport.pan.y += dy;
  } else if (tool === "zoom") {
    viewport.zoomBy(Math.exp(-dy / 150));
  } else {
    viewer.adjustWindow(dx / DRAG_PIXELS, dy / DRAG_PIXELS);
  }
  viewer.redraw();
}

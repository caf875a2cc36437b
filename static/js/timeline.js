// Timelines of cameras. All timelines of a page show the same part of the day, which is in the address. The wheel, a
// pinch, buttons and shortcuts zoom; dragging moves; a click opens that moment. The page scales the existing drawing
// at once; after a short pause the station draws the new range.
import { shownOffset } from "./clock.js";

const WIDTH = 1000; // of a drawing, in SVG units
const MIN_SPAN_MS = 60_000;
const REDRAW_DELAY_MS = 160;
const DRAG_PX = 5;
const ZOOM_PER_PX = 1.0015; // zoom factor for each pixel of wheel movement
const SCROLL_GRACE_MS = 400; // a page scroll continues when a timeline moves under the pointer
const STEPS = { ArrowLeft: -0.01, ArrowRight: 0.01, PageUp: -0.1, PageDown: 0.1 };
const KEY_ZOOM = { "+": 0.5, "=": 0.5, "-": 2 };

const section = document.querySelector("#time-line");
const timelines = section?.querySelector("#bands");
const text = (ms) => new Date(ms + shownOffset()).toISOString().slice(0, 19).replace("T", " ");
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

let onPick = () => false; // returns true if it handles a click itself
let drawnRange; // range of the drawings, in milliseconds since 1970: [begin, end]
let visibleRange; // range that the user has moved or zoomed to
let day;
let cursor = null; // time of the keyboard cursor
let marked = null;
let redrawTimer = 0;
let requestCount = 0;

function readRange() {
  const { begin, end, first, last } = timelines.querySelector("[data-begin]").dataset;
  drawnRange = [Date.parse(begin), Date.parse(end)];
  day = [Date.parse(first), Date.parse(last)];
  visibleRange = drawnRange;
  for (const lane of timelines.querySelectorAll(".lane")) {
    lane.tabIndex = 0;
    lane.setAttribute("role", "slider");
    lane.setAttribute("aria-label", `Timeline of ${lane.dataset.name}`);
    lane.dataset.live = "";
    updateSlider(lane);
  }
  if (marked !== null) mark(marked);
}

/** The time at a screen coordinate, in milliseconds. */
function momentAt(lane, clientX) {
  const { left, width } = lane.getBoundingClientRect();
  return visibleRange[0] + clamp((clientX - left) / width, 0, 1) * (visibleRange[1] - visibleRange[0]);
}

/** The time of the keyboard cursor; initially the mark, else the start of the first video. */
function cursorTime(lane) {
  const video = lane.querySelector("rect.video");
  const first = video
    ? drawnRange[0] + (Number(video.getAttribute("x")) / WIDTH) * (drawnRange[1] - drawnRange[0])
    : drawnRange[0];
  return clamp(cursor ?? marked ?? first, visibleRange[0], visibleRange[1]);
}

const position = (ms) => ((ms - drawnRange[0]) / (drawnRange[1] - drawnRange[0])) * WIDTH;

/** Describes what a camera has at a moment. */
function describeAt(lane, ms) {
  const x = position(ms);
  const parts = [...lane.querySelectorAll("rect:not(.none)")].filter((rect) => {
    const from = Number(rect.getAttribute("x"));
    return x >= from && x < from + Number(rect.getAttribute("width"));
  });
  return parts.at(-1)?.textContent.trim().split(",")[0] ?? "no video";
}

function updateSlider(lane) {
  const at = cursorTime(lane);
  const values = { valuemin: visibleRange[0], valuemax: visibleRange[1], valuenow: at };
  for (const [name, ms] of Object.entries(values)) lane.setAttribute(`aria-${name}`, Math.round(ms / 1000));
  lane.setAttribute("aria-valuetext", `${text(at)}, ${describeAt(lane, at)}`);
}

/** Scales the existing drawings to the visible range until the station has drawn it. */
function scaleDrawings() {
  const [left, right] = visibleRange.map(position);
  for (const lane of timelines.querySelectorAll(".lane svg")) {
    lane.setAttribute("viewBox", `${left} 0 ${right - left} 26`);
  }
  const range = timelines.querySelector("[data-range]");
  range.textContent = `${text(visibleRange[0])} to ${text(visibleRange[1])}`;
  timelines.classList.toggle("moving", visibleRange !== drawnRange);
}

/** Shows another range, limited to the day and to the minimum span. */
function showRange(begin, end) {
  const span = clamp(end - begin, MIN_SPAN_MS, day[1] - day[0]);
  const from = clamp((begin + end - span) / 2, day[0], day[1] - span);
  visibleRange = [from, from + span];
  scaleDrawings();
  clearTimeout(redrawTimer);
  redrawTimer = setTimeout(draw, REDRAW_DELAY_MS);
}

function zoom(factor, around) {
  const [begin, end] = visibleRange;
  const span = clamp((end - begin) * factor, MIN_SPAN_MS, day[1] - day[0]);
  const from = around - ((around - begin) / (end - begin)) * span;
  showRange(from, from + span);
}

const move = (ms) => showRange(visibleRange[0] + ms, visibleRange[1] + ms);

function addressOf([begin, end]) {
  const address = new URL(location.href);
  address.searchParams.set("from", new Date(begin).toISOString());
  address.searchParams.set("to", new Date(end).toISOString());
  if (!address.searchParams.has("day") && timelines.dataset.day) address.searchParams.set("day", timelines.dataset.day);
  return address;
}

/** The markup of the address; null when the answer fails, is cut off, or leads to the sign-in. */
async function fetchTimelines(address) {
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    return answer.ok && !answer.headers.has("HX-Redirect") ? await answer.text() : null;
  } catch {
    return null;
  }
}

async function draw(address = addressOf(visibleRange)) {
  requestCount += 1;
  const request = requestCount;
  const content = await fetchTimelines(address);
  // The answer to an earlier request may come later.
  if (request !== requestCount) return;
  section.toggleAttribute("data-late", content === null);
  if (content === null) return;
  const focus = selectorOf(document.activeElement);
  const open = [...timelines.querySelectorAll("details[open]")].map(
    (table) => table.closest(".timeline-row").dataset.timelineRow,
  );
  timelines.innerHTML = content;
  history.replaceState(history.state, "", address);
  timelines.classList.remove("moving");
  readRange();
  for (const table of timelines.querySelectorAll("details"))
    table.open = open.includes(table.closest(".timeline-row").dataset.timelineRow);
  if (focus) timelines.querySelector(focus)?.focus({ preventScroll: true });
  showCursor();
}

/** A selector that finds the focused element again after a redraw. */
function selectorOf(element) {
  if (!timelines.contains(element)) return "";
  if (element.matches(".lane"))
    return `[data-timeline-row="${CSS.escape(element.closest(".timeline-row").dataset.timelineRow)}"] .lane`;
  return element.dataset.zoom ? `[data-zoom="${element.dataset.zoom}"]` : "";
}

function openMoment(lane, ms) {
  if (onPick(ms)) return;
  const query = new URLSearchParams({
    camera: lane.closest(".timeline-row").dataset.timelineRow,
    at: new Date(ms).toISOString(),
  });
  for (const name of ["from", "to"]) {
    const value = new URLSearchParams(location.search).get(name);
    if (value) query.set(name, value);
  }
  location.assign(`/clips/at/?${query}`);
}

function showFlag(lane, clientX) {
  const flag = lane.querySelector(".flag");
  flag.hidden = false;
  flag.value = text(momentAt(lane, clientX)).slice(11);
  const { left, width } = lane.getBoundingClientRect();
  flag.style.left = `${clamp(clientX - left - flag.offsetWidth / 2, 0, width - flag.offsetWidth)}px`;
}

const hideFlag = (lane) => {
  lane.querySelector(".flag").hidden = true;
};

/** Shows the keyboard cursor on the focused lane. */
function showCursor() {
  const lane = document.activeElement?.closest?.(".lane");
  for (const line of timelines.querySelectorAll("[data-cursor]")) line.setAttribute("d", "M-9 0V26");
  if (!lane || !timelines.contains(lane) || cursor === null) return;
  lane.querySelector("[data-cursor]").setAttribute("d", `M${position(cursor).toFixed(2)} 0V26`);
  const { left, width } = lane.getBoundingClientRect();
  showFlag(lane, left + ((cursor - visibleRange[0]) / (visibleRange[1] - visibleRange[0])) * width);
  updateSlider(lane);
}

function step(ms) {
  cursor = clamp(ms, day[0], day[1] - 1);
  const span = visibleRange[1] - visibleRange[0];
  if (cursor < visibleRange[0]) move(Math.min(-span / 2, cursor - visibleRange[0]));
  else if (cursor >= visibleRange[1]) move(Math.max(span / 2, cursor - visibleRange[1]));
  showCursor();
}

function onKey(event) {
  const lane = event.target.closest(".lane");
  if (!lane || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = cursorTime(lane);
  if (event.key in STEPS)
    step(at + STEPS[event.key] * (event.shiftKey ? 0.1 : 1) * (visibleRange[1] - visibleRange[0]));
  else if (event.key in KEY_ZOOM) {
    cursor = at;
    zoom(KEY_ZOOM[event.key], at);
    showCursor();
  } else if (event.key === "Home") step(visibleRange[0]);
  else if (event.key === "End") step(visibleRange[1] - 1);
  else if (event.key === "Enter" || event.key === " ") openMoment(lane, at);
  else return;
  event.preventDefault();
  event.stopPropagation(); // keeps the page's shortcuts from acting
}

// Pointers: one finger or the mouse moves, two fingers zoom.
const pointers = new Map();
let hasDragged = false;

function onPointerDown(event) {
  const lane = event.target.closest(".lane");
  if (!lane || event.button > 0) return;
  if (!pointers.size) hasDragged = false;
  pointers.set(event.pointerId, { x: event.clientX, from: event.clientX, lane });
}

function onPointerMove(event) {
  const lane = event.target.closest?.(".lane");
  if (lane && !pointers.size) showFlag(lane, event.clientX);
  const pointer = pointers.get(event.pointerId);
  if (!pointer) return;
  if (!hasDragged && pointers.size === 1 && Math.abs(event.clientX - pointer.from) < DRAG_PX) return;
  if (!hasDragged) pointer.lane.setPointerCapture(event.pointerId);
  hasDragged = true;
  hideFlag(pointer.lane);
  const { left, width } = pointer.lane.getBoundingClientRect();
  const span = visibleRange[1] - visibleRange[0];
  const momentOf = (x) => visibleRange[0] + ((x - left) / width) * span;
  if (pointers.size === 1) move(momentOf(pointer.x) - momentOf(event.clientX));
  else {
    const other = [...pointers.values()].find((one) => one !== pointer);
    const distance = Math.max(10, Math.abs(event.clientX - other.x));
    zoom(Math.max(10, Math.abs(pointer.x - other.x)) / distance, momentOf(other.x));
  }
  pointer.x = event.clientX;
}

let scrolledAt = -Infinity;
function onWheel(event) {
  const lane = event.target.closest?.(".lane");
  const isPinch = event.ctrlKey || event.metaKey;
  if (!lane || (!isPinch && performance.now() - scrolledAt < SCROLL_GRACE_MS)) {
    scrolledAt = performance.now();
    return;
  }
  event.preventDefault();
  const { width } = lane.getBoundingClientRect();
  if (Math.abs(event.deltaX) > Math.abs(event.deltaY))
    move((event.deltaX / width) * (visibleRange[1] - visibleRange[0]));
  else zoom(ZOOM_PER_PX ** (event.deltaY * (isPinch ? 4 : 1)), momentAt(lane, event.clientX));
}

/** `handlePick(ms)` returns true if it handles a click itself. */
export function startTimeline(handlePick = () => false) {
  onPick = handlePick;
  if (!section) return;
  readRange();
  section.addEventListener("pointerdown", onPointerDown);
  window.addEventListener("pointermove", onPointerMove);
  for (const name of ["pointerup", "pointercancel"])
    window.addEventListener(name, (event) => pointers.delete(event.pointerId));
  section.addEventListener("pointerout", (event) => {
    if (event.target.closest(".lane")) hideFlag(event.target.closest(".lane"));
  });
  // Browsers ignore preventDefault() in a passive listener, which is their default for the wheel here.
  window.addEventListener("wheel", onWheel, { passive: false });
  section.addEventListener("keydown", onKey);
  section.addEventListener("focusin", showCursor);
  section.addEventListener("focusout", (event) => {
    if (event.target.matches(".lane")) hideFlag(event.target);
  });
  section.addEventListener("click", (event) => {
    const lane = event.target.closest(".lane");
    const button = event.target.closest("a[data-zoom][href]");
    if (lane && !hasDragged) openMoment(lane, momentAt(lane, event.clientX));
    if (!button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    draw(new URL(button.href));
  });
}

/** Moves the mark to a moment, in milliseconds. */
export function mark(ms) {
  marked = ms;
  if (drawnRange) timelines.querySelector("[data-mark]")?.setAttribute("d", `M${position(ms).toFixed(2)} 0V26`);
}

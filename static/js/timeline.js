// Time-lines of cameras. All of a page show the same part of the day, which stands in the address: the wheel, a pinch,
// buttons and keys make it longer or shorter, dragging moves it, a click leads to that moment. The drawing follows the
// hand at once; when the hand rests, the station draws that part anew.
import { shownOffset } from "./clock.js";

const WIDTH = 1000; // of a drawing, in its own units
const LEAST_MS = 60_000;
const REST_MS = 160;
const DRAG_PX = 5;
const NOTCH = 1.0015; // longer by this for each pixel that a wheel turns
const SCROLLED_MS = 400; // a page that is being scrolled goes on, also where a time-line comes under the pointer
const STEPS = { ArrowLeft: -0.01, ArrowRight: 0.01, PageUp: -0.1, PageDown: 0.1 };
const KEY_ZOOM = { "+": 0.5, "=": 0.5, "-": 2 };

const section = document.querySelector("#time-line");
const bands = section?.querySelector("#bands");
const text = (ms) => new Date(ms + shownOffset()).toISOString().slice(0, 19).replace("T", " ");
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

let here = () => false; // what answers a click by itself, with true
let drawn; // what the drawings show, in milliseconds since 1970: [begin, end]
let seen; // what the reader has turned to meanwhile
let day;
let cursor = null; // of the keyboard
let marked = null;
let resting = 0;
let asked = 0;

function read() {
  const { begin, end, first, last } = bands.querySelector("[data-begin]").dataset;
  drawn = [Date.parse(begin), Date.parse(end)];
  day = [Date.parse(first), Date.parse(last)];
  seen = drawn;
  for (const lane of bands.querySelectorAll(".lane")) {
    lane.tabIndex = 0;
    lane.setAttribute("role", "slider");
    lane.setAttribute("aria-label", `Timeline of ${lane.dataset.name}`);
    lane.dataset.live = "";
    tell(lane);
  }
  if (marked !== null) mark(marked);
}

/** Milliseconds of a place on the screen. */
function momentAt(lane, clientX) {
  const { left, width } = lane.getBoundingClientRect();
  return seen[0] + clamp((clientX - left) / width, 0, 1) * (seen[1] - seen[0]);
}

/** Where the keyboard stands: at first at the mark, else where video begins. */
function standing(lane) {
  const video = lane.querySelector("rect.video");
  const first = video ? drawn[0] + (Number(video.getAttribute("x")) / WIDTH) * (drawn[1] - drawn[0]) : drawn[0];
  return clamp(cursor ?? marked ?? first, seen[0], seen[1]);
}

const place = (ms) => ((ms - drawn[0]) / (drawn[1] - drawn[0])) * WIDTH;

/** What a camera has at a moment, in words. */
function partAt(lane, ms) {
  const x = place(ms);
  const parts = [...lane.querySelectorAll("rect:not(.none)")].filter((rect) => {
    const from = Number(rect.getAttribute("x"));
    return x >= from && x < from + Number(rect.getAttribute("width"));
  });
  return parts.at(-1)?.textContent.split(",")[0] ?? "no video";
}

function tell(lane) {
  const at = standing(lane);
  const values = { valuemin: seen[0], valuemax: seen[1], valuenow: at };
  for (const [name, ms] of Object.entries(values)) lane.setAttribute(`aria-${name}`, Math.round(ms / 1000));
  lane.setAttribute("aria-valuetext", `${text(at)}, ${partAt(lane, at)}`);
}

/** Shows the part that is `seen` with what is drawn already, until the station has drawn it. */
function stretch() {
  const [left, right] = seen.map(place);
  for (const lane of bands.querySelectorAll(".lane svg")) {
    lane.setAttribute("viewBox", `${left} 0 ${right - left} 26`);
  }
  const range = bands.querySelector("[data-range]");
  range.textContent = `${text(seen[0])} to ${text(seen[1])}`;
  bands.classList.toggle("moving", seen !== drawn);
}

/** To another part of the day: as near to it as the day and the shortest part allow. */
function turn(begin, end) {
  const span = clamp(end - begin, LEAST_MS, day[1] - day[0]);
  const from = clamp((begin + end - span) / 2, day[0], day[1] - span);
  seen = [from, from + span];
  stretch();
  clearTimeout(resting);
  resting = setTimeout(draw, REST_MS);
}

function zoom(factor, around) {
  const [begin, end] = seen;
  const span = clamp((end - begin) * factor, LEAST_MS, day[1] - day[0]);
  const from = around - ((around - begin) / (end - begin)) * span;
  turn(from, from + span);
}

const move = (ms) => turn(seen[0] + ms, seen[1] + ms);

function addressOf([begin, end]) {
  const address = new URL(location.href);
  address.searchParams.set("from", new Date(begin).toISOString());
  address.searchParams.set("to", new Date(end).toISOString());
  if (!address.searchParams.has("day") && bands.dataset.day) address.searchParams.set("day", bands.dataset.day);
  return address;
}

async function draw(address = addressOf(seen)) {
  asked += 1;
  const mine = asked;
  const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (mine !== asked) return;
  const isDrawn = answer?.ok && !answer.headers.has("HX-Redirect");
  section.toggleAttribute("data-late", !isDrawn);
  if (!isDrawn) return;
  const focus = keyOf(document.activeElement);
  const open = [...bands.querySelectorAll("details[open]")].map((twin) => twin.closest(".timeline-row").dataset.timelineRow);
  bands.innerHTML = await answer.text();
  history.replaceState(history.state, "", address);
  bands.classList.remove("moving");
  read();
  for (const twin of bands.querySelectorAll("details")) twin.open = open.includes(twin.closest(".timeline-row").dataset.timelineRow);
  if (focus) bands.querySelector(focus)?.focus({ preventScroll: true });
  showCursor();
}

/** How that which had the focus is found after it was drawn anew. */
function keyOf(element) {
  if (!bands.contains(element)) return "";
  if (element.matches(".lane")) return `[data-timeline-row="${CSS.escape(element.closest(".timeline-row").dataset.timelineRow)}"] .lane`;
  return element.dataset.zoom ? `[data-zoom="${element.dataset.zoom}"]` : "";
}

function open(lane, ms) {
  if (here(ms)) return;
  const query = new URLSearchParams({ camera: lane.closest(".timeline-row").dataset.timelineRow, at: new Date(ms).toISOString() });
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

const hideFlag = (lane) => { lane.querySelector(".flag").hidden = true; };

/** The keyboard's place on the lane that has the focus. */
function showCursor() {
  const lane = document.activeElement?.closest?.(".lane");
  for (const line of bands.querySelectorAll("[data-cursor]")) line.setAttribute("d", "M-9 0V26");
  if (!lane || !bands.contains(lane) || cursor === null) return;
  lane.querySelector("[data-cursor]").setAttribute("d", `M${place(cursor).toFixed(2)} 0V26`);
  const { left, width } = lane.getBoundingClientRect();
  showFlag(lane, left + ((cursor - seen[0]) / (seen[1] - seen[0])) * width);
  tell(lane);
}

function step(lane, ms) {
  cursor = clamp(ms, day[0], day[1] - 1);
  const span = seen[1] - seen[0];
  if (cursor < seen[0]) move(Math.min(-span / 2, cursor - seen[0]));
  else if (cursor >= seen[1]) move(Math.max(span / 2, cursor - seen[1]));
  showCursor();
}

function press(event) {
  const lane = event.target.closest(".lane");
  if (!lane || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = standing(lane);
  if (event.key in STEPS) step(lane, at + STEPS[event.key] * (event.shiftKey ? 0.1 : 1) * (seen[1] - seen[0]));
  else if (event.key in KEY_ZOOM) {
    cursor = at;
    zoom(KEY_ZOOM[event.key], at);
    showCursor();
  } else if (event.key === "Home") step(lane, seen[0]);
  else if (event.key === "End") step(lane, seen[1] - 1);
  else if (event.key === "Enter" || event.key === " ") open(lane, at);
  else return;
  event.preventDefault();
  event.stopPropagation(); // the page's own keys are others
}

// The hand: one finger or the mouse moves, two fingers zoom.
const fingers = new Map();
let isDragged = false;

function down(event) {
  const lane = event.target.closest(".lane");
  if (!lane || event.button > 0) return;
  if (!fingers.size) isDragged = false;
  fingers.set(event.pointerId, { x: event.clientX, from: event.clientX, lane });
}

function drag(event) {
  const lane = event.target.closest?.(".lane");
  if (lane && !fingers.size) showFlag(lane, event.clientX);
  const finger = fingers.get(event.pointerId);
  if (!finger) return;
  if (!isDragged && fingers.size === 1 && Math.abs(event.clientX - finger.from) < DRAG_PX) return;
  if (!isDragged) finger.lane.setPointerCapture(event.pointerId);
  isDragged = true;
  hideFlag(finger.lane);
  const { left, width } = finger.lane.getBoundingClientRect();
  const span = seen[1] - seen[0];
  const momentOf = (x) => seen[0] + ((x - left) / width) * span;
  if (fingers.size === 1) move(momentOf(finger.x) - momentOf(event.clientX));
  else {
    const other = [...fingers.values()].find((one) => one !== finger);
    const apart = Math.max(10, Math.abs(event.clientX - other.x));
    zoom(Math.max(10, Math.abs(finger.x - other.x)) / apart, momentOf(other.x));
  }
  finger.x = event.clientX;
}

let scrolledAt = -Infinity;
function wheel(event) {
  const lane = event.target.closest?.(".lane");
  const isPinch = event.ctrlKey || event.metaKey;
  if (!lane || (!isPinch && performance.now() - scrolledAt < SCROLLED_MS)) {
    scrolledAt = performance.now();
    return;
  }
  event.preventDefault();
  const { width } = lane.getBoundingClientRect();
  if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) move((event.deltaX / width) * (seen[1] - seen[0]));
  else zoom(NOTCH ** (event.deltaY * (isPinch ? 4 : 1)), momentAt(lane, event.clientX));
}

/** `answer(ms)` may answer a click by itself, with true. */
export function listen(answer = () => false) {
  here = answer;
  if (!section) return;
  read();
  section.addEventListener("pointerdown", down);
  window.addEventListener("pointermove", drag);
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, (event) => fingers.delete(event.pointerId));
  section.addEventListener("pointerout", (event) => { if (event.target.closest(".lane")) hideFlag(event.target.closest(".lane")); });
  window.addEventListener("wheel", wheel, { passive: false });
  section.addEventListener("keydown", press);
  section.addEventListener("focusin", showCursor);
  section.addEventListener("focusout", (event) => { if (event.target.matches(".lane")) hideFlag(event.target); });
  section.addEventListener("click", (event) => {
    const lane = event.target.closest(".lane");
    const button = event.target.closest("a[data-zoom][href]");
    if (lane && !isDragged) open(lane, momentAt(lane, event.clientX));
    if (!button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    draw(new URL(button.href));
  });
}

/** Moves the mark to a moment, in milliseconds. */
export function mark(ms) {
  marked = ms;
  if (drawn) bands.querySelector("[data-mark]")?.setAttribute("d", `M${place(ms).toFixed(2)} 0V26`);
}

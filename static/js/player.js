// The player of a clip: the time of the shown frame, single frames, speed, keys, and the day's time-line.
import "./thumbnails.js";
import { listen, mark } from "./timeline.js";

const player = document.querySelector("#player");
const video = player.querySelector("video");
const { started, length, frames, offset, start } = Object.fromEntries(
  Object.entries(player.dataset).map(([name, value]) => [name, Number(value)]),
);
const CLOSE_S = 0.004; // no camera gives frames closer than this
const SEEK_MS = 3000;
const SAME_MS = 300; // after a seek, until the frame is taken for the same one
const STEP_S = 5;
const RATES = [0.25, 0.5, 1, 2, 4, 8];

/** When the shown frame is shown, in seconds of the clip. */
let shownAt = 0;
/** From one frame to the next, as it was last; at first as it is on average. */
let gap = frames > 1 && length > 0 ? length / frames : 1 / 15;
/** Ends when all that was asked for has been done: a step takes some seeks, and no other seek comes between them. */
let turn = Promise.resolve();
let waiting = 0;
/** Whether a seek's frame has not told its time yet: `shownAt` is then of the frame before the seek. */
let isUntold = false;
/** Whether the hand is on the slider, which then leads. */
let isSliding = false;

const slider = player.querySelector("[data-seek]");
const place = player.querySelector("[data-place]");
/** 1:02.3 */
const clock = (seconds) => `${Math.floor(seconds / 60)}:${(Math.floor((seconds % 60) * 10) / 10).toFixed(1).padStart(4, "0")}`;
const wall = (ms) => new Date(ms).toISOString().slice(0, 23).replace("T", " ");

function show(seconds) {
  shownAt = seconds;
  const ms = Math.round((started + seconds) * 1000);
  for (const time of player.querySelectorAll("[data-wall]")) {
    time.textContent = wall(time.dataset.wall === "utc" ? ms : ms + offset * 1000);
  }
  if (slider) {
    if (!isSliding) slider.value = seconds;
    slider.setAttribute("aria-valuetext", `${clock(seconds)} of ${clock(length)}`);
    place.textContent = `${clock(seconds)} / ${clock(length)}`;
  }
  mark(ms);
}

/** The browser tells the time of each frame that it shows. */
function follow() {
  video.requestVideoFrameCallback((_, frame) => {
    isUntold = video.seeking;
    show(frame.mediaTime);
    follow();
  });
}

const seek = (seconds) => { video.currentTime = Math.min(Math.max(seconds, 0), video.duration || length); };

/** After a seek: when the frame that is then shown is shown, in seconds of the clip. */
function told() {
  return new Promise((resolve) => {
    let waiting = setTimeout(() => resolve(shownAt), SEEK_MS);
    const soon = () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => resolve(shownAt), SAME_MS);
    };
    if (video.seeking) video.addEventListener("seeked", soon, { once: true });
    else soon();
    const see = () => video.requestVideoFrameCallback((_, frame) => {
      if (video.seeking) return see();
      clearTimeout(waiting);
      video.removeEventListener("seeked", soon);
      return resolve(frame.mediaTime);
    });
    see();
  });
}

function frameAt(seconds) {
  seek(seconds);
  return told();
}

/** The frame before ends where this one begins. */
const back = () => frameAt(shownAt - CLOSE_S / 2);

/**
 * To the next frame, whose time nobody tells: cameras pause and change their pace. First where it is expected, then
 * further and further; and back, until no frame can lie between. It ends on the shown frame where it is the last one.
 */
async function on() {
  const from = shownAt;
  const end = (video.duration || length) - CLOSE_S / 4;
  let [before, next, reach] = [from, Infinity, gap - CLOSE_S / 2];
  const look = async (at) => {
    const found = await frameAt(at);
    if (found > from + CLOSE_S / 4) next = Math.min(next, found);
    else before = at;
    return found;
  };
  while (next === Infinity && before < end) {
    await look(Math.min(from + reach, end));
    reach = reach < gap ? gap + CLOSE_S / 2 : reach * 2;
  }
  if (next === Infinity) return;
  while (next - before > CLOSE_S) {
    await look(next - CLOSE_S / 2);
    if (next - before > CLOSE_S) await look((before + next) / 2);
  }
  if (shownAt !== next) await frameAt(next + CLOSE_S / 4);
  gap = next - from;
}

/** After what was asked for before. */
async function inTurn(work) {
  const before = turn;
  let done;
  turn = new Promise((resolve) => { done = resolve; });
  waiting += 1;
  player.dataset.stepping = "";
  await before;
  try {
    await work();
  } finally {
    done();
    waiting -= 1;
    if (!waiting) delete player.dataset.stepping;
  }
}

/** One frame forward or back. */
function step(by) {
  video.pause();
  return inTurn(async () => {
    if (isUntold || video.seeking) await told();
    await (by > 0 ? on() : back());
  });
}

const skip = (by) => inTurn(() => seek(video.currentTime + by));
const toggle = () => inTurn(() => { video.paused ? video.play() : video.pause(); });

function rate(value) {
  video.playbackRate = value;
  for (const button of player.querySelectorAll("[data-rate]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.rate) === value));
  }
}

/** Of RATES; a script may have set another. */
const nearest = (value) => RATES.reduce((best, one) => (Math.abs(one - value) < Math.abs(best - value) ? one : best));
const faster = (by) => {
  const place = RATES.indexOf(nearest(video.playbackRate)) + by;
  rate(RATES[Math.min(Math.max(place, 0), RATES.length - 1)]);
};
const follow_link = (name) => document.querySelector(`[data-${name}]`)?.click();

const KEYS = {
  " ": toggle,
  ArrowLeft: () => skip(-STEP_S),
  ArrowRight: () => skip(STEP_S),
  ",": () => step(-1),
  ".": () => step(1),
  "+": () => faster(1),
  "-": () => faster(-1),
  "[": () => follow_link("older"),
  "]": () => follow_link("newer"),
};
/** Where keys mean something else. */
const ELSEWHERE = "input:not([data-seek]), select, textarea, [popover], .lane";
const PRESSES = new Set([" ", "Enter"]);
const DOES = { play: toggle, "frame-back": KEYS[","], "frame-on": KEYS["."] };

/** Both sources failed: the words stand where the picture would. */
function fail() {
  player.querySelector("[data-failed]").hidden = false;
}

/** One bar, ours: a browser's own is in nobody's theme and knows no single frames. */
function takeOver() {
  video.controls = false;
  player.querySelector("[data-bar]").hidden = false;
  slider.addEventListener("input", () => {
    isSliding = true;
    const seconds = Number(slider.value);
    inTurn(() => seek(seconds));
  });
  slider.addEventListener("change", () => { isSliding = false; });
  video.addEventListener("click", toggle);
  video.addEventListener("dblclick", () => player.querySelector("[data-full]").click());
}

function begin() {
  takeOver();
  follow();
  if (video.error || video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) fail();
  video.addEventListener("error", fail);
  video.querySelector("source:last-of-type").addEventListener("error", fail);
  video.addEventListener("seeking", () => { isUntold = true; });
  video.addEventListener("play", () => { player.querySelector("[data-play]").textContent = "Pause"; });
  video.addEventListener("pause", () => { player.querySelector("[data-play]").textContent = "Play"; });
  player.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do], [data-rate]");
    if (button?.dataset.do) DOES[button.dataset.do]();
    else if (button) rate(Number(button.dataset.rate));
  });
  // Before the video's own keys, which are others in each browser.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
    if (document.querySelector("dialog[open]") || event.target.closest(ELSEWHERE)) return;
    if (PRESSES.has(event.key) && event.target.closest("button, a, summary")) return;
    event.preventDefault();
    event.stopPropagation();
    if (!(event.repeat && "stepping" in player.dataset)) KEYS[event.key]();
  }, true);
}

if (video) {
  begin();
  show(start);
}

listen((ms) => {
  const seconds = ms / 1000 - started;
  if (!video || seconds < 0 || seconds >= length) return false;
  inTurn(() => seek(seconds));
  return true;
});

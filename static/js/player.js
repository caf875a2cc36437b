// The player of a clip: the time of the shown frame, single frames, speed, shortcuts, and the day's timeline.
import { mark, startTimeline } from "./timeline.js";

const player = document.querySelector("#player");
const video = player.querySelector("video");
const { started, length, frames, offset, start } = Object.fromEntries(
  Object.entries(player.dataset).map(([name, value]) => [name, Number(value)]),
);
const MIN_INTERVAL_S = 0.004; // cameras deliver frames at longer intervals than this
const SEEK_MS = 3000;
const SETTLE_MS = 300; // after a seek, frames are reported within this time
const STEP_S = 5;
const RATES = [0.25, 0.5, 1, 2, 4, 8];

/** Time of the shown frame, in seconds of the clip. */
let shownAt = 0;
/** The last known interval between frames; initially the average. */
let frameInterval = frames > 1 && length > 0 ? length / frames : 1 / 15;
/** Resolves when all queued work is done: a step takes several seeks, and no other seek may come between them. */
let queue = Promise.resolve();
let waiting = 0;
/** Whether the frame of a seek is still pending: `shownAt` is then the time of the frame before the seek. */
let isFramePending = true;
/** The timer of `settle`: the last seek counts. */
let settling;
/** Whether the user is dragging the slider, which then keeps its position. */
let isSliding = false;

const slider = player.querySelector("[data-seek]");
const positionText = player.querySelector("[data-place]");
/** 1:02.3 */
const formatTime = (seconds) =>
  `${Math.floor(seconds / 60)}:${(Math.floor((seconds % 60) * 10) / 10).toFixed(1).padStart(4, "0")}`;
const formatWall = (ms) => new Date(ms).toISOString().slice(0, 23).replace("T", " ");

function show(seconds) {
  shownAt = seconds;
  const ms = Math.round((started + seconds) * 1000);
  for (const time of player.querySelectorAll("[data-wall]")) {
    time.textContent = formatWall(time.dataset.wall === "utc" ? ms : ms + offset * 1000);
  }
  if (slider) {
    if (!isSliding) slider.value = seconds;
    slider.setAttribute("aria-valuetext", `${formatTime(seconds)} of ${formatTime(length)}`);
    positionText.textContent = `${formatTime(seconds)} / ${formatTime(length)}`;
  }
  mark(ms);
}

/** The browser reports the time of each frame that it shows. */
function trackFrames() {
  video.requestVideoFrameCallback((_, frame) => {
    isFramePending = video.seeking;
    show(frame.mediaTime);
    trackFrames();
  });
}

const seek = (seconds) => {
  isFramePending = true;
  video.currentTime = Math.min(Math.max(seconds, 0), video.duration || length);
};

/**
 * The browser reports no frame twice, none that it showed before this module ran, and on a busy machine it misses
 * others. The frame itself knows its time.
 */
function showUnreportedFrame() {
  if (!isFramePending || video.seeking || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
  isFramePending = false;
  if (!("VideoFrame" in window)) return;
  const frame = new VideoFrame(video);
  // Firefox, which reports every seek, gives whole seconds in place of microseconds.
  const isInSeconds = frame.timestamp > 0 && frame.timestamp === Math.trunc(video.currentTime);
  if (!isInSeconds) show(frame.timestamp / 1e6);
  frame.close();
}

function settle() {
  clearTimeout(settling);
  settling = setTimeout(showUnreportedFrame, SETTLE_MS);
}

/** Resolves when `shownAt` is the time of the shown frame. */
function presentedFrame() {
  return new Promise((resolve) => {
    const until = performance.now() + SEEK_MS;
    const check = () => (isFramePending && performance.now() < until ? requestAnimationFrame(check) : resolve());
    check();
  });
}

async function seekFrame(seconds) {
  seek(seconds);
  await presentedFrame();
  return shownAt;
}

/** The previous frame ends where this one begins. */
const previousFrame = () => seekFrame(shownAt - MIN_INTERVAL_S / 2);

/**
 * Shows the next frame. Its time is unknown, because cameras pause and change their frame rate. Seeks to the expected
 * time first, then further ahead, then bisects until no frame can lie between. Stays on the last frame of the clip.
 */
async function nextFrame() {
  const from = shownAt;
  const end = (video.duration || length) - MIN_INTERVAL_S / 4;
  let [before, next, reach] = [from, Infinity, frameInterval - MIN_INTERVAL_S / 2];
  const probe = async (at) => {
    const found = await seekFrame(at);
    if (found > from + MIN_INTERVAL_S / 4) next = Math.min(next, found);
    else before = at;
    return found;
  };
  while (next === Infinity && before < end) {
    await probe(Math.min(from + reach, end));
    reach = reach < frameInterval ? frameInterval + MIN_INTERVAL_S / 2 : reach * 2;
  }
  if (next === Infinity) return;
  while (next - before > MIN_INTERVAL_S) {
    await probe(next - MIN_INTERVAL_S / 2);
    if (next - before > MIN_INTERVAL_S) await probe((before + next) / 2);
  }
  if (shownAt !== next) await seekFrame(next + MIN_INTERVAL_S / 4);
  frameInterval = next - from;
}

/** Runs after the work queued before. */
async function enqueue(work) {
  const before = queue;
  let done;
  queue = new Promise((resolve) => {
    done = resolve;
  });
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

/** One frame forward or backward. */
function step(by) {
  video.pause();
  return enqueue(async () => {
    await presentedFrame();
    await (by > 0 ? nextFrame() : previousFrame());
  });
}

const skip = (by) => enqueue(() => seek(video.currentTime + by));
const toggle = () =>
  enqueue(() => {
    video.paused ? video.play() : video.pause();
  });

function setRate(value) {
  video.playbackRate = value;
  for (const button of player.querySelectorAll("[data-rate]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.rate) === value));
  }
}

/** The nearest of RATES; a script may have set another rate. */
const nearestRate = (value) =>
  RATES.reduce((best, one) => (Math.abs(one - value) < Math.abs(best - value) ? one : best));
const changeRate = (by) => {
  const index = RATES.indexOf(nearestRate(video.playbackRate)) + by;
  setRate(RATES[Math.min(Math.max(index, 0), RATES.length - 1)]);
};
const clickLink = (name) => document.querySelector(`[data-${name}]`)?.click();

const KEYS = {
  " ": toggle,
  ArrowLeft: () => skip(-STEP_S),
  ArrowRight: () => skip(STEP_S),
  ",": () => step(-1),
  ".": () => step(1),
  "+": () => changeRate(1),
  "-": () => changeRate(-1),
  "[": () => clickLink("older"),
  "]": () => clickLink("newer"),
};
/** Elements with their own meaning of keys. */
const OWN_KEYS = "input:not([data-seek]), select, textarea, [popover], .lane";
const ACTIVATION_KEYS = new Set([" ", "Enter"]);
const BUTTONS = { play: toggle, "frame-back": KEYS[","], "frame-on": KEYS["."] };

/** Both sources failed: shows a message in place of the picture. */
function showFailure() {
  player.querySelector("[data-failed]").hidden = false;
}

/** Replaces the browser's controls, which ignore the theme and cannot step by single frames. */
function useOwnControls() {
  video.controls = false;
  player.querySelector("[data-bar]").hidden = false;
  slider.addEventListener("input", () => {
    isSliding = true;
    const seconds = Number(slider.value);
    enqueue(() => seek(seconds));
  });
  slider.addEventListener("change", () => {
    isSliding = false;
  });
  video.addEventListener("click", toggle);
  video.addEventListener("dblclick", () => player.querySelector("[data-full]").click());
}

function begin() {
  useOwnControls();
  trackFrames();
  if (video.error || video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) showFailure();
  video.addEventListener("error", showFailure);
  video.querySelector("source:last-of-type").addEventListener("error", showFailure);
  video.addEventListener("seeking", () => {
    isFramePending = true;
  });
  video.addEventListener("seeked", settle);
  if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) settle();
  else video.addEventListener("loadeddata", settle, { once: true });
  video.addEventListener("play", () => {
    player.querySelector("[data-play]").textContent = "Pause";
  });
  video.addEventListener("pause", () => {
    player.querySelector("[data-play]").textContent = "Play";
  });
  player.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do], [data-rate]");
    if (button?.dataset.do) BUTTONS[button.dataset.do]();
    else if (button) setRate(Number(button.dataset.rate));
  });
  // Handled before the video's own shortcuts, which differ between browsers.
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
      if (document.querySelector("dialog[open]") || event.target.closest(OWN_KEYS)) return;
      if (ACTIVATION_KEYS.has(event.key) && event.target.closest("button, a, summary")) return;
      event.preventDefault();
      event.stopPropagation();
      if (!(event.repeat && "stepping" in player.dataset)) KEYS[event.key]();
    },
    true,
  );
}

if (video) {
  begin();
  show(start);
}

startTimeline((ms) => {
  const seconds = ms / 1000 - started;
  if (!video || seconds < 0 || seconds >= length) return false;
  enqueue(() => seek(seconds));
  return true;
});

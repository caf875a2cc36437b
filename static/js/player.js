// The player of a clip: the time of the shown frame, single frames, speed, keys, and the day's time-line.
import "./drawn.js";
import { listen, mark } from "./band.js";

const player = document.querySelector("#player");
const video = player.querySelector("video");
const { started, length, frames, offset, start } = Object.fromEntries(
  Object.entries(player.dataset).map(([name, value]) => [name, Number(value)]),
);
const FRAME_S = frames > 1 && length > 0 ? length / frames : 1 / 15;
const STEP_S = 5;
const RATES = [0.25, 0.5, 1, 2, 4, 8];

/** When the shown frame is shown, in seconds of the clip. */
let shownAt = 0;

const wall = (ms) => new Date(ms).toISOString().slice(0, 23).replace("T", " ");

function show(seconds) {
  shownAt = seconds;
  const ms = Math.round((started + seconds) * 1000);
  for (const time of player.querySelectorAll("[data-wall]")) {
    time.textContent = wall(time.dataset.wall === "utc" ? ms : ms + offset * 1000);
  }
  mark(ms);
}

/** The browser tells the time of each frame that it shows. */
function follow() {
  video.requestVideoFrameCallback((_, frame) => {
    show(frame.mediaTime);
    follow();
  });
}

const seek = (seconds) => { video.currentTime = Math.min(Math.max(seconds, 0), video.duration || length); };
const toggle = () => (video.paused ? video.play() : video.pause());

/** To the middle of a frame, so that rounding shows no other one. */
function step(by) {
  video.pause();
  seek(shownAt + (by + 0.5) * FRAME_S);
}

function rate(value) {
  video.playbackRate = value;
  for (const button of player.querySelectorAll("[data-rate]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.rate) === value));
  }
}

const faster = (by) => rate(RATES[Math.min(Math.max(RATES.indexOf(video.playbackRate) + by, 0), RATES.length - 1)]);
const follow_link = (name) => document.querySelector(`[data-${name}]`)?.click();

const KEYS = {
  " ": toggle,
  ArrowLeft: () => seek(video.currentTime - STEP_S),
  ArrowRight: () => seek(video.currentTime + STEP_S),
  ",": () => step(-1),
  ".": () => step(1),
  "+": () => faster(1),
  "-": () => faster(-1),
  "[": () => follow_link("older"),
  "]": () => follow_link("newer"),
};
const DOES = { play: toggle, "frame-back": KEYS[","], "frame-on": KEYS["."] };

/** Both sources failed: the words stand where the picture would. */
function fail() {
  player.querySelector("[data-failed]").hidden = false;
}

function begin() {
  follow();
  if (video.error || video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) fail();
  video.addEventListener("error", fail);
  video.querySelector("source:last-of-type").addEventListener("error", fail);
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
    if (document.querySelector("dialog[open]") || event.target.closest("input, select, textarea, button, a")) return;
    event.preventDefault();
    event.stopPropagation();
    KEYS[event.key]();
  }, true);
}

if (video) {
  begin();
  show(start);
}

listen((ms) => {
  const seconds = ms / 1000 - started;
  if (!video || seconds < 0 || seconds >= length) return false;
  seek(seconds);
  return true;
});

// Keyboard shortcuts: `?` lists them. They override no browser shortcut and are off while the user types.
import { stepBrightness } from "./brightness.js";
import { nextTheme } from "./theme.js";

const AFTER_G_MS = 1500;
let afterG = -Infinity;

const isTyping = (element) => element.closest("input, select, textarea, [contenteditable], dialog[open] form") !== null;
const cameraLinks = () => [...document.querySelectorAll("[data-camera]")];
const click = (link) => link?.click();

export function stepCamera(by) {
  const links = cameraLinks();
  if (!links.length) return;
  const here = links.findIndex((link) => link.hasAttribute("aria-current"));
  const from = here < 0 && by < 0 ? 0 : here;
  click(links[(from + by + links.length) % links.length]);
}

const clickAction = (...names) => {
  const stage = document.querySelector("#stage");
  const found = names.map((name) => stage?.querySelector(`[data-action=${name}]`)).find(Boolean);
  click(found);
};

function nextQuality() {
  const buttons = [...document.querySelectorAll("#stage [name=quality]")];
  const chosen = buttons.findIndex((button) => button.getAttribute("aria-pressed") === "true");
  click(buttons[(chosen + 1) % buttons.length]);
}

/** At its top: the browser would focus the first link or button, and scroll to it. */
function showKeys() {
  const list = document.querySelector("#keys");
  list.showModal();
  list.querySelector("h2").focus();
  list.scrollTop = 0;
}

const KEYS = {
  "?": showKeys,
  j: () => stepCamera(1),
  k: () => stepCamera(-1),
  c: () => clickAction("capture"),
  s: () => clickAction("stop", "start"),
  r: () => click(document.querySelector("#recording [data-action]")),
  t: nextTheme,
  d: () => stepBrightness(-1),
  b: () => stepBrightness(1),
  p: () => click(document.querySelector("[data-live-snapshot]")),
  q: nextQuality,
  f: () => click(document.querySelector("[data-full]")),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const pageLink =
    performance.now() - afterG < AFTER_G_MS && document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  afterG = event.key === "g" ? performance.now() : -Infinity;
  if (pageLink) click(pageLink);
  else if (/^[1-9]$/.test(event.key)) click(cameraLinks()[Number(event.key) - 1]);
  else KEYS[event.key]?.();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  if (button) stepCamera(Number(button.dataset.step));
  if (event.target.closest("[data-show-keys]")) showKeys();
});

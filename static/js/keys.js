// Keys: `?` lists them. None is taken from the browser, and none works while somebody writes.
import { stepBrightness } from "./brightness.js";
import { nextTheme } from "./theme.js";

const AFTER_G_MS = 1500;
let afterG = -Infinity;

const writes = (element) => element.closest("input, select, textarea, [contenteditable], dialog[open] form") !== null;
const cameras = () => [...document.querySelectorAll("[data-camera]")];
const follow = (link) => link && link.click();

export function step(by) {
  const links = cameras();
  if (!links.length) return;
  const here = links.findIndex((link) => link.hasAttribute("aria-current"));
  const from = here < 0 && by < 0 ? 0 : here;
  follow(links[(from + by + links.length) % links.length]);
}

const act = (...names) => {
  const stage = document.querySelector("#stage");
  const found = names.map((name) => stage?.querySelector(`[data-action=${name}]`)).find(Boolean);
  follow(found);
};

function nextQuality() {
  const buttons = [...document.querySelectorAll("#stage [name=quality]")];
  const chosen = buttons.findIndex((button) => button.getAttribute("aria-pressed") === "true");
  follow(buttons[(chosen + 1) % buttons.length]);
}

const KEYS = {
  "?": () => document.querySelector("#keys").showModal(),
  j: () => step(1),
  k: () => step(-1),
  c: () => act("capture"),
  s: () => act("stop", "start"),
  r: () => follow(document.querySelector("#recording [data-action]")),
  t: nextTheme,
  d: () => stepBrightness(-1),
  b: () => stepBrightness(1),
  p: () => follow(document.querySelector("[data-live-snapshot]")),
  q: nextQuality,
  f: () => follow(document.querySelector("[data-full]")),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || writes(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const wentTo = performance.now() - afterG < AFTER_G_MS && document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  afterG = event.key === "g" ? performance.now() : -Infinity;
  if (wentTo) follow(wentTo);
  else if (/^[1-9]$/.test(event.key)) follow(cameras()[Number(event.key) - 1]);
  else KEYS[event.key]?.();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  if (button) step(Number(button.dataset.step));
});

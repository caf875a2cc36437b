// Short notices over the page. Information and warnings close after a while; errors stay until they are closed.

import { fillSentence, withNames } from "./sentences.js";

const SHOWN_MS = 15_000;
const MAX_SHOWN = 4;
const STAYING = ["error", "critical"];
const GLYPHS = { info: "ok", warning: "warn", error: "bad", critical: "quar" };
const TONES = { info: "ok", warning: "warn" };

const region = document.querySelector("#toasts");
const more = region?.querySelector("[data-toasts-more]");
const open = new Map();
/** The ids of those that were closed for want of space. */
const folded = new Set();

/** The name of the camera with this id, if this page shows it. */
const nameOf = (camera) => document.querySelector(`#side-${CSS.escape(camera)} .name`)?.title ?? camera;

/** The sentence of an event or an alert with the names of cameras, as the pages write it. */
export function sentenceOf({ camera, message, mentions }) {
  if (camera && !mentions.length) return `${nameOf(camera)}: ${message}`;
  return withNames(message, mentions, nameOf);
}

/** Shows a notice, or changes the one with this id. `address` is a page that says more. */
export function showToast({ id, severity, text, address }) {
  if (!region) return;
  closeToast(id);
  const toast = document.querySelector("#toast").content.firstElementChild.cloneNode(true);
  const tone = TONES[severity];
  if (tone) toast.classList.add(tone);
  const glyph = toast.querySelector("use");
  glyph.setAttribute("href", glyph.getAttribute("href").replace(/#.*/, `#${GLYPHS[severity] ?? "ok"}`));
  if (severity !== "info") toast.querySelector("[data-toast-severity]").textContent = `${severity}: `;
  fillSentence(toast.querySelector("[data-toast-text]"), text);
  toast.querySelector("a").href = address;
  toast.dataset.toast = id;
  open.set(id, toast);
  // The regions exist before what is announced in them.
  region.querySelector(STAYING.includes(severity) ? "[role=alert]" : "[role=status]").append(toast);
  if (!STAYING.includes(severity)) closeLater(id, toast);
  foldOldest();
}

function closeLater(id, toast) {
  let timer = setTimeout(() => closeToast(id, toast), SHOWN_MS);
  // Not while somebody reads it or is about to press its button.
  for (const begin of ["pointerenter", "focusin"]) toast.addEventListener(begin, () => clearTimeout(timer));
  for (const end of ["pointerleave", "focusout"])
    toast.addEventListener(end, () => {
      clearTimeout(timer);
      timer = setTimeout(() => closeToast(id, toast), SHOWN_MS);
    });
}

/** Closes the notice, unless it was replaced by a newer one. */
export function closeToast(id, toast = open.get(id)) {
  if (folded.delete(id)) showFolded();
  if (!toast || open.get(id) !== toast) return;
  open.delete(id);
  const hadFocus = toast.contains(document.activeElement);
  toast.remove();
  if (hadFocus)
    (region.querySelector("[data-toast-close]") ?? document.querySelector("#main a, #main button"))?.focus();
  if (!open.size) folded.clear();
  showFolded();
}

function foldOldest() {
  const calm = [...open].filter(([, toast]) => toast.closest("[role=status]"));
  for (const [id, toast] of [...calm, ...open]) {
    if (open.size <= MAX_SHOWN) break;
    closeToast(id, toast);
    folded.add(id);
  }
  showFolded();
}

function showFolded() {
  more.hidden = !folded.size;
  more.querySelector("a").textContent = `${folded.size} more in Events`;
}

document.addEventListener("click", (event) => {
  const toast = event.target.closest("[data-toast-close]")?.closest("[data-toast]");
  if (toast) closeToast(toast.dataset.toast);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open], :popover-open")) return;
  for (const id of [...open.keys()]) closeToast(id);
});

// Whether the station still answers. A page that has lost it says since when, and goes on asking.
import { length } from "./ages.js";
import { now, shown } from "./clock.js";

const LATE_MS = 6000;
const REFUSALS = {
  403: "Not yours to do, or this page is too old: load it anew.",
  503: "The station cannot do this just now. Nothing was done, as far as this page knows: try again in a moment.",
};
const banner = document.querySelector("#connection");
const link = document.querySelector("#link");
let heard = performance.now();
let heardAt = now();

const isNow = (event) => event.detail.elt?.id === "now";

function show(text) {
  if (link) link.lastElementChild.textContent = text;
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (!isNow(event) || !event.detail.successful) return;
  heard = performance.now();
  heardAt = now();
  banner.hidden = true;
  link?.classList.replace("warn", "ok");
  show("Connected");
});

setInterval(() => {
  const silent = performance.now() - heard;
  if (!link || document.hidden || silent < LATE_MS) return;
  banner.hidden = false;
  banner.querySelector("[data-lost]").textContent = length(silent / 1000);
  banner.querySelector("[data-lost-at]").textContent = shown(heardAt);
  link.classList.replace("ok", "warn");
  show("Lost");
}, 1000);

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) heard = Math.max(heard, performance.now() - LATE_MS / 2);
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-try-now]")) return;
  window.htmx.trigger("#now", "htmx:abort"); // one that is under way may hang for as long as its timeout
  window.htmx.trigger(document.body, "acted");
});

// What was asked for and refused, said where it was asked. A form keeps what was typed into it.
const refused = document.querySelector("#refused");

function refuse(event, sentence) {
  if (isNow(event)) return;
  const { elt, target } = event.detail;
  const form = elt.closest("form");
  if (!inSight(elt) || !inSight(target)) sayOnPage(sentence);
  else if (!target.contains(elt) && !target.querySelector("form")) target.textContent = sentence;
  else if (form) sayInForm(form, sentence);
  else sayOnPage(sentence);
}

/** Whether it is still in the page, and not in a dialog that is closed. */
const inSight = (element) => element?.isConnected && !element.closest("dialog:not([open])");

function sayOnPage(sentence) {
  refused.querySelector("[data-refused]").textContent = sentence;
  refused.hidden = false;
  refused.scrollIntoView({ block: "nearest" });
}

function sayInForm(form, sentence) {
  const line = form.querySelector(".said") ?? form.insertBefore(document.createElement("p"), form.firstChild);
  line.className = "said bad";
  line.setAttribute("role", "alert");
  line.replaceChildren(refused.querySelector(".i").cloneNode(true), sentence);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-refused-seen]")) refused.hidden = true;
});
document.addEventListener("htmx:sendError", (event) => refuse(event, "The station does not answer. Nothing was done, as far as this page knows."));
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  refuse(event, REFUSALS[status] ?? `The station could not do this (${status}).`);
});

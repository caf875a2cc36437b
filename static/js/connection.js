// Whether the station still answers. A page that has lost it says since when, shows nothing old as if it were new, and
// goes on asking.
import { length } from "./ages.js";
import { showStale } from "./stale.js";
import { now, shown } from "./clock.js";

const LATE_MS = 6000;
const REFUSALS = {
  403: "You are not allowed to do this, or this page has expired. Reload the page.",
  503: "The station cannot do this right now. As far as this page knows, nothing was done. Try again in a moment.",
};
const banner = document.querySelector("#connection");
const link = document.querySelector("#link");
let heard = performance.now();
let heardAt = now();
let lost = false;

const isNow = (event) => event.detail.elt?.id === "now";

function showLink(tone, text) {
  if (!link) return;
  link.className = `st ${tone}`;
  const glyph = link.querySelector("use");
  glyph.setAttribute("href", glyph.getAttribute("href").replace(/#.*/, tone === "ok" ? "#ok" : "#stale"));
  link.lastElementChild.textContent = text;
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (!isNow(event) || !event.detail.successful) return;
  heard = performance.now();
  heardAt = now();
  banner.hidden = true;
  lost = false;
  showLink("ok", "Connected");
});

setInterval(() => {
  const silent = performance.now() - heard;
  if (!link || document.hidden || silent < LATE_MS) return;
  lost = true;
  banner.hidden = false;
  banner.querySelector("[data-lost]").textContent = length(silent / 1000);
  banner.querySelector("[data-lost-at]").textContent = shown(heardAt);
  showLink("warn", "No answer");
  showStale(shown(heardAt));
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
  else if (!target.contains(elt) && !target.querySelector("form")) sayIn(target, sentence);
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
  const line = form.querySelector(":scope > .message, .actions-end .message") ?? form.insertBefore(document.createElement("p"), form.firstChild);
  line.setAttribute("role", "alert");
  say(line, sentence);
}

function sayIn(target, sentence) {
  target.replaceChildren(say(document.createElement("span"), sentence));
}

function say(line, sentence) {
  line.className = "message bad";
  line.replaceChildren(refused.querySelector(".i").cloneNode(true), sentence);
  return line;
}

/** What was pressed, as its button calls it. Empty for what the page does by itself. */
function actOf({ elt, requestConfig }) {
  const pressed = requestConfig?.triggeringEvent?.submitter ?? elt.closest("a, button") ?? elt.querySelector("button");
  return pressed ? nameOf(pressed) : "";
}

const nameOf = (button) => button.getAttribute("aria-label") || (button.querySelector(".idle") ?? button).textContent.trim();

/** No answer came: what was pressed says so, and a part that renews itself says it in its own place. */
function unanswered(event, sentence) {
  const { elt } = event.detail;
  const act = actOf(event.detail);
  if (elt.hasAttribute("data-quiet")) elt.textContent = "The station does not answer.";
  else if (act) refuse(event, `${act} ${sentence}`);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-refused-close]")) refused.hidden = true;
});
document.addEventListener("htmx:sendError", (event) => unanswered(event, "was not sent. The station does not answer."));
document.addEventListener("htmx:timeout", (event) => unanswered(event, "got no answer in time. It may still take effect: check before you press it again."));
document.addEventListener("htmx:targetError", () => sayOnPage("It was done, but this page cannot show it. Reload the page."));
// A form that leads to another page would leave this one for the browser's own page of errors.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!lost || form.hasAttribute("hx-post") || form.method === "dialog") return;
  event.preventDefault();
  sayOnPage(`${event.submitter ? nameOf(event.submitter) : "The form"} was not sent. The station does not answer.`);
});
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.elt.hasAttribute("data-quiet")) return;
  const { status } = event.detail.xhr;
  refuse(event, REFUSALS[status] ?? `The station could not do this (${status}).`);
});

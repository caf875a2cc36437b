// Whether the station still answers. A page without an answer shows since when, marks its data as stale, and keeps
// trying.
import { ageText } from "./ages.js";
import { now, shown } from "./clock.js";
import { fillSentence, nodesOf } from "./sentences.js";
import { showStale } from "./stale.js";

const LATE_MS = 6000;
const REFUSALS = {
  403: "You are not allowed to do this, or this page has expired. Reload the page.",
  503: "The station cannot do this right now. As far as this page knows, nothing was done. Try again in a moment.",
};
const banner = document.querySelector("#connection");
const link = document.querySelector("#link");
let answeredAt = performance.now();
let answeredTime = now();
let lost = false;

const isNow = (event) => event.detail.elt?.id === "now";

function showLink(tone, text) {
  if (!link) return;
  link.classList.remove("ok", "warn");
  link.classList.add(tone);
  const glyph = link.querySelector("use");
  glyph.setAttribute("href", glyph.getAttribute("href").replace(/#.*/, tone === "ok" ? "#ok" : "#stale"));
  link.lastElementChild.textContent = text;
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (!isNow(event) || !event.detail.successful) return;
  answeredAt = performance.now();
  answeredTime = now();
  banner.hidden = true;
  lost = false;
  showLink("ok", "Connected");
});

/** Whether the page shows that the station does not answer. */
export const isLost = () => lost;

/** A message of the station arrived in another way. Only an update of the page ends the loss: its data are old. */
export function noteAnswer() {
  if (lost) return;
  answeredAt = performance.now();
  answeredTime = now();
}

setInterval(() => {
  const silentMs = performance.now() - answeredAt;
  if (!link || document.hidden || silentMs < LATE_MS) return;
  lost = true;
  banner.hidden = false;
  banner.querySelector("[data-lost]").textContent = ageText(silentMs / 1000);
  banner.querySelector("[data-lost-at]").textContent = shown(answeredTime);
  showLink("warn", "No answer");
  showStale(shown(answeredTime));
}, 1000);

document.addEventListener("visibilitychange", () => {
  // A hidden page requests nothing, so its silence says nothing. The first answer gets half of the usual time.
  if (!document.hidden) answeredAt = Math.max(answeredAt, performance.now() - LATE_MS / 2);
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-try-now]")) return;
  window.htmx.trigger("#now", "htmx:abort"); // a running request may hang until its timeout
  window.htmx.trigger(document.body, "acted");
});

// Refusals are shown where the request was made. A form keeps its input.
const refused = document.querySelector("#refused");

function showRefusal(event, sentence) {
  if (isNow(event)) return;
  const { elt, target } = event.detail;
  const form = elt.closest("form");
  if (!isVisible(elt) || !isVisible(target)) showOnPage(sentence);
  else if (!target.contains(elt) && !target.querySelector("form")) showIn(target, sentence);
  else if (form) showInForm(form, sentence);
  else showOnPage(sentence);
}

/** Whether an element is still in the page, and not in a closed dialog. */
const isVisible = (element) => element?.isConnected && !element.closest("dialog:not([open])");

export function showOnPage(sentence) {
  fillSentence(refused.querySelector("[data-refused]"), sentence);
  refused.hidden = false;
  refused.scrollIntoView({ block: "nearest" });
}

function showInForm(form, sentence) {
  const line =
    form.querySelector(":scope > .message, .actions-end .message") ??
    form.insertBefore(document.createElement("p"), form.firstChild);
  line.setAttribute("role", "alert");
  fillMessage(line, sentence);
}

function showIn(target, sentence) {
  target.replaceChildren(fillMessage(document.createElement("span"), sentence));
}

function fillMessage(line, sentence) {
  line.className = "message bad";
  line.replaceChildren(refused.querySelector(".i").cloneNode(true), ...nodesOf(sentence));
  return line;
}

/** The label of the pressed button. Empty for requests that the page makes by itself. */
function actionOf({ elt, requestConfig }) {
  const pressed = requestConfig?.triggeringEvent?.submitter ?? elt.closest("a, button") ?? elt.querySelector("button");
  return pressed ? nameOf(pressed) : "";
}

export const nameOf = (button) =>
  button.getAttribute("aria-label") || (button.querySelector(".idle") ?? button).textContent.trim();

/** No answer came: shown beside the pressed button, or in the part of the page that updates itself. */
function showNoAnswer(event, sentence) {
  const { elt } = event.detail;
  const action = actionOf(event.detail);
  if (elt.hasAttribute("data-quiet")) elt.textContent = "The station does not answer.";
  else if (action) showRefusal(event, `${action} ${sentence}`);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-refused-close]")) refused.hidden = true;
});
const NOT_SENT = "was not sent. The station does not answer.";
const NO_ANSWER_IN_TIME = "got no answer in time. It may still take effect: check before you press it again.";
document.addEventListener("htmx:sendError", (event) => showNoAnswer(event, NOT_SENT));
document.addEventListener("htmx:timeout", (event) => showNoAnswer(event, NO_ANSWER_IN_TIME));
document.addEventListener("htmx:targetError", () =>
  showOnPage("It was done, but this page cannot show it. Reload the page."),
);
// Submitting a form that leads to another page would replace this page by the browser's error page.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!lost || form.hasAttribute("hx-post") || form.method === "dialog") return;
  event.preventDefault();
  showOnPage(`${event.submitter ? nameOf(event.submitter) : "The form"} was not sent. The station does not answer.`);
});
const refusalOf = (status) => REFUSALS[status] ?? `The station could not do this (${status}).`;

document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.elt.hasAttribute("data-quiet")) return;
  showRefusal(event, refusalOf(event.detail.xhr.status));
});

// An update may remove a button while its request is under way. The events above then fire outside the page.
const SHOWN_IN_TARGET = [400, 409]; // as `responseHandling` in base.html says
document.addEventListener("htmx:beforeSend", ({ detail }) => {
  const { elt, xhr } = detail;
  const action = actionOf(detail);
  if (!action || elt.hasAttribute("data-quiet")) return;
  const whenRemoved = (name, show) => xhr.addEventListener(name, () => elt.isConnected || show());
  whenRemoved("error", () => showOnPage(`${action} ${NOT_SENT}`));
  whenRemoved("timeout", () => showOnPage(`${action} ${NO_ANSWER_IN_TIME}`));
  whenRemoved("load", () => {
    if (xhr.status >= 400 && !SHOWN_IN_TARGET.includes(xhr.status)) showOnPage(refusalOf(xhr.status));
  });
});

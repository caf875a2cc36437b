// How parts of a page are exchanged. What is marked to be kept stays as it is: a live picture, an outcome that was
// just said, a form that is on its way.

const kept = (node) =>
  node.nodeType === Node.ELEMENT_NODE &&
  (node.hasAttribute("data-live") || node.hasAttribute("data-keep") || node.classList.contains("htmx-request"));

window.Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) => !kept(old);

// A page that nobody looks at asks nothing, and keeps no camera. Once it is looked at again it does both at once: the
// next renewal by time may come too late.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (document.hidden && (elt.id === "now" || elt.hasAttribute("data-while-visible"))) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  window.htmx.trigger(document.body, "visible");
  window.htmx.trigger(document.body, "acted");
});

// An outcome stands for half a minute, then what is usual stands there again.
const SAID_MS = 30_000;
const timers = new Map();
document.addEventListener("htmx:afterSwap", (event) => {
  const { target } = event.detail;
  if (!target.id.startsWith("said-")) return;
  clearTimeout(timers.get(target.id));
  timers.set(target.id, setTimeout(() => target.replaceChildren(), SAID_MS));
});

// Who holds a camera is known with each renewal of the page. An outcome that says otherwise by then is gone, and what
// another's hold would refuse cannot be pressed, with the reason in its title.
const isNow = (event) => event.detail.elt?.id === "now";
let asked = 0;

function followHolder() {
  for (const line of document.querySelectorAll("[data-reported-holder]")) {
    const holder = line.closest("[data-held-by]")?.dataset.heldBy;
    if (Number(line.dataset.reportedAt) < asked && holder !== line.dataset.reportedHolder) line.parentElement.replaceChildren();
  }
  const lease = document.querySelector("#lease");
  if (lease) for (const button of document.querySelectorAll("[data-command]")) holdBack(button, lease.dataset.held);
}

function holdBack(button, reason) {
  if (button.closest(".htmx-request")) return;
  if (reason) button.title = reason;
  else if (button.disabled) button.removeAttribute("title");
  button.disabled = Boolean(reason);
}

document.addEventListener("htmx:beforeSend", (event) => {
  if (isNow(event)) asked = performance.now();
});
document.addEventListener("htmx:afterSwap", (event) => {
  for (const line of event.detail.target.querySelectorAll("[data-reported-holder]")) line.dataset.reportedAt = performance.now();
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (isNow(event)) followHolder();
});
document.addEventListener("htmx:load", followHolder);
followHolder();

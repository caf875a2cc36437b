// How htmx swaps parts of a page. Some elements are kept as they are: a live picture, a message that is being shown,
// a form that is being sent.

const isKept = (node) =>
  node.nodeType === Node.ELEMENT_NODE &&
  (node.hasAttribute("data-live") || node.hasAttribute("data-keep") || node.classList.contains("htmx-request"));

window.Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) => !isKept(old);

// A hidden page requests nothing and does not renew its lease. When it becomes visible it does both at once, because
// the next timed update may come too late.
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (document.hidden && (elt.id === "now" || elt.hasAttribute("data-while-visible"))) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  window.htmx.trigger(document.body, "visible");
  window.htmx.trigger(document.body, "acted");
});

// A message is shown for half a minute, then the usual content returns.
const SHOWN_MS = 30_000;
const timers = new Map();
document.addEventListener("htmx:afterSwap", (event) => {
  const { target } = event.detail;
  if (!target.id.startsWith("said-")) return;
  clearTimeout(timers.get(target.id));
  timers.set(
    target.id,
    setTimeout(() => target.replaceChildren(), SHOWN_MS),
  );
});

// Each update of the page says who holds a camera. A message that contradicts it is removed, and buttons that another
// user's lease would refuse are disabled, with the reason in their titles. The holder is empty while no one holds it.
const isNow = (event) => event.detail.elt?.id === "now";
let requestedAt = 0;
// When the update that the page shows was requested: the next one may be on its way.
let shownRequestedAt = 0;

function updateForHolder() {
  for (const message of document.querySelectorAll("[data-reported-holder]")) {
    const holder = message.closest("[data-held-by]")?.dataset.heldBy;
    // An update that was requested before the message does not know of it yet.
    if (Number(message.dataset.reportedAt) < shownRequestedAt && holder !== message.dataset.reportedHolder)
      message.parentElement.replaceChildren();
  }
  const lease = document.querySelector("#lease");
  if (lease) for (const button of document.querySelectorAll("[data-command]")) setRefused(button, lease.dataset.held);
}

function setRefused(button, reason) {
  if (button.closest(".htmx-request")) return;
  if (reason) button.title = reason;
  else if (button.disabled) button.removeAttribute("title");
  button.disabled = Boolean(reason);
}

document.addEventListener("htmx:beforeSend", (event) => {
  if (isNow(event)) requestedAt = performance.now();
});
document.addEventListener("htmx:afterSwap", (event) => {
  for (const message of event.detail.target.querySelectorAll("[data-reported-holder]"))
    message.dataset.reportedAt = performance.now();
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (!isNow(event) || !event.detail.successful) return;
  shownRequestedAt = requestedAt;
  updateForHolder();
});
document.addEventListener("htmx:load", updateForHolder);
updateForHolder();

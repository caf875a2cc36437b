// Forms that open over the page. Without JavaScript each form is a separate page.

const dialog = document.querySelector("#dialog");
const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "dialog-body" && !dialog.open) dialog.showModal();
});
document.body.addEventListener("acted", (event) => {
  if (dialog.contains(event.target)) dialog.close(); // actions of others leave an open form as it is
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("#dialog [data-close]")) return;
  event.preventDefault();
  dialog.close();
});

/** What Tab reaches in an element, in its order. */
const focusable = (root) =>
  [...root.querySelectorAll(FOCUSABLE)].filter((one) => !one.disabled && one.tabIndex >= 0 && one.checkVisibility());

// The page behind an open dialog is inert, but Tab would leave the dialog for the bars of the browser.
document.addEventListener("keydown", (event) => {
  const open = [...document.querySelectorAll("dialog[open]")].at(-1); // a question is behind the others in the page
  if (event.key !== "Tab" || !open) return;
  const reached = focusable(open);
  const from = reached.indexOf(document.activeElement);
  const isLeaving = event.shiftKey ? from <= 0 : from === reached.length - 1;
  if (!isLeaving || !reached.length) return;
  event.preventDefault();
  reached.at(event.shiftKey ? -1 : 0).focus();
});

// A suggested meaning of ambiguous input: a click writes it into the field and fires the event of typing.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  if (!button) return;
  const field = document.getElementById(button.dataset.fill);
  field.value = button.dataset.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

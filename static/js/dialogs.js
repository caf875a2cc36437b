// Forms that open over the page. Without scripts each is a page of its own.

const dialog = document.querySelector("#dialog");

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "dialog-body" && !dialog.open) dialog.showModal();
});
document.body.addEventListener("acted", (event) => {
  if (dialog.contains(event.target)) dialog.close(); // what others did leaves the form as it was typed
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("#dialog [data-close]")) return;
  event.preventDefault();
  dialog.close();
});
// A reading of what was typed, to choose: it goes into the field as if it had been typed there.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  if (!button) return;
  const field = document.getElementById(button.dataset.fill);
  field.value = button.dataset.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

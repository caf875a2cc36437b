// Forms that open over the page. Without JavaScript each form is a separate page.

const dialog = document.querySelector("#dialog");

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
// A suggested meaning of ambiguous input: a click writes it into the field and fires the event of typing.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  if (!button) return;
  const field = document.getElementById(button.dataset.fill);
  field.value = button.dataset.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm?.replace(/\s+/g, " "); // templates break long ones into lines
  if (question && !window.confirm(question)) event.preventDefault();
});

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
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

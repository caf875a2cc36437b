// Trash: one box chooses all captures of the page.

const all = document.querySelector("#choose-all");
all?.addEventListener("change", () => {
  for (const box of document.querySelectorAll("#trash input[name=capture]")) box.checked = all.checked;
});

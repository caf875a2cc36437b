// Archive admin: the box in the head of a list chooses the rows of the page.

const all = document.getElementById("action-toggle");
const boxes = document.querySelectorAll("#rows input[name=_selected_action]");
all?.addEventListener("change", () => {
  for (const box of boxes) box.checked = all.checked;
});

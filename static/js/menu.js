// Which groups of the side bar the reader has opened: kept in a cookie. They fold without a script, too.
import { storeChoice, storedChoice } from "./cookies.js";

// A click, also that of the keyboard: the event of folding fires for the groups that the server has opened, too.
document.addEventListener("click", (event) => {
  const group = event.target.closest(".side summary")?.parentElement;
  if (!group) return;
  const opened = new Set(storedChoice("groups").split(".").filter(Boolean));
  if (group.open) opened.delete(group.dataset.group);
  else opened.add(group.dataset.group);
  storeChoice("groups", [...opened].join("."));
});

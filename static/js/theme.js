// Theme: applied at once, and stored in a cookie that the server reads. Without JavaScript the forms do the same.
import { storeChoice } from "./cookies.js";

const THEMES = ["light", "dark", "red"];

export function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  storeChoice("theme", theme);
  for (const button of document.querySelectorAll(".themes [name=theme]")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
  document.dispatchEvent(new CustomEvent("themechange"));
}

export function nextTheme() {
  const index = THEMES.indexOf(document.documentElement.dataset.theme);
  setTheme(THEMES[(index + 1) % THEMES.length]);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[name=theme]");
  if (!button) return;
  event.preventDefault();
  if (button.hasAttribute("data-next-theme")) nextTheme();
  else setTheme(button.value);
});

// Theme: applied at once, and stored in a cookie that the server reads. Without JavaScript the forms do the same.

const THEMES = ["light", "dark", "red"];
const YEAR_S = 365 * 86400;

export function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  // A browser does not store a secure cookie over plain HTTP.
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${theme}; path=/; max-age=${YEAR_S}; samesite=lax${secure}`;
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

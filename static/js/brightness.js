// How bright pictures are in the red theme: at once on the page, and kept in the cookie that the server reads.

const LEAST = 10;
const MOST = 100;
const STEP = 10;
const YEAR_S = 365 * 86400;
const root = document.documentElement;

function set(percent) {
  root.dataset.brightness = percent;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `brightness=${percent}; path=/; max-age=${YEAR_S}; samesite=lax${secure}`;
  for (const slider of document.querySelectorAll("[name=brightness]")) show(slider, percent);
}

function show(slider, percent) {
  slider.value = percent;
  slider.setAttribute("aria-valuetext", `${percent} %`);
}

/** A step brighter (1) or dimmer (-1); only where it can be seen. */
export function stepBrightness(by) {
  if (root.dataset.theme !== "red") return;
  set(Math.min(MOST, Math.max(LEAST, Number(root.dataset.brightness) + by * STEP)));
}

document.addEventListener("input", (event) => {
  if (event.target.name === "brightness") set(event.target.value);
});
for (const slider of document.querySelectorAll("[name=brightness]")) show(slider, root.dataset.brightness);

// Picture brightness in the red theme: applied at once, and stored in a cookie that the server reads.
import { storeChoice } from "./cookies.js";

const LEAST = 10;
const MOST = 100;
const STEP = 10;
const root = document.documentElement;

function setBrightness(percent) {
  root.dataset.brightness = percent;
  storeChoice("brightness", percent);
  for (const slider of document.querySelectorAll("[name=brightness]")) updateSlider(slider, percent);
}

function updateSlider(slider, percent) {
  slider.value = percent;
  slider.setAttribute("aria-valuetext", `${percent} %`);
}

/** One step brighter (1) or dimmer (-1); only in the red theme. */
export function stepBrightness(by) {
  if (root.dataset.theme !== "red") return;
  setBrightness(Math.min(MOST, Math.max(LEAST, Number(root.dataset.brightness) + by * STEP)));
}

document.addEventListener("input", (event) => {
  if (event.target.name === "brightness") setBrightness(event.target.value);
});
for (const slider of document.querySelectorAll("[name=brightness]")) updateSlider(slider, root.dataset.brightness);

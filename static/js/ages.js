// Ages keep counting between two updates from the station, so that old data never look new.
import { now } from "./clock.js";

/** 12 s, 3 min, 2 h 5 min, 6 d 4 h: the format of the server. */
export function ageText(seconds) {
  const s = Math.max(0, seconds);
  if (s < 60) return `${Math.round(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

setInterval(() => {
  for (const element of document.querySelectorAll("[data-age]")) {
    element.textContent = ageText((now() - Date.parse(element.dataset.age)) / 1000);
  }
}, 1000);

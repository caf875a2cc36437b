// Recordings of a day: pictures that are still being drawn, time-lines, and arrow keys from day to day.
import "./thumbnails.js";
import { listen } from "./timeline.js";

listen();

const chosen = document.querySelector(".hours [aria-current]");
if (chosen) chosen.parentElement.scrollLeft = chosen.offsetLeft - chosen.parentElement.offsetLeft - chosen.parentElement.clientWidth / 2;

const TURNS = { ArrowLeft: -1, ArrowRight: 1 };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !(event.key in TURNS)) return;
  if (document.querySelector("dialog[open]") || event.target.closest("input, select, textarea")) return;
  document.querySelector(`[data-pager="${TURNS[event.key]}"]`)?.click();
});

// Recordings of a day: timelines, and arrow keys for the previous and next day.
import { startTimeline } from "./timeline.js";

startTimeline();

const chosen = document.querySelector(".hours [aria-current]");
if (chosen)
  chosen.parentElement.scrollLeft =
    chosen.offsetLeft - chosen.parentElement.offsetLeft - chosen.parentElement.clientWidth / 2;

const PAGES = { ArrowLeft: -1, ArrowRight: 1 };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !(event.key in PAGES)) return;
  if (document.querySelector("dialog[open]") || event.target.closest("input, select, textarea")) return;
  document.querySelector(`[data-pager="${PAGES[event.key]}"]`)?.click();
});

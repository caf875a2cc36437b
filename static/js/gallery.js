// The gallery and the page of a capture: pictures at full size, arrow keys, and thumbnails that are still being drawn.
import "./thumbnails.js";
import { openAtFullSize } from "./lightbox.js";

const tiles = document.querySelector("#tiles");

if (tiles) {
  openAtFullSize(tiles);
  if (location.hash.startsWith("#c-")) document.querySelector(`#${CSS.escape(location.hash.slice(1))}`)?.focus();
}

// On a narrow screen the chosen day and hour are not the first that one sees.
for (const chosen of document.querySelectorAll(".cal [aria-current], .hours [aria-current]")) {
  const row = chosen.parentElement;
  row.scrollLeft = chosen.offsetLeft - row.offsetLeft - (row.clientWidth - chosen.offsetWidth) / 2;
}

// Arrow keys: from tile to tile where one has the focus, else to the night or capture before and after.
const all = () => [...tiles.querySelectorAll(".th")];
const wide = () => getComputedStyle(tiles).gridTemplateColumns.split(" ").length;
const STEPS = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: () => -(tiles ? wide() : 0), ArrowDown: () => (tiles ? wide() : 0) };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !(event.key in STEPS)) return;
  if (document.querySelector("dialog[open], .pswp--open") || event.target.closest("input, select, textarea, .tw")) return;
  const tile = event.target.closest(".tiles .th");
  const found = tile && all()[all().indexOf(tile) + STEPS[event.key]()];
  const turn = tile ? null : document.querySelector(`[data-pager="${STEPS[event.key]()}"]`);
  if (!found && !turn) return;
  event.preventDefault();
  if (found) found.focus();
  else turn.click();
});

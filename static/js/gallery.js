// The gallery and the page of a capture: pictures at full size, and arrow keys.
import { scrollThrough } from "./gallery-scroll.js";
import { openAtFullSize } from "./lightbox.js";

const tiles = document.querySelector("#tiles");

if (tiles) {
  openAtFullSize(tiles);
  scrollThrough(tiles);
  if (location.hash.startsWith("#c-")) document.querySelector(`#${CSS.escape(location.hash.slice(1))}`)?.focus();
}

// On a narrow screen the chosen day and hour may be out of view: scroll to them.
for (const chosen of document.querySelectorAll(".cal [aria-current], .hours [aria-current]")) {
  const row = chosen.parentElement;
  row.scrollLeft = chosen.offsetLeft - row.offsetLeft - (row.clientWidth - chosen.offsetWidth) / 2;
}

// Arrow keys: from tile to tile if a tile has the focus, else to the previous or next night or capture.
const allTiles = () => [...tiles.querySelectorAll(".th")];
const columnCount = () => getComputedStyle(tiles).gridTemplateColumns.split(" ").length;
const STEPS = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: () => -(tiles ? columnCount() : 0),
  ArrowDown: () => (tiles ? columnCount() : 0),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !(event.key in STEPS)) return;
  if (document.querySelector("dialog[open], .pswp--open") || event.target.closest("input, select, textarea, .tw"))
    return;
  const tile = event.target.closest(".tiles .th");
  const found = tile && allTiles()[allTiles().indexOf(tile) + STEPS[event.key]()];
  const pagerLink = tile ? null : document.querySelector(`[data-pager="${STEPS[event.key]()}"]`);
  if (!found && !pagerLink) return;
  event.preventDefault();
  if (found) found.focus();
  else pagerLink.click();
});

// A camera's time-line: where the pointer is stands in a flag, and a click leads to that moment.
import { shownOffset } from "./clock.js";

const LOCAL = (ms) => new Date(ms + shownOffset()).toISOString().slice(11, 19);

/** Milliseconds since 1970 of a place on a band. */
function momentAt(band, clientX) {
  const { left, width } = band.querySelector(".lane").getBoundingClientRect();
  const begin = Date.parse(band.dataset.begin);
  const share = Math.min(Math.max((clientX - left) / width, 0), 1);
  return begin + share * (Date.parse(band.dataset.end) - begin);
}

function showFlag(band, event) {
  const lane = band.querySelector(".lane");
  const flag = lane.querySelector(".flag");
  flag.hidden = false;
  flag.value = LOCAL(momentAt(band, event.clientX));
  const { left, width } = lane.getBoundingClientRect();
  flag.style.left = `${Math.min(Math.max(event.clientX - left - flag.offsetWidth / 2, 0), width - flag.offsetWidth)}px`;
}

/** `here(ms)` may answer a click by itself, with true. */
export function listen(here = () => false) {
  for (const band of document.querySelectorAll("[data-band]")) {
    const lane = band.querySelector(".lane");
    lane.dataset.live = "";
    lane.addEventListener("pointermove", (event) => showFlag(band, event));
    lane.addEventListener("pointerleave", () => { lane.querySelector(".flag").hidden = true; });
    lane.addEventListener("click", (event) => {
      const ms = momentAt(band, event.clientX);
      if (here(ms)) return;
      const query = new URLSearchParams({ camera: band.dataset.band, at: new Date(ms).toISOString() });
      location.assign(`/clips/at/?${query}`);
    });
  }
}

/** Moves the mark of a band to a moment, in milliseconds. */
export function mark(ms) {
  const line = document.querySelector("[data-mark]");
  const band = line?.closest("[data-band]");
  if (!band) return;
  const begin = Date.parse(band.dataset.begin);
  const x = ((ms - begin) / (Date.parse(band.dataset.end) - begin)) * 1000;
  line.setAttribute("d", `M${x.toFixed(2)} 0V26`);
}

// The station's time, as far as the page knows: what the server said, and what has passed since by a clock that
// does not jump. A browser's own clock may be hours off.

const face = document.querySelector("[data-now]");
const said = face ? Number(face.dataset.now) * 1000 : Date.now();
const offset = face ? Number(face.dataset.offset) * 1000 : 0;
const began = performance.now();

/** Milliseconds since 1970, UTC. */
export const now = () => said + performance.now() - began;

/** HH:MM:SS of a moment in UTC. */
export const hms = (ms) => new Date(ms).toISOString().slice(11, 19);

/** HH:MM:SS of a moment at the station. */
export const stationHms = (ms) => hms(ms + offset);

/** Milliseconds from UTC to the times that the page's charts show. */
export const shownOffset = document.querySelector('[name=clock][value=utc][aria-pressed="true"]') ? 0 : offset;

function tick() {
  for (const element of document.querySelectorAll("[data-clock]")) element.textContent = stationHms(now());
  for (const element of document.querySelectorAll("[data-clock-utc]")) element.textContent = hms(now());
}

if (face) setInterval(tick, 1000);

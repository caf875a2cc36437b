// The station's time as the page knows it: the server's last time plus the time since. The browser's wall clock may
// be hours off and may jump; its monotonic clock stops while a laptop sleeps. Until the next update the clock that
// advanced further counts, so that old data never look new.

/** The browser's zone is used on pages without the station's clock. */
let offset = -new Date().getTimezoneOffset() * 60_000;
let serverMs = Date.now();
let receivedAt = performance.now();
let receivedWallMs = Date.now();
// 0 is the navigation, from which performance.now() counts: it requested the time that the page itself contains.
let requestedAt = 0;

const clockElement = () => document.querySelector("[data-now]");

/** Milliseconds since 1970, UTC. */
export const now = () => serverMs + Math.max(performance.now() - receivedAt, Date.now() - receivedWallMs);

/** HH:MM:SS of a moment in UTC. */
const hms = (ms) => new Date(ms).toISOString().slice(11, 19);

/** Milliseconds from UTC to the zone that the page shows. */
export const shownOffset = () => (document.querySelector('[name=clock][value=utc][aria-pressed="true"]') ? 0 : offset);

/** HH:MM:SS in the page's zone; with the date unless it is today. */
export function shown(ms) {
  const text = new Date(ms + shownOffset()).toISOString();
  const today = new Date(now() + shownOffset()).toISOString().slice(0, 10);
  return text.startsWith(today) ? text.slice(11, 19) : text.slice(0, 19).replace("T", " ");
}

/** The server's time was taken between request and response: the known time is kept if it lies in that range. */
function setServerTime(earliest, latest) {
  serverMs = Math.min(Math.max(now(), earliest), latest);
  receivedAt = performance.now();
  receivedWallMs = Date.now();
}

function readClock() {
  const { dataset } = clockElement();
  const earliest = Number(dataset.now) * 1000;
  offset = Number(dataset.offset) * 1000;
  setServerTime(earliest, earliest + performance.now() - requestedAt);
}

function updateClocks() {
  for (const element of document.querySelectorAll("[data-clock]")) element.textContent = hms(now() + offset);
  for (const element of document.querySelectorAll("[data-clock-utc]")) element.textContent = hms(now());
}

const isNow = (event) => event.detail.elt?.id === "now";

document.addEventListener("htmx:beforeSend", (event) => {
  if (isNow(event)) requestedAt = performance.now();
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (isNow(event) && event.detail.successful && clockElement()) readClock();
});

if (clockElement()) {
  readClock();
  setInterval(updateClocks, 1000);
}

// The station's time, as far as the page knows: what the server said last, and what has passed since. A browser's own
// clock may be hours off and jump, and the one that does not jump stands still while a laptop sleeps: until the next look
// at the station the one that went further counts, so that nothing old looks new.

/** The zone of the browser serves where a page has no clock of the station. */
let offset = -new Date().getTimezoneOffset() * 60_000;
let said = Date.now();
let at = performance.now();
let wallAt = Date.now();
let asked = 0;

const face = () => document.querySelector("[data-now]");

/** Milliseconds since 1970, UTC. */
export const now = () => said + Math.max(performance.now() - at, Date.now() - wallAt);

/** HH:MM:SS of a moment in UTC. */
const hms = (ms) => new Date(ms).toISOString().slice(11, 19);

/** Milliseconds from UTC to the times that the page shows. */
export const shownOffset = () => (document.querySelector('[name=clock][value=utc][aria-pressed="true"]') ? 0 : offset);

/** HH:MM:SS of a moment as the page's other times, and its date on any day but today. */
export function shown(ms) {
  const text = new Date(ms + shownOffset()).toISOString();
  const today = new Date(now() + shownOffset()).toISOString().slice(0, 10);
  return text.startsWith(today) ? text.slice(11, 19) : text.slice(0, 19).replace("T", " ");
}

/** The server read its clock at some time between question and answer: what is known already stands if it lies there. */
function learn(least, most) {
  said = Math.min(Math.max(now(), least), most);
  at = performance.now();
  wallAt = Date.now();
}

function read() {
  const { dataset } = face();
  const least = Number(dataset.now) * 1000;
  offset = Number(dataset.offset) * 1000;
  learn(least, least + performance.now() - asked);
}

function tick() {
  for (const element of document.querySelectorAll("[data-clock]")) element.textContent = hms(now() + offset);
  for (const element of document.querySelectorAll("[data-clock-utc]")) element.textContent = hms(now());
}

const isNow = (event) => event.detail.elt?.id === "now";

document.addEventListener("htmx:beforeSend", (event) => {
  if (isNow(event)) asked = performance.now();
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (isNow(event) && event.detail.successful && face()) read();
});

if (face()) {
  read();
  setInterval(tick, 1000);
}

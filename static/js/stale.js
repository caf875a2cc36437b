// What a page observes of the station, once the station does not answer: not known, and old. The next renewal brings
// back what is: each of these parts comes whole with it.

/** The live picture tells its own state. */
const CHIPS = "[data-observed] .st:not([data-live-chip])";
const UNKNOWN = "Unknown";

/** `at` is the time of the last answer, as the page writes times. */
export function showStale(at) {
  for (const chip of document.querySelectorAll(CHIPS)) turn(chip, at);
  for (const card of document.querySelectorAll(".cam[data-observed]")) {
    card.classList.remove("is-bad");
    card.classList.add("is-warn");
  }
  for (const well of document.querySelectorAll("[data-observed] .well")) well.classList.add("stale");
  for (const words of document.querySelectorAll("[data-observed] .do")) words.classList.add("old");
  for (const line of document.querySelectorAll("[data-observed] .name .vh")) line.textContent = ` ${UNKNOWN}`;
  const summary = document.querySelector("#summary");
  if (summary) summary.textContent = `${summary.textContent.split(":")[0]}: unknown since ${at}`;
}

function turn(chip, at) {
  const word = chip.textContent.trim();
  if (word === UNKNOWN || chip.dataset.stale) return;
  chip.dataset.stale = at;
  chip.title = word ? `${word} at ${at}` : at;
  chip.className = "st warn";
  const glyph = chip.querySelector("use");
  glyph?.setAttribute("href", glyph.getAttribute("href").replace(/#.*/, "#stale"));
  for (const node of [...chip.childNodes]) if (node !== glyph?.closest("svg")) node.remove();
  if (word) chip.append(UNKNOWN);
}

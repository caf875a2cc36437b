// Marks what the page shows of the station as unknown and old while the station does not answer. The next update
// replaces each of these parts as a whole.

/** The live picture shows its own state. */
const CHIPS = "[data-observed] .st:not([data-live-chip])";
const UNKNOWN = "Unknown";

/** `at` is the time of the last answer, in the page's format. */
export function showStale(at) {
  for (const chip of document.querySelectorAll(CHIPS)) markChip(chip, at);
  for (const card of document.querySelectorAll(".cam[data-observed]")) {
    card.classList.remove("is-bad");
    card.classList.add("is-warn");
  }
  for (const well of document.querySelectorAll("[data-observed] .well")) well.classList.add("stale");
  for (const line of document.querySelectorAll("[data-observed] .do")) line.classList.add("old");
  for (const name of document.querySelectorAll("[data-observed] .name .vh")) name.textContent = ` ${UNKNOWN}`;
  const summary = document.querySelector("#summary");
  if (summary) summary.textContent = `${summary.textContent.split(":")[0]}: unknown since ${at}`;
}

function markChip(chip, at) {
  const word = chip.textContent.trim();
  // Called each second: the title keeps the word that the station said last.
  if (word === UNKNOWN || chip.dataset.stale) return;
  chip.dataset.stale = at;
  chip.title = word ? `${word} at ${at}` : at;
  chip.className = "st warn";
  const glyph = chip.querySelector("use");
  glyph?.setAttribute("href", glyph.getAttribute("href").replace(/#.*/, "#stale"));
  for (const node of [...chip.childNodes]) if (node !== glyph?.closest("svg")) node.remove();
  if (word) chip.append(UNKNOWN);
}

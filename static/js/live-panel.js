// The parts beside a large live picture: its state as a chip, why there is no picture and what to do, what reduces the
// quality, the selected quality, and the file name of a snapshot. Elements with data-live-panel="SLUG" hold any of
//   <span data-live-chip><svg><use href="icons.svg#wait"/></svg><span>word</span></span>
//   <span data-live-message>  <button data-live-again hidden>; data-live-banner marks what is shown when it is needed
//   <span data-live-why>  <span data-live-limited>  <span data-live-saved>
//   <button name="quality" value="low" aria-pressed>   <button data-live-snapshot>
import { storeChoice } from "./cookies.js";

import { fillSentence } from "./sentences.js";

const SHOWN_MS = 30000;
const STATES = {
  connecting: ["wait", "Connecting", ""],
  live: ["live", "Live", "ok"],
  stale: ["stale", "Stale", "warn"],
};
const REASONS = {
  broker: ["stale", "Broker down", "warn"],
  host_down: ["bad", "Host down", "bad"],
  disabled: ["off", "Disabled", ""],
  disconnected: ["off", "Disconnected", ""],
  starting: ["wait", "Starting", ""],
  reconnecting: ["retry", "Reconnecting", "warn"],
  unreachable: ["retry", "Reconnecting", "warn"],
  quarantined: ["quar", "Quarantined", "bad"],
  busy: ["expose", "Exposing", "act"],
  never: ["wait", "Waiting", ""],
  stale: ["stale", "Stale", "warn"],
  capacity: ["warn", "Full", "warn"],
  bandwidth: ["warn", "Limited", "warn"],
  no_websockets: ["warn", "No connection", "warn"],
  ended: ["stop", "Ended", "warn"],
  signed_out: ["bad", "Signed out", "bad"],
  forbidden: ["bad", "Forbidden", "bad"],
  not_found: ["bad", "Not found", "bad"],
};
const WITH_BANNER = new Set([
  "broker",
  "disabled",
  "disconnected",
  "capacity",
  "bandwidth",
  "ended",
  "signed_out",
  "forbidden",
  "not_found",
]);

/** The state as a glyph, a word and a tone. */
export const displayOf = (state, reason) =>
  state === "live" ? STATES.live : (REASONS[reason] ?? STATES[state] ?? REASONS.unreachable);

export class Panel {
  constructor(slug) {
    this.slug = slug;
  }

  all(name) {
    return document.querySelectorAll(`[data-live-panel="${CSS.escape(this.slug)}"] [data-live-${name}]`);
  }

  fill(name, text) {
    for (const element of this.all(name)) fillSentence(element, text);
  }

  show(state, reason, message) {
    const [glyph, word, tone] = displayOf(state, reason);
    for (const chip of this.all("chip")) {
      chip.className = `st ${tone}`;
      const use = chip.querySelector("use");
      use.setAttribute("href", `${use.getAttribute("href").split("#")[0]}#${glyph}`);
      chip.lastElementChild.textContent = word;
    }
    const hasBanner = state !== "live" && WITH_BANNER.has(reason);
    this.fill("why", state === "live" || state === "connecting" || hasBanner ? "" : message);
    this.fill("message", message);
    const banner = document.querySelector(`[data-live-banner][data-live-panel="${CSS.escape(this.slug)}"]`);
    if (banner) banner.hidden = !hasBanner;
    for (const button of this.all("again")) button.hidden = reason !== "ended";
  }

  showLimits(message) {
    this.fill("limited", message);
  }

  showSaved(text) {
    this.fill("saved", text);
    clearTimeout(this.clearTimer);
    this.clearTimer = setTimeout(() => this.fill("saved", ""), SHOWN_MS);
  }
}

/** simulated_2026-11-20T184312.125Z_simulated.jpg: the camera, the capture time, whether the picture is simulated. */
export function fileName(slug, stationMs, simulated) {
  const at = new Date(stationMs).toISOString().replaceAll(":", "");
  return `${slug}_${at}${simulated ? "_simulated" : ""}.jpg`;
}

export function download(jpeg, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(jpeg);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SHOWN_MS);
}

/** 0.1 s, 14 s, 3 min, 2 h. */
export function duration(ms) {
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

// Quality: applied at once, and stored in a cookie that the server reads.

function chooseQuality(button) {
  const slug = button.closest("[data-live-panel]").dataset.livePanel;
  storeChoice("quality", button.value);
  for (const other of button.parentElement.querySelectorAll("[name=quality]")) {
    other.setAttribute("aria-pressed", String(other === button));
  }
  for (const host of document.querySelectorAll(`[data-live="${CSS.escape(slug)}"]`))
    host.dataset.quality = button.value;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-live-panel] [name=quality]");
  if (!button) return;
  event.preventDefault();
  chooseQuality(button);
});

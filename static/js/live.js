// Live pictures in a page.
//
//   <figure data-live="SLUG" data-quality="medium" data-label="Sky">
//     <canvas></canvas>                        optional; created as the first child if missing
//     <span data-live-state></span>            a sentence: what is shown, and since when
//     <span data-live-age></span>              the picture's age since its capture: 0.1 s, 14 s, 3 min
//     <span data-live-fps></span> <span data-live-latency></span> <span data-live-number></span>
//   </figure>
//   <script type="module" src="/static/js/live.js"></script>      parts beside a large picture: live-panel.js
//
// Elements that htmx adds or removes later are handled, and so are changes of data-quality (low, medium, high).
// On the host this module sets, for CSS:
//   data-state      connecting  no picture yet, trying
//                   live        pictures arrive
//                   stale       the picture shown is old: none came for max(2 s, three frame intervals)
//                   no-frame    the station answers but has no picture; data-reason says why
//                   offline     the station cannot be reached or refuses access; a shown picture is old
//   data-reason     no_frame's reason (broker, host_down, disabled, disconnected, starting, reconnecting, quarantined,
//                   busy, stale, never, capacity, bandwidth), or no_websockets, signed_out, forbidden, not_found,
//                   unreachable, ended (by a user; not retried until `restart` is called); else absent
//   data-transport  socket | mjpeg | none (WebSockets are blocked, and the page has its maximum of MJPEG streams)
//   data-simulated  present while the picture is a simulated one
//   data-lowered    present while the quality is reduced, because a machine or a network is busy
// On each change of state or reason the host fires `live:change` (bubbles) with
//   detail {state, reason, message, since (Date or null), transport}.
// A view pauses while the page is hidden or the host is scrolled out of view.

import { now, shown } from "./clock.js";
import { ENDED, fetchStatus, REFUSED_STATUS } from "./live-mjpeg.js";
import { download, duration, fileName, Panel } from "./live-panel.js";
import { NO_STREAM, RemoteStream, sharedWorker } from "./live-remote.js";
import { SUBPROTOCOL, TRANSPORTS } from "./live-worker.js";
import { fillSentence, withNames } from "./sentences.js";

const ISO = /\d{4}-\d{2}-\d{2}T[\d:.]+Z/g;
const TICK_MS = 250;
const STALE_MS = 2000;
const STALE_INTERVALS = 3;
const BLOCKED_AFTER = 2; // sockets that never opened while the station answers over HTTP
const MAX_MJPEG = 4;
const OUTSTANDING = 2; // outstanding requests: one frame being drawn, one in transit
const SOCKET_RETRY_MS = 60000;
const REFUSALS = {
  4401: ["signed_out", "You are signed out. Sign in again to see pictures."],
  4403: ["forbidden", "You are not allowed to view this camera. Ask a manager."],
  4404: ["not_found", "This camera does not exist, or you may not see it."],
};
const UNREACHABLE = ["unreachable", "The station cannot be reached. Retrying automatically."];
const NO_CONNECTION = [
  "no_websockets",
  `More than ${MAX_MJPEG} live pictures need WebSockets, which the network blocks.`,
];

const views = new Map();
let lastId = 0;

const onWorkerMessage = (data) => [...views.values()].find((view) => view.id === data.id)?.onReport(data);
const onWorkerFailed = () => {
  for (const view of views.values()) view.openSocket();
};

/** Whether one more view may hold a connection: a browser opens at most six to a station, and the page needs some. */
function hasConnectionFor(requester) {
  return [...views.values()].filter((view) => view !== requester && view.holdsConnection).length < MAX_MJPEG;
}

export class LiveView {
  constructor(host) {
    this.host = host;
    this.slug = host.dataset.live;
    this.panel = new Panel(this.slug);
    this.picture = null;
    this.intervalMs = 0;
    this.blocked = 0;
    this.isVisible = true;
    this.resumedAt = performance.now();
    this.change("connecting", "", "Connecting.");
    this.openSocket();
    // The browser may report several changes at once; the last one counts.
    this.visibilityObserver = new IntersectionObserver((entries) => this.onVisibility(entries.at(-1).isIntersecting));
    this.visibilityObserver.observe(host);
    this.ticker = setInterval(() => this.tick(), TICK_MS);
  }

  get quality() {
    return this.host.dataset.quality || "medium";
  }

  /** At most the number that the station queues. */
  get requests() {
    return Math.min(OUTSTANDING, Number(this.host.dataset.requests) || OUTSTANDING);
  }

  // Transports

  get socketUrl() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    return `${scheme}://${location.host}/ws/live/${this.slug}/`;
  }

  openSocket() {
    this.open("socket", this.socketUrl);
  }

  openMjpeg() {
    this.stream.close();
    this.trySocketAt = performance.now() + SOCKET_RETRY_MS;
    this.openMjpegIfPossible();
  }

  openMjpegIfPossible() {
    if (hasConnectionFor(this)) this.open("mjpeg", this.api);
    else this.waitForConnection();
  }

  waitForConnection() {
    this.stream.close();
    this.stream = NO_STREAM;
    this.host.dataset.transport = "none";
  }

  get api() {
    return `/api/v1/cameras/${this.slug}/`;
  }

  get holdsConnection() {
    return this.host.dataset.transport === "mjpeg" && !this.paused && !this.closed;
  }

  open(transport, url) {
    const canvas = this.freshCanvas();
    const worker = sharedWorker(onWorkerMessage, onWorkerFailed);
    const report = (content) => this.onReport(content);
    const { quality, requests } = this;
    this.id = ++lastId;
    this.host.dataset.transport = transport;
    this.stream = worker
      ? new RemoteStream(worker, { id: this.id, transport, canvas, url, quality, requests })
      : new TRANSPORTS[transport]({ canvas, url, quality, requests, report });
    if (this.paused) this.stream.pause();
  }

  /** A canvas can be handed to a worker only once. */
  freshCanvas() {
    const old = this.host.querySelector("canvas");
    const canvas = old ? old.cloneNode() : document.createElement("canvas");
    canvas.hidden = false;
    if (!canvas.hasAttribute("role")) canvas.setAttribute("role", "img");
    if (!canvas.hasAttribute("aria-label")) {
      canvas.setAttribute("aria-label", this.host.dataset.label ?? `Live picture of ${this.slug}`);
    }
    if (old) old.replaceWith(canvas);
    else this.host.prepend(canvas);
    return canvas;
  }

  /** Tries a socket while the MJPEG stream continues. */
  probeSocket() {
    this.trySocketAt = performance.now() + SOCKET_RETRY_MS;
    this.dropProbe();
    const probe = new WebSocket(this.socketUrl, [SUBPROTOCOL]);
    probe.onopen = () => this.backToSocket();
    this.probe = probe;
  }

  dropProbe() {
    if (!this.probe) return;
    this.probe.onopen = null;
    this.probe.close();
    this.probe = null;
  }

  backToSocket() {
    this.dropProbe();
    this.stream.close();
    this.blocked = BLOCKED_AFTER - 1; // one failure is enough this time
    this.openSocket();
  }

  // Reports

  onReport(report) {
    const { onFrame, onNoFrame, onLimited, onSnapshot, onOpen, onClosed } = this;
    const handlers = {
      frame: onFrame,
      "no-frame": onNoFrame,
      limited: onLimited,
      snapshot: onSnapshot,
      open: onOpen,
      closed: onClosed,
    };
    handlers[report.kind].call(this, report);
    this.show();
  }

  onOpen() {
    this.blocked = 0;
  }

  onFrame(frame) {
    this.intervalMs = frame.intervalMs;
    const ageMs = frame.ageMs ?? now() - frame.stationMs; // the page knows the station's clock
    this.picture = { ...frame, ageMs, latencyMs: frame.ageMs, at: performance.now(), wallAt: Date.now() };
    this.host.toggleAttribute("data-simulated", Boolean(frame.simulated));
    this.host.toggleAttribute("data-lowered", Boolean(frame.lowered));
    if (frame.stale) this.becomeStale("", "");
    else this.change("live", "", "Live.");
  }

  onNoFrame({ reason, message: stationMessage, mentions }) {
    const message = this.localise(stationMessage, mentions);
    if (this.picture && (this.isLate || this.host.dataset.state === "stale")) this.becomeStale(reason, message);
    else if (!this.picture) this.change("no-frame", reason, message);
  }

  /** The station's messages have the camera's ID, where `mentions` say, and UTC times; the page shows its name and the
      page's time zone. Text in backquotes (commands to type) stays. */
  localise(message, mentions = []) {
    const { live, name } = this.host.dataset;
    const [prose, ...commands] = withNames(message, mentions, () => name || live).split("`");
    return [prose.replace(ISO, (time) => shown(Date.parse(time))), ...commands].join("`");
  }

  onLimited({ message }) {
    this.panel.showLimits(message);
  }

  onSnapshot({ jpeg, stationMs, simulated }) {
    if (!jpeg) {
      this.panel.showSaved("There is no picture to save yet.");
      return;
    }
    const name = fileName(this.slug, stationMs, simulated);
    download(jpeg, name);
    this.panel.showSaved(`Saved ${name}`);
  }

  onClosed({ code, reason, opened, tries }) {
    if (code === ENDED) {
      this.ended = true;
      this.change(
        "offline",
        "ended",
        this.panel.all("again").length ? reason : `${reason} Reload this page to view it again.`,
      );
    } else if (REFUSALS[code]) this.change("offline", ...REFUSALS[code]);
    else if (opened) this.onLost();
    else this.probeHttp(tries);
  }

  onLost() {
    if (!this.picture) this.change("connecting", "", "Connecting.");
    else if (this.isLate) this.change("offline", ...UNREACHABLE);
  }

  /** The socket never opened: finds out whether the station is down, refuses access, or only WebSockets are blocked. */
  async probeHttp(tries) {
    let answer;
    try {
      answer = await fetchStatus(this.api);
    } catch {
      answer = null;
    }
    const refusal = REFUSALS[REFUSED_STATUS[answer?.status]];
    // The station itself is down, which says nothing about WebSockets.
    if (!answer?.ok && !refusal) {
      this.blocked = 0;
      if (tries > 1 || this.picture) this.change("offline", ...UNREACHABLE);
      return;
    }
    if (refusal) this.change("offline", ...refusal);
    else if (++this.blocked >= BLOCKED_AFTER && this.host.dataset.transport === "socket" && !this.closed)
      this.openMjpeg();
  }

  // Time

  get staleMs() {
    return Math.max(STALE_MS, STALE_INTERVALS * this.intervalMs);
  }

  /** No picture for so long that the shown one no longer counts as live. */
  get isLate() {
    return performance.now() - Math.max(this.picture?.at ?? 0, this.resumedAt) > this.staleMs;
  }

  tick() {
    if (this.paused) return;
    if (this.ended) {
      this.show();
      return;
    }
    if (this.host.dataset.state === "live" && this.isLate) this.becomeStale("", "");
    if (this.host.dataset.transport === "none") this.onNoFrame({ reason: NO_CONNECTION[0], message: NO_CONNECTION[1] });
    if (this.host.dataset.transport !== "socket" && performance.now() > this.trySocketAt) this.probeSocket();
    else if (this.host.dataset.transport === "none" && hasConnectionFor(this)) this.openMjpegIfPossible();
    this.show();
  }

  /** The picture's age since its capture, by the clock that advanced further, as in clock.js. */
  get ageMs() {
    const { ageMs, at, wallAt } = this.picture;
    return ageMs + Math.max(performance.now() - at, Date.now() - wallAt);
  }

  /** By the browser's clock, which may be wrong. */
  get capturedAt() {
    return new Date(Date.now() - this.ageMs);
  }

  becomeStale(reason, message) {
    const since = this.capturedAt;
    this.change("stale", reason, `No picture since ${shown(this.picture.stationMs)}. ${message}`.trim(), since);
  }

  change(state, reason, message, since = null) {
    const { dataset } = this.host;
    const old = this.picture && state !== "live" ? this.capturedAt : since;
    const sentence =
      state === "offline" && old ? `${message} The picture is from ${shown(this.picture?.stationMs ?? old)}.` : message;
    this.message = sentence;
    if (dataset.state === state && (dataset.reason ?? "") === reason) return;
    dataset.state = state;
    if (reason) dataset.reason = reason;
    else delete dataset.reason;
    const detail = { state, reason, message: sentence, since: old, transport: dataset.transport };
    this.host.dispatchEvent(new CustomEvent("live:change", { bubbles: true, detail }));
    this.show();
  }

  show() {
    const { picture } = this;
    const live = this.host.dataset.state === "live";
    this.fill("state", this.message);
    this.fill("age", picture ? duration(this.ageMs) : "");
    this.panel.show(this.host.dataset.state, this.host.dataset.reason, this.message);
    this.fill("fps", picture && live ? picture.fps.toFixed(picture.fps < 10 ? 1 : 0) : picture ? "0" : "");
    this.fill("latency", live && picture.latencyMs !== null ? `${Math.round(picture.latencyMs)} ms` : "");
    this.fill("number", picture?.number ?? "");
  }

  fill(name, text) {
    for (const element of this.host.querySelectorAll(`[data-live-${name}]`)) {
      fillSentence(element, String(text));
    }
  }

  // Visibility

  onVisibility(isVisible) {
    this.isVisible = isVisible;
    this.updatePaused();
  }

  updatePaused() {
    const paused = !this.isVisible || document.visibilityState === "hidden";
    if (paused === this.paused) return;
    this.paused = paused;
    if (!paused) this.checkStale();
    if (paused) {
      this.dropProbe();
      this.stream.pause();
    } else if (this.host.dataset.transport === "mjpeg" && !hasConnectionFor(this)) {
      this.waitForConnection();
    } else {
      this.resumedAt = performance.now();
      this.stream.resume();
    }
  }

  /** A picture that became old during the pause counts as stale until the next one arrives: the camera may be down. */
  checkStale() {
    if (this.host.dataset.state === "live" && this.ageMs > this.staleMs) this.becomeStale("", "");
  }

  /** Opens a view again that a user has ended. */
  restart() {
    this.ended = false;
    this.stream.close();
    this.change("connecting", "", "Connecting.");
    this.openSocket();
  }

  close() {
    this.closed = true;
    clearInterval(this.ticker);
    this.visibilityObserver.disconnect();
    this.dropProbe();
    this.stream.close();
  }
}

/** Creates and closes views for the hosts that are in the page now. */
function updateViews() {
  for (const [host, view] of views) {
    if (host.isConnected && host.dataset.live === view.slug) continue;
    view.close();
    views.delete(host);
  }
  for (const host of document.querySelectorAll("[data-live]")) {
    if (!views.has(host)) views.set(host, new LiveView(host));
  }
}

function onMutations(mutations) {
  for (const { type, target, attributeName } of mutations) {
    if (type === "attributes" && attributeName === "data-quality")
      views.get(target)?.stream.setQuality(views.get(target).quality);
  }
  // The views change their own texts four times a second: only elements count.
  if (mutations.some(({ addedNodes, removedNodes }) => [...addedNodes, ...removedNodes].some(isElement))) updateViews();
  else if (mutations.some(({ attributeName }) => attributeName === "data-live")) updateViews();
}

function isElement(node) {
  return node.nodeType === Node.ELEMENT_NODE;
}

/** The views that a button in a panel belongs to. */
function viewsOf(button) {
  const slug = button.closest("[data-live-panel]").dataset.livePanel;
  return [...views.values()].filter((view) => view.slug === slug);
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-live-panel] :is([data-live-snapshot], [data-live-again])");
  if (!button) return;
  for (const view of viewsOf(button)) button.hasAttribute("data-live-again") ? view.restart() : view.stream.snapshot();
});
document.addEventListener("visibilitychange", () => {
  for (const view of views.values()) view.updatePaused();
});
window.addEventListener("pagehide", () => {
  for (const view of views.values()) view.stream.pause();
});
window.addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  for (const view of views.values()) view.stream.resume();
});
window.addEventListener("online", () => {
  for (const view of views.values()) {
    if (view.paused) continue;
    view.stream.pause();
    view.stream.resume();
  }
});
new MutationObserver(onMutations).observe(document.documentElement, {
  childList: true,
  subtree: true,
  attributeFilter: ["data-live", "data-quality"],
});
updateViews();

// Live pictures in a page.
//
//   <figure data-live="SLUG" data-quality="medium" data-label="Sky">
//     <canvas></canvas>                        optional; made as the first child where there is none
//     <span data-live-state></span>            a sentence: what is to be seen, and since when
//     <span data-live-age></span>              the picture's age since its capture: 0.1 s, 14 s, 3 min
//     <span data-live-fps></span> <span data-live-latency></span> <span data-live-number></span>
//   </figure>
//   <script type="module" src="/static/js/live.js"></script>
//
// Elements that are added or removed later (htmx) are followed, and so is a change of data-quality (low, medium, high).
// On the host this module sets, for CSS:
//   data-state      connecting  no picture yet, and it is being tried
//                   live        pictures come
//                   stale       the picture shown is old: none came for max(2 s, three frame intervals)
//                   no-frame    the station answers but has no picture; data-reason says why
//                   offline     the station cannot be reached, or does not let us in; a picture shown is old
//   data-reason     no_frame's reason (broker, host_down, disabled, disconnected, starting, reconnecting, quarantined,
//                   busy, stale, never), or signed_out, forbidden, not_found, unreachable; else absent
//   data-transport  socket | mjpeg
//   data-simulated  present while the picture is a simulated one
// On each change of state or reason the host fires `live:change` (bubbles) with
//   detail {state, reason, message, since (Date or null), transport}.
// It pauses while the page is hidden or the host is out of sight.

import { LiveStream } from "./live-worker.js";

const TICK_MS = 250;
const STALE_MS = 2000;
const STALE_INTERVALS = 3;
const BLOCKED_AFTER = 2; // sockets that never opened, while the station answers over HTTP
const STATUS_MS = 1000;
const SOCKET_AGAIN_MS = 60000;
const REFUSALS = {
  4401: ["signed_out", "You are signed out. Sign in again to see pictures."],
  4403: ["forbidden", "You may not look at this camera. Ask a manager."],
  4404: ["not_found", "This camera does not exist, or you may not see it."],
};
const REFUSED_STATUS = { 401: 4401, 403: 4403, 404: 4404 };
const UNREACHABLE = ["unreachable", "The station cannot be reached; it is tried again."];

const views = new Map();
let worker = null;
let workersFail = !("OffscreenCanvas" in window && "transferControlToOffscreen" in HTMLCanvasElement.prototype);
let lastId = 0;

/** The page's one worker; null where there can be none, and pictures are drawn on the main thread. */
function sharedWorker() {
  if (worker || workersFail) return worker;
  worker = new Worker(new URL("./live-worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => [...views.values()].find((view) => view.id === data.id)?.hear(data);
  worker.onerror = withoutWorker;
  return worker;
}

/** Old browsers have workers, but not from modules. */
function withoutWorker() {
  workersFail = true;
  worker = null;
  views.forEach((view) => view.openSocket());
}

/** A LiveStream's own methods, by messages to the worker. */
class RemoteStream {
  constructor(there, { id, canvas, url, quality }) {
    Object.assign(this, { there, id });
    const offscreen = canvas.transferControlToOffscreen();
    there.postMessage({ id, do: "open", canvas: offscreen, url, quality }, [offscreen]);
  }

  setQuality(quality) {
    this.there.postMessage({ id: this.id, do: "quality", quality });
  }

  pause() {
    this.there.postMessage({ id: this.id, do: "pause" });
  }

  resume() {
    this.there.postMessage({ id: this.id, do: "resume" });
  }

  close() {
    this.there.postMessage({ id: this.id, do: "close" });
  }
}

/** MJPEG in an <img>, where WebSockets are blocked. What it shows cannot be asked, so the camera's status is. */
class MjpegStream {
  constructor({ host, slug, quality, report }) {
    Object.assign(this, { slug, quality, report });
    this.image = document.createElement("img");
    this.image.alt = host.dataset.label ?? `Live picture of ${slug}`;
    this.image.onerror = () => this.showLater();
    host.prepend(this.image);
    this.show();
    this.look();
  }

  show() {
    this.image.src = `/api/v1/cameras/${this.slug}/stream.mjpeg?quality=${this.quality}#${Date.now()}`;
  }

  showLater() {
    clearTimeout(this.again);
    this.again = setTimeout(() => this.show(), 2000 + 1000 * Math.random());
  }

  async look() {
    const started = Date.now();
    try {
      const answer = await fetch(`/api/v1/cameras/${this.slug}/status/`, { headers: { Accept: "application/json" } });
      if (!this.ended) this.tell(await answer.json(), answer);
    } catch {
      if (!this.ended) this.report({ kind: "closed", code: 1006, opened: true, tries: 1 });
    }
    if (!this.ended && !this.paused) this.looking = setTimeout(() => this.look(), STATUS_MS - Math.min(900, Date.now() - started));
  }

  tell(status, answer) {
    if (!answer.ok) {
      const code = REFUSED_STATUS[answer.status];
      this.report(code ? { kind: "closed", code, opened: true } : { kind: "no-frame", reason: "broker", message: status.detail });
    } else if (status.last_frame && status.last_frame !== this.last) {
      this.last = status.last_frame;
      const capturedMs = Date.parse(status.last_frame);
      const intervalMs = status.fps ? 1000 / status.fps : 0;
      this.report({ kind: "frame", capturedMs, latencyMs: null, intervalMs, fps: status.fps, number: null, stale: false });
    } else if (status.observed !== "ready") {
      this.report({ kind: "no-frame", reason: status.observed, message: status.reason });
    }
  }

  setQuality(quality) {
    this.quality = quality;
    this.show();
  }

  pause() {
    this.paused = true;
    clearTimeout(this.looking);
    clearTimeout(this.again);
    this.image.removeAttribute("src");
  }

  resume() {
    if (!this.paused) return;
    this.paused = false;
    this.show();
    this.look();
  }

  close() {
    this.ended = true;
    this.pause();
    this.image.remove();
  }
}

export class LiveView {
  constructor(host) {
    this.host = host;
    this.id = ++lastId;
    this.slug = host.dataset.live;
    this.picture = null;
    this.intervalMs = 0;
    this.blocked = 0;
    this.inSight = true;
    this.resumedAt = performance.now();
    this.change("connecting", "", "Connecting.");
    this.openSocket();
    this.sight = new IntersectionObserver((entries) => this.onSight(entries.at(-1).isIntersecting));
    this.sight.observe(host);
    this.ticking = setInterval(() => this.tick(), TICK_MS);
  }

  get quality() {
    return this.host.dataset.quality || "medium";
  }

  // Transports

  openSocket() {
    const canvas = this.freshCanvas();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const url = `${scheme}://${location.host}/ws/live/${this.slug}/`;
    const there = sharedWorker();
    const report = (content) => this.hear(content);
    this.stream = there
      ? new RemoteStream(there, { id: this.id, canvas, url, quality: this.quality })
      : new LiveStream({ canvas, url, quality: this.quality, report });
    this.host.dataset.transport = "socket";
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

  openMjpeg() {
    this.stream.close();
    this.host.querySelector("canvas").hidden = true;
    const report = (content) => this.hear(content);
    this.stream = new MjpegStream({ host: this.host, slug: this.slug, quality: this.quality, report });
    this.host.dataset.transport = "mjpeg";
    this.trySocketAt = performance.now() + SOCKET_AGAIN_MS;
  }

  backToSocket() {
    this.stream.close();
    this.blocked = BLOCKED_AFTER - 1; // one failure is enough this time
    this.openSocket();
  }

  // Reports

  hear(report) {
    const hear = { frame: this.onFrame, "no-frame": this.onNoFrame, open: this.onOpen, closed: this.onClosed }[report.kind];
    hear.call(this, report);
    this.show();
  }

  onOpen() {
    this.blocked = 0;
  }

  onFrame(frame) {
    this.intervalMs = frame.intervalMs;
    this.picture = { ...frame, at: performance.now() };
    this.host.toggleAttribute("data-simulated", Boolean(frame.simulated));
    if (frame.stale) this.becomeStale("", "");
    else this.change("live", "", "Live.");
  }

  onNoFrame({ reason, message }) {
    if (this.picture && this.isLate) this.becomeStale(reason, message);
    else if (!this.picture) this.change("no-frame", reason, message);
  }

  onClosed({ code, opened, tries }) {
    if (REFUSALS[code]) this.change("offline", ...REFUSALS[code]);
    else if (opened) this.lost();
    else this.askHttp(tries);
  }

  lost() {
    if (!this.picture) this.change("connecting", "", "Connecting.");
    else if (this.isLate) this.change("offline", ...UNREACHABLE);
  }

  /** The socket never opened: is the station away, are we refused, or is it only the socket that is blocked? */
  async askHttp(tries) {
    let answer;
    try {
      answer = await fetch(`/api/v1/cameras/${this.slug}/status/`, { headers: { Accept: "application/json" } });
    } catch {
      this.blocked = 0;
      if (tries > 1 || this.picture) this.change("offline", ...UNREACHABLE);
      return;
    }
    const refusal = REFUSALS[REFUSED_STATUS[answer.status]];
    if (refusal) this.change("offline", ...refusal);
    else if (++this.blocked >= BLOCKED_AFTER && this.host.dataset.transport === "socket" && !this.closed) this.openMjpeg();
  }

  // Time

  get staleMs() {
    return Math.max(STALE_MS, STALE_INTERVALS * this.intervalMs);
  }

  /** No picture for so long that what is shown may not be called live. */
  get isLate() {
    return performance.now() - Math.max(this.picture?.at ?? 0, this.resumedAt) > this.staleMs;
  }

  tick() {
    if (this.paused) return;
    if (this.host.dataset.state === "live" && this.isLate) this.becomeStale("", "");
    if (this.host.dataset.transport === "mjpeg" && performance.now() > this.trySocketAt) this.backToSocket();
    this.show();
  }

  becomeStale(reason, message) {
    const since = new Date(this.picture.capturedMs);
    this.change("stale", reason, `No picture since ${clock(since)}. ${message}`.trim(), since);
  }

  change(state, reason, message, since = null) {
    const { dataset } = this.host;
    const old = this.picture && state !== "live" ? new Date(this.picture.capturedMs) : since;
    const sentence = state === "offline" && old ? `${message} The picture is of ${clock(old)}.` : message;
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
    this.fill("age", picture ? duration(Date.now() - picture.capturedMs) : "");
    this.fill("fps", picture && live ? picture.fps.toFixed(picture.fps < 10 ? 1 : 0) : picture ? "0" : "");
    this.fill("latency", live && picture.latencyMs !== null ? `${Math.round(picture.latencyMs)} ms` : "");
    this.fill("number", picture?.number ?? "");
  }

  fill(name, text) {
    for (const element of this.host.querySelectorAll(`[data-live-${name}]`)) {
      if (element.textContent !== String(text)) element.textContent = text;
    }
  }

  // Sight

  onSight(inSight) {
    this.inSight = inSight;
    this.followSight();
  }

  followSight() {
    const paused = !this.inSight || document.visibilityState === "hidden";
    if (paused === this.paused) return;
    this.paused = paused;
    if (paused) {
      this.stream.pause();
    } else {
      this.resumedAt = performance.now();
      this.stream.resume();
    }
  }

  close() {
    this.closed = true;
    clearInterval(this.ticking);
    this.sight.disconnect();
    this.stream.close();
  }
}

function duration(ms) {
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function clock(date) {
  // Sweden writes dates and times as ISO 8601 does.
  return Date.now() - date < 43200000 ? date.toLocaleTimeString("sv-SE") : date.toLocaleString("sv-SE");
}

/** Follow the hosts that are in the page now. */
function follow() {
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
    if (type === "attributes" && attributeName === "data-quality") views.get(target)?.stream.setQuality(views.get(target).quality);
  }
  if (mutations.some(({ addedNodes, removedNodes }) => [...addedNodes, ...removedNodes].some(isElement))) follow();
  else if (mutations.some(({ attributeName }) => attributeName === "data-live")) follow();
}

function isElement(node) {
  return node.nodeType === Node.ELEMENT_NODE;
}

document.addEventListener("visibilitychange", () => views.forEach((view) => view.followSight()));
window.addEventListener("pagehide", () => views.forEach((view) => view.stream.pause()));
window.addEventListener("pageshow", ({ persisted }) => persisted && views.forEach((view) => view.stream.resume()));
window.addEventListener("online", () => views.forEach((view) => view.paused || (view.stream.pause(), view.stream.resume())));
new MutationObserver(onMutations).observe(document.documentElement, {
  childList: true,
  subtree: true,
  attributeFilter: ["data-live", "data-quality"],
});
follow();

// Live pictures over plain HTTP, where WebSockets are blocked: an endless multipart response. An <img> would show
// the same, but would keep its last picture without notice when the response ends.
import { BackOff, LOWERED, Screen, SIMULATED, STALE } from "./live-screen.js";

const LONGEST_HEAD_BYTES = 4096;
const LARGEST_PICTURE_BYTES = 64 * 1024 * 1024;
const BLANK_LINE = [13, 10, 13, 10];
const LATE_MS = 2000; // after this time without a picture the camera's status is fetched for the reason
const SILENT_MS = 12000; // the station ends a stream after 10 s without a picture: longer silence is a dead connection
const CHECK_MS = 1000;
const STATUS_TIMEOUT_MS = 2000;
const BACK_OFF_MS = [500, 15000];
export const REFUSED_STATUS = { 401: 4401, 403: 4403, 404: 4404 };
export const ENDED = 4410; // a user ended this view
const PROBLEMS = { "/problems/live-disabled": "disabled", "/problems/live-full": "capacity" };

/** The camera's status over HTTP; throws after a timeout. */
export function fetchStatus(url) {
  return fetch(`${url}status/`, {
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(STATUS_TIMEOUT_MS),
  });
}

/** Yields the parts of a multipart response: {head: Map, body: Uint8Array}. Throws for anything else. */
export async function* parts(reader) {
  let bytes = new Uint8Array(0);
  while (true) {
    const part = firstPart(bytes);
    if (part) {
      bytes = bytes.subarray(part.end);
      yield part;
      continue;
    }
    const { done, value } = await reader.read();
    if (done) return;
    bytes = concatenated(bytes, value);
  }
}

/** The first part in the bytes, or null if it is incomplete. Its head begins with the boundary, which is no header. */
function firstPart(bytes) {
  const isBlankLine = (_, index) => BLANK_LINE.every((byte, offset) => bytes[index + offset] === byte);
  const headEnd = bytes.subarray(0, LONGEST_HEAD_BYTES).findIndex(isBlankLine);
  if (headEnd < 0 && bytes.length >= LONGEST_HEAD_BYTES) throw new Error("no part of a stream");
  if (headEnd < 0) return null;
  const head = new Map(new TextDecoder().decode(bytes.subarray(0, headEnd)).split("\r\n").map(headerField));
  const start = headEnd + BLANK_LINE.length;
  const length = Number(head.get("content-length") ?? NaN);
  // Also true for NaN. A wrong length would collect bytes without end.
  if (!(length <= LARGEST_PICTURE_BYTES)) throw new Error("a part without a length");
  const end = start + length;
  return bytes.length < end ? null : { head, body: bytes.subarray(start, end), end };
}

function headerField(line) {
  const [name, ...value] = line.split(":");
  return [name.trim().toLowerCase(), value.join(":").trim()];
}

function concatenated(a, b) {
  const result = new Uint8Array(a.length + b.length);
  result.set(a);
  result.set(b, a.length);
  return result;
}

function unpack({ head, body }) {
  const flags = Number(head.get("x-flags"));
  return {
    simulated: Boolean(flags & SIMULATED),
    stale: Boolean(flags & STALE),
    lowered: Boolean(flags & LOWERED),
    limited: head.get("x-limited") ?? "",
    number: Number(head.get("x-frame-number")),
    stationMs: Number(head.get("x-captured-us")) / 1000,
    jpeg: new Blob([body], { type: "image/jpeg" }),
  };
}

/** Waits until the time is over or the signal aborts. */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const stop = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}

/**
 * One camera on one canvas. `report` is called as by LiveStream, without {kind: "open"}. Reasons for missing pictures
 * come from the camera's status. An AbortSignal covers the time from start to pause and ends everything begun in it.
 */
export class MjpegStream {
  constructor({ canvas, url, quality, report }) {
    Object.assign(this, { url, quality, report });
    this.screen = new Screen(canvas, report);
    this.backOff = new BackOff(BACK_OFF_MS);
    this.start();
  }

  start() {
    const running = new AbortController();
    this.running = running;
    this.lastFrameAt = performance.now();
    this.screen.restart();
    this.backOff.reset();
    this.run(running.signal);
    this.watchStatus(running.signal);
  }

  // The stream

  async run(signal) {
    while (!signal.aborted) {
      await this.readStream(signal);
      await pause(this.backOff.next(), signal);
    }
  }

  /** Reads one response to its end. */
  async readStream(signal) {
    const connection = new AbortController();
    const disconnect = () => connection.abort();
    signal.addEventListener("abort", disconnect, { once: true });
    let silenceTimer;
    const onData = () => {
      clearTimeout(silenceTimer);
      silenceTimer = setTimeout(disconnect, SILENT_MS);
    };
    try {
      onData();
      const answer = await fetch(`${this.url}stream.mjpeg?quality=${this.quality}`, {
        signal: connection.signal,
        cache: "no-store",
      });
      if (!answer.ok) await this.onProblem(answer, signal);
      else for await (const part of parts(answer.body.getReader())) await this.onPart(part, signal).then(onData);
    } catch {
      // broken or silent for too long: opened again, like a response that ended
    }
    clearTimeout(silenceTimer);
    // A body that is not read to its end, as after a refusal, would keep one of the browser's few connections.
    disconnect();
  }

  async onPart(part, signal) {
    if (part.head.has("x-ended")) this.onEnd(new TextDecoder().decode(part.body));
    else await this.onFrame(unpack(part), signal);
  }

  /** The view stays closed until the page opens it again. */
  onEnd(sentence) {
    this.pause();
    this.ended = true;
    this.report({ kind: "closed", code: ENDED, reason: sentence, opened: true, tries: 1 });
  }

  async onProblem(answer, signal) {
    if (this.refused(answer.status)) return;
    const problem = await answer.json();
    const reason = PROBLEMS[problem.type];
    if (!reason || signal.aborted) return;
    this.lastFrameAt = performance.now();
    this.report({ kind: "no-frame", reason, message: problem.detail });
  }

  async onFrame(frame, signal) {
    const drawn = await this.screen.draw(frame.jpeg);
    if (!drawn || signal.aborted) return;
    this.lastFrameAt = performance.now();
    this.backOff.reset();
    if (frame.limited !== this.limited) this.report({ kind: "limited", message: frame.limited });
    this.limited = frame.limited;
    this.screen.reportFrame(frame, null);
  }

  // Why there is no picture

  async watchStatus(signal) {
    while (!signal.aborted) {
      await pause(CHECK_MS, signal);
      if (!signal.aborted && performance.now() - this.lastFrameAt > LATE_MS) await this.explainSilence(signal);
    }
  }

  async explainSilence(signal) {
    try {
      const answer = await fetchStatus(this.url);
      const status = await answer.json();
      if (!signal.aborted) this.explain(answer, status);
    } catch {
      if (!signal.aborted) this.report({ kind: "closed", code: 1006, opened: true, tries: 1 });
    }
  }

  explain(answer, status) {
    if (this.refused(answer.status)) return;
    if (!answer.ok) this.report({ kind: "no-frame", reason: "broker", message: status.detail });
    else if (status.observed !== "ready")
      this.report({ kind: "no-frame", reason: status.observed, message: status.reason });
  }

  refused(status) {
    const code = REFUSED_STATUS[status];
    if (code) this.report({ kind: "closed", code, opened: true, tries: 1 });
    return Boolean(code);
  }

  // Calls from the page

  setQuality(quality) {
    if (quality === this.quality) return;
    this.quality = quality;
    if (this.running.signal.aborted) return;
    this.pause();
    this.start();
  }

  pause() {
    this.running.abort();
  }

  snapshot() {
    this.screen.snapshot();
  }

  resume() {
    if (this.running.signal.aborted && !this.ended) this.start();
  }

  close() {
    this.pause();
  }
}

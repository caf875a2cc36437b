// Live pictures over plain HTTP, where WebSockets are blocked: an endless answer, read part by part. An <img> would show
// the same, but keep its last picture when the answer ends and tell nobody.
import { BackOff, LOWERED, Screen, SIMULATED, STALE } from "./live-screen.js";

const LONGEST_HEAD_BYTES = 4096;
const LARGEST_PICTURE_BYTES = 64 * 1024 * 1024;
const BLANK_LINE = [13, 10, 13, 10];
const LATE_MS = 2000; // without a picture for so long: the camera's status says why
const SILENT_MS = 12000; // the station ends a stream that has had no picture for 10 s: one silent for longer is dead
const LOOK_MS = 1000;
const ANSWER_MS = 2000;
const BACK_OFF_MS = [500, 15000];
export const REFUSED_STATUS = { 401: 4401, 403: 4403, 404: 4404 };
export const ENDED = 4410; // somebody ended this view
const PROBLEMS = { "/problems/live-disabled": "disabled", "/problems/live-full": "capacity" };

/** The camera's status over HTTP; it throws when no answer comes soon. */
export function askStatus(url) {
  return fetch(`${url}status/`, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(ANSWER_MS) });
}

/** The parts of a multipart answer as they come: {head: Map, body: Uint8Array}. It throws for what is none. */
export async function* parts(reader) {
  let bytes = new Uint8Array(0);
  while (true) {
    const part = split(bytes);
    if (part) {
      bytes = bytes.subarray(part.end);
      yield part;
      continue;
    }
    const { done, value } = await reader.read();
    if (done) return;
    bytes = joined(bytes, value);
  }
}

/** The first part in the bytes, if it is whole; its head begins with the boundary, which is no line of it. */
function split(bytes) {
  const isBlankLine = (_, place) => BLANK_LINE.every((byte, further) => bytes[place + further] === byte);
  const ends = bytes.subarray(0, LONGEST_HEAD_BYTES).findIndex(isBlankLine);
  if (ends < 0 && bytes.length >= LONGEST_HEAD_BYTES) throw new Error("no part of a stream");
  if (ends < 0) return null;
  const head = new Map(new TextDecoder().decode(bytes.subarray(0, ends)).split("\r\n").map(field));
  const start = ends + BLANK_LINE.length;
  const length = Number(head.get("content-length") ?? NaN);
  if (!(length <= LARGEST_PICTURE_BYTES)) throw new Error("a part without a length");
  const end = start + length;
  return bytes.length < end ? null : { head, body: bytes.subarray(start, end), end };
}

function field(line) {
  const [name, ...value] = line.split(":");
  return [name.trim().toLowerCase(), value.join(":").trim()];
}

function joined(a, b) {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
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

/** Until the time is over, or the turn. */
function pause(ms, turn) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    turn.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/**
 * One camera on one canvas. `report` is called as by LiveStream, without {kind: "open"}; what a picture cannot say is
 * asked of the camera's status. A turn is from a start to a pause, and what it began ends with it.
 */
export class MjpegStream {
  constructor({ canvas, url, quality, report }) {
    Object.assign(this, { url, quality, report });
    this.screen = new Screen(canvas, report);
    this.backOff = new BackOff(BACK_OFF_MS);
    this.start();
  }

  start() {
    const turns = new AbortController();
    this.turns = turns;
    this.heardAt = performance.now();
    this.screen.restart();
    this.backOff.reset();
    this.run(turns.signal);
    this.look(turns.signal);
  }

  // The stream

  async run(turn) {
    while (!turn.aborted) {
      await this.follow(turn);
      await pause(this.backOff.next(), turn);
    }
  }

  /** One answer, to its end. */
  async follow(turn) {
    const line = new AbortController();
    const hangUp = () => line.abort();
    turn.addEventListener("abort", hangUp, { once: true });
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(hangUp, SILENT_MS);
    };
    try {
      heard();
      const answer = await fetch(`${this.url}stream.mjpeg?quality=${this.quality}`, { signal: line.signal, cache: "no-store" });
      if (!answer.ok) await this.onProblem(answer, turn);
      else for await (const part of parts(answer.body.getReader())) await this.onPart(part, turn).then(heard);
    } catch {
      // it broke, or was silent for too long: it is opened again, like one that ended
    }
    clearTimeout(silence);
    hangUp();
  }

  async onPart(part, turn) {
    if (part.head.has("x-ended")) this.onEnd(new TextDecoder().decode(part.body));
    else await this.onFrame(unpack(part), turn);
  }

  /** Nobody asks for it again before the page does. */
  onEnd(sentence) {
    this.pause();
    this.ended = true;
    this.report({ kind: "closed", code: ENDED, reason: sentence, opened: true, tries: 1 });
  }

  async onProblem(answer, turn) {
    if (this.refused(answer.status)) return;
    const problem = await answer.json();
    const reason = PROBLEMS[problem.type];
    if (!reason || turn.aborted) return;
    this.heardAt = performance.now();
    this.report({ kind: "no-frame", reason, message: problem.detail });
  }

  async onFrame(frame, turn) {
    const drawn = await this.screen.draw(frame.jpeg);
    if (!drawn || turn.aborted) return;
    this.heardAt = performance.now();
    this.backOff.reset();
    if (frame.limited !== this.limited) this.report({ kind: "limited", message: frame.limited });
    this.limited = frame.limited;
    this.screen.tell(frame, null);
  }

  // Why there is no picture

  async look(turn) {
    while (!turn.aborted) {
      await pause(LOOK_MS, turn);
      if (!turn.aborted && performance.now() - this.heardAt > LATE_MS) await this.ask(turn);
    }
  }

  async ask(turn) {
    try {
      const answer = await askStatus(this.url);
      const status = await answer.json();
      if (!turn.aborted) this.explain(answer, status);
    } catch {
      if (!turn.aborted) this.report({ kind: "closed", code: 1006, opened: true, tries: 1 });
    }
  }

  explain(answer, status) {
    if (this.refused(answer.status)) return;
    if (!answer.ok) this.report({ kind: "no-frame", reason: "broker", message: status.detail });
    else if (status.observed !== "ready") this.report({ kind: "no-frame", reason: status.observed, message: status.reason });
  }

  refused(status) {
    const code = REFUSED_STATUS[status];
    if (code) this.report({ kind: "closed", code, opened: true, tries: 1 });
    return Boolean(code);
  }

  // What the page says

  setQuality(quality) {
    if (quality === this.quality) return;
    this.quality = quality;
    if (this.turns.signal.aborted) return;
    this.pause();
    this.start();
  }

  pause() {
    this.turns.abort();
  }

  snapshot() {
    this.screen.snapshot();
  }

  resume() {
    if (this.turns.signal.aborted && !this.ended) this.start();
  }

  close() {
    this.pause();
  }
}

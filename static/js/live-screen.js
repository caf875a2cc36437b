// Where pictures are drawn, whichever way they come, and what is known of those that were.

export const SIMULATED = 1;
export const STALE = 2;
const REPORT_MS = 200;
const FPS_MS = 3000;
const INTERVALS = 6;

/** Delays that double from the least to the most, each drawn at random from its upper half. */
export class BackOff {
  constructor([least, most] = [250, 15000], random = Math.random) {
    Object.assign(this, { least, most, random, tries: 0 });
  }

  next() {
    const whole = Math.min(this.most, this.least * 2 ** this.tries++);
    return whole * (0.5 + this.random() / 2);
  }

  reset() {
    this.tries = 0;
  }
}

/**
 * One camera on one canvas. `report` is called with
 *   {kind: "frame", number, stationMs (its clock), capturedMs (ours, or null), latencyMs, intervalMs, fps, width, height,
 *    simulated, stale}
 */
export class Screen {
  constructor(canvas, report) {
    Object.assign(this, { canvas, report, captured: [], reportedAt: 0 });
    this.context = canvas.getContext("2d", { alpha: false });
    this.restart();
  }

  /** After a pause: it is not part of the pace. */
  restart() {
    this.drawnAt = [];
  }

  /** Whether it is a picture. */
  async draw(jpeg) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(jpeg);
    } catch {
      return false; // broken on its way: the next one comes
    }
    const { canvas } = this;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    this.context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return true;
  }

  /** Of a frame that was drawn. `offsetMs` is how far the station's clock is ahead of ours; null when nobody knows. */
  tell(frame, offsetMs, latencyKnown) {
    const now = performance.now();
    this.drawnAt = [...this.drawnAt.filter((at) => now - at < FPS_MS), now];
    this.captured = [...this.captured, frame.stationMs].slice(-INTERVALS - 1);
    if (now - this.reportedAt < REPORT_MS && frame.stale === this.wasStale) return;
    this.reportedAt = now;
    this.wasStale = frame.stale;
    const { number, stationMs, simulated, stale } = frame;
    const capturedMs = offsetMs === null ? null : stationMs - offsetMs;
    const latencyMs = latencyKnown ? Math.max(0, Date.now() - capturedMs) : null;
    const { intervalMs, canvas: { width, height } } = this;
    const fps = this.fps(now);
    this.report({ kind: "frame", number, stationMs, capturedMs, latencyMs, intervalMs, fps, width, height, simulated, stale });
  }

  /** The median of the last few: one pause, or a slow start, is not the camera's pace. */
  get intervalMs() {
    const gaps = this.captured.slice(1).map((at, place) => at - this.captured[place]);
    return gaps.sort((a, b) => a - b)[gaps.length >> 1] ?? 0;
  }

  fps(now) {
    const count = this.drawnAt.length - 1;
    return count > 0 ? (1000 * count) / (now - this.drawnAt[0]) : 0;
  }
}

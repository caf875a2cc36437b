// A page's streams, where a worker has them; and none at all.

let worker = null;
let workersFail = !("OffscreenCanvas" in window && "transferControlToOffscreen" in HTMLCanvasElement.prototype);

/** The page's one worker; null where there can be none, and pictures are drawn on the main thread. */
export function sharedWorker(hear, withoutWorker) {
  if (worker || workersFail) return worker;
  worker = new Worker(new URL("./live-worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => hear(data);
  worker.onerror = () => {
    workersFail = true; // old browsers have workers, but not from modules
    worker = null;
    withoutWorker();
  };
  return worker;
}

/** A LiveStream's own methods, by messages to the worker. */
export class RemoteStream {
  constructor(there, { id, transport, canvas, url, quality, requests }) {
    Object.assign(this, { there, id });
    const offscreen = canvas.transferControlToOffscreen();
    there.postMessage({ id, do: "open", transport, canvas: offscreen, url, quality, requests }, [offscreen]);
  }

  setQuality(quality) {
    this.there.postMessage({ id: this.id, do: "quality", quality });
  }

  pause() {
    this.there.postMessage({ id: this.id, do: "pause" });
  }

  snapshot() {
    this.there.postMessage({ id: this.id, do: "snapshot" });
  }

  resume() {
    this.there.postMessage({ id: this.id, do: "resume" });
  }

  close() {
    this.there.postMessage({ id: this.id, do: "close" });
  }
}

/** Where the browser's connections are for others: it shows nothing. */
export const NO_STREAM = { setQuality() {}, pause() {}, resume() {}, snapshot() {}, close() {} };

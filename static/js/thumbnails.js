// Thumbnails that are still being rendered: the station answers 503 until they are ready.
const MAX_TRIES = 6;
const RETRY_MS = 2000;
const attempts = new WeakMap();

async function retry(image) {
  const tile = image.closest(".th, .well");
  if (!tile) return; // a picture at full size shows its own state
  const tries = (attempts.get(image) ?? 0) + 1;
  attempts.set(image, tries);
  // The error event of an image does not say why it failed.
  const status = await fetch(image.src).then(
    (answer) => answer.status,
    () => 0,
  );
  if (status === 200) {
    image.setAttribute("src", image.getAttribute("src")); // setting it, even to the same value, loads it again
    delete tile.dataset.waits;
  } else if (status === 503 && tries < MAX_TRIES) {
    tile.dataset.waits = "Being rendered";
    setTimeout(() => retry(image), RETRY_MS);
  } else {
    tile.dataset.waits = status === 404 ? "No picture" : "Not available now";
  }
}

const hasFailed = (image) => image.complete && image.naturalWidth === 0 && !attempts.has(image);
document.addEventListener(
  "error",
  (event) => event.target instanceof HTMLImageElement && !attempts.has(event.target) && retry(event.target),
  // Captured: the error events of images do not bubble.
  true,
);
// Images that failed before this module ran.
for (const image of document.querySelectorAll(".th img, .well img")) if (hasFailed(image)) retry(image);

// Pictures that their host is still drawing: 503 means that it does so now.
const MOST_TRIES = 6;
const AGAIN_MS = 2000;
const refused = new WeakMap();

async function look(image) {
  const tile = image.closest(".th, .well");
  if (!tile) return; // a picture at full size tells its own state
  const tries = (refused.get(image) ?? 0) + 1;
  refused.set(image, tries);
  const status = await fetch(image.src).then((answer) => answer.status, () => 0);
  if (status === 200) {
    image.src = image.src;
    delete tile.dataset.waits;
  } else if (status === 503 && tries < MOST_TRIES) {
    tile.dataset.waits = "Being rendered";
    setTimeout(() => look(image), AGAIN_MS);
  } else {
    tile.dataset.waits = status === 404 ? "No picture" : "Not available now";
  }
}

const failed = (image) => image.complete && image.naturalWidth === 0 && !refused.has(image);
document.addEventListener("error", (event) => event.target instanceof HTMLImageElement && !refused.has(event.target) && look(event.target), true);
for (const image of document.querySelectorAll(".th img, .well img")) if (failed(image)) look(image);

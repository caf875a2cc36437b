// The gallery and the page of a capture: pictures at full size, arrow keys, and thumbnails that are still being drawn.
import PhotoSwipeLightbox from "../vendor/photoswipe-5.4.4/photoswipe-lightbox.esm.min.js";
import "./drawn.js";

const tiles = document.querySelector("#tiles");

// Full size
const made = (name, className, content = "") => Object.assign(document.createElement(name), { className, textContent: content });

function addFacts(lightbox) {
  const facts = made("aside", "pswp__facts");
  facts.setAttribute("aria-label", "How it was taken");
  facts.hidden = true;
  const fill = async () => {
    const link = lightbox.pswp.currSlide.data.element;
    const answer = await fetch(`${link.href}details/`);
    const text = answer.ok ? await answer.text() : "";
    if (lightbox.pswp?.currSlide.data.element === link) facts.innerHTML = text || "The station did not answer.";
  };
  const toggle = () => {
    facts.hidden = !facts.hidden;
    if (!facts.hidden) fill();
  };
  lightbox.on("change", () => facts.hidden || fill());
  lightbox.toggleFacts = toggle;
  return { facts, toggle };
}

function addActs(lightbox) {
  const { ui } = lightbox.pswp;
  const { facts, toggle } = addFacts(lightbox);
  const link = (name, order, text, address, download) =>
    ui.registerElement({
      name, order, tagName: "a", className: "pswp__act", appendTo: "bar", html: text,
      onInit: (element, pswp) => pswp.on("change", () => {
        element.href = address(pswp.currSlide.data.element);
        element.toggleAttribute("download", download);
      }),
    });
  ui.registerElement({ name: "details", order: 7, isButton: false, tagName: "button", className: "pswp__act", appendTo: "bar", html: "Details", onClick: toggle });
  link("page", 8, "Page", (tile) => tile.href, false);
  link("original", 9, "Download", (tile) => `${tile.dataset.original}&download=1`, true);
  ui.registerElement({
    name: "said", order: 6, appendTo: "bar", tagName: "span", className: "pswp__act", html: "SIMULATED",
    onInit: (element, pswp) => pswp.on("change", () => { element.hidden = !("simulated" in pswp.currSlide.data.element.dataset); }),
  });
  ui.registerElement({ name: "facts", appendTo: "root", tagName: "div", className: "pswp__facts-place", onInit: (element) => element.append(facts) });
}

function lightboxOf(gallery) {
  const lightbox = new PhotoSwipeLightbox({
    gallery,
    children: "a[data-large]",
    pswpModule: () => import("../vendor/photoswipe-5.4.4/photoswipe.esm.min.js"),
    bgOpacity: 1,
    loop: false,
    showHideAnimationType: "none",
    errorMsg: "The picture cannot be shown now.",
    paddingFn: () => ({ top: 60, bottom: 12, left: 12, right: 12 }),
  });
  lightbox.addFilter("itemData", (data) => {
    const image = data.element?.querySelector("img");
    data.src = data.element?.dataset.large;
    if (image?.naturalWidth) data.height = Math.round((data.width * image.naturalHeight) / image.naturalWidth);
    return data;
  });
  lightbox.on("uiRegister", () => addActs(lightbox));
  lightbox.on("afterInit", () => lightbox.pswp.element.setAttribute("aria-label", "Picture"));
  lightbox.on("close", () => lightbox.pswp.currSlide.data.element.focus());
  document.addEventListener("keydown", (event) => {
    if (event.key === "i" && lightbox.pswp && !event.ctrlKey && !event.metaKey) lightbox.toggleFacts();
  });
  lightbox.init();
}

if (tiles) lightboxOf(tiles);

// On a narrow screen the chosen day and hour are not the first that one sees.
for (const chosen of document.querySelectorAll(".cal [aria-current], .hours [aria-current]")) {
  const row = chosen.parentElement;
  row.scrollLeft = chosen.offsetLeft - row.offsetLeft - (row.clientWidth - chosen.offsetWidth) / 2;
}

// Arrow keys: from tile to tile where one has the focus, else to the night or capture before and after.
const all = () => [...tiles.querySelectorAll(".th")];
const wide = () => getComputedStyle(tiles).gridTemplateColumns.split(" ").length;
const STEPS = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: () => -(tiles ? wide() : 0), ArrowDown: () => (tiles ? wide() : 0) };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !(event.key in STEPS)) return;
  if (document.querySelector("dialog[open], .pswp--open") || event.target.closest("input, select, textarea, .tw")) return;
  const tile = event.target.closest(".tiles .th");
  const found = tile && all()[all().indexOf(tile) + STEPS[event.key]()];
  const turn = tile ? null : document.querySelector(`[data-turn="${STEPS[event.key]()}"]`);
  if (!found && !turn) return;
  event.preventDefault();
  if (found) found.focus();
  else turn.click();
});

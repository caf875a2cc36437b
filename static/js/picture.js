// Pictures: full screen, and true colours while `v` or the button is held in the red theme.

const root = document.documentElement;
const peek = (on) => root.classList.toggle("peek", on);

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-full]")) return;
  if (document.fullscreenElement) document.exitFullscreen();
  else (document.querySelector(".pswp--open") ?? document.querySelector("#stage, #player"))?.requestFullscreen();
});
document.addEventListener("pointerdown", (event) => {
  if (event.target.closest("[data-peek]")) peek(true);
});
// blur: a window without the focus gets no keyup.
for (const end of ["pointerup", "pointercancel", "blur"]) window.addEventListener(end, () => peek(false));
document.addEventListener("keydown", (event) => {
  if (event.key === "v" && !event.target.closest("input, select, textarea")) peek(true);
});
document.addEventListener("keyup", (event) => {
  if (event.key === "v") peek(false);
});

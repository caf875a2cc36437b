// Why a field keeps its form from being sent: our own note below it. The browser's has the browser's language, and its
// colours at night.
const HAS_POPOVER = "popover" in HTMLElement.prototype;
const SENTENCES = {
  valueMissing: ({ type }) => (type === "checkbox" || type === "radio" ? "Choose this." : "Fill this in."),
  patternMismatch: ({ title }) => title || "It has another format.",
  typeMismatch: ({ type }) => (type === "email" ? "This is not a mail address." : "This is not an address."),
  badInput: () => "This is not a number.",
  rangeUnderflow: ({ min }) => `At least ${min}.`,
  rangeOverflow: ({ max }) => `At most ${max}.`,
  stepMismatch: ({ step }) => `In steps of ${step}.`,
  tooLong: ({ maxLength }) => `At most ${maxLength} characters.`,
  tooShort: ({ minLength }) => `At least ${minLength} characters.`,
};
const note = document.createElement("div");
note.className = "field-error";
note.popover = "manual";
note.setAttribute("role", "alert");

/** The first reason, in our words; a module's own sentence stays. */
function sentenceOf(field) {
  const reason = Object.keys(SENTENCES).find((name) => field.validity[name]);
  return reason && !field.validity.customError ? SENTENCES[reason](field) : field.validationMessage;
}

function show(field) {
  const box = field.closest(".in") ?? field;
  note.textContent = sentenceOf(field);
  box.after(note); // within an open dialog, beyond which the page is inert
  note.showPopover();
  const { left, bottom } = box.getBoundingClientRect();
  note.style.left = `${Math.max(8, Math.min(left, innerWidth - note.offsetWidth - 8))}px`;
  note.style.top = `${Math.min(bottom + 4, innerHeight - note.offsetHeight - 8)}px`;
}

function hide() {
  if (note.isConnected) note.remove();
}

// Only while a form is being sent: scripts check fields, too. The browser reports all fields, in the order of the page.
let state = "idle";
document.addEventListener(
  "click", // also what Enter in a field does to the button of its form
  (event) => {
    if (!event.target.closest("button, input")) return;
    state = "sent";
    setTimeout(() => {
      state = "idle";
    });
  },
  true,
);
document.addEventListener(
  "invalid",
  (event) => {
    if (state === "idle" || !HAS_POPOVER) return;
    event.preventDefault();
    if (state === "reported") return;
    state = "reported";
    event.target.focus();
    event.target.scrollIntoView({ block: "nearest" });
    show(event.target);
  },
  true,
);
for (const name of ["input", "focusout", "keydown"]) document.addEventListener(name, hide);
addEventListener("resize", hide);

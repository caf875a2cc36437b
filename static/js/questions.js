// The question before an act with consequences: our own dialog, because the browser's follows neither the theme nor the
// language of the page. A button asks with `data-confirm`, what htmx sends with `hx-confirm`. Beside it `data-effect`
// is the consequence, and `data-verb` the label of the button that acts (else the label of the pressed one).
import { nameOf, showOnPage } from "./connection.js";

const dialog = document.querySelector("#question");
const title = dialog.querySelector("#question-title");
const effect = dialog.querySelector("#question-effect");
const verb = dialog.querySelector("[data-question-verb]");
const oneLine = (text) => text.replace(/\s+/g, " ").trim(); // templates break long ones into lines
let confirmed = null;

/** Whether the reader chose the verb. Escape and Cancel do not, and neither does a question while one is open. */
function ask(question, asking, button) {
  if (dialog.open) return Promise.resolve(false);
  title.textContent = oneLine(question);
  effect.textContent = oneLine(asking.dataset.effect ?? "");
  verb.textContent = oneLine(asking.dataset.verb ?? nameOf(button));
  verb.className = button.matches(".danger") ? "btn destroy" : "btn primary-action";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

const sayThatItIsGone = () =>
  showOnPage(`${verb.textContent} was not sent: this page has changed meanwhile. Look, and press it again.`);

// Captured: htmx must not see the form before the answer.
document.addEventListener(
  "submit",
  async (event) => {
    const { target: form, submitter } = event;
    const question = submitter?.dataset.confirm;
    if (!question || submitter === confirmed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!(await ask(question, submitter, submitter))) return;
    if (!submitter.isConnected || submitter.form !== form) return sayThatItIsGone();
    confirmed = submitter;
    form.requestSubmit(submitter);
    confirmed = null;
  },
  true,
);

document.addEventListener("htmx:confirm", async (event) => {
  const { question, elt, triggeringEvent, issueRequest } = event.detail;
  if (!question) return;
  event.preventDefault();
  if (!(await ask(question, elt, triggeringEvent?.submitter ?? elt.querySelector("button") ?? elt))) return;
  if (elt.isConnected) issueRequest(true);
  else sayThatItIsGone();
});

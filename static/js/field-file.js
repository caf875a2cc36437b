// A field file that is dropped on the text, or chosen, becomes the text: its preview then names the wrong lines.

// Of a character that UTF-8 has four bytes for, JavaScript counts two. More is refused by the server: what is cut off
// here would be missed by no one.
const MOST_CHARACTERS = 1048576;
const MOST_BYTES = 4 * MOST_CHARACTERS + 1;
const MOST_UNITS = 2 * MOST_CHARACTERS + 2;
const area = document.querySelector("[data-field-file]");
const input = document.querySelector("#list-file");
const encoding = document.querySelector("#list-encoding");

function decoded(bytes) {
  try {
    return [new TextDecoder("utf-8", { fatal: true }).decode(bytes), ""];
  } catch {
    // Not a TextDecoder, whose Latin-1 is Windows-1252.
    return [Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""), encoding.dataset.note];
  }
}

async function take(file) {
  const [text, note] = decoded(new Uint8Array(await file.slice(0, MOST_BYTES).arrayBuffer()));
  area.value = text.slice(0, MOST_UNITS);
  encoding.textContent = note;
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

area.addEventListener("dragover", (event) => {
  event.preventDefault();
  area.classList.add("dropping");
});
area.addEventListener("dragleave", () => area.classList.remove("dropping"));
area.addEventListener("drop", (event) => {
  area.classList.remove("dropping");
  const [file] = event.dataTransfer.files;
  if (file) {
    event.preventDefault();
    take(file);
  }
});
input.addEventListener("change", async () => {
  const [file] = input.files;
  if (file) {
    await take(file);
    // The text is sent from now on, with what is edited in it.
    input.value = "";
  }
});

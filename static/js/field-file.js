// A field file that is dropped on the text, or chosen, becomes the text: its preview then names the wrong lines.

const LARGEST = 1048577;
const area = document.querySelector("[data-field-file]");
const input = document.querySelector("#list-file");

async function take(file) {
  area.value = await file.slice(0, LARGEST).text();
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

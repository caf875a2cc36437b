/** The station's sentence with names instead of the IDs of cameras, which stand where `mentions` say: [[begin, end]]
    in characters. `nameOf` is called with each ID. */
export function withNames(message, mentions, nameOf) {
  const characters = Array.from(message); // as the station counts them, which are not those of UTF-16
  for (const [begin, end] of [...mentions].reverse())
    characters.splice(begin, end - begin, nameOf(characters.slice(begin, end).join("")));
  return characters.join("");
}

/** The nodes of a sentence, with text in back-quotes as code, as the filter `with_code` of the templates. */
export function nodesOf(sentence) {
  return sentence.split(/`([^`]+)`/).map((part, index) => {
    if (index % 2 === 0) return part;
    const code = document.createElement("code");
    code.textContent = part;
    return code;
  });
}

/** Shows a sentence in an element, which is left alone if it has it already. */
export function fillSentence(element, sentence) {
  if (element.textContent !== sentence.replaceAll("`", "")) element.replaceChildren(...nodesOf(sentence));
}

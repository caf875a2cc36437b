/** The station's sentence with names instead of the IDs of cameras, which stand where `mentions` say: [[begin, end]]
    in characters. `nameOf` is called with each ID. */
export function withNames(message, mentions, nameOf) {
  const characters = Array.from(message); // as the station counts them, which are not those of UTF-16
  for (const [begin, end] of [...mentions].reverse())
    characters.splice(begin, end - begin, nameOf(characters.slice(begin, end).join("")));
  return characters.join("");
}

// Choices of a reader that the server renders into each page, so that nothing flashes.

const YEAR_S = 365 * 86400;

export function storeChoice(name, value) {
  // A browser does not store a secure cookie over plain HTTP.
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR_S}; samesite=lax${secure}`;
}

/** The stored choice; empty without one. */
export const storedChoice = (name) =>
  document.cookie
    .split("; ")
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1) ?? "";

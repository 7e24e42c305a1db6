/** Where the page of another node is. */

/** The address of a node's page as somebody types it; null for what is none. */
export function pageOf(text: string, hash: string): string | null {
  const typed = text.trim();
  if (typed === "") return null;
  try {
    const url = new URL(/^[a-z]+:\/\//i.test(typed) ? typed : `http://${typed}`);
    if (url.protocol !== "http:" && url.protocol !== "https:") return null;
    return `${url.origin}/${hash}`;
  } catch {
    return null;
  }
}

// What the station reported while no socket was open: read from its lists.
const LIMIT = 100;
const PATIENCE_MS = 10_000;

/** The open alerts, and the events of sessions since `since` (milliseconds since 1970), oldest first. Rejects without
 * an answer. */
export async function readMissed(since) {
  const from = encodeURIComponent(new Date(since).toISOString());
  const [alerts, events] = await Promise.all([
    readList(`/api/v1/alerts/?state=open&limit=${LIMIT}`),
    readList(`/api/v1/events/?kind=session&from=${from}&limit=${LIMIT}`),
  ]);
  return { alerts, events };
}

async function readList(address) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`The station answered ${answer.status}.`);
  return (await answer.json()).results.reverse();
}

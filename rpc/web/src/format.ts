/** Numbers, times and names as people read them. Pure. */

/** A number with thin groups: 1 234 567. */
export function grouped(value: bigint | number): string {
  const [whole, part] = String(value).split(".");
  const groups = whole!.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
  return part === undefined ? groups : `${groups}.${part}`;
}

/** A rate or measure with three digits that count. */
export function measured(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value >= 100) return grouped(Math.round(value));
  return value >= 10 ? value.toFixed(1) : value.toFixed(value === 0 ? 0 : 2);
}

/** A length of time in the unit that fits. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${ms < 10 && ms % 1 !== 0 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} days`;
}

/** How long ago, or how long until. */
export function ago(ms: number, nowMs: number): string {
  const past = nowMs - ms;
  if (past < -1_500) return `in ${duration(-past)}`;
  if (past < 1_500) return "just now";
  return past < 60_000 ? `${Math.floor(past / 1_000)} s ago` : `${duration(past)} ago`;
}

/** A moment with its milliseconds, by the clock of the reader's place. */
export function moment(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** Bytes in the unit that fits. */
export function size(bytes: number | bigint): string {
  const count = Number(bytes);
  if (count < 1_000) return `${count} bytes`;
  if (count < 1_000_000) return `${(count / 1_000).toFixed(1)} kB`;
  return `${(count / 1_000_000).toFixed(2)} MB`;
}

/** Beginning and end of something long; whole where it is short. */
export function shortened(text: string, headLength = 8, tailLength = 6): [string, string] {
  return text.length <= headLength + tailLength + 1 ? [text, ""] : [text.slice(0, headLength), text.slice(-tailLength)];
}

/** "1 block", "2 blocks". */
export function counted(count: number | bigint, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${Number(count) === 1 ? one : many}`;
}

/** Camel case or kebab case as words: `ModuleError` is "module error". */
export function words(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/[-_]/g, " ").toLowerCase();
}

/** Bytes as text where they are some, with a dot for each of a few that are none (lengths, tags); else null. */
export function readableText(bytes: Uint8Array): string | null {
  const letters = [...bytes].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·"));
  const readable = letters.filter((letter) => letter !== "·").length;
  const isText = readable === bytes.length ? readable > 0 : bytes.length >= 6 && readable >= 4 && readable * 2 >= bytes.length;
  return isText ? letters.join("") : null;
}

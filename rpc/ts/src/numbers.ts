/** Amounts as people write them, and floats as they read best. */

const GRAINS = 1_000_000_000n;

/** Grains from `1500000000`, `1.5 pollen` or `1.5pollen`; null when it is neither, or does not fit in 64 bits. */
export function parseAmount(text: string): bigint | null {
  const match = /^(?:([0-9]{1,30})|([0-9]{1,30})(?:\.([0-9]{1,9}))?\s*pollen)$/.exec(text);
  if (match === null) return null;
  const grains =
    match[1] === undefined ? BigInt(match[2]!) * GRAINS + BigInt((match[3] ?? "0").padEnd(9, "0")) : BigInt(match[1]);
  return grains < 1n << 64n ? grains : null;
}

/** Grains as pollen, exactly: `1.5 pollen`. */
export function formatAmount(grains: bigint): string {
  const part = (grains % GRAINS).toString().padStart(9, "0").replace(/0+$/, "");
  return `${grains / GRAINS}${part === "" ? "" : `.${part}`} pollen`;
}

/** The f64 that reads best and still is this f32: 8.1, not 8.100000381469727. */
export function widened(narrow: number): number {
  if (!Number.isFinite(narrow)) return narrow;
  for (let digits = 1; digits <= 9; digits++) {
    const [mantissa, exponent] = narrow.toExponential(digits - 1).split("e") as [string, string];
    const near = Number(`${mantissa}e${exponent}`);
    if (Math.fround(near) === narrow) return near;
    // At a power of two the gap to one side is twice as wide: the nearest may fail where its neighbour fits.
    const scaled = BigInt(mantissa.replace(".", ""));
    for (const other of [scaled + 1n, scaled - 1n]) {
      const neighbour = Number(`${other}e${Number(exponent) - digits + 1}`);
      if (Math.fround(neighbour) === narrow) return neighbour;
    }
  }
  return narrow;
}

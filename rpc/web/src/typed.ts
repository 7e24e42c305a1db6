/** What is typed into fields of forms: lengths of time, whole numbers, amounts. Pure; what is none is refused in words. */

import { formatAmount, InputError, parseAmount } from "@pollen/client";

export const UNITS = { seconds: 1_000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 } as const;
export type Unit = keyof typeof UNITS;

/** A length of time as it is being written. */
export interface Span {
  count: string;
  unit: Unit;
}

/** In milliseconds. */
export function millisecondsOf({ count, unit }: Span, what: string): bigint {
  if (!/^\d{1,9}(\.\d{1,6})?$/.test(count.trim())) throw new InputError(`${what} is a number, such as 2 or 1.5`);
  return BigInt(Math.round(Number(count) * UNITS[unit]));
}

/** The same as it would be written: in the largest unit that it is a whole number of. */
export function spanOf(ms: bigint): Span {
  const whole = (["days", "hours", "minutes", "seconds"] as const).find((unit) => ms > 0n && ms % BigInt(UNITS[unit]) === 0n);
  const unit = whole ?? (ms === 0n ? "hours" : "seconds");
  return { unit, count: String(Number(ms) / UNITS[unit]) };
}

/** A whole number from 1 on. */
export function wholeOf(text: string, what: string): number {
  if (!/^0*[1-9]\d{0,9}$/.test(text.trim())) throw new InputError(`${what} is a whole number, 1 or more`);
  return Number(text);
}

/** Grains from pollen, with the unit written out or not; null where nothing is written. */
export function grainsOf(text: string, what: string): bigint | null {
  const typed = text.trim();
  if (typed === "") return null;
  const grains = parseAmount(/^[\d.]+$/.test(typed) ? `${typed} pollen` : typed);
  if (grains === null) throw new InputError(`${what} is an amount of pollen, such as 20 or 1.5`, "use digits with at most 9 of them behind the point, or leave it empty for no limit");
  return grains;
}

/** Grains as they would be written. */
export function pollenText(grains: bigint | null): string {
  return grains === null ? "" : formatAmount(grains).replace(" pollen", "");
}

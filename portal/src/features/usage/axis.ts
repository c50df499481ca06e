/** The ticks of a vertical axis: few, evenly spaced, on round numbers, from zero to just above the largest value. */

const ROUND = [1, 2, 2.5, 5, 10];

export function roundTicks(largest: number, wholeNumbers: boolean, intervals: number = 4): number[] {
  if (!(largest > 0)) return [0, 1];
  const raw = largest / intervals;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const factor = ROUND.find((candidate) => candidate * magnitude >= raw * 0.999_999) ?? 10;
  const step = wholeNumbers ? Math.max(1, Math.ceil(factor * magnitude)) : factor * magnitude;
  const count = Math.ceil(largest / step - 0.000_001);
  // Multiples of a decimal step drift (3 × 0.1); twelve digits are more than an axis shows.
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

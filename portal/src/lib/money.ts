/** Money on screen. Amounts arrive as whole nano-USD in strings and stay BigInt: no float ever touches them. */

const NANO_PER_USD = 1_000_000_000n;
const group = new Intl.NumberFormat("en-US");

function parts(nanoUsd: string): { sign: string; whole: bigint; fraction: string } {
  const value = BigInt(nanoUsd);
  const size = value < 0n ? -value : value;
  return {
    sign: value < 0n ? "-" : "",
    whole: size / NANO_PER_USD,
    fraction: (size % NANO_PER_USD).toString().padStart(9, "0"),
  };
}

/** Every digit, at least two after the point: "375" → "$0.000000375", "12500000000" → "$12.50". */
export function exactUsd(nanoUsd: string): string {
  const { sign, whole, fraction } = parts(nanoUsd);
  const digits = fraction.replace(/0+$/, "").padEnd(2, "0");
  return `${sign}$${group.format(whole)}.${digits}`;
}

/**
 * Short but honest. From one dollar: two decimals, rounded half up; below: every digit, because rounding
 * a call of a fraction of a cent would show it as free. Pair it with `exactUsd` in a title.
 */
export function shortUsd(nanoUsd: string): string {
  const value = BigInt(nanoUsd);
  const size = value < 0n ? -value : value;
  if (size < NANO_PER_USD) return exactUsd(nanoUsd);
  const cents = (size + 5_000_000n) / 10_000_000n;
  return `${value < 0n ? "-" : ""}$${group.format(cents / 100n)}.${(cents % 100n).toString().padStart(2, "0")}`;
}

/**
 * At most four significant digits, for totals where the eye compares sizes: "$0.0001234". Never rounds a cost to
 * nothing. Pair it with `exactUsd` in a title.
 */
export function roughUsd(nanoUsd: string): string {
  const value = BigInt(nanoUsd);
  const size = value < 0n ? -value : value;
  if (size >= NANO_PER_USD) return shortUsd(nanoUsd);
  const unit = 10n ** BigInt(Math.max(0, size.toString().length - 4));
  const rounded = ((size + unit / 2n) / unit) * unit;
  return exactUsd(`${value < 0n ? "-" : ""}${rounded}`);
}

/** Where a bar ends or a tick sits. Only for pixels: the text beside it comes from the exact amount. */
export function usdForPlot(nanoUsd: string): number {
  return Number(BigInt(nanoUsd)) / 1e9;
}

/** A tick of a money axis: "$0.0002", "$1.5", "$12k". Positions on an axis, so a number is good enough here. */
export function usdTick(usd: number): string {
  if (usd === 0) return "$0";
  if (Math.abs(usd) >= 1000) return `$${compact.format(usd)}`;
  return `$${tick.format(usd)}`;
}

const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const tick = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

/** A price per million tokens, which is a decimal string: "0.05" → "$0.05", "2" → "$2.00", null → "–". */
export function pricePerMillion(price: string | null | undefined): string {
  if (price === null || price === undefined) return "–";
  const [whole = "0", fraction = ""] = price.split(".");
  return `$${group.format(BigInt(whole))}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

/** Whether a person typed a price the API accepts: digits, optionally a point and up to nine decimals. */
export function isPrice(text: string): boolean {
  return /^\d{1,9}(\.\d{1,9})?$/.test(text);
}

/** What one priced line costs: quantity × price per million, as exact nano-USD text with up to nine more digits cut. */
export function lineNanoUsd(quantity: number, price: string): string {
  const [whole = "0", fraction = ""] = price.split(".");
  const scale = 10n ** BigInt(fraction.length);
  // USD per million tokens × 1000 = nano-USD per token.
  const numerator = BigInt(quantity) * BigInt(whole + fraction) * 1000n;
  return ((numerator + scale / 2n) / scale).toString();
}

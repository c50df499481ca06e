/** What the kinds of prices and of priced lines are called. */
const NAMES: Record<string, string> = {
  input: "Input tokens",
  cached_input: "Cached input tokens",
  cache_write: "Input tokens written to the cache",
  cache_write_1h: "Input tokens written to the cache for an hour",
  audio_input: "Audio input tokens",
  image_input: "Image input tokens",
  output: "Output tokens",
  reasoning: "Reasoning tokens",
  audio_output: "Audio output tokens",
  image_output: "Image output tokens",
  character: "Characters",
  second: "Seconds",
  image: "Images",
};

export const PRICE_KINDS: readonly string[] = Object.keys(NAMES);

export function lineName(kind: string): string {
  const [name = kind, ...details] = kind.split(":");
  const known = NAMES[name] ?? name;
  return details.length === 0 ? known : `${known} (${details.join(", ")})`;
}

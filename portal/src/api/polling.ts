/** Asking again at an interval. */

/**
 * For `refetchInterval`. What never loaded is not polled: its error stays on screen with a button to try again, instead of
 * turning into a placeholder every other second. What has loaded once goes on, and shows its last answer meanwhile.
 */
export function every(milliseconds: number) {
  return ({ state }: { state: { status: string; data: unknown } }): number | false =>
    state.status === "error" && state.data === undefined ? false : milliseconds;
}

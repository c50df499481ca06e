/** Where to go after signing in. */

/** Only a path of this portal is followed: "//other.example" or "/\other.example" would leave it. */
export function safeNextPage(next: string | undefined): string {
  if (next === undefined || !next.startsWith("/") || /^\/[/\\]/.test(next)) return "/";
  return next.startsWith("/login") ? "/" : next;
}

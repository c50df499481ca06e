/** Why single sign-on did not work, in words: the login page is told a code. */
const TEXTS: Record<string, string> = {
  not_allowed: "Your company's sign-in worked, but this account is not allowed in here. Ask your platform team.",
  no_email: "Your identity provider told us no e-mail address, so we cannot know who you are.",
  unverified_email: "Your identity provider has not verified your e-mail address.",
  account_disabled: "This account is disabled. Ask your platform team.",
  expired: "This sign-in took too long, or began in another browser. Try again.",
  unavailable: "The identity provider cannot be reached. Try again in a moment.",
};

export function singleSignOnRefusal(code: string): string {
  return TEXTS[code] ?? "Signing in with the identity provider did not work. Try again.";
}

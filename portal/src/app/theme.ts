/** Light, dark or as the system says. The choice is remembered in this browser. */
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const STORAGE_KEY = "omg-theme";
const listeners = new Set<() => void>();

function readTheme(): Theme {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    // Storage can be forbidden by the browser's settings; then the choice lasts as long as the page.
    return "system";
  }
}

let current: Theme = "system";

/** Puts the remembered theme on the page. Called once, before the first render. */
export function applyStoredTheme(): void {
  current = readTheme();
  paint();
}

function paint(): void {
  if (current === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = current;
}

export function setTheme(theme: Theme): void {
  current = theme;
  paint();
  try {
    if (theme === "system") localStorage.removeItem(STORAGE_KEY);
    else localStorage.setItem(STORAGE_KEY, theme);
  } catch {
    // As above: not remembered, still applied.
  }
  for (const listener of listeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

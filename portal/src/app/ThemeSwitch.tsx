import { Monitor, Moon, Sun } from "lucide-react";

import { type Theme, setTheme, useTheme } from "./theme";
import styles from "./ThemeSwitch.module.css";

const CHOICES = [
  { value: "light", label: "Light theme", icon: <Sun aria-hidden /> },
  { value: "dark", label: "Dark theme", icon: <Moon aria-hidden /> },
  { value: "system", label: "Theme of the system", icon: <Monitor aria-hidden /> },
] as const satisfies readonly { value: Theme; label: string; icon: unknown }[];

export function ThemeSwitch() {
  const theme = useTheme();
  return (
    <fieldset className={styles["group"]}>
      <legend className="visually-hidden">Theme</legend>
      {CHOICES.map(({ value, label, icon }) => (
        <label key={value} title={label}>
          <input
            type="radio"
            name="theme"
            className="visually-hidden"
            aria-label={label}
            checked={theme === value}
            onChange={() => setTheme(value)}
          />
          {icon}
        </label>
      ))}
    </fieldset>
  );
}

/** A small word with a tone: the state of something. The word carries the meaning, the colour only helps. */
import type { ReactNode } from "react";

import styles from "./Badge.module.css";

export type Tone = "neutral" | "success" | "warning" | "danger" | "accent";

export function Badge({
  tone = "neutral",
  dot = false,
  children,
}: {
  tone?: Tone;
  dot?: boolean;
  children: ReactNode;
}) {
  return (
    <span className={`${styles["badge"]} ${styles[tone]}`}>
      {dot && <span className={styles["dot"]} aria-hidden />}
      {children}
    </span>
  );
}

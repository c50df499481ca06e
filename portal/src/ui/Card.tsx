/** A framed part of a page, with an optional title row. */
import type { ReactNode } from "react";

import styles from "./Card.module.css";

interface CardProps {
  title?: string;
  aside?: ReactNode;
  flush?: boolean;
  children: ReactNode;
}

export function Card({ title, aside, flush = false, children }: CardProps) {
  return (
    <section className={styles["card"]} aria-label={title}>
      {title && (
        <header className={styles["header"]}>
          <h2>{title}</h2>
          {aside}
        </header>
      )}
      <div className={flush ? undefined : styles["body"]}>{children}</div>
    </section>
  );
}

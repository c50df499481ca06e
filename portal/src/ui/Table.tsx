/** Tables that scroll sideways on a small screen instead of squeezing their columns. */
import type { ReactNode } from "react";

import styles from "./Table.module.css";

/** `fixed` takes the widths of the columns from the head row, so that tables below each other line up. */
export function Table({ label, fixed = false, children }: { label: string; fixed?: boolean; children: ReactNode }) {
  return (
    <div className={fixed ? `${styles["scroll"]} ${styles["fixed"]}` : styles["scroll"]}>
      <table className={styles["table"]} aria-label={label}>
        {children}
      </table>
    </div>
  );
}

export { styles as tableStyles };

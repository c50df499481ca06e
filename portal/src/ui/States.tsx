/** What a page shows when it has no rows: still loading, nothing there yet, or a failure that can be retried. */
import { CircleAlert, RotateCw } from "lucide-react";
import type { CSSProperties, ReactNode } from "react";

import { Button } from "./Button";
import styles from "./States.module.css";

export function Skeleton({ width = "100%", height = "0.875rem" }: { width?: string; height?: string }) {
  return <span className={styles["skeleton"]} style={{ width, height } as CSSProperties} aria-hidden />;
}

/** Placeholder lines for a list, announced once as loading. */
export function SkeletonRows({ rows = 5, label }: { rows?: number; label: string }) {
  return (
    <div className={styles["rows"]} role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className={styles["row"]}>
          <Skeleton width={`${18 + ((row * 7) % 12)}%`} />
          <Skeleton width={`${28 - ((row * 5) % 9)}%`} />
          <Skeleton width="12%" />
        </div>
      ))}
    </div>
  );
}

interface EmptyStateProps {
  icon: ReactNode;
  title: string;
  children: ReactNode;
  action?: ReactNode;
}

export function EmptyState({ icon, title, children, action }: EmptyStateProps) {
  return (
    <div className={styles["state"]}>
      <span className={styles["icon"]} aria-hidden>
        {icon}
      </span>
      <h2>{title}</h2>
      <p>{children}</p>
      {action}
    </div>
  );
}

export function ErrorState({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const message = error instanceof Error ? error.message : "Something went wrong.";
  return (
    <div className={styles["state"]} role="alert">
      <span className={`${styles["icon"]} ${styles["bad"]}`} aria-hidden>
        <CircleAlert />
      </span>
      <h2>This could not be loaded</h2>
      <p>{message}</p>
      <Button icon={<RotateCw aria-hidden />} onClick={onRetry}>
        Try again
      </Button>
    </div>
  );
}

/** A failure inside a form: above the buttons, read out at once. */
export function FormError({ children }: { children: ReactNode }) {
  return (
    <div className={styles["formError"]} role="alert">
      <CircleAlert aria-hidden />
      <span>{children}</span>
    </div>
  );
}

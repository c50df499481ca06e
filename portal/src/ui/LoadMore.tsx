/** The end of a list that has more: a button, and the failure of the last try. */
import { Button } from "./Button";
import styles from "./LoadMore.module.css";
import { FormError } from "./States";

interface LoadMoreProps {
  hasMore: boolean;
  busy: boolean;
  error: Error | null;
  onLoad: () => void;
}

export function LoadMore({ hasMore, busy, error, onLoad }: LoadMoreProps) {
  if (!hasMore) return null;
  return (
    <div className={styles["more"]}>
      {error && <FormError>{error.message}</FormError>}
      <Button busy={busy} onClick={onLoad}>
        Load more
      </Button>
    </div>
  );
}

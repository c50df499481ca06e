/** The frame of every page: title, one sentence, actions on the right. Sets the title of the browser tab too. */
import { type ReactNode, useEffect } from "react";

import styles from "./Page.module.css";

interface PageProps {
  title: string;
  description: string;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, description, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Open Model Gateway`;
  }, [title]);
  return (
    <div className={styles["page"]}>
      <header className={styles["header"]}>
        <div>
          <h1>{title}</h1>
          <p>{description}</p>
        </div>
        {actions && <div className={styles["actions"]}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

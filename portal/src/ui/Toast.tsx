/** Short notes in a corner that say what just happened. They vanish by themselves; nothing important lives only here. */
import { type ReactNode, createContext, useCallback, useContext, useMemo, useRef, useState } from "react";

import styles from "./Toast.module.css";

type Notify = (message: string) => void;

const ToastContext = createContext<Notify>(() => undefined);

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<{ id: number; message: string }[]>([]);
  const nextId = useRef(0);
  const notify = useCallback<Notify>((message) => {
    const id = nextId.current++;
    setToasts((current) => [...current.slice(-2), { id, message }]);
    setTimeout(() => setToasts((current) => current.filter((toast) => toast.id !== id)), 4000);
  }, []);
  const value = useMemo(() => notify, [notify]);
  return (
    <ToastContext value={value}>
      {children}
      <div className={styles["corner"]} role="status" aria-live="polite">
        {toasts.map((toast) => (
          <div key={toast.id} className={styles["toast"]}>
            {toast.message}
          </div>
        ))}
      </div>
    </ToastContext>
  );
}

export function useToast(): Notify {
  return useContext(ToastContext);
}

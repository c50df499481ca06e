/**
 * Modal surfaces on the browser's own <dialog>: focus trap, Escape, inert page and top layer come with it.
 * `Dialog` is centred, `Drawer` slides in from the side. The content is mounted only while open.
 */
import { X } from "lucide-react";
import { type FormEvent, type ReactNode, useEffect, useId, useRef } from "react";

import { IconButton } from "./Button";
import styles from "./Dialog.module.css";

interface SurfaceProps {
  title: string;
  description?: ReactNode;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
  /** When given, content and footer are one form. */
  onSubmit?: () => void;
  wide?: boolean;
  /** Closing needs a button: for content that is gone for good afterwards. */
  sticky?: boolean;
}

export function Dialog(props: SurfaceProps) {
  return <Surface {...props} kind="dialog" />;
}

export function Drawer(props: SurfaceProps) {
  return <Surface {...props} kind="drawer" />;
}

function Surface(props: SurfaceProps & { kind: "dialog" | "drawer" }) {
  const { kind, title, description, onClose, children, footer, onSubmit, wide = false, sticky = false } = props;
  const element = useRef<HTMLDialogElement>(null);
  const pressedOutside = useRef(false);
  const titleId = useId();

  useEffect(() => {
    const dialog = element.current;
    if (dialog === null || dialog.open) return;
    const opener = document.activeElement;
    dialog.showModal();
    // The browser would pick the first focusable element, which is the close button.
    dialog.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => {
      dialog.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit?.();
  };

  const inner = (
    <>
      <header className={styles["header"]}>
        <div>
          <h2 id={titleId}>{title}</h2>
          {description && <p className={styles["description"]}>{description}</p>}
        </div>
        {!sticky && <IconButton label="Close" icon={<X aria-hidden />} onClick={onClose} />}
      </header>
      <div className={styles["content"]}>{children}</div>
      {footer && <footer className={styles["footer"]}>{footer}</footer>}
    </>
  );

  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/click-events-have-key-events -- the keyboard has Escape
    <dialog
      ref={element}
      className={[styles[kind], wide ? styles["wide"] : ""].join(" ")}
      aria-labelledby={titleId}
      onCancel={(event) => {
        // The owner decides: it unmounts this element, or (sticky) does nothing.
        event.preventDefault();
        if (!sticky) onClose();
      }}
      onPointerDown={(event) => {
        pressedOutside.current = event.target === element.current;
      }}
      onClick={(event) => {
        // Only a press that both began and ended on the backdrop closes: selecting text in a field may end there.
        if (event.target === element.current && pressedOutside.current && !sticky) onClose();
      }}
    >
      {onSubmit ? (
        <form className={styles["body"]} onSubmit={submit} noValidate>
          {inner}
        </form>
      ) : (
        <div className={styles["body"]}>{inner}</div>
      )}
    </dialog>
  );
}

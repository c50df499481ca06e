/** Asks before something that cannot be undone. The failure of the act shows in the same place. */
import type { ReactNode } from "react";

import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { FormError } from "./States";

interface ConfirmDialogProps {
  title: string;
  action: string;
  busy: boolean;
  error: Error | null;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}

export function ConfirmDialog({ title, action, busy, error, onConfirm, onClose, children }: ConfirmDialogProps) {
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button variant="danger" busy={busy} onClick={onConfirm}>
            {action}
          </Button>
        </>
      }
    >
      <p>{children}</p>
      {error && <FormError>{error.message}</FormError>}
    </Dialog>
  );
}

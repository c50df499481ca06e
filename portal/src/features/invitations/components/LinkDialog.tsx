import type { InvitationMade } from "@/api/types";
import { Button } from "@/ui/Button";
import { CodeBlock } from "@/ui/Copy";
import { Dialog } from "@/ui/Dialog";

/** The one time that a link is on screen. It closes by its button only. */
export function LinkDialog({ made, onClose }: { made: InvitationMade; onClose: () => void }) {
  const password = made.purpose === "password";
  return (
    <Dialog
      sticky
      wide
      title={`Send this link to ${made.email}`}
      description={
        password
          ? "Whoever has it can choose this person’s password, once. It is shown only now."
          : "Whoever has it can join as this person, once. It is shown only now."
      }
      onClose={onClose}
      footer={
        <Button variant="primary" onClick={onClose}>
          I have copied it
        </Button>
      }
    >
      <CodeBlock label="Link" text={globalThis.location.origin + made.path} />
    </Dialog>
  );
}

import type { Call } from "@/api/types";
import { Badge, type Tone } from "@/ui/Badge";

const LOOKS: Record<Call["status"], { tone: Tone; word: string; meaning: string }> = {
  succeeded: { tone: "success", word: "Succeeded", meaning: "The provider answered and the client received it." },
  failed: { tone: "danger", word: "Failed", meaning: "The provider or the gateway answered with an error." },
  aborted: { tone: "warning", word: "Aborted", meaning: "The client disconnected before the answer was complete." },
  interrupted: {
    tone: "warning",
    word: "Interrupted",
    meaning: "The gateway was stopped during the call; its usage is an estimate.",
  },
};

export function CallStatus({ status }: { status: Call["status"] }) {
  const look = LOOKS[status];
  return (
    <Badge tone={look.tone} dot>
      {look.word}
    </Badge>
  );
}

export function statusMeaning(status: Call["status"]): string {
  return LOOKS[status].meaning;
}

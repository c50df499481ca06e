import type { ApiKey } from "@/api/types";
import { Badge, type Tone } from "@/ui/Badge";

const LOOKS: Record<ApiKey["status"], { tone: Tone; word: string }> = {
  active: { tone: "success", word: "Active" },
  suspended: { tone: "warning", word: "Suspended" },
  revoked: { tone: "neutral", word: "Revoked" },
  expired: { tone: "warning", word: "Expired" },
};

export function KeyStatus({ status }: { status: ApiKey["status"] }) {
  return (
    <Badge tone={LOOKS[status].tone} dot={status === "active"}>
      {LOOKS[status].word}
    </Badge>
  );
}

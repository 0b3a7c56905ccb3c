import * as v from "valibot";
import { count, positive } from "../fields";
import { distillationCard, distilled, setting } from "./card";

export const opd = distillationCard({
  id: "opd",
  name: "OPD",
  title: "OPD: the teacher's word on every token written",
  explain:
    "Each token of a text is made likelier or less likely by how much likelier the teacher finds it; a chunk that the tokenizers cut differently shares its teacher's word out.",
  paper: "Thinking Machines, Oct 2025; across tokenizers arXiv 2606.09456",
  section: "10",
  settings: {
    /** How a chunk's teacher log-likelihood is shared out among the student's tokens. */
    credit: setting(v.picklist(["by_log_prob", "by_count", "exact_boundaries"]), "by_log_prob", {
      label: "Credit in a chunk",
      options: {
        by_log_prob: "by the student's log-probabilities",
        by_count: "evenly",
        exact_boundaries: "only where one token meets one",
      },
    }),
    clamp: setting(v.nullable(positive), 10, {
      label: "Largest advantage",
      help: "advantages end at plus and minus this; null: nowhere",
    }),
    maxChunk: setting(v.nullable(count(1, 1_000_000)), 6, {
      label: "Longest chunk",
      help: "chunks with more tokens than this on a side give no signal; null: all do",
    }),
  },
  source: "the script of arXiv 2606.09456: clamp 10, chunks up to 6",
  tokenizers: "any",
  views: 1,
  asks: "logits",
  terms: { opd: distilled("OPD") },
  canBeBase: false,
  preset: { id: "opd", onPolicy: true },
});

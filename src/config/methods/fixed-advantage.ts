import { fraction, positive } from "../fields";
import { distillationCard, distilled, setting } from "./card";

export const fixedAdvantage = distillationCard({
  id: "fixed_advantage",
  name: "fixed advantage",
  title: "Fixed advantage: OPD's control, without a teacher",
  explain:
    "Tokens that the student itself finds unlikely are made less likely, each by the same advantage: what OPD must beat to have learned from its teacher.",
  paper: "the control of arXiv 2608.31046",
  section: "10",
  settings: {
    /** −A of an unlikely token. */
    penalty: setting(positive, 1, { label: "Penalty", help: "minus the advantage of an unlikely token" }),
    /** Tokens of a smaller probability are unlikely. */
    unlikely: setting(fraction, 0.1, {
      label: "Unlikely below",
      help: "the student's probability under which a token is pushed down",
    }),
  },
  source: "ours: the paper's constants are not known to us",
  tokenizers: "any",
  views: 1,
  asks: "nothing; it is never run",
  terms: { fixed_advantage: distilled("fixed advantage") },
  canBeBase: false,
  preset: { id: "fixed-advantage", onPolicy: true },
});

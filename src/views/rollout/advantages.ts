import { shareCredit, type CreditSettings, type WrittenAnswer } from "../../telemetry";

/** Of each of the student's tokens, by a rule. */
export const advantagesOf = (
  { student, teacher, groups }: WrittenAnswer,
  settings: CreditSettings,
): number[] => [
  ...shareCredit(
    settings,
    student.map(({ logProb }) => logProb),
    teacher.map(({ logProb = 0 }) => logProb),
    groups,
  ),
];

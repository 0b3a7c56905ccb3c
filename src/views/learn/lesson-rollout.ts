// The eleventh lesson: a student that is taught on what it writes itself.
import type { Lesson } from "./lesson";

const OPD = "distill?v=1&preset=opd";

export const ROLLOUT_LESSON: Lesson = {
  id: "rollout",
  title: "The student writes, the teacher marks",
  minutes: 6,
  steps: [
    {
      text: "So far the student learned from answers that somebody else had written. Here it answers every prompt itself, with its weights as they are at that step, and learns from that: it is corrected where it really goes wrong. Press Step: it loads the models, takes one step, and the answer to the probe's prompt appears.",
      link: `${OPD}&steps=60`,
      target: ".panel-rollout",
    },
    {
      text: "Below is the student's answer as it wrote it, above the same text in the teacher's tokens. A token's advantage says how much likelier the teacher finds it than the student did: purple tokens become likelier, orange ones less likely. No reference answer takes part.",
      link: `${OPD}&steps=60`,
      target: ".panel-rollout",
      question: {
        ask: "The student writes a wrong number and then reasons on from it without a mistake. Which tokens will be orange?",
        options: [
          "all tokens of the answer",
          "mostly the wrong number; what follows from it may be fine",
          "the last token alone",
        ],
        answer: 1,
        because:
          "The teacher reads what the student wrote and marks each token given what stands before it. After a wrong number, the right continuation of the wrong number is likely.",
      },
    },
    {
      text: "Brackets are chunks of text that both sides have. Where several student tokens stand against one of the teacher's, the teacher has one word for all of them, and somebody must share it out. Choose such a chunk: the table shows L_T and L_S, and what each of three published rules gives to each token.",
      link: `${OPD}&steps=60`,
      target: ".panel-rollout",
    },
    {
      text: "Switch the rule above and watch the colours: no step is taken for that. Under the first two rules a chunk's advantages sum to L_T − L_S; they differ in who gets how much. The third gives nothing where one token does not meet one.",
      link: `${OPD}&steps=60`,
      target: ".panel-rollout",
    },
  ],
  open: {
    text: "A control without any teacher pushes down whatever the student itself finds unlikely (“Fixed advantage”). Train both for the same steps: do the answers differ? If the control does as well, the teacher taught nothing.",
    link: "distill?v=1&preset=fixed-advantage&steps=60",
  },
};

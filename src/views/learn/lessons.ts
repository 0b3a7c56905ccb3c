// Short lessons as data. A step sets the real screen to a state (a link, as in the address bar), points at a
// part of it, and says what is to be seen; each lesson asks for a prediction first, the last for two.

import { primaryText } from "../study/primary";
import type { Lesson } from "./lesson";
import { ROLLOUT_LESSON } from "./lesson-rollout";

export type { Lesson, LessonStep, Question } from "./lesson";

const RIBBONS = "show.form=ribbons";
const BYTES = "features=bytes";
const own = (text: string) =>
  `text.from=own&text.text=${encodeURIComponent(text)}&drop=text.row+text.student+text.teacher`;
const SHORT = own("60 km/h for 2 hours");
const TINY = own("answer is 40");

export const LESSONS: readonly Lesson[] = [
  {
    id: "tokenizers",
    title: "Why tokenizers disagree",
    minutes: 4,
    steps: [
      {
        text: "A language model never sees letters. A tokenizer splits the text into tokens from a fixed vocabulary, and each model has its own. The upper line shows the teacher's tokens, the lower line the student's tokens of the same bytes. The ruler counts bytes, so both lines show the same text at the same place.",
        link: `transport?v=1&${BYTES}&text.row=1&${RIBBONS}`,
        target: "#stage",
      },
      {
        text: "The teacher's vocabulary has 640 tokens, the student's 384. A larger vocabulary holds longer words.",
        link: `transport?v=1&${BYTES}&${SHORT}&${RIBBONS}`,
        target: "#stage",
        question: {
          ask: "Which of the two needs more tokens for the same text?",
          options: ["the student", "the teacher", "neither: the bytes are the same"],
          answer: 0,
          because:
            "A smaller vocabulary has shorter tokens, so the text needs more of them. The student's line has more tokens.",
        },
      },
      {
        text: "Rare words, accents and emoji are split into single bytes. A token that is not a whole character is shown as its byte, such as ⟨C3⟩.",
        link: `transport?v=1&${BYTES}&${own("naïve café, 12 €")}&${RIBBONS}`,
        target: "#stage",
      },
    ],
    open: {
      text: "Type a sentence of your own. Can you find one that both models split in exactly the same way?",
      link: `transport?v=1&${BYTES}&${own("the answer is: 4")}&${RIBBONS}`,
    },
  },
  {
    id: "positions",
    title: "What distillation asks for",
    minutes: 4,
    steps: [
      {
        text: "Plain distillation compares two predictions at each position: what does the teacher think comes next, what does the student? That needs the same positions and the same vocabulary. Here rows are the student's tokens, columns the teacher's. If both split the text alike, every pair would lie on the diagonal.",
        link: `transport?v=1&${BYTES}&text.row=1`,
        target: "#stage",
      },
      {
        text: "The dashed frames pair the k-th token with the k-th, as ULD does. Follow them from the corner downwards.",
        link: `transport?v=1&${BYTES}&text.row=1&show.overlay=positions`,
        target: "#stage",
        question: {
          ask: "What happens to the frames towards the end of the text?",
          options: [
            "they stay on matching tokens",
            "they cover all tokens",
            "they drift away from what matches",
          ],
          answer: 2,
          because:
            "Each extra student token shifts everything after it. The pairs soon compare different words, and the longer side's last tokens have no partner.",
        },
      },
      {
        text: "The table on the right measures it: the share of the plan's mass on those pairs, and in brackets the share that a plan without any preference would put there.",
        link: `transport?v=1&${BYTES}&text.row=1&show.overlay=positions`,
        target: ".panel-agreement",
      },
    ],
    open: {
      text: "Find a row where pairing by position does well. What do its two tokenizations have in common?",
      link: `transport?v=1&${BYTES}&text.row=4&show.overlay=positions`,
    },
  },
  {
    id: "alignments",
    title: "Three repairs and their limits",
    minutes: 5,
    steps: [
      {
        text: "Byte chunks: a chunk ends wherever both tokenizations have a boundary at the same byte. All tokens of a chunk belong together. This is exact, but it does not say which tokens of a chunk matter.",
        link: `transport?v=1&${BYTES}&text.row=3&show.overlay=bytes`,
        target: "#stage",
      },
      {
        text: "MinED goes through both lines at once and pairs tokens with similar spelling. It works well where words stay whole, and is arbitrary where one side has only letters.",
        link: `transport?v=1&${BYTES}&text.row=3&show.overlay=mined`,
        target: "#stage",
        question: {
          ask: "Which alignment shares most with the transport plan on this row?",
          options: ["ULD positions", "byte chunks or the MinED path", "all about the same"],
          answer: 1,
          because: "Both follow the text, and so does a plan whose cost uses the bytes. Positions do not.",
        },
      },
      {
        text: "All three only say yes or no. A transport plan is soft: a token may split its mass among several partners, and training can change the shares.",
        link: `transport?v=1&${BYTES}&text.row=3&${RIBBONS}`,
        target: "#stage",
      },
    ],
    open: {
      text: "Compare the agreement of all three on a row of coins, of days and of cups.",
      link: `transport?v=1&${BYTES}&text.row=2`,
    },
  },
  {
    id: "cost",
    title: "Moving mass: cost and plan",
    minutes: 4,
    steps: [
      {
        text: "The cost says how far each student token is from each teacher token. Dark means near. This cost compares bytes and positions; no model is involved yet.",
        link: `transport?v=1&${BYTES}&${SHORT}&show.matrix=cost`,
        target: "#stage",
      },
      {
        text: "Every student token holds the same mass, 1/n, and every teacher token takes 1/m. The plan moves all mass at the lowest cost, slightly blurred.",
        link: `transport?v=1&${BYTES}&${SHORT}`,
        target: "#stage",
        question: {
          ask: "A student token is close to one single teacher token, but so are three other student tokens. Can all send everything there?",
          options: ["no, the teacher token takes only 1/m", "yes, it is the cheapest"],
          answer: 0,
          because:
            "Both marginals must hold. Three tokens of 1/n may be more than 1/m, so some mass has to go elsewhere, at a higher cost.",
        },
      },
      {
        text: "⟨P, C⟩ is the total cost: mass times cost, summed over all pairs. Training lowers it. Point at a cell to see its share.",
        link: `transport?v=1&${BYTES}&${SHORT}`,
        target: ".panel-readouts",
      },
    ],
    open: {
      text: "Change the cost to Euclidean and look at both tabs. What changes more, the cost or the plan?",
      link: `transport?v=1&${BYTES}&${SHORT}&cost=euclidean`,
    },
  },
  {
    id: "sinkhorn",
    title: "Sinkhorn, sweep by sweep",
    minutes: 5,
    steps: [
      {
        text: "Before the first sweep neither rows nor columns have the right sums: cheap pairs simply have more mass. The curve under the matrix is the marginal error on a log scale.",
        link: `transport?v=1&${BYTES}&${TINY}&show.sweep=0`,
        target: ".scrubber",
      },
      {
        text: "One sweep scales every column to its mass, then every row. Scaling the rows disturbs the columns a little, so the sweeps repeat.",
        link: `transport?v=1&${BYTES}&${TINY}&show.sweep=1`,
        target: ".scrubber",
        question: {
          ask: "How does the error fall from sweep to sweep?",
          options: ["by the same amount", "at once to zero", "by about the same factor"],
          answer: 2,
          because:
            "On the log scale the curve is nearly straight: each sweep leaves about the same share of the error. A sharper plan leaves more of it and takes longer.",
        },
      },
      {
        text: "Press the small play button to see all sweeps. The plan is computed from two vectors, f and g, with one number per token: Sinkhorn changes nothing else.",
        link: `transport?v=1&${BYTES}&${TINY}`,
        target: ".scrubber",
      },
    ],
    open: {
      text: "Lower ε and watch the number of sweeps. Where does it stop converging?",
      link: `transport?v=1&${BYTES}&${TINY}&epsilon=0.01`,
    },
  },
  {
    id: "epsilon",
    title: "Epsilon: blurred, sharp, broken",
    minutes: 5,
    steps: [
      {
        text: "ε sets how blurred the plan is. With a large ε every token spreads over all others; with a small ε each token goes to its cheapest partners.",
        link: `transport?v=1&${BYTES}&text.row=3&epsilon=1`,
        target: ".epsilon",
      },
      {
        text: "Now ε is a fiftieth of that.",
        link: `transport?v=1&${BYTES}&text.row=3&epsilon=0.02`,
        target: ".panel-readouts",
        question: {
          ask: "The plan is sharper. What does it cost?",
          options: ["more sweeps", "nothing", "a larger ⟨P, C⟩"],
          answer: 0,
          because:
            "⟨P, C⟩ falls, as less mass is blurred onto expensive pairs, but the error shrinks less in each sweep.",
        },
      },
      {
        text: "The released code of CoT2Align uses α = 0.1, that is ε = 10, on a cost between 0 and 1. Look at the mutual information: the plan is almost exactly a·bᵀ, so its gradient is tiny.",
        link: "transport?v=1&preset=published&features=bytes&text.row=3",
        target: ".panel-readouts",
      },
    ],
    open: {
      text: "Switch between “as intended” and “as published” with the gradient tab open. Note the numbers on the legend.",
      link: `transport?v=1&${BYTES}&text.row=3&show.matrix=gradient`,
    },
  },
  {
    id: "layers",
    title: "Embeddings or last hidden states",
    minutes: 5,
    steps: [
      {
        text: "Now the cost comes from the models. An embedding knows its token and nothing about its neighbours.",
        link: "transport?v=1&features=embedding&text.row=3",
        target: "#stage",
      },
      {
        text: "The last hidden state has read everything before it and is about to name the next token.",
        link: "transport?v=1&text.row=3",
        target: "#stage",
        question: {
          ask: "“Monday” occurs four times in this row. Which states can tell the four apart?",
          options: ["embeddings", "last hidden states", "both"],
          answer: 1,
          because:
            "All four have the same embedding in the teacher. The hidden states include the context, so the plan can prefer the right one.",
        },
      },
      {
        text: "The teacher's states have 128 numbers, the student's 64. Here a map fitted on aligned tokens brings them into one space. A training run instead starts from a random map, shown here, and learns it.",
        link: "transport?v=1&text.row=3&projector=random",
        target: ".panel-transport-settings",
      },
    ],
    open: {
      text: "Compare both layers on your own text. The models know only small puzzles: where do their states stop making sense?",
      link: `transport?v=1&features=embedding&${own("The bean is under the pink cup.")}`,
    },
  },
  {
    id: "chain-of-thought",
    title: "Chain of thought, and across it",
    minutes: 4,
    steps: [
      {
        text: "Each row has two views: the answer alone, and the answer after its reasoning. The teacher is right in nearly all rows when it reasons, and in fewer than half when it does not.",
        link: "transport?v=1&text.row=3",
        target: ".panel-text",
      },
      {
        text: "CoT2Align also transports across views: the student reads the plain answer, the teacher the reasoning.",
        link: "transport?v=1&text.row=3&text.student=plain",
        target: "#stage",
        question: {
          ask: "The student has one answer, the teacher a whole derivation. What must the plan do?",
          options: [
            "leave most teacher tokens out",
            "fail to converge",
            "spread the few student tokens over all of the reasoning",
          ],
          answer: 2,
          because:
            "Both marginals hold, so every teacher token receives mass. The answer's tokens are pulled towards the mean of the reasoning.",
        },
      },
      {
        text: "The other way round, the student reasons and the teacher only answers. In the released code a mistake masks this pair out, so it trains nothing.",
        link: "transport?v=1&text.row=3&text.teacher=plain",
        target: "#stage",
      },
    ],
    open: {
      text: "Which of the three pairs has the lowest cost? Is that the one you would train on?",
      link: "transport?v=1&text.row=8&text.student=plain",
    },
  },
  {
    id: "run",
    title: "Run it, then remove a term",
    minutes: 6,
    steps: [
      {
        text: "The loss is a weighted sum: cross entropy on the right tokens, and transport at two layers. The areas of the chart are the weighted terms, one on top of the other; the thick line is their sum.",
        link: "distill?v=1",
        target: ".panel-losses",
      },
      {
        text: "Here the last hidden layer's weight is 0 and the run is short. The first button names what it will train: press it. (Without WebGPU, use the recorded run instead.)",
        link: "distill?v=1&method.transport.hidden=0&steps=60",
        target: ".panel-settings",
        question: {
          ask: "What happens to the term with weight 0?",
          options: [
            "it is no longer part of the sum",
            "it is still drawn, at its old size",
            "cross entropy takes its place",
          ],
          answer: 0,
          because:
            "A term of weight 0 adds nothing to the loss and sends no gradient. The others keep their weights.",
        },
      },
      {
        text: "Step back through the plan with the slider under the matrix. At step 0 the projector is random and the plan is noise; structure appears long before any answer changes.",
        link: "distill?v=1",
        target: ".panel-plan",
      },
    ],
    open: {
      text: "Train once with cross entropy alone, from the same seed. Which numbers differ by more than random variation?",
      link: "distill?v=1&preset=sft",
    },
  },
  ROLLOUT_LESSON,
  {
    id: "honesty",
    title: "Reading results honestly",
    minutes: 5,
    steps: [
      {
        text: "The dots are held-out rows answered exactly right. Sixty rows are few: the count varies by about ±4 rows by chance.",
        link: "distill?v=1",
        target: ".panel-accuracy",
        question: {
          ask: "In the recorded run it goes 21, 19, 30, 33, 40, 38 of 60. What does that show?",
          options: [
            "transport made the student better",
            "the student of this run got better",
            "it was best at step 1200",
          ],
          answer: 1,
          because:
            "From 21 to 38 is about four times that variation, 40 against 38 only half of it. It does not show which term caused it: for that, run the same settings without transport, with several seeds each.",
        },
      },
      {
        text: "A falling loss does not mean that the student knows more. Transport pulls states together whether or not the answers improve: watch the answers as well as the curve.",
        link: "distill?v=1",
        target: ".panel-answers",
      },
      {
        text: "A fair comparison gives every method the same rows, seeds and steps, and includes a control with the same extra data. A run is one small JSON file with its seed, so anyone can repeat it.",
        link: "distill?v=1",
        target: ".panel-settings",
      },
      {
        text: "Where the teacher knows no more than the rows, no method can win. So let the labels err: here every step of a chain is wrong with probability 0.5. ALM asks the teacher how likely each piece of that text is.",
        link: "distill?v=1&preset=alm&data.labels.noisy=0.5&method.kdRate=0.9&steps=300",
        target: ".panel-settings",
        question: {
          ask: "SFT and ALM learn from the same wrong chains. Who then answers more clean questions?",
          options: ["SFT, which follows the labels", "neither", "ALM, as the teacher doubts wrong steps"],
          answer: 2,
          because: `The labels say both kinds of step alike; the teacher gives the right ones far more probability, whatever the label says. The Study page has the runs. ${primaryText()}`,
        },
      },
    ],
    open: {
      text: "Run two seeds of the same settings. How far apart are they? Smaller differences mean nothing.",
      link: "distill?v=1&seed=8&steps=120",
    },
  },
];

// What a lesson is made of.

export interface Question {
  readonly ask: string;
  readonly options: readonly string[];
  /** Index of the right option. */
  readonly answer: number;
  readonly because: string;
}

export interface LessonStep {
  readonly text: string;
  /** A screen and its state: "transport?v=1&epsilon=0.5". */
  readonly link: string;
  /** What is framed on the screen: a CSS selector. */
  readonly target?: string;
  readonly question?: Question;
}

export interface Lesson {
  readonly id: string;
  readonly title: string;
  readonly minutes: number;
  readonly steps: readonly LessonStep[];
  /** An experiment without a given answer. */
  readonly open: { readonly text: string; readonly link: string };
}

// The models that are part of this repository (docs/BUNDLED-MODELS.md). Any of them reads or learns; these are the roles
// that they were made for.
export const BUNDLED_TEACHERS = ["couplet-teacher"] as const;
export const BUNDLED_STUDENTS = ["couplet-student", "couplet-student-near", "couplet-gpt2"] as const;

export const BUNDLED_DATA = ["reasoning"] as const;

/** All files of each, so that the page can say it without asking; a test compares them with the files. */
export const BUNDLED_BYTES: Readonly<Record<string, number>> = {
  "couplet-teacher": 4_933_824,
  "couplet-student": 1_653_747,
  "couplet-student-near": 1_530_994,
  "couplet-gpt2": 1_606_979,
};

/** Of each, what tells it from the others; shares of held-out answers right with a chain of thought are in docs/BUNDLED-MODELS.md. */
export const BUNDLED_FACTS: Readonly<
  Record<string, { family: string; layers: number; width: number; tokens: number; right: number }>
> = {
  "couplet-teacher": { family: "llama", layers: 4, width: 128, tokens: 640, right: 0.999 },
  "couplet-student": { family: "llama", layers: 3, width: 64, tokens: 384, right: 0.473 },
  "couplet-student-near": { family: "llama", layers: 3, width: 64, tokens: 512, right: 0.6 },
  "couplet-gpt2": { family: "gpt2", layers: 3, width: 64, tokens: 448, right: 0.862 },
};

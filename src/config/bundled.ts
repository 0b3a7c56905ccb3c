// The models that are part of this repository (docs/MODELS.md). Any of them reads or learns; these are the roles
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

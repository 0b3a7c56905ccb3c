// The models that are part of this repository (docs/MODELS.md). Any of them reads or learns; these are the roles
// that they were made for.
export const BUNDLED_TEACHERS = ["couplet-teacher"] as const;
export const BUNDLED_STUDENTS = ["couplet-student", "couplet-student-near", "couplet-gpt2"] as const;

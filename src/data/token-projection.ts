// A sparse map from one vocabulary to another: which teacher tokens a student token stands for, and how much of it.

export interface TokenProjection {
  /** Entries of each row. */
  readonly width: number;
  /** [student tokens, width]: teacher ids; −1 is none, whatever its value. */
  readonly indices: Int32Array;
  /** [student tokens, width]: rows need not sum to 1; two equal ids in a row add up. */
  readonly values: Float32Array;
}

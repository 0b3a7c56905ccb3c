// How work that takes a while is told of.

/** Called as work proceeds; `total` 0 means unknown. */
export type Progress = (stage: string, done: number, total: number) => void;

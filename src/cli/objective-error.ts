/** What is wrong with a case file, beginning with the field. */
export class CaseError extends Error {
  override name = "CaseError";
  constructor(field: string, detail: string) {
    super(`${field}: ${detail}`);
  }
}

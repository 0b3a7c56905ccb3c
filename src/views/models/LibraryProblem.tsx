import { messages } from "../messages";
import { useLibrary, useLibraryState } from "../use-app";

/** What went wrong with the last look-up, transfer or listing. */
export function LibraryProblem() {
  const problem = useLibraryState((state) => state.problem);
  const { dismissProblem } = useLibrary();
  if (!problem) return null;
  const { code, why } = problem.failure;
  return (
    <section className="notice notice-bad" role="alert" data-code={code}>
      <h2>{messages.models.failed}</h2>
      <p>{why}</p>
      <button type="button" className="quiet" onClick={dismissProblem}>
        {messages.problem.dismiss}
      </button>
    </section>
  );
}

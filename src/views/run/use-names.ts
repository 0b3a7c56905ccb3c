import { useEffect } from "react";
import { BUNDLED_DATA } from "../../config/bundled";
import { modelNames } from "../../store";
import { useDataset, useDataState, useLibrary, useLibraryState } from "../use-app";

/** What the page has to do first is not held up by looking through the storage. */
const LIBRARY_AFTER_MS = 1500;

/** Names that a setting may have beside what its schema says: models of the page and of this device. */
export function useNames(): Readonly<Record<string, readonly string[]>> {
  const library = useLibrary();
  const data = useDataset();
  const sets = useDataState((state) => state.sets);
  const models = useLibraryState((state) => state.models);
  useEffect(() => {
    const timer = setTimeout(() => {
      library.open();
      data.open();
    }, LIBRARY_AFTER_MS);
    return () => clearTimeout(timer);
  }, [library, data]);
  return {
    "data.source": [...BUNDLED_DATA, ...(sets ?? []).map(({ key }) => key)],
    teacher: modelNames(models, "teacher"),
    student: modelNames(models, "student"),
  };
}

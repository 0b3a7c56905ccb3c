// What a teacher runs from: an ONNX file with what lies beside it, or, in a folder that has weights alone, the graph that we
// would write from them. What is opened and what a folder is said to be are decided by the same functions.

import { loadModelConfig } from "../families/config";
import { ModelError, withFile } from "../errors";
import { withOnnxGraph } from "../student/export-student";
import { missingFile, type ModelFiles, type ReadProgress } from "../files/files";
import { dataFiles, readOutline } from "../onnx/parameters";
import { findTaps } from "../onnx/taps";
import { checkDecoder, ONNX_FILE, ONNX_FILES, type OnnxDtype } from "./session";
import { weightFiles } from "../student/student-files";
import { checkStudentFiles, loadStudentWeights } from "../student/student-weights";
import { loadTeacherConfig } from "./teacher-config";

export interface TeacherFiles {
  /** The graph is not in the folder: it is made from the weights. */
  readonly made: boolean;
  /** The graph and its data, or the weights; config and tokenizer not counted. */
  readonly paths: readonly string[];
}

/**
 * Whether a folder can be a teacher in one form, from its small files and the structure of its graph alone.
 *
 * @throws ModelError for what opening it would be refused for, but for what only running it shows
 */
export async function checkTeacherFiles(files: ModelFiles, dtype: OnnxDtype): Promise<TeacherFiles> {
  await loadTeacherConfig(files);
  if (await lacksGraph(files, dtype)) {
    await refuseWithoutWeights(files);
    return { made: true, paths: await checkStudentFiles(files, await loadModelConfig(files)) };
  }
  const file = ONNX_FILES[dtype];
  const graph = await readOutline(files, file);
  withFile(file, () => findTaps(checkDecoder(graph)));
  return { made: false, paths: [file, ...(await dataFiles(files, file, graph))] };
}

/** The folder with a graph in it, whether it came with one or not. */
export async function withGraph(
  files: ModelFiles,
  dtype: OnnxDtype,
  onProgress?: ReadProgress,
): Promise<ModelFiles> {
  if (files.asking || !(await lacksGraph(files, dtype))) return files;
  await refuseWithoutWeights(files);
  const { config, tensors } = await loadStudentWeights(files, onProgress);
  return withOnnxGraph(files, config, tensors);
}

/** Only the form in full can be made. */
const lacksGraph = async (files: ModelFiles, dtype: OnnxDtype): Promise<boolean> =>
  dtype === "fp32" && !(await files.has(ONNX_FILE));

async function refuseWithoutWeights(files: ModelFiles): Promise<void> {
  await weightFiles(files).catch((error: unknown) => {
    if (!(error instanceof ModelError && error.code === "missing-file")) throw error;
    throw missingFile(
      files.id,
      ONNX_FILE,
      "it is not there, nor are weights (model.safetensors) to make it from",
    );
  });
}

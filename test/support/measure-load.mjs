// How much memory the process gained, at most, while it loaded the weights of the folder named on the command line.
// After it, for ONNX files: names and shapes of the parameters as JSON.
import { loadModule } from "../../scripts/run-ts.mjs";

const { module: files } = await loadModule("src/models/files/node-files.ts");
const { module: student, close } = await loadModule("src/models/student/student-files.ts");
globalThis.gc();
const before = process.memoryUsage().rss;
const { tensors } = await student.readStudentTensors(
  files.folderFiles("measured", process.argv[2]),
  new Map(Object.entries(JSON.parse(process.argv[3] ?? "{}"))),
);
const peak = process.resourceUsage().maxRSS * 1024 - before;
const sum = [...tensors.values()].reduce((n, { data }) => n + data.length, 0);
process.stdout.write(JSON.stringify({ peak, sum }));
await close();
process.exit(0);

// Inside Couplet's repository: its two tokenizers are served beside the page.
//   npm run build:parts && npx vite examples/align
export default { publicDir: "../../public/models" };

// node formulas.js KATEX: a line {"latex", "options"} in, a line {"html"} or {"error"} out, until the input ends.
const katex = require(process.argv[2]);

process.stdout.on("error", () => process.exit(1)); // the build was stopped: nobody listens

require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { latex, options } = JSON.parse(line);
  let answer;
  try {
    answer = { html: katex.renderToString(latex, options) };
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});

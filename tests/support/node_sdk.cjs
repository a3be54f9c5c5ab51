// Drives Twilio's Node SDK, unmodified, for a test in Python.
//
// One JSON object a line comes in: {"what": "start" | "update" | "call", ...};
// one a line goes out: {"answer": {...}} or {"error": {...}}.

const readline = require("node:readline");
const twilio = require(process.env.SDK_FOLDER);

function client(token) {
  const made = twilio(process.env.SDK_ACCOUNT_SID, token);
  made.api.baseUrl = process.env.SDK_API_URL;
  return made;
}

function ask({ what, token, call, sid, form }) {
  const calls = client(token ?? process.env.SDK_AUTH_TOKEN).calls(call);
  if (what === "start") return calls.payments.create(form);
  if (what === "update") return calls.payments(sid).update(form);
  return calls.fetch();
}

async function answer(line) {
  try {
    const got = await ask(JSON.parse(line));
    // What an application sees: dates that could be read, and the SDK's names.
    const seen = got.toJSON();
    return { answer: { ...seen, datesAreValid: !isNaN(got.dateCreated) } };
  } catch (error) {
    const { constructor, status, code, message, moreInfo } = error;
    return { error: { name: constructor.name, status, code, message, moreInfo } };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(line)));
  }
}

main();

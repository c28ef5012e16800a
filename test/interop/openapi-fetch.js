// Calls operations of the admin API, one for each line of its input, and answers with a line.
import { createInterface } from "node:readline";
import createClient from "openapi-fetch";

const client = createClient({
  baseUrl: process.env.SERVER,
  headers: { Authorization: `Bearer ${process.env.TOKEN}` },
});

for await (const line of createInterface({ input: process.stdin })) {
  const { method, path, ...call } = JSON.parse(line);
  const { data, error, response } = await client[method](path, { ...call, parseAs: "text" });
  const body = response.ok ? data : JSON.stringify(error);
  console.log(JSON.stringify({ Status: response.status, Type: response.headers.get("content-type") ?? "", Body: body ?? "" }));
}

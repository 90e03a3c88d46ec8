// nodemailer's: node nodemailer.mjs raw|composed --port P --ca FILE --n N --size S
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

const require = createRequire(`${process.env.BENCH_NODE}/`);
const nodemailer = require("nodemailer");
const [work, ...rest] = process.argv.slice(2);
const option = (name, otherwise) => {
  const at = rest.indexOf(`--${name}`);
  return at < 0 ? otherwise : rest[at + 1];
};
const n = Number(option("n", 1000));
const size = Number(option("size", 2048));
const line = "The quick brown fox jumps over the lazy dog, and then it does so once again.\r\n";
const from = "ann@bench.test";
const to = "bob@bench.test";
const transport = nodemailer.createTransport({
  pool: true, maxConnections: 1, maxMessages: Infinity, host: "localhost",
  port: Number(option("port", 4465)), secure: true, tls: { ca: readFileSync(option("ca")) },
});
const head = `From: ${from}\r\nTo: ${to}\r\nSubject: Hello\r\n\r\n`;
const raw = (head + line.repeat(size / line.length + 1)).slice(0, size - 2) + "\r\n";
const text = line.repeat(size / line.length);
const one = (number) => work === "raw"
  ? { envelope: { from, to }, raw }
  : { from, to, subject: `Hello, number ${number}`, text };
await transport.sendMail(one(0));
const start = process.hrtime.bigint();
const cpu = process.cpuUsage();
for (let number = 0; number < n; number += 1) await transport.sendMail(one(number));
const s = Number(process.hrtime.bigint() - start) / 1e9;
const used = process.cpuUsage(cpu);
console.log(JSON.stringify({
  n, s, per_s: n / s, cpu_us: (used.user + used.system) / n, rss_kb: process.resourceUsage().maxRSS,
}));
transport.close();

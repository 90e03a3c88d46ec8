// What one would write in JavaScript: Express and nodemailer, the short version.
// CA=ca.pem PORT=8080 BENCH_NODE=.bench/node node express_nodemailer.mjs
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

const require = createRequire(`${process.env.BENCH_NODE}/`);
const express = require("express");
const nodemailer = require("nodemailer");
const ca = readFileSync(process.env.CA);
const app = express();
app.use(express.json());

const transport = ({ host, port, username, password }) => nodemailer.createTransport({
  host, port, secure: true, tls: { ca },
  auth: username ? { user: username, pass: password } : undefined,
});

app.post("/api/smtps/connect", async (request, response) => {
  const mailer = transport(request.body);
  await mailer.verify();
  mailer.close();
  response.json({ success: true, host: request.body.host });
});

app.post("/api/smtps/send", async (request, response) => {
  const { from, to, subject, body } = request.body;
  const sent = await transport(request.body).sendMail({ from, to, subject, text: body });
  response.json({ success: true, host: request.body.host, reply: sent.response });
});

app.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("ready"));

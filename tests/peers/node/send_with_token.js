// Sends one message by nodemailer, which gets an access token for itself (OAuth 2).
// node send_with_token.js OPTIONS, which are those of its transport, and "from" and "to".
const nodemailer = require('nodemailer');

const { from, to, ...transport } = JSON.parse(process.argv[2]);

nodemailer.createTransport(transport)
  .sendMail({ from, to, subject: 'Hello from nodemailer', text: 'It works' })
  .then(({ response }) => console.log(response))
  .catch((error) => {
    console.error(String(error));
    process.exit(1);
  });

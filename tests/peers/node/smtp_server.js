// Nodemailer's smtp-server, twice: with TLS from the start and with STARTTLS.
'use strict'

const fs = require('node:fs')
const { SMTPServer } = require('smtp-server')
const { keep } = require('./taken')

const set = JSON.parse(process.argv[2])

const options = (secure) => ({
    secure,
    key: fs.readFileSync(set.key),
    cert: fs.readFileSync(set.cert),
    name: 'nodemailer.example.test',
    disableReverseLookup: true,
    onAuth: (auth, session, done) =>
        auth.username === set.username && auth.password === set.password
            ? done(null, { user: auth.username })
            : done(new Error('Invalid username or password')),
    onRcptTo: (to, session, done) =>
        to.address.endsWith('@refused.example')
            ? done(Object.assign(new Error('No such user here'), { responseCode: 550 }))
            : done(),
    onData: (stream, session, done) =>
        keep(set.folder, session.envelope.rcptTo.map((to) => to.address), stream, done),
})

for (const [secure, port] of [[true, set.tls_port], [false, set.starttls_port]]) {
    const server = new SMTPServer(options(secure))
    // A client that hangs up is no reason to end.
    server.on('error', (error) => {
        console.error(error.message)
        if (error.code === 'EADDRINUSE') process.exit(1)
    })
    server.listen(port, '127.0.0.1')
}

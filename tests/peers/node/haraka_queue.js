// A plugin for Haraka: a domain whose addresses are refused, and a folder in place of a next hop.
'use strict'

const { keep } = require(process.env.KEEP)

exports.hook_rcpt = (next, connection, [recipient]) =>
    recipient.host === 'refused.example' ? next(DENY, 'No such user here') : next()

// Mail of who has logged in goes out by the second of these hooks.
exports.hook_queue = exports.hook_queue_outbound = (next, connection) => {
    const { rcpt_to, message_stream } = connection.transaction
    const people = rcpt_to.map((to) => to.address)
    keep(process.env.FOLDER, people, message_stream, (error) => next(error ? DENYSOFT : OK))
}

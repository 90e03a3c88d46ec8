// One file for each message: a line of JSON with the recipients, then the message.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

let number = 0

exports.keep = (folder, recipients, stream, done) => {
    const name = path.join(folder, `${process.pid}-${++number}`)
    const file = fs.createWriteStream(`${name}.part`)
    file.write(`${JSON.stringify(recipients)}\n`)
    file.once('close', () => fs.rename(`${name}.part`, `${name}.eml`, done))
    stream.pipe(file)
}

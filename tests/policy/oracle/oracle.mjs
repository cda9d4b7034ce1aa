// oracle.mjs FOLDER - asks the independent evaluator whether a policy's Deny matches: one JSON
// object a line on standard input (policy, context, action, resource), one word a line on standard
// output: yes, no, or "error: ...". FOLDER is where npm put it. A process of its own; nothing of
// ours is linked with it.
import { createInterface } from 'node:readline'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const home = join(resolve(process.argv[2]), 'node_modules/@cloud-copilot/iam-simulate')
const { runUnsafeSimulation } = await import(pathToFileURL(join(home, 'dist/esm/index.js')).href)

// Everything is allowed, so that only an explicit Deny shows.
const allow = {
  name: 'Allow',
  policy: { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } },
}

function denies({ policy, context, action, resource }) {
  const result = runUnsafeSimulation({
    identityPolicies: [allow, { name: 'Deny', policy }],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    request: {
      action,
      principal: 'arn:aws:sts::123456789012:assumed-role/app/ann',
      resource: { accountId: '123456789012', resource },
      contextVariables: context,
    },
  }, {})
  if (result === 'ExplicitlyDenied') return 'yes'
  return result === 'Allowed' ? 'no' : `error: ${result}`
}

let out = []
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  let word
  try {
    word = denies(JSON.parse(line))
  } catch (error) {
    word = `error: ${String(error.message).split('\n')[0]}`
  }
  out.push(word)
  if (out.length === 1000) {
    process.stdout.write(out.join('\n') + '\n')
    out = []
  }
}
if (out.length > 0) process.stdout.write(out.join('\n') + '\n')

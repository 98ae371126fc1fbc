// The code flow by openid-client. Arguments: issuer, client id, secret, redirect URI. Prints the
// authorization URL, reads the callback's URL, prints what it got.
import { createInterface } from 'node:readline/promises'
import * as oauth from 'openid-client'

const [issuer, clientId, secret, redirectUri] = process.argv.slice(2)
const insecure = { algorithm: 'oauth2', execute: [oauth.allowInsecureRequests] } // the loopback
const config = await oauth.discovery(new URL(issuer), clientId, secret, undefined, insecure)
const verifier = oauth.randomPKCECodeVerifier()
const state = oauth.randomState()
const url = oauth.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri, scope: 'findings:read', state,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
})
console.log(url.href)

const lines = createInterface({ input: process.stdin })
const callback = new URL((await lines[Symbol.asyncIterator]().next()).value)
lines.close()
const checks = { pkceCodeVerifier: verifier, expectedState: state }
const first = await oauth.authorizationCodeGrant(config, callback, checks)
const second = await oauth.refreshTokenGrant(config, first.refresh_token)
const me = await oauth.fetchProtectedResource(
  config, second.access_token, new URL('/v1/me', issuer), 'GET')
await oauth.tokenRevocation(config, second.refresh_token)
let refused = null
try {
  await oauth.authorizationCodeGrant(config, callback, checks)
} catch (error) {
  refused = error.error
}
console.log(JSON.stringify({ scope: first.scope, me: me.status, refused }))

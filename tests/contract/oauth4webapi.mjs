// The code flow by a strict client that others wrote. Arguments: issuer, client id, secret ("" when
// public), redirect URI, method. Prints the authorization URL, reads the callback's URL, prints what
// it got.
import { createInterface } from 'node:readline/promises'
import * as oauth from 'oauth4webapi'

const [issuerText, clientId, secret, redirectUri, method] = process.argv.slice(2)
const insecure = { [oauth.allowInsecureRequests]: true } // http on the loopback
const resource = new URL(issuerText)
const protectedResource = await oauth.processResourceDiscoveryResponse(
  resource, await oauth.resourceDiscoveryRequest(resource, insecure))
const issuer = new URL(protectedResource.authorization_servers[0])
const server = await oauth.processDiscoveryResponse(
  issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }))

const client = { client_id: clientId }
const proof = { none: () => oauth.None(), basic: () => oauth.ClientSecretBasic(secret),
  post: () => oauth.ClientSecretPost(secret) }[method]()
const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const url = new URL(server.authorization_endpoint)
for (const [name, value] of Object.entries({
  client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope: 'findings:read',
  state, code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256' })) url.searchParams.set(name, value)
console.log(url.href)

const lines = createInterface({ input: process.stdin })
const callback = new URL((await lines[Symbol.asyncIterator]().next()).value)
lines.close()
const parameters = oauth.validateAuthResponse(server, client, callback, state)
const first = await oauth.processAuthorizationCodeResponse(server, client,
  await oauth.authorizationCodeGrantRequest(
    server, client, proof, parameters, redirectUri, verifier, insecure))
const second = await oauth.processRefreshTokenResponse(server, client,
  await oauth.refreshTokenGrantRequest(server, client, proof, first.refresh_token, insecure))
const read = await oauth.protectedResourceRequest(
  second.access_token, 'GET', new URL('/v1/findings', issuer), undefined, undefined, insecure)
let active = null
if (method !== 'none') {
  active = (await oauth.processIntrospectionResponse(server, client,
    await oauth.introspectionRequest(server, client, proof, second.access_token, insecure))).active
}
await oauth.processRevocationResponse(
  await oauth.revocationRequest(server, client, proof, second.refresh_token, insecure))
let challenge = null
try {
  await oauth.protectedResourceRequest(
    second.access_token, 'GET', new URL('/v1/findings', issuer), undefined, undefined, insecure)
} catch (error) {
  challenge = error.cause[0].parameters
}
console.log(JSON.stringify({ scope: first.scope, read: read.status, active, challenge }))

// What needs no redirect, by openid-client: client credentials by a secret and by a key, a device.
// Arguments: issuer, then id and secret of one client, id and private key (PEM) of another, and id of
// a public app. Prints where the user answers the device, waits for a line, prints what it got.
import { createInterface } from 'node:readline/promises'
import { webcrypto } from 'node:crypto'
import * as oauth from 'openid-client'

const [issuer, clientId, secret, keyId, pem, appId] = process.argv.slice(2)
const insecure = { algorithm: 'oauth2', execute: [oauth.allowInsecureRequests] } // the loopback
const known = (id, proof) => oauth.discovery(new URL(issuer), id, undefined, proof, insecure)
const scope = 'findings:read'
const read = async (config, token) => (await oauth.fetchProtectedResource(
  config, token, new URL('/v1/findings', issuer), 'GET')).status

const bySecret = await known(clientId, oauth.ClientSecretBasic(secret))
const first = await oauth.clientCredentialsGrant(bySecret, { scope })
const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
const curve = { name: 'ECDSA', namedCurve: 'P-256' }
const key = await webcrypto.subtle.importKey('pkcs8', der, curve, false, ['sign'])
const byKey = await known(keyId, oauth.PrivateKeyJwt(key))
const second = await oauth.clientCredentialsGrant(byKey, { scope })

const device = await known(appId, oauth.None())
const asked = await oauth.initiateDeviceAuthorization(device, { scope })
console.log(asked.verification_uri_complete)
const lines = createInterface({ input: process.stdin })
await lines[Symbol.asyncIterator]().next()
lines.close()
const third = await oauth.pollDeviceAuthorizationGrant(device, { ...asked, interval: 0 })
const found = { secret: await read(bySecret, first.access_token),
  key: await read(byKey, second.access_token), device: await read(device, third.access_token) }
let refused = null
try {
  await oauth.pollDeviceAuthorizationGrant(device, { ...asked, interval: 0 })
} catch (error) {
  refused = error.error
}
console.log(JSON.stringify({ ...found, refused }))

// The round by a client of @hey-api/openapi-ts. Arguments: URL, token, name, audit. Prints what it
// got.
import { client } from './generated/client.gen'
import * as api from './generated/sdk.gen'
import type { Finding } from './generated/types.gen'

const [url, token, name, audit] = process.argv.slice(2) as [string, string, string, string]
client.setConfig({ baseUrl: url, auth: token })
const throwOnError = true
const pause = () => new Promise((resolve) => setTimeout(resolve, 500))
const head = async (file: unknown, length: number) => (file as Blob).slice(0, length).text()

async function findings() {
  const found: Finding[] = []
  let pages = 0
  let cursor: string | null | undefined
  do {
    const query = cursor ? { limit: 50, cursor } : { limit: 50 }
    const { data: page } = await api.listFindings({ query, throwOnError })
    found.push(...page.data)
    cursor = page.next_cursor
    pages += 1
  } while (cursor !== null)
  return { found, pages }
}

async function main() {
  const { found, pages } = await findings()
  const first = found[0]!
  const one = (await api.getFinding({ path: { id: first.id }, throwOnError })).data
  const check = {
    kind: 'check', key: `${name}-check`, title: 'Buckets have owners', dimension: 'compliance',
    severity: 'low', resource_types: ['aws.s3.bucket'],
    fail_when: "tag(resource, 'owner') == null",
  } as const
  const made = [
    (await api.createPolicy({ body: { ...check, resource_types: ['aws.s3.bucket'] }, throwOnError })).data,
    (await api.createPolicy({
      body: {
        kind: 'classification', key: `${name}-class`, title: 'None', when: 'false',
        reason: 'A try', set: { severity: 'info' },
      },
      throwOnError,
    })).data,
  ]
  const connections = (await api.listConnections({ throwOnError })).data.data
  let started = (await api.createAudit({
    body: { connection_ids: [connections[0]!.id], scope: { services: ['sqs'] } }, throwOnError,
  })).data
  while (started.finished_at === null) {
    await pause()
    started = (await api.getAudit({ path: { id: started.id }, throwOnError })).data
  }
  let report = (await api.createReport({
    body: { kind: 'executive_summary', audit_id: audit }, throwOnError,
  })).data
  while (report.finished_at === null) {
    await pause()
    report = (await api.getReport({ path: { id: report.id }, throwOnError })).data
  }
  const path = { id: report.id }
  const pdf = await api.downloadReport({ path, query: { format: 'pdf' }, throwOnError })
  const json = (await api.downloadReport({ path, query: { format: 'json' }, throwOnError })).data
  if (!('kind' in json)) throw new Error('the JSON is no document')
  const bundle = await api.getAuditBundle({ path: { id: audit }, throwOnError })
  const refused = await api.createPolicy({
    body: { ...check, resource_types: ['aws.s3.bucket'], key: `${name}-broken`, fail_when: '(' },
  })
  let limited = await api.getMe()
  while (limited.data !== undefined) limited = await api.getMe()
  const told = limited.error!.error
  console.log(JSON.stringify({
    findings: new Set(found.map((finding) => finding.id)).size, pages: pages > 1,
    one: one.title === first.title, policies: made.map((policy) => policy.key),
    pdf: await head(pdf.data, 5), json: json.kind, bundle: await head(bundle.data, 2),
    refused: [
      refused.response!.status, refused.error!.error.code, refused.error!.error.details![0]!.field,
    ],
    limited: [limited.response!.status, told.code],
    retry: Number(limited.response!.headers.get('Retry-After')) > 0,
  }))
}

void main()
